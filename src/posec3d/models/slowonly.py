"""SlowOnly-R50 for heatmap volumes: a ResNet with 3-D kernels that keeps time whole until its last stage.

Source: PoseC3D, section 3.3 (SlowOnly without its first stage); layers and parameter names as mmaction2 and pyskl
`ResNet3dSlowOnly`, whose published weights load unchanged.
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch import nn

from posec3d.models.heatmap_convolution import HeatmapConv3d
from posec3d.models.heatmap_convolution import convolve_and_pool
from posec3d.models.layers import ConvBNReLU
from posec3d.models.layers import initialise_convolutions
from posec3d.models.neighbour_pooling import highest_of_neighbours

_EXPANSION = 4


class Bottleneck(nn.Module):
    """Residual block of three convolutions; the first sees three frames when `inflated`, else one."""

    def __init__(self, in_channels: int, planes: int, *, stride: tuple[int, int, int], inflated: bool) -> None:
        super().__init__()
        out_channels = planes * _EXPANSION
        self.conv1 = ConvBNReLU(in_channels, planes, (3, 1, 1) if inflated else (1, 1, 1))
        self.conv2 = ConvBNReLU(planes, planes, (1, 3, 3), stride=stride)
        self.conv3 = ConvBNReLU(planes, out_channels, (1, 1, 1))
        self.downsample = (
            ConvBNReLU(in_channels, out_channels, (1, 1, 1), stride=stride, relu=False)
            if stride != (1, 1, 1) or in_channels != out_channels
            else None
        )

    def forward(self, x: Float[Tensor, "B C T H W"]) -> Float[Tensor, "B C2 T2 H2 W2"]:
        shortcut = x if self.downsample is None else self.downsample(x)
        out: Tensor = self.conv3(self.conv2(self.conv1(x)), shortcut)
        return out


class SlowOnly(nn.Module):
    """Volume (B, in_channels, T, H, W) to features (B, 16 * base_channels, T/2, H/8, W/8), for three stages.

    The published network has base_channels 32 and stage_blocks (4, 6, 3), or (3, 4, 6) for Kinetics-400, UCF101 and
    HMDB51. Temporal kernels stand in every stage but the first. Each stage divides time by its part of
    `temporal_strides`; without them the last stage alone, by 2.
    """

    def __init__(
        self,
        in_channels: int = 17,
        *,
        base_channels: int = 32,
        stage_blocks: tuple[int, ...] = (4, 6, 3),
        temporal_strides: tuple[int, ...] | None = None,
    ) -> None:
        super().__init__()
        self.conv1 = ConvBNReLU(in_channels, base_channels, (1, 7, 7), convolution=HeatmapConv3d)
        self.temporal_strides = temporal_strides or (*(1 for _ in stage_blocks[1:]), 2)
        channels, planes = base_channels, base_channels
        for stage, (num_blocks, temporal_stride) in enumerate(zip(stage_blocks, self.temporal_strides, strict=True)):
            blocks = []
            for block in range(num_blocks):
                stride = (1, 1, 1) if block else (temporal_stride, 2, 2)
                blocks.append(Bottleneck(channels, planes, stride=stride, inflated=stage > 0))
                channels = planes * _EXPANSION
            setattr(self, f"layer{stage + 1}", nn.Sequential(*blocks))
            planes *= 2
        self.num_stages = len(stage_blocks)
        # Whether `frame_features` are of each frame by itself.
        self.sees_frames_singly = self.num_stages == 1 or self.temporal_strides[0] == 1
        self.out_channels = channels
        _initialise(self)

    def forward(self, volume: Float[Tensor, "B C T H W"]) -> Float[Tensor, "B C2 T2 H2 W2"]:
        return self.clip_features(self.frame_features(volume))

    def frame_features(self, volume: Float[Tensor, "B C T H W"]) -> Float[Tensor, "B C2 T2 H2 W2"]:
        """Return what the first layers make of each frame by itself, if `sees_frames_singly`."""
        x: Tensor = _rectified_and_pooled(self.conv1, volume)
        return self._run(x, 0, 1) if self.num_stages > 1 else x

    def clip_features(self, frames: Float[Tensor, "B C T H W"]) -> Float[Tensor, "B C2 T2 H2 W2"]:
        """Return what the other layers make of the frames of a clip together."""
        return self._run(frames, min(1, self.num_stages - 1), self.num_stages)

    def _run(self, x: Tensor, first: int, last: int) -> Tensor:
        for stage in range(first, last):
            x = getattr(self, f"layer{stage + 1}")(x)
        return x


def _rectified_and_pooled(layer: ConvBNReLU, volume: Float[Tensor, "B C T H W"]) -> Float[Tensor, "B C2 T H W"]:
    """Run the first layer and its pooling, in one pass where a compiled loop can and nothing is learnt."""
    learns = layer.training or torch.is_grad_enabled()
    if learns or not (isinstance(layer.conv, HeatmapConv3d) and layer.conv.is_sparse(volume)):
        return highest_of_neighbours(layer(volume))
    fused = layer.fused()
    assert fused.bias is not None
    return convolve_and_pool(volume, fused.weight, fused.bias)


def _initialise(backbone: nn.Module) -> None:
    """Draw weights as the reference: He normal over outputs, and the last normalisation of each block at zero."""
    initialise_convolutions(backbone)
    for module in backbone.modules():
        if isinstance(module, Bottleneck):
            assert isinstance(module.conv3.bn, nn.BatchNorm3d)
            nn.init.zeros_(module.conv3.bn.weight)
