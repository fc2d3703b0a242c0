"""Poses of one skeleton as those of another: the same keypoints by name, and a few that stand in for others."""

import logging
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float32

from posec3d.people import PosedVideo
from posec3d.poses import mark_missing
from posec3d.skeletons import Skeleton
from posec3d.skeletons import mirrored_name
from posec3d.skeletons import spelt_out

_LOGGER = logging.getLogger(__name__)


def map_people(video: PosedVideo, target: Skeleton) -> PosedVideo:
    """Return a video whose people have the keypoints of `target`; the same video if they have them already.

    Missing keypoints of the face are logged; any other is an error (see `map_keypoints`).
    """
    if video.skeleton == target:
        return video
    if video.skeleton.keypoints == target.keypoints:
        return replace(video, skeleton=target)
    missing = [name for name, parts in _sources(video.skeleton, target).items() if not parts and _of_face(name)]
    if missing:
        _LOGGER.warning(
            "%s: skeleton %s lacks %s of %s, which count as never seen",
            video.name,
            video.skeleton.name,
            ", ".join(missing),
            target.name,
        )
    cuts = np.cumsum([frame.num_people for frame in video.frames], dtype=int)[:-1]
    keypoints, scores = map_keypoints(
        np.concatenate([_none(video.skeleton)[0], *(frame.keypoints for frame in video.frames)]),
        np.concatenate([_none(video.skeleton)[1], *(frame.scores for frame in video.frames)]),
        video.skeleton,
        target,
    )
    frames = tuple(
        replace(frame, keypoints=frame_keypoints, scores=frame_scores)
        for frame, frame_keypoints, frame_scores in zip(
            video.frames, np.split(keypoints, cuts), np.split(scores, cuts), strict=False
        )
    )
    return replace(video, skeleton=target, frames=frames)


def map_keypoints(
    keypoints: Float32[np.ndarray, "*any V 2"],
    scores: Float32[np.ndarray, "*any V"],
    source: Skeleton,
    target: Skeleton,
) -> tuple[Float32[np.ndarray, "*any U 2"], Float32[np.ndarray, "*any U"]]:
    """Return keypoints and scores of `source` in the order of `target`.

    A keypoint is taken by its name, however that spells the side (see `spelt_out`); else it is the mean of others, as
    `_DERIVED` lists, and its score the least of theirs. Keypoints of the face may be missing: score 0, at (0, 0).
    Raises ValueError with the names if `source` lacks any other.
    """
    check_mappable(source, target)
    parts = list(_sources(source, target).values())
    # Nothing times what is not a number is none either: it would spread to every keypoint.
    keypoints, scores = mark_missing(keypoints, scores)
    weights = np.zeros((target.num_keypoints, source.num_keypoints), np.float32)
    mapped_scores = np.zeros((*scores.shape[:-1], target.num_keypoints), np.float32)
    for place, indices in enumerate(parts):
        if indices:
            weights[place, indices] = 1 / len(indices)
            mapped_scores[..., place] = scores[..., indices].min(-1)
    mapped = weights @ keypoints
    # Half of a midpoint is no guess worth keeping: crops look at coordinates even where the score is 0.
    derived = np.array([len(indices) > 1 for indices in parts])
    return np.where((derived & (mapped_scores == 0))[..., None], np.float32(0), mapped), mapped_scores


def check_mappable(source: Skeleton, target: Skeleton) -> None:
    """Raise ValueError, with the names, if poses of `source` lack keypoints of `target` that are not of the face."""
    missing = [name for name, parts in _sources(source, target).items() if not parts and not _of_face(name)]
    if missing:
        raise ValueError(
            f"poses of skeleton {source.name!r} lack {', '.join(missing)} of skeleton {target.name!r}, and nothing "
            f"stands in for {'it' if len(missing) == 1 else 'them'}; give poses that have all these keypoints, or "
            f"take a model of skeleton {source.name!r}"
        )


def _none(skeleton: Skeleton) -> tuple[np.ndarray, np.ndarray]:
    """Return the keypoints and scores of nobody, so that a video without a frame can be put together as well."""
    return np.zeros((0, skeleton.num_keypoints, 2), np.float32), np.zeros((0, skeleton.num_keypoints), np.float32)


def _sources(source: Skeleton, target: Skeleton) -> Mapping[str, list[int]]:
    """Return for each keypoint of `target` the indices of the keypoints of `source` that it is the mean of, if any."""
    index: dict[str, int] = {}
    for place, name in enumerate(_meanings(source)):
        index.setdefault(name, place)
    found = {}
    for keypoint, name in zip(target.keypoints, _meanings(target), strict=True):
        ways = ((name,), *_DERIVED.get(name, ()))
        found[keypoint] = next(([index[part] for part in way] for way in ways if set(way) <= set(index)), [])
    return found


def _meanings(skeleton: Skeleton) -> Sequence[str]:
    """Return one name for each keypoint that has several, such as mid_hip for spine_base."""
    names = [spelt_out(name) for name in skeleton.keypoints]
    # The spine of Kinect's skeletons (ntu25) is where it meets the shoulders; that of others is half-way down.
    kinect = {"spine": "thorax"} if "spine_middle" in names else {}
    return [kinect.get(name) or _SYNONYMS.get(name, name) for name in names]


def _of_face(keypoint: str) -> bool:
    return not _FACE.isdisjoint(spelt_out(keypoint).split("_"))


def _both_sides(ways: Mapping[str, Sequence[tuple[str, ...]]]) -> dict[str, Sequence[tuple[str, ...]]]:
    mirrored = {
        mirrored_name(name): [tuple(mirrored_name(part) for part in way) for way in found]
        for name, found in ways.items()
    }
    return {**ways, **mirrored}


_FACE = frozenset(("eye", "ear", "mouth", "nose", "face"))
_SYNONYMS = {
    "spine_base": "mid_hip",
    "pelvis": "mid_hip",
    "hip": "mid_hip",
    "spine_middle": "spine",
    "head_top": "head",
    "top_head": "head",
}
_SHOULDERS = ("left_shoulder", "right_shoulder")
_HIPS = ("left_hip", "right_hip")
# A keypoint, and what it is the mean of where it is not there itself; the first that is complete counts.
_DERIVED = _both_sides(
    {
        # OpenPose makes its neck so; the thorax of Human3.6M and Halpe's annotated neck lie a little above.
        "neck": [("thorax",), _SHOULDERS],
        "thorax": [("neck",), _SHOULDERS],
        "mid_hip": [_HIPS],
        "spine": [("belly",), _SHOULDERS + _HIPS],
        "belly": [("spine",), _SHOULDERS + _HIPS],
        # Approximate: nose, middle of the face (jhmdb15) and of the head (penn13, ntu25) are within a hand's breadth of
        # each other; the head of Halpe and Human3.6M is its top, twice as far.
        "nose": [("face",), ("head",)],
        "face": [("nose",), ("head",)],
        "head": [("face",), ("nose",)],
        # Approximate: the tip of the foot (Kinect), its second toe (MediaPipe), its big toe (OpenPose, Halpe).
        "left_foot": [("left_foot_index",), ("left_big_toe",)],
        "left_foot_index": [("left_big_toe",), ("left_foot",)],
        "left_big_toe": [("left_foot_index",), ("left_foot",)],
    }
)
