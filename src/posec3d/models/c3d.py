"""C3D-light for heatmap volumes: a plain stack of 3x3x3 convolutions that keeps time whole.

Source: PoseC3D, section 3.3 (C3D-s); layers and parameter names as pyskl `C3D` without temporal downsampling, whose
published weights load unchanged.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch import nn
from torch.nn import functional

from posec3d.models.heatmap_convolution import HeatmapConv3d
from posec3d.models.layers import ConvBNReLU
from posec3d.models.layers import initialise_convolutions


class C3D(nn.Module):
    """Volume (B, in_channels, T, H, W) to features (B, 8 * base_channels, T, H/8, W/8), for four stages.

    `stage_blocks` counts the convolutions of each stage: (1, 1, 2, 2) in the published network, pyskl's "3 stages", and
    (1, 1, 2, 2, 2) in the paper's C3D. Every stage but the first halves height and width, and has twice the channels of
    the one before, but at most 8 * base_channels. Each divides time by its part of `temporal_strides`, as means over so
    many frames; without them time stays whole. (1, 1, 2, 2) is pyskl's `temporal_downsample`.
    """

    def __init__(
        self,
        in_channels: int = 17,
        *,
        base_channels: int = 32,
        stage_blocks: tuple[int, ...] = (1, 1, 2, 2),
        temporal_strides: tuple[int, ...] | None = None,
    ) -> None:
        super().__init__()
        self.temporal_strides = temporal_strides or tuple(1 for _ in stage_blocks)
        self.stages: list[list[str]] = []
        channels = in_channels
        for stage, num_convolutions in enumerate(stage_blocks):
            names = [f"conv{stage + 1}{chr(ord('a') + number)}" for number in range(num_convolutions)]
            for name in names:
                kind = None if self.stages or name != names[0] else HeatmapConv3d
                out_channels = base_channels * min(2**stage, 8)
                self.add_module(name, ConvBNReLU(channels, out_channels, (3, 3, 3), convolution=kind))
                channels = out_channels
            self.stages.append(names)
        self.out_channels = channels
        initialise_convolutions(self)

    def forward(self, volume: Float[Tensor, "B C T H W"]) -> Float[Tensor, "B C2 T2 H2 W2"]:
        smallest = 2 ** (len(self.stages) - 1)
        if min(volume.shape[-2:]) < smallest:
            raise ValueError(
                f"a canvas of {volume.shape[-2]}x{volume.shape[-1]} cannot be halved {len(self.stages) - 1} times; "
                f"set clips.train_canvas and clips.test_canvas to {smallest} or more"
            )
        if volume.shape[2] < (shortest := math.prod(self.temporal_strides)):
            raise ValueError(
                f"a clip of {volume.shape[2]} frames is too short for temporal_strides={self.temporal_strides}; "
                f"set clips.length to {shortest} or more"
            )
        x = volume
        for stage, (names, temporal_stride) in enumerate(zip(self.stages, self.temporal_strides, strict=True)):
            x = _mean_of_neighbours(x) if stage else x
            x = _mean_over_time(x, temporal_stride) if temporal_stride > 1 else x
            for name in names:
                x = getattr(self, name)(x)
        return x


def _mean_of_neighbours(x: Float[Tensor, "B C T H W"]) -> Float[Tensor, "B C T H2 W2"]:
    """Halve height and width of each frame, over 2x2 pixels; a last odd row or column is left out.

    In two dimensions, frame by frame: on a GPU the gradient of 3-D average pooling is not deterministic.
    """
    frames = functional.avg_pool2d(x.transpose(1, 2).flatten(0, 1), 2)
    return torch.unflatten(frames, 0, (x.shape[0], x.shape[2])).transpose(1, 2)


def _mean_over_time(x: Float[Tensor, "B C T H W"], length: int) -> Float[Tensor, "B C T2 H W"]:
    """Divide time by `length`; last frames that are too few are left out."""
    num_frames = x.shape[2] // length
    return torch.unflatten(x[:, :, : num_frames * length], 2, (num_frames, length)).mean(3)
