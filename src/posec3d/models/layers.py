"""What the backbones are made of: convolutions with their normalisation, and their first weights."""

from jaxtyping import Float
from torch import Tensor
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from posec3d.models.heatmap_convolution import HeatmapConv3d
from posec3d.models.normalisation import normalise
from posec3d.models.normalisation import normalises_in_few_passes
from posec3d.models.one_pass_convolution import convolve_and_rectify
from posec3d.models.one_pass_convolution import fits_one_pass
from posec3d.models.pointwise_convolution import PointwiseConv3d
from posec3d.models.winograd_convolution import MixedKernel
from posec3d.models.winograd_convolution import convolve_and_rectify_in_few_products
from posec3d.models.winograd_convolution import convolve_in_few_products
from posec3d.models.winograd_convolution import fits_few_products


class ConvBNReLU(nn.Module):
    """Convolution without bias, batch normalisation, perhaps the sum with a shortcut, and a ReLU unless told not to.

    With as many `groups` as channels, each is convolved by itself (depthwise). `convolution` is the kind of it; of
    kernels that see one pixel of each frame, without groups, PointwiseConv3d unless another is given.
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
        usual = PointwiseConv3d if height == width == groups == 1 else nn.Conv3d
        self.conv = (convolution or usual)(
            in_channels, out_channels, kernel, stride, padding, groups=groups, bias=False
        )
        self.bn: nn.BatchNorm3d | nn.Identity = nn.BatchNorm3d(out_channels)
        self.relu = nn.ReLU(inplace=True) if relu else nn.Identity()
        self._mixed: MixedKernel | None = None

    def forward(
        self, x: Float[Tensor, "B C T H W"], shortcut: Float[Tensor, "B C2 T2 H2 W2"] | None = None
    ) -> Float[Tensor, "B C2 T2 H2 W2"]:
        if self._fits_one_pass(x):
            if shortcut is None and self._fits_few_products(x):
                return convolve_and_rectify_in_few_products(self.conv, x, self._mixed_kernel())
            return convolve_and_rectify(self.conv, x, shortcut)
        out: Tensor = convolve_in_few_products(self.conv, x) if self._fits_few_products(x) else self.conv(x)
        if normalises_in_few_passes(self.bn, out):
            return normalise(self.bn, out, shortcut, rectified=isinstance(self.relu, nn.ReLU))
        out = self.bn(out)
        # In place: a normalisation does not need what it gave to know its gradient.
        out = out if shortcut is None else out.add_(shortcut)
        rectified: Tensor = self.relu(out)
        return rectified

    def _fits_one_pass(self, x: Float[Tensor, "B C T H W"]) -> bool:
        rectified = isinstance(self.bn, nn.Identity) and isinstance(self.relu, nn.ReLU)
        return rectified and not self._sees_heatmaps() and fits_one_pass(self.conv, x)

    def _fits_few_products(self, x: Float[Tensor, "B C T H W"]) -> bool:
        return not self._sees_heatmaps() and fits_few_products(self.conv, x)

    def _sees_heatmaps(self) -> bool:
        """Tell whether the convolution has loops of its own, which are faster still."""
        return isinstance(self.conv, HeatmapConv3d)

    def _mixed_kernel(self) -> MixedKernel:
        if self._mixed is None or not self._mixed.is_of(self.conv.weight):
            self._mixed = MixedKernel.of(self.conv.weight)
        return self._mixed

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
