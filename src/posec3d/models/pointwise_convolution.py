"""Convolutions by kernels one pixel high and wide, of one frame or several: what PyTorch is slow at, done otherwise."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch import nn
from torch.nn import functional

from posec3d.runtime.devices import HAS_ONEDNN
from posec3d.runtime.tensors import shows_its_memory


class PointwiseConv3d(nn.Conv3d):
    """nn.Conv3d with a kernel one pixel high and wide: the same parameters, and the same values to rounding.

    In training on a processor, what strides skip is left out first, instead of by the convolution: half the time.
    """

    def forward(self, x: Float[Tensor, "B C T H W"]) -> Float[Tensor, "B C2 T2 H2 W2"]:
        if not self._is_plain() or not shows_its_memory(x):
            return super().forward(x)
        learns = torch.is_grad_enabled() and (x.requires_grad or self.weight.requires_grad)
        stride = self.stride
        if learns and max(stride) > 1:
            # Where a kernel sees several frames, it needs them all.
            skipped = stride if self.kernel_size[0] == 1 else (1, *stride[1:])
            stride = (stride[0] // skipped[0], 1, 1)
            x = _EveryFew.apply(x, skipped)  # type: ignore[no-untyped-call]
        return functional.conv3d(x, self.weight, self.bias, stride, self.padding, harmless_dilation(x), self.groups)

    def _is_plain(self) -> bool:
        length, *sides = self.kernel_size
        return (
            sides == [1, 1]
            and self.dilation == (1, 1, 1)
            and self.padding_mode == "zeros"
            and self.padding == (length // 2, 0, 0)
        )


def harmless_dilation(x: Float[Tensor, "B C T H W"]) -> tuple[int, int, int]:
    """Return a dilation that changes nothing of a kernel one pixel wide, but by what PyTorch convolves on a processor.

    In a single thread it leaves undilated ones in float32 to a loop of its own (2.13, `use_mkldnn` in Convolution.cpp),
    whose results lie channels first, so that each layer puts them in order again.
    """
    has_onednn = HAS_ONEDNN and torch.backends.mkldnn.enabled
    is_slow = has_onednn and x.dtype == torch.float32 and torch.get_num_threads() == 1
    return (1, 1, 2) if is_slow else (1, 1, 1)


class _EveryFew(torch.autograd.Function):
    """Every so many frames, rows and columns. Slices' own gradient lies channels first, which all that follows pays."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, strides: tuple[int, int, int]) -> Tensor:
        ctx.size, ctx.strides = x.shape, strides
        layout = torch.preserve_format if x.is_contiguous() else torch.channels_last_3d
        return _every_few(x, strides).clone(memory_format=layout)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        layout = torch.contiguous_format if gradient.is_contiguous() else torch.channels_last_3d
        whole = torch.empty(ctx.size, dtype=gradient.dtype, memory_format=layout).zero_()
        _every_few(whole, ctx.strides).copy_(gradient)
        return whole, None


def _every_few(x: Float[Tensor, "B C T H W"], strides: tuple[int, int, int]) -> Float[Tensor, "B C T2 H2 W2"]:
    along_time, down, across = strides
    return x[:, :, ::along_time, ::down, ::across]
