"""The only place that puts a network together from numbers."""

from collections.abc import Sequence
from typing import Literal

from posec3d.models.c3d import C3D
from posec3d.models.recognizer import ClassificationHead
from posec3d.models.recognizer import HeatmapLayer
from posec3d.models.recognizer import PoseC3D
from posec3d.models.slowonly import SlowOnly
from posec3d.models.x3d import X3D

Backbone = Literal["slowonly", "c3d", "x3d"]


def build_posec3d(
    *,
    num_classes: int,
    num_keypoints: int = 17,
    limbs: Sequence[tuple[int, int]] | None = None,
    sigma: float = 0.6,
    threshold: float = 1e-4,
    backbone: Backbone = "slowonly",
    base_channels: int | None = None,
    stage_blocks: tuple[int, ...] | None = None,
    dropout: float = 0.5,
) -> PoseC3D:
    """Build PoseC3D on a backbone, as large as published where no size is given.

    Its input channels are keypoints, or limbs when `limbs` are given.
    """
    in_channels = num_keypoints if limbs is None else len(limbs)
    features = _backbone(backbone, in_channels, base_channels, stage_blocks)
    return PoseC3D(
        HeatmapLayer(limbs=limbs, sigma=sigma, threshold=threshold),
        features,
        ClassificationHead(features.out_channels, num_classes, dropout=dropout),
    )


def _backbone(
    name: Backbone, in_channels: int, base_channels: int | None, stage_blocks: tuple[int, ...] | None
) -> SlowOnly | C3D | X3D:
    if name == "c3d":
        return C3D(in_channels, base_channels=base_channels or 32, stage_blocks=stage_blocks or (1, 1, 2, 2))
    if name == "x3d":
        return X3D(in_channels, base_channels=base_channels or 24, stage_blocks=stage_blocks or (2, 5, 3))
    return SlowOnly(in_channels, base_channels=base_channels or 32, stage_blocks=stage_blocks or (4, 6, 3))
