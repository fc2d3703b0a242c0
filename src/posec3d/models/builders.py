"""The only place that puts a network together from numbers."""

from collections.abc import Sequence

from posec3d.models.recognizer import ClassificationHead
from posec3d.models.recognizer import HeatmapLayer
from posec3d.models.recognizer import PoseC3D
from posec3d.models.slowonly import SlowOnly


def build_posec3d(
    *,
    num_classes: int,
    num_keypoints: int = 17,
    limbs: Sequence[tuple[int, int]] | None = None,
    sigma: float = 0.6,
    threshold: float = 1e-4,
    base_channels: int = 32,
    stage_blocks: tuple[int, ...] = (4, 6, 3),
    dropout: float = 0.5,
) -> PoseC3D:
    """Build PoseC3D on SlowOnly: channels are keypoints, or limbs when `limbs` are given."""
    backbone = SlowOnly(
        num_keypoints if limbs is None else len(limbs), base_channels=base_channels, stage_blocks=stage_blocks
    )
    return PoseC3D(
        HeatmapLayer(limbs=limbs, sigma=sigma, threshold=threshold),
        backbone,
        ClassificationHead(backbone.out_channels, num_classes, dropout=dropout),
    )
