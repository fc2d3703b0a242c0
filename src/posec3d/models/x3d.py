"""X3D-shallow for heatmap volumes: residual blocks around depthwise convolutions, an eighth of SlowOnly's parameters.

Source: PoseC3D, section 3.3 (X3D-s); layers and parameter names as pyskl `X3D` with gamma_w 1, gamma_b 2.25 and neither
squeeze-excitation nor swish, whose published weights load unchanged.
"""

from collections import OrderedDict

from jaxtyping import Float
from torch import Tensor
from torch import nn

from posec3d.models.depthwise_convolution import DepthwiseConv3d
from posec3d.models.heatmap_convolution import HeatmapConv3d
from posec3d.models.layers import ConvBNReLU
from posec3d.models.layers import initialise_convolutions

# pyskl's gamma_b: how much wider a block is inside.
_EXPANSION = 2.25


class Block(nn.Module):
    """Residual block: to `planes` channels, a 3x3x3 convolution of each by itself, and back to `out_channels`."""

    def __init__(self, in_channels: int, planes: int, out_channels: int, *, stride: tuple[int, int, int]) -> None:
        super().__init__()
        self.conv1 = ConvBNReLU(in_channels, planes, (1, 1, 1))
        # Without a ReLU of its own, as the reference without swish: conv3 sees the normalised values.
        self.conv2 = ConvBNReLU(
            planes, planes, (3, 3, 3), stride=stride, groups=planes, relu=False, convolution=DepthwiseConv3d
        )
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


class X3D(nn.Module):
    """Volume (B, in_channels, T, H, W) to features (B, 9 * base_channels, T, H/16, W/16), for three stages.

    The published network has base_channels 24 and stage_blocks (2, 5, 3); the paper's X3D (gamma_d 2.2) has
    (5, 11, 7). The stem halves height and width (rounded up), and so does every stage; each stage but the first has
    twice the channels of the one before. Each stage divides time by its part of `temporal_strides`; without them time
    stays whole.
    """

    def __init__(
        self,
        in_channels: int = 17,
        *,
        base_channels: int = 24,
        stage_blocks: tuple[int, ...] = (2, 5, 3),
        temporal_strides: tuple[int, ...] | None = None,
    ) -> None:
        super().__init__()
        # A convolution alone, under the name that it has in the published files.
        spatial = HeatmapConv3d(in_channels, base_channels, (1, 3, 3), (1, 2, 2), padding=(0, 1, 1), bias=False)
        self.conv1_s = nn.Sequential(OrderedDict(conv=spatial))
        self.conv1_t = ConvBNReLU(
            base_channels, base_channels, (5, 1, 1), groups=base_channels, convolution=DepthwiseConv3d
        )
        channels = base_channels
        temporal_strides = temporal_strides or tuple(1 for _ in stage_blocks)
        for stage, (num_blocks, temporal_stride) in enumerate(zip(stage_blocks, temporal_strides, strict=True)):
            out_channels = base_channels * 2**stage
            blocks = []
            for block in range(num_blocks):
                stride = (1, 1, 1) if block else (temporal_stride, 2, 2)
                blocks.append(Block(channels, int(out_channels * _EXPANSION), out_channels, stride=stride))
                channels = out_channels
            setattr(self, f"layer{stage + 1}", nn.Sequential(*blocks))
        self.num_stages = len(stage_blocks)
        self.out_channels = int(channels * _EXPANSION)
        self.conv5 = ConvBNReLU(channels, self.out_channels, (1, 1, 1))
        _initialise(self)

    def forward(self, volume: Float[Tensor, "B C T H W"]) -> Float[Tensor, "B C2 T2 H2 W2"]:
        x: Tensor = self.conv1_t(self.conv1_s(volume))
        for stage in range(self.num_stages):
            x = getattr(self, f"layer{stage + 1}")(x)
        features: Tensor = self.conv5(x)
        return features


def _initialise(backbone: nn.Module) -> None:
    """Draw weights as the reference, with the last normalisation of each block at zero."""
    initialise_convolutions(backbone)
    for module in backbone.modules():
        if isinstance(module, Block):
            assert isinstance(module.conv3.bn, nn.BatchNorm3d)
            nn.init.zeros_(module.conv3.bn.weight)
