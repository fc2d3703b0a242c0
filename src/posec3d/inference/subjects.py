"""Whom an answer is about: everybody together, each person, or every two people who are near each other."""

from collections.abc import Sequence
from itertools import combinations
from typing import Literal

import numpy as np
from jaxtyping import Float
from jaxtyping import Float32

from posec3d.annotations import Annotation
from posec3d.people import PeopleInFrame
from posec3d.people import PosedVideo
from posec3d.people import stack_people
from posec3d.poses import Poses
from posec3d.video.extraction import of_nearest

People = Literal["scene", "each", "pairs"]
# Who is seen in a smaller share of the frames to judge, or in fewer frames, is not judged on their own.
_LEAST_SHARE, _LEAST_FRAMES = 0.25, 3
# Two people are near if the gap between their boxes is at most so many times the taller one's height.
_NEAR = 0.5
# So many at least are left to networks that look at few: each has keypoints of its own to choose by.
_CANDIDATES = 8


def looked_at(video: PosedVideo, most_people: Sequence[int | None]) -> PosedVideo:
    """Return the video with the people alone whom any of several networks may look at.

    Each looks at no more than its `most_people`, None meaning everybody, and chooses by keypoints of its own, so that
    it is left some to choose from.
    """
    counts = [_CANDIDATES, *(count for count in most_people if count is not None)]
    return video if None in most_people else of_nearest(video, max(counts))


def subjects_of(
    frames: Sequence[PeopleInFrame], people: People, *, num_keypoints: int, canvas: tuple[int, int]
) -> dict[tuple[int, ...] | None, Annotation]:
    """Return the poses to judge, by whom they show; nobody if nobody is there."""
    poses, ids = stack_people(frames, num_keypoints, canvas)
    seen = np.any(poses.scores > 0, axis=-1)
    if not seen.any():
        return {}
    if people == "scene":
        return {None: _of_rows(poses, list(range(poses.num_people)))}
    found = {
        tuple(sorted(int(ids[row]) for row in rows)): _of_rows(poses, list(rows))
        for rows in _judged(poses, people, fewest=min(_LEAST_FRAMES, len(frames)))
    }
    return dict(sorted(found.items()))


def pairs_of_whole(
    frames: Sequence[PeopleInFrame], *, num_keypoints: int, canvas: tuple[int, int]
) -> dict[tuple[int, ...] | None, Annotation]:
    """Return the poses of every two people of a whole video, over the frames between the first and last of both.

    What share of the time they are near is measured there: in a long video everybody meets for a small part of it.
    """
    poses, ids = stack_people(frames, num_keypoints, canvas)
    rows = {int(identity): row for row, identity in enumerate(ids)}
    spans = spans_of(frames)
    found: dict[tuple[int, ...] | None, Annotation] = {}
    for pair in combinations(sorted(spans), 2):
        first, last = max(spans[one][0] for one in pair), min(spans[one][1] for one in pair)
        if first >= last:
            continue
        both = [rows[one] for one in pair]
        together = Poses(poses.keypoints[both, first:last], poses.scores[both, first:last], canvas)
        if _judged(together, "pairs", fewest=min(_LEAST_FRAMES, len(frames))):
            found[pair] = _of_rows(together, [0, 1])
    return found


def spans_of(frames: Sequence[PeopleInFrame]) -> dict[int, tuple[int, int]]:
    """Return for each person the index of the first frame they are in, and of the one after the last."""
    spans: dict[int, tuple[int, int]] = {}
    for index, frame in enumerate(frames):
        for identity in frame.ids.tolist():
            spans[identity] = (spans.get(identity, (index, 0))[0], index + 1)
    return spans


def _judged(poses: Poses, people: Literal["each", "pairs"], *, fewest: int) -> list[tuple[int, ...]]:
    """Return the rows of each person or pair who is seen for long enough."""
    least = max(fewest, _LEAST_SHARE * poses.num_frames)
    judged = np.flatnonzero(np.any(poses.scores > 0, axis=-1).sum(-1) >= least).tolist()
    if people == "each":
        return [(row,) for row in judged]
    return [pair for pair in combinations(judged, 2) if _near_share(poses, *pair) * poses.num_frames >= least]


def _of_rows(poses: Poses, rows: list[int]) -> Annotation:
    return Annotation("window", None, poses.canvas, poses.keypoints[rows], poses.scores[rows])


def _near_share(poses: Poses, first: int, second: int) -> float:
    """Return the share of frames in which both are seen, near each other."""
    boxes = [_boxes(poses.keypoints[row], poses.scores[row]) for row in (first, second)]
    gap = np.maximum(np.maximum(boxes[0][:, :2] - boxes[1][:, 2:], boxes[1][:, :2] - boxes[0][:, 2:]), 0)
    height = np.maximum(*(box[:, 3] - box[:, 1] for box in boxes))
    # Comparisons with the NaN of an absent person are false.
    return float((np.linalg.norm(gap, axis=-1) <= _NEAR * height).mean())


def _boxes(keypoints: Float32[np.ndarray, "T V 2"], scores: Float32[np.ndarray, "T V"]) -> Float[np.ndarray, "T 4"]:
    """Return (left, top, right, bottom) of the visible keypoints of each frame; NaN where there are none."""
    there = scores > 0
    low = np.where(there[..., None], keypoints, np.inf).min(1)
    high = np.where(there[..., None], keypoints, -np.inf).max(1)
    return np.where(np.any(there, axis=1)[:, None], np.concatenate([low, high], axis=-1), np.nan)
