"""Convolutions in two dimensions, on views of a volume that lies channels last: another way to the same numbers.

A kernel that sees one frame convolves the frames of all clips as pictures; one that sees one pixel over time convolves
pictures whose rows are frames. Whether that is faster than three dimensions is for the device to say.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor
from torch import nn
from torch.nn import functional

from posec3d.models.depthwise_convolution import DepthwiseConv3d
from posec3d.models.heatmap_convolution import HeatmapConv3d
from posec3d.models.pointwise_convolution import PointwiseConv3d

_KINDS = (nn.Conv3d, HeatmapConv3d, DepthwiseConv3d, PointwiseConv3d)
_in_three_dimensions = nn.Conv3d.forward


@contextmanager
def flat_convolutions() -> Iterator[None]:
    """Let convolutions that can be computed in two dimensions be so."""
    usual = [kind.forward for kind in _KINDS]
    for kind in _KINDS:
        kind.forward = convolve_flat  # type: ignore[method-assign]
    try:
        yield
    finally:
        for kind, forward in zip(_KINDS, usual, strict=True):
            kind.forward = forward  # type: ignore[method-assign]


def convolve_flat(convolution: nn.Conv3d, x: Tensor) -> Tensor:
    """Return what `convolution` makes of x (B, C, T, H, W): in two dimensions if its kernel has no more."""
    weight, bias, groups = convolution.weight, convolution.bias, convolution.groups
    (in_time, *kernel), (time_stride, *strides) = convolution.kernel_size, convolution.stride
    padding = [int(one) for one in convolution.padding]
    if in_time == 1:
        x = x[:, :, ::time_stride]
    if convolution.kernel_size == (1, 1, 1):
        # oneDNN's gradient of strided 1x1 kernels writes beyond its memory: PyTorch 2.13, AVX2, four channels.
        x, strides = x[..., :: strides[0], :: strides[1]], [1, 1]
    x = x.contiguous(memory_format=torch.channels_last_3d)
    if in_time == 1:
        pictures = x.transpose(1, 2).flatten(0, 1)
        flat = functional.conv2d(pictures, weight[:, :, 0], bias, strides, padding[1:], groups=groups)
        return flat.unflatten(0, (len(x), -1)).transpose(1, 2)
    if kernel == [1, 1] and strides == [1, 1]:
        flat = functional.conv2d(x.flatten(3), weight[..., 0], bias, (time_stride, 1), (padding[0], 0), groups=groups)
        return flat.unflatten(3, x.shape[3:])
    return _in_three_dimensions(convolution, x)
