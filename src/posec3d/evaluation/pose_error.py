"""How well estimated poses agree with true ones: error in pixels, people found, and PCK."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool
from jaxtyping import Float

from posec3d.poses import Poses
from posec3d.skeletons import Skeleton
from posec3d.skeletons import get_skeleton

_NEAR_ENOUGH = 0.2  # of the torso's length


@dataclass(frozen=True)
class PoseError:
    """`pixels`: mean error of the keypoints of people found, nan if nobody is; `found` and `pck`: shares, 0 to 1.

    `num_people` counts true people in single frames: one person in ten frames is 10.
    """

    pixels: float
    found: float
    pck: float
    num_people: int

    def __str__(self) -> str:
        return (
            f"error {self.pixels:.1f} px, found {self.found:.1%}, PCK@{_NEAR_ENOUGH} {self.pck:.4f} "
            f"({self.num_people} people in frames)"
        )


def pose_error(estimated: Poses, truth: Poses, skeleton: Skeleton | None = None) -> PoseError:
    """Compare estimated poses with true ones of the same frames and `skeleton` (COCO's 17 keypoints if None).

    In each frame, a true person is found if anybody is; the estimated person who counts is the nearest by mean distance
    over the keypoints that they have. A keypoint is correct (PCK@0.2) within 0.2 of the torso's length, from the middle
    of the true shoulders to that of the true hips. Missing keypoints count as wrong, and so do all of a person who is
    not found; true keypoints with score 0 do not count, nor do true people without shoulders and hips.

    Source: PCK, Yang and Ramanan, "Articulated Human Detection with Flexible Mixtures of Parts" (2013); the torso as
    its unit, and 0.2 of it, as Sapp and Taskar, "MODEC" (2013), there from one shoulder to the opposite hip.

    Raises ValueError where numbers of frames or keypoints differ, or if nobody is to be found.
    """
    skeleton = skeleton or get_skeleton("coco17")
    shapes = [(poses.num_frames, poses.num_keypoints) for poses in (estimated, truth)]
    if shapes != [(truth.num_frames, skeleton.num_keypoints)] * 2:
        raise ValueError(
            f"estimated and true poses have {shapes[0]} and {shapes[1]} frames and keypoints, and skeleton "
            f"{skeleton.name!r} has {skeleton.num_keypoints} keypoints; compare poses of the same frames and keypoints"
        )
    torso = _torso_lengths(truth, skeleton)
    counted = (truth.scores > 0) & ~np.isnan(torso)[..., None]
    there = counted.any(axis=2)
    if not there.any():
        raise ValueError("there is nothing to measure: no true person has shoulders and hips")
    distances = _distances_to_nearest(estimated, truth, counted)
    seen = np.isfinite(distances)
    errors = distances[counted & seen]
    somebody = np.array([(scores > 0).any() for scores in np.moveaxis(estimated.scores, 1, 0)])
    return PoseError(
        pixels=float(errors.mean()) if len(errors) else float("nan"),
        found=float(somebody[np.nonzero(there)[1]].mean()),
        pck=float((distances <= _NEAR_ENOUGH * torso[..., None])[counted].mean()),
        num_people=int(there.sum()),
    )


def _torso_lengths(truth: Poses, skeleton: Skeleton) -> Float[np.ndarray, "M T"]:
    """Return the distance from the middle of the shoulders to that of the hips; nan where one is missing."""
    ends = [
        [skeleton.keypoints.index(f"{side}_{joint}") for side in ("left", "right")] for joint in ("shoulder", "hip")
    ]
    shoulders, hips = (truth.keypoints[:, :, pair].mean(axis=2).astype(float) for pair in ends)
    whole = (truth.scores[:, :, ends[0] + ends[1]] > 0).all(axis=2)
    return np.where(whole, np.linalg.norm(shoulders - hips, axis=-1), np.nan)


def _distances_to_nearest(
    estimated: Poses, truth: Poses, counted: Bool[np.ndarray, "M T V"]
) -> Float[np.ndarray, "M T V"]:
    """Return how far each true keypoint is from that of the nearest estimated person; infinite where it is missing."""
    distances = np.full(truth.scores.shape, np.inf)
    for person, frame in np.argwhere(counted.any(axis=2)):
        seen = (estimated.scores[:, frame] > 0) & counted[person, frame]
        apart = np.linalg.norm(estimated.keypoints[:, frame].astype(float) - truth.keypoints[person, frame], axis=-1)
        means = np.where(seen, apart, 0).sum(axis=1) / np.maximum(seen.sum(axis=1), 1)
        candidates = np.flatnonzero(seen.any(axis=1))
        if len(candidates):
            nearest = candidates[means[candidates].argmin()]
            distances[person, frame] = np.where(seen[nearest], apart[nearest], np.inf)
    return distances
