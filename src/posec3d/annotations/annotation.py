"""One video of an annotation file, once it has been read."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from jaxtyping import Float32
from jaxtyping import Int

from posec3d.poses import Poses
from posec3d.runtime.values import ByValue


@dataclass(frozen=True, eq=False)
class Annotation(ByValue):
    """One video: who stood where in each frame, and what they did.

    Arrays are as stored (released files: float16). `keypoints` are (x, y) pixels of `canvas` (height, width);
    without `scores` every keypoint that is there counts as certain. A keypoint is missing when its score is 0 or not
    finite, when a coordinate is not finite, or when it lies exactly at (0, 0), the format's mark for it.
    `label` is None for a video that is only to be recognised. Raises ValueError for arrays of other shapes.
    """

    video: str
    label: int | None
    canvas: tuple[int, int]
    keypoints: Float[np.ndarray, "M T V 2"]
    scores: Float[np.ndarray, "M T V"] | None

    def __post_init__(self) -> None:
        _check_numbers(self.video, "keypoints", self.keypoints, "(people, frames, keypoints, 2)")
        if self.scores is not None:
            _check_numbers(self.video, "scores", self.scores, "(people, frames, keypoints)")
        if self.keypoints.shape[3] != 2:
            raise ValueError(
                f"video {self.video!r}: keypoints have shape {self.keypoints.shape}; give (x, y) of each, and how sure "
                "they are as scores"
            )
        if self.scores is not None and self.scores.shape != self.keypoints.shape[:3]:
            raise ValueError(
                f"video {self.video!r}: scores have shape {self.scores.shape}, keypoints {self.keypoints.shape}; give "
                "a score a keypoint"
            )

    @property
    def num_frames(self) -> int:
        """Number of frames: T."""
        return int(self.keypoints.shape[1])

    def poses(self, frames: Int[np.ndarray, " F"] | None = None) -> Poses:
        """Return the poses of these frames (all of them without `frames`), in float32, with score 0 where missing.

        Missing keypoints lie at (0, 0), but for those that the file gives coordinates together with score 0: guesses,
        which mmaction2 0.24.1 lets widen the crop around people, though it never draws them.
        """
        # Copies in float32 first: float16 pixels above 1,024 have no fraction, and every later step adds one.
        keypoints = _frames_of(self.keypoints, frames)
        scores = np.ones(keypoints.shape[:-1], np.float32) if self.scores is None else _frames_of(self.scores, frames)
        # A point as one complex number: NumPy is slow at all() and any() over a last axis of two.
        points = keypoints.view(np.complex64)[..., 0]
        missing = ~np.isfinite(points) | (points == 0)
        keypoints[missing] = 0
        scores[missing | ~((scores > 0) & np.isfinite(scores))] = 0
        return Poses(keypoints, scores, self.canvas)


def as_floats(array: np.ndarray) -> np.ndarray:
    """Return numbers as annotations hold them: floats of up to 64 bits as they are, whole numbers in float32."""
    if array.dtype.kind == "f" and array.dtype.itemsize <= 8:
        return array
    return array.astype(np.float64 if array.dtype.kind == "f" else np.float32)


def record_of(annotation: Annotation) -> dict[str, Any]:
    """Return a video as the dictionary that annotation files hold, without the fields that it lacks."""
    record: dict[str, Any] = {
        "frame_dir": annotation.video,
        "label": annotation.label,
        "img_shape": annotation.canvas,
        "original_shape": annotation.canvas,
        "total_frames": annotation.num_frames,
        "keypoint": annotation.keypoints,
        "keypoint_score": annotation.scores,
    }
    return {field: value for field, value in record.items() if value is not None}


def _check_numbers(video: str, name: str, array: object, axes: str) -> None:
    """Raise ValueError for what is no array of numbers with these axes."""
    if not isinstance(array, np.ndarray):
        told = type(array).__name__
    elif array.ndim != len(axes.split(",")) or array.dtype.kind not in "iuf":
        told = f"an array {array.shape} of {array.dtype}"
    else:
        return
    raise ValueError(f"video {video!r}: {name} are {told}; give a NumPy array of numbers, {axes}")


def _frames_of(
    array: Float[np.ndarray, "M T *rest"], frames: Int[np.ndarray, " F"] | None
) -> Float32[np.ndarray, "M F *rest"]:
    """Return a copy of these frames, of all of them for None, in float32."""
    chosen = array if frames is None else array.take(frames, axis=1)
    return np.array(chosen, np.float32, order="C")
