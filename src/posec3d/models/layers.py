"""What the backbones are made of: convolutions with their normalisation, and their first weights."""

from jaxtyping import Float
from torch import Tensor
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


class ConvBNReLU(nn.Module):
    """Convolution without bias, batch normalisation, and a ReLU unless told not to.

    With as many `groups` as channels, each is convolved by itself (depthwise).
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: tuple[int, int, int],
        *,
        stride: tuple[int, int, int] = (1, 1, 1),
        groups: int = 1,
        relu: bool = True,
        convolution: type[nn.Conv3d] = nn.Conv3d,
    ) -> None:
        super().__init__()
        time, height, width = kernel
        padding = (time // 2, height // 2, width // 2)
        self.conv = convolution(in_channels, out_channels, kernel, stride, padding, groups=groups, bias=False)
        self.bn: nn.BatchNorm3d | nn.Identity = nn.BatchNorm3d(out_channels)
        self.relu = nn.ReLU(inplace=True) if relu else nn.Identity()

    def forward(self, x: Float[Tensor, "B C T H W"]) -> Float[Tensor, "B C2 T2 H2 W2"]:
        normalised: Tensor = self.relu(self.bn(self.conv(x)))
        return normalised

    def fused(self) -> nn.Conv3d:
        """Return the convolution with the normalisation of evaluation folded into it: the same values, once less."""
        return self.conv if isinstance(self.bn, nn.Identity) else fuse_conv_bn_eval(self.conv, self.bn)

    def fuse_normalisation(self) -> None:
        """Fold the normalisation into the convolution: the same values in evaluation, with one operation less."""
        self.conv = self.fused()
        self.bn = nn.Identity()


def fuse_normalisation(model: nn.Module) -> None:
    """Fold every batch normalisation of a model in evaluation mode into the convolution before it."""
    for module in list(model.modules()):
        if isinstance(module, ConvBNReLU):
            module.fuse_normalisation()


def initialise_convolutions(backbone: nn.Module) -> None:
    """Draw the weights of every convolution at random as the reference: He normal over outputs."""
    for module in backbone.modules():
        if isinstance(module, nn.Conv3d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
