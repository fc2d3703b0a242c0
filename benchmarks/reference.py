"""The reference formulations, written plainly: a patch for every keypoint of every frame, and nn.Conv3d as it comes.

As mmaction2 0.24.1 does it (`GeneratePoseTarget`, `FormatShape`), without what it does besides: its other transforms
are taken to cost what ours do, which is in its favour.
"""

from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn

from posec3d.models import slowonly
from posec3d.models.builders import build_posec3d
from posec3d.models.depthwise_convolution import DepthwiseConv3d
from posec3d.models.heatmap_convolution import HeatmapConv3d
from posec3d.models.neighbour_pooling import highest_by_torch
from posec3d.models.neighbour_pooling import highest_of_neighbours
from posec3d.models.pointwise_convolution import PointwiseConv3d
from posec3d.models.recognizer import PoseC3D
from posec3d.poses import Poses


def draw_keypoints(poses: Poses, sigma: float = 0.6, threshold: float = 1e-4) -> np.ndarray:
    """Draw a clip, keypoint by keypoint: (T, V, H, W)."""
    height, width = poses.canvas
    volume = np.zeros((poses.num_frames, poses.num_keypoints, height, width), np.float32)
    for frame in range(poses.num_frames):
        for keypoint in range(poses.num_keypoints):
            for person in range(poses.num_people):
                score = poses.scores[person, frame, keypoint]
                if score < threshold:
                    continue
                _draw_keypoint(volume[frame, keypoint], poses.keypoints[person, frame, keypoint], score, sigma)
    return volume


def draw_limbs(
    poses: Poses, limbs: Sequence[tuple[int, int]], sigma: float = 0.6, threshold: float = 1e-4
) -> np.ndarray:
    """Draw a clip, limb by limb: (T, L, H, W)."""
    height, width = poses.canvas
    volume = np.zeros((poses.num_frames, len(limbs), height, width), np.float32)
    for frame in range(poses.num_frames):
        for limb, (first, second) in enumerate(limbs):
            for person in range(poses.num_people):
                score = min(poses.scores[person, frame, first], poses.scores[person, frame, second])
                if score < threshold:
                    continue
                start, end = poses.keypoints[person, frame, first], poses.keypoints[person, frame, second]
                if ((start - end) ** 2).sum() < 1:
                    _draw_keypoint(volume[frame, limb], start, poses.scores[person, frame, first], sigma)
                else:
                    _draw_limb(volume[frame, limb], start, end, score, sigma)
    return volume


def _draw_keypoint(plane: np.ndarray, point: np.ndarray, score: float, sigma: float) -> None:
    height, width = plane.shape
    x, y = point
    left, right = max(int(x - 3 * sigma), 0), min(int(x + 3 * sigma) + 1, width)
    top, bottom = max(int(y - 3 * sigma), 0), min(int(y + 3 * sigma) + 1, height)
    columns = np.arange(left, right, 1, np.float32)
    rows = np.arange(top, bottom, 1, np.float32)[:, None]
    if not (len(columns) and len(rows)):
        return
    patch = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 2 / sigma**2) * score
    plane[top:bottom, left:right] = np.maximum(plane[top:bottom, left:right], patch)


def _draw_limb(plane: np.ndarray, start: np.ndarray, end: np.ndarray, score: float, sigma: float) -> None:
    height, width = plane.shape
    low, high = np.minimum(start, end), np.maximum(start, end)
    left, right = max(int(low[0] - 3 * sigma), 0), min(int(high[0] + 3 * sigma) + 1, width)
    top, bottom = max(int(low[1] - 3 * sigma), 0), min(int(high[1] + 3 * sigma) + 1, height)
    columns = np.arange(left, right, 1, np.float32)
    rows = np.arange(top, bottom, 1, np.float32)[:, None]
    if not (len(columns) and len(rows)):
        return
    x_0, y_0 = np.zeros_like(rows), np.zeros_like(columns)
    to_start = (columns - start[0]) ** 2 + (rows - start[1]) ** 2
    to_end = (columns - end[0]) ** 2 + (rows - end[1]) ** 2
    length = ((start - end) ** 2).sum()
    share = (to_start - to_end + length) / 2 / length
    position = np.stack([columns + x_0, rows + y_0], axis=-1)
    foot = start + share[..., None] * (end - start)
    to_foot = ((position - foot) ** 2).sum(-1)
    distance = np.where(share <= 0, to_start, np.where(share >= 1, to_end, to_foot))
    patch = np.exp(-distance / 2 / sigma**2) * score
    plane[top:bottom, left:right] = np.maximum(plane[top:bottom, left:right], patch)


def drawn(poses: Poses, limbs: Sequence[tuple[int, int]] | None) -> np.ndarray:
    """Draw keypoints, or limbs where they are given, as the network wants it: (C, T, H, W)."""
    volume = draw_keypoints(poses) if limbs is None else draw_limbs(poses, limbs)
    return np.ascontiguousarray(volume.transpose(1, 0, 2, 3))


def network(num_classes: int = 60) -> PoseC3D:
    """Return the published network as plain modules in float32, contiguous; give it drawn volumes."""
    torch.manual_seed(0)
    return build_posec3d(num_classes=num_classes)


@contextmanager
def plain_convolutions() -> Iterator[None]:
    """Let every convolution be nn.Conv3d's own, and every pooling torch's."""
    kinds = (HeatmapConv3d, DepthwiseConv3d, PointwiseConv3d)
    ours, is_sparse = [kind.forward for kind in kinds], HeatmapConv3d.is_sparse
    for kind in kinds:
        kind.forward = nn.Conv3d.forward  # type: ignore[method-assign,assignment]
    # SlowOnly asks before it scores.
    HeatmapConv3d.is_sparse = lambda *_: False  # type: ignore[method-assign,assignment]
    slowonly.highest_of_neighbours = highest_by_torch
    try:
        yield
    finally:
        slowonly.highest_of_neighbours = highest_of_neighbours
        HeatmapConv3d.is_sparse = is_sparse  # type: ignore[method-assign]
        for kind, forward in zip(kinds, ours, strict=True):
            kind.forward = forward  # type: ignore[method-assign]
