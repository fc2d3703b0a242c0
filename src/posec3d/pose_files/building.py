"""From what a pose file says to a video of people: which skeleton, on how large frames, in which units, and who is who.

Everything that a file may leave open is settled here, alike for all formats.
"""

import logging
from collections import Counter
from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool
from jaxtyping import Float32
from jaxtyping import Float64
from jaxtyping import Int64

from posec3d.people import UNKNOWN
from posec3d.people import PeopleInFrame
from posec3d.people import PosedVideo
from posec3d.pose_files.contents import FileVideo
from posec3d.pose_files.contents import Person
from posec3d.pose_files.skeleton_choice import choose_skeleton
from posec3d.poses import HIGHEST_SCORE
from posec3d.skeletons import Skeleton

# Frames a second, where nobody says them.
USUAL_RATE = 30.0
_LOGGER = logging.getLogger(__name__)
# Scores above are depths or percentages.
_SCORE_LIMIT = 10.0
# Nobody is three pixels large; and legs below the picture reach far beyond 1 in coordinates of 0..1.
_NORMALISED_LIMIT, _GUESSED_SHARE = 3.0, 1 / 3
_NEGATIVE_SHARE = 0.2


def posed_video(
    video: FileVideo,
    source: str,
    *,
    skeleton: Skeleton | None,
    canvas: tuple[int, int] | None,
    frames_per_second: float | None,
) -> PosedVideo:
    """Return a video of a file with all that the file leaves open decided.

    `skeleton` is the one to read the keypoints as; `canvas` and `frames_per_second` are for files that say neither.
    Where nobody says a rate, it is `USUAL_RATE`; where the file says another one than is given, it is a ValueError.
    A keypoint is missing when its score is 0 or not a number, when a coordinate is not finite, or when it lies exactly
    at (0, 0). Missing keypoints lie at (0, 0), and people without any other are left out of the frame.
    """
    name = f"{source}: video {video.name!r}"
    people = [person for number in sorted(video.frames) for person in video.frames[number]]
    chosen, order = choose_skeleton(video, people, source, skeleton)
    # A missing keypoint at the end, for place -1.
    stored = [np.column_stack([person.keypoints, person.scores]) for person in people]
    ordered = np.array([np.vstack([rows, np.full(3, np.nan)])[order] for rows in stored]).reshape(-1, len(order), 3)
    keypoints, scores = ordered[..., :2], _confidences(ordered[..., 2], name)
    located = np.isfinite(keypoints).all(-1) & (keypoints != 0).any(-1)
    seen = located & (scores > 0)
    if canvas is not None and video.canvas is not None and canvas != video.canvas:
        _LOGGER.warning("%s: the file says frames are %d x %d (height x width): keeping that", name, *video.canvas)
    keypoints, canvas = _in_pixels(keypoints, seen, video.canvas or canvas, name)
    rate = _rate(video.frames_per_second, frames_per_second, name)
    frames = _frames(
        video,
        keypoints=np.where(seen[..., None], keypoints, 0).astype(np.float32),
        scores=np.where(seen, scores, 0).astype(np.float32),
        ids=_identities(video, people, name),
        rate=rate,
    )
    if video.first > 1:
        _LOGGER.info("%s: begins with frame %d, which counts as 0 s", name, video.first)
    span = max(video.frames, default=0) - min(video.frames, default=0)
    mean_rate = rate * (len(frames) - 1) / span if span else rate
    return PosedVideo(video.name, canvas, chosen, mean_rate, frames)


def _rate(said: float | None, given: float | None, name: str) -> float:
    if said is not None and given is not None and said != given:
        raise ValueError(f"{name}: the file says {said:g} frames a second, not {given:g}; leave the rate out")
    return said or given or USUAL_RATE


def _confidences(stored: Float64[np.ndarray, "P V"], name: str) -> Float64[np.ndarray, "P V"]:
    """Return scores of 0 to 1; the flags 0, 1 and 2 of COCO (missing, hidden, visible) become 0 and 1."""
    scores = np.where(np.isfinite(stored), stored, 0)
    if (scores == 2).any() and np.isin(scores, (0, 1, 2)).all():
        return np.minimum(scores, 1)
    highest = scores.max(initial=0)
    if highest > _SCORE_LIMIT:
        raise ValueError(
            f"{name}: scores go up to {highest:g}, so they are no confidences of 0 to 1; "
            "write those after x and y, no depths and no percentages"
        )
    if highest > HIGHEST_SCORE:
        _LOGGER.warning("%s: scores go up to %.3g; those above 1 count as 1", name, highest)
    return np.clip(scores, 0, 1)


def _in_pixels(
    keypoints: Float64[np.ndarray, "P V 2"],
    seen: Bool[np.ndarray, "P V"],
    canvas: tuple[int, int] | None,
    name: str,
) -> tuple[Float64[np.ndarray, "P V 2"], tuple[int, int]]:
    """Return keypoints in pixels and the (height, width) of frames, the smallest that holds them if nobody says it."""
    points = keypoints[seen]
    # Legs that an estimator guesses far below the picture make no pixels of shares.
    far = (np.abs(keypoints) > _NORMALISED_LIMIT).any(-1) & seen
    if points.size and (far.sum(1) <= _GUESSED_SHARE * seen.sum(1)).all():
        return _from_shares(keypoints, points, canvas, name)
    if canvas is not None:
        return keypoints, canvas
    if not points.size:
        raise ValueError(
            f"{name}: nobody is seen, and the file does not say how large the frames are; give the canvas "
            "(height, width), or a file with people in it"
        )
    # The centre of the last pixel of n columns is at n - 1.
    width, height = (max(int(np.floor(side + 0.5)) + 1, 1) for side in points.max(axis=0))
    _LOGGER.warning(
        "%s: the file does not say how large the frames are: taking %d x %d (height x width), the smallest that holds "
        "all keypoints; give the canvas (--canvas HEIGHT WIDTH) if you know it",
        name,
        height,
        width,
    )
    return keypoints, (height, width)


def _from_shares(
    keypoints: Float64[np.ndarray, "P V 2"],
    points: Float64[np.ndarray, "N 2"],
    canvas: tuple[int, int] | None,
    name: str,
) -> tuple[Float64[np.ndarray, "P V 2"], tuple[int, int]]:
    """Return keypoints that are shares of the width and the height in pixels; `points` are those that are seen."""
    low, high = points.min(), points.max()
    if (points < 0).mean() > _NEGATIVE_SHARE:
        raise ValueError(
            f"{name}: coordinates lie around 0, from {low:.3g} to {high:.3g}, which is no place in a picture; "
            "write pixels (OpenPose: --keypoint_scale 0)"
        )
    if canvas is None:
        raise ValueError(
            f"{name}: coordinates lie between {low:.3g} and {high:.3g}, so they are shares of a frame of unknown "
            "size; give its canvas (height, width), or write pixels"
        )
    return keypoints * np.array([canvas[1], canvas[0]]), canvas


def _identities(video: FileVideo, people: Sequence[Person], name: str) -> Int64[np.ndarray, " P"]:
    """Return a number for each identity of the file, or UNKNOWN for all where it does not tell people apart."""
    given = [person.identity for person in people]
    unknown = np.full(len(people), UNKNOWN, np.int64)
    if all(identity is None for identity in given):
        return unknown
    if None in given:
        place = people[given.index(None)].place
        _LOGGER.warning("%s: %s has no identity: nobody's is used", name, place)
        return unknown
    for number, frame in video.frames.items():
        repeated = [i for i, count in Counter(person.identity for person in frame).items() if count > 1]
        if repeated:
            _LOGGER.warning("%s: identity %s is there twice in frame %d: none is used", name, repeated[0], number)
            return unknown
    if all(isinstance(identity, int) and -(2**63) <= identity < 2**63 for identity in given):
        return np.array(given, np.int64)
    numbers: dict[int | str | None, int] = {}
    return np.array([numbers.setdefault(identity, len(numbers)) for identity in given], np.int64)


def _frames(
    video: FileVideo,
    keypoints: Float32[np.ndarray, "P V 2"],
    scores: Float32[np.ndarray, "P V"],
    ids: Int64[np.ndarray, " P"],
    rate: float,
) -> tuple[PeopleInFrame, ...]:
    frames = []
    start = 0
    for number in sorted(video.frames):
        end = start + len(video.frames[number])
        there = start + np.flatnonzero((scores[start:end] > 0).any(-1))
        frames.append(PeopleInFrame((number - video.first) / rate, keypoints[there], scores[there], ids[there]))
        start = end
    return tuple(frames)
