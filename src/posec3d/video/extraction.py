"""From one video, or one pose file, to annotations without a label: people with identities, the steadiest first."""

from collections import Counter
from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Sequence
from dataclasses import replace
from itertools import compress

import numpy as np
from jaxtyping import Float32
from jaxtyping import Int64

from posec3d.annotations import Annotation
from posec3d.clips.subjects import sight
from posec3d.people import UNKNOWN
from posec3d.people import PeopleInFrame
from posec3d.people import PosedVideo
from posec3d.people import share_identities
from posec3d.people import stack_people
from posec3d.video.frames import open_frames
from posec3d.video.pose_estimation import PoseEstimator
from posec3d.video.pose_estimation import estimate_people
from posec3d.video.sources import Source
from posec3d.video.sources import shown
from posec3d.video.tracking import identify

# Someone who is seen in so few frames, beside others who are seen in more, is a mistake of the estimator.
_FLEETING = 3
# Times are compared with this much patience: 0.1 * 3 is above 0.3.
_INSTANT = 1e-6


def extract_poses(
    source: Source,
    estimator: PoseEstimator,
    *,
    frames_per_second: float | None = None,
    advance: Callable[[int], object] = lambda _: None,
) -> PosedVideo:
    """Find the people in every frame of a recorded video, or of pictures, whose rate is `frames_per_second`.

    `advance` is called with 1 after each frame.

    Raises FileNotFoundError and ValueError for a source that cannot be read; a video in which nobody is found has
    frames without people.
    """
    with open_frames(source, frames_per_second=frames_per_second) as video:
        if video.live:
            raise ValueError(f"{shown(source)}: a live source has no end; give a recorded video, or use posec3d stream")
        people = []
        for _, found in estimate_people(video, estimator):
            people.append(found)
            advance(1)
        return PosedVideo(video.name, video.size, estimator.skeleton, video.frames_per_second, people)


def told_apart(video: PosedVideo) -> PosedVideo:
    """Return the video with an identity for everyone; where the source gave identities they stay."""
    if not any((frame.ids == UNKNOWN).any() for frame in video.frames):
        return video
    frames = identify(video.frames, video.skeleton)
    return PosedVideo(video.name, video.canvas, video.skeleton, video.frames_per_second, frames)


def annotation_of(video: PosedVideo, name: str | None = None, label: int | None = None) -> Annotation:
    """Return the video as it is stored: a row a person, those first who are seen longest and surest.

    People seen in fewer than three frames are left out if others are seen longer.
    """
    poses, _ = stack_people(video.frames, video.skeleton.num_keypoints, video.canvas)
    rows = steady_people(poses.scores)
    keypoints, scores = poses.keypoints[rows], poses.scores[rows]
    return Annotation(name or video.name, label, video.canvas, keypoints, scores)


def scene_of(video: PosedVideo) -> Annotation:
    """Return the video as `annotation_of`, but with rows that people share who are there one after the other.

    For answers about everybody together, by networks that do not follow people (`ModelCard.follows_people`): memory
    then grows with how many people are there at once, not with how many come and go.
    """
    frames = share_identities(video.frames, _steady_identities(video.frames))
    poses, _ = stack_people(frames, video.skeleton.num_keypoints, video.canvas)
    return Annotation(video.name, None, video.canvas, poses.keypoints, poses.scores)


def of_nearest(video: PosedVideo, most_people: int) -> PosedVideo:
    """Return the video with those people alone who are seen best (`people_by_sight`), if more than so many are steady.

    For networks that look at few people (`ModelCard.most_people`): `annotation_of` then needs memory for these alone,
    not for all who come and go. Everybody must have been told apart.
    """
    steady = _steady_identities(video.frames)
    if len(steady) <= most_people:
        return video
    sights = dict.fromkeys(steady, 0.0)
    for frame in video.frames:
        for identity, seen in zip(frame.ids.tolist(), sight(frame.keypoints, frame.scores).tolist(), strict=True):
            if identity in sights:
                sights[identity] += seen
    kept = sorted(sights, key=lambda identity: -sights[identity])[:most_people]
    return replace(video, frames=[_with_people(frame, kept) for frame in video.frames])


def part_of(video: PosedVideo, start: float, end: float, *, in_frames: bool = False) -> PosedVideo:
    """Return the frames of a video from `start` up to `end`, in seconds, or by their numbers if `in_frames`."""
    if in_frames:
        return replace(video, frames=video.frames[round(start) : round(end)])
    inside = [start - _INSTANT <= frame.seconds < end - _INSTANT for frame in video.frames]
    return replace(video, frames=list(compress(video.frames, inside)))


def _with_people(frame: PeopleInFrame, kept: Collection[int]) -> PeopleInFrame:
    stay = np.isin(frame.ids, list(kept))
    return PeopleInFrame(frame.seconds, frame.keypoints[stay], frame.scores[stay], frame.ids[stay])


def _steady_identities(frames: Sequence[PeopleInFrame]) -> list[int]:
    """Return who is not fleeting, as `steady_people` tells, in the order of their first appearance."""
    num_frames_seen: Counter[int] = Counter()
    for frame in frames:
        num_frames_seen.update(frame.ids[np.any(frame.scores > 0, axis=-1)].tolist())
    fewest = min(_FLEETING, max(num_frames_seen.values(), default=0))
    return [identity for identity, seen in num_frames_seen.items() if seen >= fewest]


def steady_people(scores: Float32[np.ndarray, "M T V"]) -> Int64[np.ndarray, " N"]:
    """Return the rows of people who are not fleeting, in the order of their scores' sum."""
    num_frames_seen = np.any(scores > 0, axis=-1).sum(-1)
    steady = num_frames_seen >= min(_FLEETING, int(num_frames_seen.max(initial=0)))
    order = np.argsort(-scores.sum((1, 2)), kind="stable")
    rows: Int64[np.ndarray, " N"] = order[steady[order]].astype(np.int64)
    return rows
