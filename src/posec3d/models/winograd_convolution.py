"""Convolutions by three frames, or by 3x3 pixels of one frame or three, with a half to a quarter of the products.

By Winograd's algorithm in compiled loops (`posec3d.models.winograd_products`), in about half of oneDNN's time.
"""

from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from jaxtyping import Float32
from torch import Tensor

from posec3d.models import winograd_products
from posec3d.models.convolution_gradients import gradients_by_torch
from posec3d.models.pointwise_convolution import PointwiseConv3d
from posec3d.runtime.tensors import shows_its_memory


class WinogradConv3d(PointwiseConv3d):
    """nn.Conv3d with fewer products where that pays: the same parameters, values and gradients to rounding.

    Of float32 in memory channels last on a processor with AVX2 or AVX-512, by kernels of three frames, 3x3 pixels or
    both that keep the size. Values are up to five times as far from the exact ones as nn.Conv3d's (1e-6 to 8e-6 of the
    largest), gradients of kernels up to eight times (1e-5). Outputs come in tiles, of four frames or 4x4 pixels: what
    is not a finite number, or close to the largest of float32, spoils a whole tile.
    Elsewhere it is PointwiseConv3d, which is nn.Conv3d for all but kernels one pixel wide.
    """

    _is_frozen = False
    _kept: tuple[Tensor, int, Float32[np.ndarray, "K panels rows columns"]] | None = None

    def forward(self, x: Float[Tensor, "B C T H W"]) -> Float[Tensor, "B O T2 H2 W2"]:
        if not self.saves_products(x):
            return super().forward(x)
        given = (x, self.weight, self.bias)
        if torch.is_grad_enabled() and any(values is not None and values.requires_grad for values in given):
            result: Tensor = _Winograd.apply(*given)  # type: ignore[no-untyped-call]
            return result
        return winograd_products.convolve(x, self._mixed(), self.kernel_size, self.bias)

    def rectified(self, x: Float[Tensor, "B C T H W"]) -> Float[Tensor, "B O T H W"]:
        """Return max(0, self(x)), in one pass, where it `saves_products` and nothing is learnt."""
        return winograd_products.convolve(x, self._mixed(), self.kernel_size, self.bias, lowest=0.0)

    def freeze(self) -> None:
        """Keep the mixed weights from one call to the next: weights must not be changed in place any more.

        Other ones may be set and loaded, and the module be moved, changed in precision or copied; a copy is not frozen.
        """
        self._is_frozen = True

    def saves_products(self, x: Float[Tensor, "B C T H W"]) -> bool:
        """Tell whether the loops can convolve a tensor, and are worth it."""
        weight, bias = self.weight, self.bias
        for given in (x, weight) if bias is None else (x, weight, bias):
            if given.dtype != torch.float32 or not shows_its_memory(given):
                return False
        # As nn.Conv3d, which says what does not fit.
        if weight.shape != (self.out_channels, self.in_channels, *self.kernel_size):
            return False
        if bias is not None and bias.shape != (self.out_channels,):
            return False
        if x.dim() != 5 or x.shape[1] != self.in_channels or not x.numel() or not self._keeps_the_size():
            return False
        if torch.is_autocast_enabled("cpu"):
            return False
        return x.is_contiguous(memory_format=torch.channels_last_3d) and winograd_products.saves_products(
            x.shape, weight.shape, mixed=self._is_frozen and not torch.is_grad_enabled()
        )

    def _keeps_the_size(self) -> bool:
        kernel = self.kernel_size
        return (
            kernel in ((3, 1, 1), (1, 3, 3), (3, 3, 3))
            and self.stride == self.dilation == (1, 1, 1)
            and self.padding == tuple(length // 2 for length in kernel)
            and self.padding_mode == "zeros"
            and self.groups == 1
        )

    def _mixed(self) -> Float32[np.ndarray, "K panels rows columns"]:
        if not self._is_frozen:
            return winograd_products.mixed(self.weight)
        weight = self.weight
        if self._kept is None or self._kept[0] is not weight or self._kept[1] != weight.data_ptr():
            self._kept = weight, weight.data_ptr(), winograd_products.mixed(weight)
        return self._kept[2]

    def _apply(self, *given: Any, **options: Any) -> "WinogradConv3d":
        self._kept = None
        super()._apply(*given, **options)  # type: ignore[no-untyped-call]
        return self

    def _load_from_state_dict(self, *given: Any, **options: Any) -> None:
        self._kept = None
        super()._load_from_state_dict(*given, **options)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in ("_is_frozen", "_kept")}


class _Winograd(torch.autograd.Function):
    @staticmethod
    def forward(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        return winograd_products.convolve(x, winograd_products.mixed(weight), weight.shape[2:], bias)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Tensor | None], output: Tensor) -> None:
        ctx.save_for_backward(*inputs[:2])

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        x, weight = ctx.saved_tensors
        needs_x, needs_weight, needs_bias = ctx.needs_input_grad
        if torch.is_grad_enabled() or not shows_its_memory(gradient):
            # Gradients of the gradients are wanted, or many at once: PyTorch knows them.
            return gradients_by_torch(gradient, x, weight, ctx.needs_input_grad)
        gradient = gradient.contiguous(memory_format=torch.channels_last_3d)
        of_x = None
        if needs_x and winograd_products.fits_registers(weight.shape[0], weight.shape[1]):
            # A convolution again, with the kernel turned around.
            turned = winograd_products.mixed(weight.flip(2, 3, 4).transpose(0, 1))
            of_x = winograd_products.convolve(gradient, turned, weight.shape[2:], None)
        elif needs_x:
            of_x, *_ = gradients_by_torch(gradient, x, weight, (True, False, False))
        of_weight = winograd_products.kernel_gradient(gradient, x, weight) if needs_weight else None
        return of_x, of_weight, gradient.sum((0, 2, 3, 4)) if needs_bias else None
