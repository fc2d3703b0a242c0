"""The one value that travels down the line: the keypoints of people over frames, on a canvas."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from posec3d.runtime.values import ByValue

# Refined maxima of heatmaps go slightly beyond 1 (mmpose's reach 1.02), which harms nothing.
HIGHEST_SCORE = 1.1
# Nobody is a pixel large: coordinates up to here are shares of the picture.
LARGEST_SHARE = 1.1


@dataclass(frozen=True, eq=False)
class Poses(ByValue):
    """Poses of M people in T frames, V keypoints each, on a canvas of (height, width) pixels.

    `keypoints` are (x, y) in pixels of the canvas, the centre of the top left pixel at (0, 0); they may lie outside.
    `scores` are confidences, 0 to 1. A score of 0 means missing: never drawn, and its coordinates a guess at most.
    A person who is absent from a frame has score 0 at every keypoint. Functions return new `Poses`; nothing writes into
    one.
    """

    keypoints: Float32[np.ndarray, "M T V 2"]
    scores: Float32[np.ndarray, "M T V"]
    canvas: tuple[int, int]

    @property
    def num_people(self) -> int:
        """Number of people: M."""
        return int(self.keypoints.shape[0])

    @property
    def num_frames(self) -> int:
        """Number of frames: T."""
        return int(self.keypoints.shape[1])

    @property
    def num_keypoints(self) -> int:
        """Number of keypoints a person: V."""
        return int(self.keypoints.shape[2])


def mark_missing(
    keypoints: Float32[np.ndarray, "*any V 2"], scores: Float32[np.ndarray, "*any V"]
) -> tuple[Float32[np.ndarray, "*any V 2"], Float32[np.ndarray, "*any V"]]:
    """Return keypoints and scores with score 0, at (0, 0), wherever one of them is not a finite number."""
    known = np.isfinite(keypoints).all(-1) & np.isfinite(scores)
    return np.where(known[..., None], keypoints, np.float32(0)), np.where(known, scores, np.float32(0))
