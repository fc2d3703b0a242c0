"""What an annotation file holds once it has been read: videos with their poses and labels, and named splits."""

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from types import MappingProxyType

import numpy as np
from jaxtyping import Float
from jaxtyping import Int

from posec3d.poses import Poses


@dataclass(frozen=True)
class Annotation:
    """One video: who stood where in each frame, and what they did.

    Arrays are as stored (released files: float16). `keypoints` are (x, y) pixels of `canvas` (height, width);
    without `scores` every keypoint that is there counts as certain. A keypoint is missing when its score is 0 or not a
    number, when a coordinate is not finite, or when it lies exactly at (0, 0), the format's mark for it.
    `label` is None for a video that is only to be recognised.
    """

    video: str
    label: int | None
    canvas: tuple[int, int]
    keypoints: Float[np.ndarray, "M T V 2"]
    scores: Float[np.ndarray, "M T V"] | None

    @property
    def num_frames(self) -> int:
        """Number of frames: T."""
        return int(self.keypoints.shape[1])

    def poses(self, frames: Int[np.ndarray, " F"] | None = None) -> Poses:
        """Return the poses of these frames (all of them without `frames`), in float32, with score 0 where missing.

        Missing keypoints lie at (0, 0), but for those that the file gives coordinates together with score 0: guesses,
        which mmaction2 0.24.1 lets widen the crop around people, though it never draws them.
        """
        chosen = slice(None) if frames is None else frames
        # float32 first: float16 pixels above 1,024 have no fraction, and every later step adds one.
        keypoints = self.keypoints[:, chosen].astype(np.float32)
        scores = (
            np.ones(keypoints.shape[:-1], np.float32)
            if self.scores is None
            else self.scores[:, chosen].astype(np.float32)
        )
        # Axis by axis: NumPy is slow at all() and any() over a last axis of two.
        x, y = keypoints[..., 0], keypoints[..., 1]
        located = np.isfinite(x) & np.isfinite(y) & ((x != 0) | (y != 0))
        return Poses(
            keypoints=np.where(located[..., None], keypoints, np.float32(0)),
            scores=np.where(located & (scores > 0), scores, np.float32(0)),
            canvas=self.canvas,
        )


@dataclass(frozen=True)
class AnnotationSet:
    """The videos of one annotation file, in file order.

    `splits` maps a split's name to its videos; a plain list has none. `classes` and `keypoint_names` are there if the
    file names them. `source` is the path, for messages.
    """

    annotations: tuple[Annotation, ...]
    splits: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    classes: tuple[str, ...] | None = None
    keypoint_names: tuple[str, ...] | None = None
    source: str = "annotations"

    def split(self, name: str | None) -> tuple[Annotation, ...]:
        """Return the videos of one split, in file order; all of them for None.

        Raises KeyError, with the splits there are, for a name that the file does not have.
        """
        if name is None:
            return self.annotations
        if name not in self.splits:
            known = ", ".join(self.splits) or "none: the file is a plain list, so leave the split out"
            raise KeyError(f"{self.source}: no split {name!r}; splits in the file: {known}")
        wanted = frozenset(self.splits[name])
        return tuple(annotation for annotation in self.annotations if annotation.video in wanted)
