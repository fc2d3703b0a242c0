"""The only place that puts a network together from numbers."""

from collections.abc import Sequence
from typing import Literal

from posec3d.models.c3d import C3D
from posec3d.models.recognizer import ClassificationHead
from posec3d.models.recognizer import HeatmapLayer
from posec3d.models.recognizer import PoseC3D
from posec3d.models.slowonly import SlowOnly
from posec3d.models.x3d import X3D
from posec3d.motion import NUM_POINTS

Backbone = Literal["slowonly", "c3d", "x3d"]

# Each backbone with its first channels and the blocks of its stages, as published.
_PUBLISHED: dict[Backbone, tuple[type[SlowOnly | C3D | X3D], int, tuple[int, ...]]] = {
    "slowonly": (SlowOnly, 32, (4, 6, 3)),
    "c3d": (C3D, 32, (1, 1, 2, 2)),
    "x3d": (X3D, 24, (2, 5, 3)),
}


def build_posec3d(
    *,
    num_classes: int,
    num_keypoints: int = 17,
    limbs: Sequence[tuple[int, int]] | None = None,
    motion: bool = False,
    sigma: float = 0.6,
    threshold: float = 1e-4,
    backbone: Backbone = "slowonly",
    base_channels: int | None = None,
    stage_blocks: tuple[int, ...] | None = None,
    temporal_strides: tuple[int, ...] | None = None,
    dropout: float = 0.5,
) -> PoseC3D:
    """Build PoseC3D on a backbone, as large as published where no size is given.

    Its input channels are keypoints, or limbs when `limbs` are given; five for each keypoint with `motion`. ValueError
    unless each stage has a temporal stride, if any has.
    """
    in_channels = len(limbs) if limbs is not None else num_keypoints * (NUM_POINTS if motion else 1)
    features = _backbone(backbone, in_channels, base_channels, stage_blocks, temporal_strides)
    return PoseC3D(
        HeatmapLayer(limbs=limbs, motion=motion, sigma=sigma, threshold=threshold),
        features,
        ClassificationHead(features.out_channels, num_classes, dropout=dropout),
    )


def _backbone(
    name: Backbone,
    in_channels: int,
    base_channels: int | None,
    stage_blocks: tuple[int, ...] | None,
    temporal_strides: tuple[int, ...] | None,
) -> SlowOnly | C3D | X3D:
    kind, published_channels, published_blocks = _PUBLISHED[name]
    blocks = stage_blocks or published_blocks
    if temporal_strides is not None and len(temporal_strides) != len(blocks):
        raise ValueError(
            f"network.temporal_strides={temporal_strides} is not one for each of {len(blocks)} stages; "
            f"give {len(blocks)} numbers, as stage_blocks={blocks}"
        )
    channels = base_channels or published_channels
    return kind(in_channels, base_channels=channels, stage_blocks=blocks, temporal_strides=temporal_strides)
