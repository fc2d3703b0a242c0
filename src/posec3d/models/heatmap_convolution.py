"""The first convolution, of heatmaps: on a processor it multiplies only what is not zero."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from jaxtyping import Num
from torch import Tensor
from torch import nn

from posec3d.models.convolution_gradients import gradients_by_torch
from posec3d.runtime.tensors import COMPILED_DTYPES
from posec3d.runtime.tensors import as_array
from posec3d.runtime.tensors import as_frames
from posec3d.runtime.tensors import shows_its_memory
from posec3d.runtime.threads import in_parallel

# Of the volume; above it the dense convolution is about as fast.
_DENSEST = 0.25


class HeatmapConv3d(nn.Conv3d):
    """nn.Conv3d for volumes of heatmaps: the same parameters, and the same values to rounding.

    On a processor, volumes that are nearly empty take a fraction of its time, in training as well, if the convolution
    takes every frame, and every pixel or every so many in both directions, and keeps the size or divides it so.
    Elsewhere, and where a gradient of the volume is asked for, it is nn.Conv3d itself.
    """

    def forward(self, volume: Float[Tensor, "B C T H W"]) -> Float[Tensor, "B O T2 H2 W2"]:
        if not self.is_sparse(volume):
            return super().forward(volume)
        result: Tensor = _SparseConvolution.apply(volume, self.weight, self.bias, self.stride[2], _output_dtype(volume))  # type: ignore[no-untyped-call]
        return result

    def is_sparse(self, volume: Float[Tensor, "B C T H W"]) -> bool:
        """Tell whether only what is not zero in a volume will be multiplied."""
        plain = self.dilation == (1, 1, 1) and self.groups == 1
        plain &= self.stride == (1, self.stride[2], self.stride[2])
        plain &= all(side % 2 == 1 for side in self.kernel_size)
        plain &= self.padding == tuple(side // 2 for side in self.kernel_size)
        if not plain or volume.requires_grad or not shows_its_memory(volume):
            return False
        if volume.dtype not in COMPILED_DTYPES or _output_dtype(volume) not in COMPILED_DTYPES:
            return False
        from posec3d.compiled.convolution import num_not_zero

        return bool(num_not_zero(as_frames(volume)) < _DENSEST * volume.numel())


@torch.no_grad()
def convolve_and_pool(
    volume: Float[Tensor, "B C T H W"],
    weight: Float[Tensor, "O C KT KH KW"],
    bias: Float[Tensor, " O"],
    *,
    dtype: torch.dtype | None = None,
) -> Num[Tensor, "B O T H W"]:
    """Return the convolution of a sparse volume, rectified, and of 3x3 neighbours the highest: in one pass.

    In `dtype`, uint8 among others, where 255 stands for all that is higher; without it, in the network's precision.
    """
    from posec3d.compiled.convolution import convolve_and_pool as compiled

    return _convolved(compiled, volume, weight, bias, dtype or _output_dtype(volume))


class _SparseConvolution(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, volume: Tensor, weight: Tensor, bias: Tensor | None, stride: int, dtype: torch.dtype
    ) -> Tensor:
        from posec3d.compiled.convolution import convolve

        ctx.save_for_backward(volume, weight)
        ctx.stride = stride
        offsets = weight.new_zeros(weight.shape[0]) if bias is None else bias

        def strided(*given: Any) -> None:
            *inputs, output, first, last = given
            convolve(*inputs, stride, output, first, last)

        return _convolved(strided, volume, weight, offsets, dtype, stride=stride)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, Tensor | None, Tensor | None, None, None]:
        volume, weight = ctx.saved_tensors
        if torch.is_grad_enabled():
            # The gradient of the gradient is wanted: PyTorch knows it.
            stride = (1, ctx.stride, ctx.stride)
            _, of_weight, of_bias = gradients_by_torch(gradient, volume, weight, ctx.needs_input_grad[:3], stride)
            return None, of_weight, of_bias, None, None
        of_bias = gradient.sum((0, 2, 3, 4), dtype=torch.float32) if ctx.needs_input_grad[2] else None
        return None, _kernel_gradient(volume, weight, gradient, ctx.stride), of_bias, None, None


def _convolved(
    compiled: Callable[..., None],
    volume: Tensor,
    weight: Tensor,
    bias: Tensor,
    dtype: torch.dtype,
    *,
    stride: int = 1,
) -> Num[Tensor, "B O T H W"]:
    """Run a compiled convolution over the frames of all clips; the result lies channels last."""
    num_clips, _, num_frames, height, width = volume.shape
    size = (-(-height // stride), -(-width // stride))
    output = torch.empty((num_clips, num_frames, *size, weight.shape[0]), dtype=dtype)
    frames, written, kernel = as_frames(volume), as_array(output.flatten(0, 1)), _turned(weight)
    offsets = bias.detach().float().numpy()
    in_parallel(lambda first, last: compiled(frames, num_frames, kernel, offsets, written, first, last), len(frames))
    return output.permute(0, 4, 1, 2, 3)


def _kernel_gradient(volume: Tensor, weight: Tensor, gradient: Tensor, stride: int) -> Float[Tensor, "O C KT KH KW"]:
    from posec3d.compiled.convolution import kernel_gradient

    num_outputs, num_channels, length, height, width = weight.shape
    num_clips, num_frames = volume.shape[0], volume.shape[2]
    frames, given = as_frames(volume), as_frames(gradient)
    # A sum a clip, and then the sum of these: the same bits with any number of threads.
    of_clips = np.zeros((num_clips, length, num_channels, height, width * num_outputs), np.float32)

    edges = [clip * num_frames for clip in range(num_clips + 1)]

    def of_some(first: int, last: int) -> None:
        for clip in range(first, last):
            kernel_gradient(frames, num_frames, given, stride, of_clips[clip], *edges[clip : clip + 2])

    in_parallel(of_some, num_clips, fewest=1)
    turned = torch.from_numpy(of_clips.sum(0)).view(length, num_channels, height, width, num_outputs)
    return turned.flip(2, 3).permute(4, 1, 0, 2, 3).to(weight.dtype)


def _turned(weight: Tensor) -> np.ndarray:
    """Return a weight (O, C, KT, KH, KW) as the compiled loops want it, (KT, C, KH, KW * O), turned around."""
    turned = weight.detach().float().permute(2, 1, 3, 4, 0).flip(2, 3)
    return turned.reshape(*turned.shape[:3], -1).contiguous().numpy()


def _output_dtype(volume: Tensor) -> torch.dtype:
    return torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else volume.dtype
