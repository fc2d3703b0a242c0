"""What the backbones are made of: convolutions with their normalisation, and their first weights."""

from jaxtyping import Float
from torch import Tensor
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from posec3d.models.depthwise_convolution import DepthwiseConv3d
from posec3d.models.normalisation import normalise
from posec3d.models.normalisation import normalises_in_few_passes
from posec3d.models.one_pass_convolution import convolve_and_rectify
from posec3d.models.one_pass_convolution import fits_one_pass
from posec3d.models.winograd_convolution import WinogradConv3d


class ConvBNReLU(nn.Module):
    """Convolution without bias, batch normalisation, perhaps the sum with a shortcut, and a ReLU unless told not to.

    With as many `groups` as channels, each is convolved by itself (depthwise). `convolution` is the kind of it,
    WinogradConv3d where no other is given and there are no groups.
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
        convolution: type[nn.Conv3d] | None = None,
    ) -> None:
        super().__init__()
        time, height, width = kernel
        padding = (time // 2, height // 2, width // 2)
        usual = WinogradConv3d if groups == 1 else nn.Conv3d
        self.conv = (convolution or usual)(
            in_channels, out_channels, kernel, stride, padding, groups=groups, bias=False
        )
        self.bn: nn.BatchNorm3d | nn.Identity = nn.BatchNorm3d(out_channels)
        self.relu = nn.ReLU(inplace=True) if relu else nn.Identity()

    def forward(
        self, x: Float[Tensor, "B C T H W"], shortcut: Float[Tensor, "B C2 T2 H2 W2"] | None = None
    ) -> Float[Tensor, "B C2 T2 H2 W2"]:
        if self._fits_one_pass(x):
            if shortcut is None and isinstance(self.conv, WinogradConv3d) and self.conv.saves_products(x):
                return self.conv.rectified(x)
            return convolve_and_rectify(self.conv, x, shortcut)
        out: Tensor = self.conv(x)
        if not _is_watched(self.bn, self.relu) and normalises_in_few_passes(self.bn, out):
            return normalise(self.bn, out, shortcut, rectified=isinstance(self.relu, nn.ReLU))
        out = self.bn(out)
        # In place: a normalisation does not need what it gave to know its gradient.
        out = out if shortcut is None else out.add_(shortcut)
        rectified: Tensor = self.relu(out)
        return rectified

    def _fits_one_pass(self, x: Float[Tensor, "B C T H W"]) -> bool:
        """Tell whether convolution and ReLU may be one: nobody has put anything of his own into either or between."""
        if not (isinstance(self.bn, nn.Identity) and isinstance(self.relu, nn.ReLU) and type(self.conv) in _ONE_PASS):
            return False
        return not _is_watched(self.conv, self.bn, self.relu) and fits_one_pass(self.conv, x)

    def fused(self) -> nn.Conv3d:
        """Return the convolution with the normalisation of evaluation folded into it: the same values, once less."""
        return self.conv if isinstance(self.bn, nn.Identity) else fuse_conv_bn_eval(self.conv, self.bn)

    def fuse_normalisation(self) -> None:
        """Fold the normalisation into the convolution: the same values in evaluation, with one operation less."""
        self.conv = self.fused()
        self.bn = nn.Identity()


def _is_watched(*parts: nn.Module) -> bool:
    """Tell whether somebody has hooked himself into a part."""
    return any(part._forward_hooks or part._forward_pre_hooks for part in parts)


# HeatmapConv3d has loops of its own, which are faster still.
_ONE_PASS = (nn.Conv3d, WinogradConv3d, DepthwiseConv3d)


def fuse_normalisation(model: nn.Module) -> None:
    """Fold every batch normalisation of a model in evaluation mode into the convolution before it."""
    for module in list(model.modules()):
        if isinstance(module, ConvBNReLU):
            module.fuse_normalisation()


def freeze_convolutions(model: nn.Module) -> None:
    """Let convolutions keep what they make of their weights: these must not be changed in place any more."""
    for module in model.modules():
        if isinstance(module, WinogradConv3d):
            module.freeze()


def initialise_convolutions(backbone: nn.Module) -> None:
    """Draw the weights of every convolution at random as the reference: He normal over outputs."""
    for module in backbone.modules():
        if isinstance(module, nn.Conv3d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
