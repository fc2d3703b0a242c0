"""The compiled loops of Winograd's algorithm, given tensors: convolutions and gradients of kernels, in float32.

Of kernels (O, C, KT, KH, KW) by three frames, 3x3 pixels, or both, over volumes that lie channels last. Weights are
given mixed, as `mixed` returns them: so that they can be kept for as long as they stay the same.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from jaxtyping import Float32
from torch import Tensor

from posec3d.runtime.threads import in_parallel

# Rows of a block's products, about: so many stay in the cache of one core.
_BLOCK = 48
# Tiles reach beyond odd sizes. Above this share of the multiplications there is nothing to be gained: less where each
# mixed number is multiplied with the weights of one frame only (benchmarks/NOTES.md).
_MOST_PRODUCTS: dict[tuple[int, ...], float] = {(3, 1, 1): 0.6, (1, 3, 3): 0.4, (3, 3, 3): 0.6}
# Mixing weights takes as long as the products of so many tiles.
_TILES_OF_MIXING = 64
# Of weights, so many numbers (in COLUMNS) are worth a thread of their own.
_FEWEST_PARTS = 256


def saves_products(size: Sequence[int], weight: Sequence[int], *, mixed: bool) -> bool:
    """Tell whether the loops can convolve a volume (B, C, T, H, W) by a weight, `mixed` before or not, in less time."""
    from posec3d.compiled.registers import ROWS

    num_outputs, num_channels, *sides = weight
    kernel = tuple(sides)
    num_clips, _, num_frames, height, width = size
    if not fits_registers(num_channels, num_outputs):
        return False
    num_pixels = num_clips * num_frames * height * width
    if _is_along_time(kernel):
        num_tiles, plain = num_clips * -(-num_frames // 4) * height * width, 3 * num_pixels
    else:
        # By three frames, both take three times as many.
        num_tiles, plain = num_clips * num_frames * -(-height // 4) * -(-width // 4), 9 * num_pixels
    num_tiles = max(num_tiles, ROWS) + (0 if mixed else _TILES_OF_MIXING)
    return _num_products(kernel) * num_tiles <= _MOST_PRODUCTS[kernel] * plain


def fits_registers(num_channels: int, num_outputs: int) -> bool:
    """Tell whether there are wide registers, and these channels fill them."""
    from posec3d.compiled.registers import COLUMNS
    from posec3d.compiled.registers import HAS_WIDE_REGISTERS
    from posec3d.compiled.registers import LANES

    fills = num_channels % LANES == 0 and num_outputs % COLUMNS == 0
    return HAS_WIDE_REGISTERS and fills and num_channels > 0 and num_outputs > 0


def mixed(weight: Float[Tensor, "O C KT KH KW"]) -> Float32[np.ndarray, "K panels rows columns"]:
    """Return mixed weights as the compiled loops want them; those of three frames one after the other, as channels."""
    from posec3d.compiled.registers import COLUMNS
    from posec3d.compiled.winograd_weights import mix_weights

    panels = torch.unflatten(weight.detach(), 0, (-1, COLUMNS))
    # Rows and columns of the kernel first, then what its numbers are of: frames, and in each of these channels.
    lines = panels.permute(4, 5, 0, 3, 2, 1) if weight.shape[3] == 3 else panels.permute(3, 4, 5, 0, 2, 1)
    by_weight = lines.reshape(9 if weight.shape[3] == 3 else 3, -1).contiguous().numpy()
    result = np.empty((_num_products(weight.shape[2:]), by_weight.shape[1]), np.float32)
    num_parts = result.shape[1] // COLUMNS
    in_parallel(lambda first, last: mix_weights(by_weight, result, first, last), num_parts, fewest=_FEWEST_PARTS)
    return result.reshape(len(result), panels.shape[0], -1, COLUMNS)


def convolve(
    x: Float[Tensor, "B C T H W"],
    kernel: Float32[np.ndarray, "K panels rows columns"],
    size: Sequence[int],
    bias: Float[Tensor, " O"] | None,
    *,
    lowest: float = -math.inf,
) -> Float[Tensor, "B O T H W"]:
    """Return the convolution by a mixed kernel of a size (KT, KH, KW), but `lowest` at least; it lies channels last."""
    num_clips, num_channels, *sides = x.shape
    num_outputs = kernel.shape[1] * kernel.shape[3]
    num_rows = num_channels if _is_along_time(size) else size[0] * num_channels
    if len(kernel) != _num_products(size) or kernel.shape[2] != num_rows:
        raise ValueError(f"a kernel mixed to {kernel.shape} does not fit a volume of shape {tuple(x.shape)}")
    if bias is not None and bias.shape != (num_outputs,):
        raise ValueError(f"a bias of shape {tuple(bias.shape)} does not fit {num_outputs} outputs")
    # On the processor and in float32, whatever else is the default.
    output = torch.empty(
        (num_clips, num_outputs, *sides), dtype=torch.float32, device="cpu", memory_format=torch.channels_last_3d
    )
    offsets = torch.from_numpy(np.zeros(num_outputs, np.float32)) if bias is None else bias.detach().contiguous()
    given, written = (values.detach().permute(0, 2, 3, 4, 1) for values in (x, output))
    (_over_frames if _is_along_time(size) else _over_pixels)(given, kernel, offsets, np.float32(lowest), written)
    return output


def kernel_gradient(
    gradient: Float[Tensor, "B O T H W"], x: Float[Tensor, "B C T H W"], weight: Float[Tensor, "O C KT KH KW"]
) -> Float[Tensor, "O C KT KH KW"]:
    """Return the gradient of a weight for that of the values; both volumes lie channels last."""
    from posec3d.compiled.winograd_gradient import frame_kernel_gradient
    from posec3d.compiled.winograd_gradient import pixel_kernel_gradient

    inputs, outputs = (values.detach().permute(0, 2, 3, 4, 1) for values in (x, gradient))
    num_outputs, num_channels, num_frames = weight.shape[:3]
    if _is_along_time(weight.shape[2:]):
        num_frames = 1
        inputs, outputs = (values.flatten(2, 3) for values in (inputs, outputs))
        loop, length, num_blocks = frame_kernel_gradient, _BLOCK, _num_blocks(inputs)
    else:
        inputs, outputs, length, num_blocks = _by_pixels(inputs, outputs, num_frames)
        loop = pixel_kernel_gradient
    given = inputs.numpy(), outputs.numpy(), length
    parts = {}

    def of_some(first: int, last: int) -> None:
        sums = np.zeros((_num_products(weight.shape[2:]), num_frames, num_channels, num_outputs), np.float32)
        loop(*given, sums, first, last)
        parts[first] = sums

    in_parallel(of_some, num_blocks, fewest=1)
    # In the order of their places, so that the same number of threads gives the same bits.
    total, *others = (parts[first] for first in sorted(parts))
    for sums in others:
        total += sums
    return _unmixed(total, weight.shape[2:])


def _unmixed(sums: Float32[np.ndarray, "K frames C O"], size: Sequence[int]) -> Float[Tensor, "O C KT KH KW"]:
    from posec3d.compiled.registers import COLUMNS
    from posec3d.compiled.winograd_weights import unmix_gradients

    given = sums.reshape(len(sums), -1)
    lines = np.empty((3 if _is_along_time(size) else 9, given.shape[1]), np.float32)
    num_parts = lines.shape[1] // COLUMNS
    in_parallel(lambda first, last: unmix_gradients(given, lines, first, last), num_parts, fewest=_FEWEST_PARTS)
    by_weight = torch.from_numpy(lines)
    if _is_along_time(size):
        return by_weight.view(3, 1, 1, *sums.shape[2:]).permute(4, 3, 0, 1, 2)
    return by_weight.view(3, 3, *sums.shape[1:]).permute(4, 3, 2, 0, 1)


def _over_frames(
    frames: Float[Tensor, "B T H W C"],
    kernel: np.ndarray,
    offsets: Float[Tensor, " O"],
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
    offsets: Float[Tensor, " O"],
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
    """Return frames and their outputs, of how many frames a block is, and the number of blocks."""
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


def _num_products(size: Sequence[int]) -> int:
    """Return how many products a tile takes, of each input and output."""
    return 6 if _is_along_time(size) else 36


def _is_along_time(size: Sequence[int]) -> bool:
    return tuple(size) == (3, 1, 1)
