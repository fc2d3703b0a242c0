"""Convolutions by three frames, or by 3x3 pixels of one frame or three, with a half to a quarter of the products.

By Winograd's algorithm in compiled loops, in float32 on a processor with AVX2 or AVX-512, in about half the time that
oneDNN takes. The values are the same to rounding: some 1e-6 of the largest from the exact ones.
"""

import functools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from jaxtyping import Float32
from torch import Tensor
from torch import nn
from torch.nn.grad import conv3d_input

from posec3d.runtime.threads import in_parallel

# Rows of a block's products, about: so many stay in the cache of one core.
_BLOCK = 48
# Tiles reach beyond odd sizes. Above this share of the multiplications there is nothing to be gained.
_MOST_PRODUCTS = 0.6


@dataclass(frozen=True)
class MixedKernel:
    """The weights of a convolution, mixed for Winograd's algorithm: worth keeping for as long as they stay the same."""

    weight: Tensor
    version: int | None
    numbers: Float32[np.ndarray, "K panels rows columns"]

    @classmethod
    def of(cls, weight: Float[Tensor, "O C KT KH KW"]) -> "MixedKernel":
        return cls(weight, _version(weight), _mixed(weight))

    def is_of(self, weight: Tensor) -> bool:
        return self.weight is weight and self.version == _version(weight)


def _version(weight: Tensor) -> int | None:
    # Tensors of inference mode do not count their changes.
    return None if weight.is_inference() else weight._version


def fits_few_products(convolution: nn.Conv3d, x: Float[Tensor, "B C T H W"]) -> bool:
    """Tell whether the functions below can run, and are worth it."""
    if x.device.type != "cpu" or torch.compiler.is_compiling() or torch.is_autocast_enabled("cpu"):
        return False
    if x.dtype != torch.float32 or convolution.weight.dtype != torch.float32 or not x.numel():
        return False
    if not _keeps_the_size(convolution) or not x.is_contiguous(memory_format=torch.channels_last_3d):
        return False
    return _fits_registers(convolution.in_channels, convolution.out_channels) and _saves_products(
        convolution.kernel_size, x.shape[2:]
    )


def convolve_and_rectify_in_few_products(
    convolution: nn.Conv3d, x: Float[Tensor, "B C T H W"], kernel: MixedKernel
) -> Float[Tensor, "B O T H W"]:
    """Return max(0, convolution(x)), whose weights the kernel has; nothing is learnt. The result lies channels last."""
    return _convolved(x, kernel.numbers, convolution.kernel_size, convolution.bias, lowest=0.0)


def convolve_in_few_products(convolution: nn.Conv3d, x: Float[Tensor, "B C T H W"]) -> Float[Tensor, "B O T H W"]:
    """Return convolution(x), which may be learnt; the result lies channels last."""
    result: Tensor = _FewProducts.apply(x, convolution.weight, convolution.bias)  # type: ignore[no-untyped-call]
    return result


class _FewProducts(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        return _convolved(x, _mixed(weight), weight.shape[2:], bias, lowest=-math.inf)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        x, weight = ctx.saved_tensors
        gradient = gradient.contiguous(memory_format=torch.channels_last_3d)
        needs_x, needs_weight, needs_bias = ctx.needs_input_grad
        of_x = _input_gradient(gradient, x, weight) if needs_x else None
        of_weight = _kernel_gradient(gradient, x, weight) if needs_weight else None
        return of_x, of_weight, gradient.sum((0, 2, 3, 4)) if needs_bias else None


def _input_gradient(gradient: Tensor, x: Tensor, weight: Tensor) -> Float[Tensor, "B C T H W"]:
    if _fits_registers(weight.shape[0], weight.shape[1]):
        # A convolution again, with the kernel turned around.
        turned = weight.flip(2, 3, 4).transpose(0, 1)
        return _convolved(gradient, _mixed(turned), weight.shape[2:], None, lowest=-math.inf)
    padding = [length // 2 for length in weight.shape[2:]]
    of_x: Tensor = conv3d_input(x.shape, weight, gradient, padding=padding)  # type: ignore[no-untyped-call]
    return of_x


def _kernel_gradient(gradient: Tensor, x: Tensor, weight: Tensor) -> Float[Tensor, "O C KT KH KW"]:
    from posec3d.compiled.winograd_gradient import frame_kernel_gradient
    from posec3d.compiled.winograd_gradient import pixel_kernel_gradient

    mixing = _mixing(weight.shape[2:])
    num_outputs, num_channels, num_frames = weight.shape[:3]
    inputs, outputs = (values.detach().permute(0, 2, 3, 4, 1) for values in (x, gradient))
    if along_time := _is_along_time(weight.shape[2:]):
        num_frames = 1
        inputs, outputs = (values.flatten(2, 3) for values in (inputs, outputs))
        block, num_blocks = _BLOCK, _num_blocks(inputs)
    else:
        inputs, outputs, block, num_blocks = _by_pixels(inputs, outputs, num_frames)
    given = inputs.numpy(), outputs.numpy()
    loop = frame_kernel_gradient if along_time else pixel_kernel_gradient
    parts = {}

    def of_some(first: int, last: int) -> None:
        parts[first] = np.zeros((len(mixing), num_frames, num_channels, num_outputs), np.float32)
        loop(*given, block, parts[first], first, last)

    in_parallel(of_some, num_blocks, fewest=1)
    # In the order of their places, so that the same number of threads gives the same bits.
    total = torch.from_numpy(functools.reduce(np.add, (parts[first] for first in sorted(parts))))
    lines = mixing.T @ total.view(len(mixing), -1)
    if along_time:
        return lines.view(3, num_channels, num_outputs).permute(2, 1, 0)[..., None, None]
    return lines.view(3, 3, num_frames, num_channels, num_outputs).permute(4, 3, 2, 0, 1)


def _mixed(weight: Float[Tensor, "O C KT KH KW"]) -> Float32[np.ndarray, "K panels rows columns"]:
    """Return mixed weights as the compiled loops want them; those of three frames one after the other, as channels."""
    from posec3d.compiled.registers import COLUMNS

    num_channels, num_frames = weight.shape[1:3]
    mixing = _mixing(weight.shape[2:])
    panels = torch.unflatten(weight.detach(), 0, (-1, COLUMNS))
    if _is_along_time(weight.shape[2:]):
        lines = panels.permute(3, 4, 5, 0, 2, 1)
        num_frames = 1
    else:
        lines = panels.permute(4, 5, 0, 3, 2, 1)
    mixed = mixing @ lines.reshape(mixing.shape[1], -1)
    return mixed.view(len(mixing), -1, num_frames * num_channels, COLUMNS).numpy()


def _mixing(size: tuple[int, ...]) -> Float[Tensor, "K weights"]:
    """Return the sums of weights that each product takes: of three frames, or of 3x3 pixels."""
    from posec3d.compiled.winograd_tiles import OF_WEIGHTS

    of_line = torch.tensor(OF_WEIGHTS)
    return of_line if _is_along_time(size) else torch.kron(of_line, of_line)


def _convolved(
    x: Float[Tensor, "B C T H W"],
    kernel: Float32[np.ndarray, "K panels rows columns"],
    size: tuple[int, ...],
    bias: Float[Tensor, " O"] | None,
    *,
    lowest: float,
) -> Float[Tensor, "B O T H W"]:
    frames = x.detach().permute(0, 2, 3, 4, 1)
    num_outputs = kernel.shape[1] * kernel.shape[3]
    output = torch.empty((*frames.shape[:4], num_outputs))
    offsets = torch.zeros(num_outputs) if bias is None else bias.detach()
    (_over_frames if _is_along_time(size) else _over_pixels)(frames, kernel, offsets, np.float32(lowest), output)
    return output.permute(0, 4, 1, 2, 3)


def _over_frames(
    frames: Float[Tensor, "B T H W C"],
    kernel: np.ndarray,
    offsets: Tensor,
    lowest: np.float32,
    output: Float[Tensor, "B T H W O"],
) -> None:
    from posec3d.compiled.winograd import convolve_frames

    given, written = (values.flatten(2, 3).numpy() for values in (frames, output))
    everywhere = offsets.repeat(_BLOCK, 1).numpy()
    in_parallel(
        lambda first, last: convolve_frames(given, kernel, everywhere, lowest, written, first, last),
        _num_blocks(given),
        fewest=1,
    )


def _num_blocks(frames: np.ndarray | Tensor) -> int:
    """Return how many blocks the tiles of all pixels (B, T, P, C) are."""
    num_clips, num_frames, num_pixels, _ = frames.shape
    return -(-num_clips * -(-num_frames // 4) * num_pixels // _BLOCK)


def _over_pixels(
    frames: Float[Tensor, "B T H W C"],
    kernel: np.ndarray,
    offsets: Tensor,
    lowest: np.float32,
    output: Float[Tensor, "B T H W O"],
) -> None:
    from posec3d.compiled.winograd import convolve_pixels

    frames, output, depth, num_blocks = _by_pixels(frames, output, kernel.shape[2] // frames.shape[4])
    given, written, added = frames.numpy(), output.numpy(), offsets.numpy()
    in_parallel(
        lambda first, last: convolve_pixels(given, kernel, added, lowest, written, depth, first, last),
        num_blocks,
        fewest=1,
    )


def _by_pixels(
    frames: Float[Tensor, "B T H W C"], outputs: Float[Tensor, "B T H W O"], num_seen: int
) -> tuple[Float[Tensor, "B2 T2 H W C"], Float[Tensor, "B2 T2 H W O"], int, int]:
    """Return frames and their outputs, of how many a block is, and the number of blocks."""
    from posec3d.compiled.registers import ROWS

    if num_seen == 1:
        # By themselves, frames of all clips are alike.
        frames, outputs = (values.flatten(0, 1)[None] for values in (frames, outputs))
    num_clips, num_frames, *sides, _ = frames.shape
    down, across = (-(-side // 4) for side in sides)
    # Frames whose tiles fill the rows of products.
    fewest = ROWS // math.gcd(ROWS, across)
    depth = fewest * max(1, _BLOCK // (fewest * across))
    return frames, outputs, depth, num_clips * -(-num_frames // depth) * down


def _is_along_time(size: tuple[int, ...]) -> bool:
    return tuple(size) == (3, 1, 1)


def _keeps_the_size(convolution: nn.Conv3d) -> bool:
    """Tell whether it is by three frames or 3x3 pixels, or both, and gives as many of both."""
    kernel = convolution.kernel_size
    return (
        kernel in ((3, 1, 1), (1, 3, 3), (3, 3, 3))
        and convolution.stride == convolution.dilation == (1, 1, 1)
        and convolution.padding == tuple(length // 2 for length in kernel)
        and convolution.padding_mode == "zeros"
        and convolution.groups == 1
    )


def _fits_registers(num_channels: int, num_outputs: int) -> bool:
    from posec3d.compiled.registers import COLUMNS
    from posec3d.compiled.registers import HAS_WIDE_REGISTERS
    from posec3d.compiled.registers import LANES

    return HAS_WIDE_REGISTERS and num_channels % LANES == 0 and num_outputs % COLUMNS == 0


def _saves_products(kernel: tuple[int, ...], size: tuple[int, ...]) -> bool:
    sides = size[:1] if _is_along_time(kernel) else size[1:]
    return math.prod(6 * -(-side // 4) for side in sides) <= _MOST_PRODUCTS * math.prod(3 * side for side in sides)
