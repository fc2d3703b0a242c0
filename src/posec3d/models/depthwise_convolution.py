"""Convolutions of every channel by itself, whose gradients are quick on a processor as well."""

from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch import nn
from torch.nn import functional

from posec3d.models.pointwise_convolution import harmless_dilation
from posec3d.runtime.tensors import COMPILED_DTYPES
from posec3d.runtime.tensors import as_array
from posec3d.runtime.tensors import as_frames
from posec3d.runtime.tensors import shows_its_memory
from posec3d.runtime.threads import in_parallel


class DepthwiseConv3d(nn.Conv3d):
    """nn.Conv3d with as many groups as channels: the same parameters and values, and the same gradients to rounding.

    On a processor, compiled loops give the gradients in a fifth of PyTorch's time, if the convolution has odd kernels,
    takes every frame, and keeps the size, or divides it by a stride in both directions. Elsewhere it is nn.Conv3d.
    """

    def forward(self, x: Float[Tensor, "B C T H W"]) -> Float[Tensor, "B C T2 H2 W2"]:
        if not (self._is_plain() and _learns_here(x, self.weight)):
            return super().forward(x)
        result: Tensor = _Depthwise.apply(x, self.weight, self.stride[2])  # type: ignore[no-untyped-call]
        return result

    def _is_plain(self) -> bool:
        return (
            self.groups == self.in_channels == self.out_channels
            and self.bias is None
            and self.dilation == (1, 1, 1)
            and self.stride == (1, self.stride[2], self.stride[2])
            and all(side % 2 == 1 for side in self.kernel_size)
            and self.padding == tuple(side // 2 for side in self.kernel_size)
        )


def _learns_here(x: Tensor, weight: Tensor) -> bool:
    return (
        shows_its_memory(x)
        and torch.is_grad_enabled()
        and (x.requires_grad or weight.requires_grad)
        and x.dtype in COMPILED_DTYPES
    )


class _Depthwise(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, stride: int) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.stride = stride
        padding = [side // 2 for side in weight.shape[2:]]
        dilation = harmless_dilation(x) if weight.shape[4] == 1 else 1
        return functional.conv3d(x, weight, None, (1, stride, stride), padding, dilation, groups=x.shape[1])

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        x, weight = ctx.saved_tensors
        of_inputs = _input_gradient(x, weight, gradient, ctx.stride) if ctx.needs_input_grad[0] else None
        of_kernel = _kernel_gradient(x, weight, gradient, ctx.stride) if ctx.needs_input_grad[1] else None
        return of_inputs, of_kernel, None


def _input_gradient(x: Tensor, weight: Tensor, gradient: Tensor, stride: int) -> Float[Tensor, "B C T H W"]:
    from posec3d.compiled.depthwise import depthwise_input_gradient

    num_clips, num_channels, num_frames, height, width = x.shape
    result = torch.empty((num_clips, num_frames, height, width, num_channels), dtype=x.dtype)
    written, given = as_array(result.flatten(0, 1)), as_frames(gradient)
    kernel = weight.detach()[:, 0].permute(1, 2, 3, 0).float().contiguous().numpy()
    in_parallel(
        lambda first, last: depthwise_input_gradient(given, num_frames, kernel, stride, written, first, last),
        len(written),
    )
    return result.permute(0, 4, 1, 2, 3)


def _kernel_gradient(x: Tensor, weight: Tensor, gradient: Tensor, stride: int) -> Float[Tensor, "C 1 KT KH KW"]:
    from posec3d.compiled.depthwise import depthwise_kernel_gradient

    num_clips, num_channels, num_frames = x.shape[:3]
    frames, given = as_frames(x), as_frames(gradient)
    # A sum a clip, and then the sum of these: the same bits with any number of threads.
    of_clips = np.zeros((num_clips, *weight.shape[2:], num_channels), np.float32)

    def of_some(first: int, last: int) -> None:
        for clip in range(first, last):
            begin = clip * num_frames
            depthwise_kernel_gradient(frames, num_frames, given, stride, of_clips[clip], begin, begin + num_frames)

    in_parallel(of_some, num_clips, fewest=1)
    return torch.from_numpy(of_clips.sum(0)).permute(3, 0, 1, 2)[:, None].to(weight.dtype)
