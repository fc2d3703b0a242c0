"""Batch normalisation in training, with the sum and the ReLU after it: on a processor in few passes over memory."""

from collections.abc import Callable
from typing import Any
from typing import TypeGuard

import numpy as np
import torch
from jaxtyping import Float
from jaxtyping import Float32
from jaxtyping import Float64
from jaxtyping import Shaped
from torch import Tensor
from torch import nn

from posec3d.runtime.tensors import COMPILED_DTYPES
from posec3d.runtime.tensors import as_array
from posec3d.runtime.tensors import shows_its_memory
from posec3d.runtime.threads import in_parallel

# Of fewer numbers, PyTorch's own is as fast: handing parts to threads takes its time (benchmarks/NOTES.md).
_FEWEST = 1 << 21
# Shorter rows are joined: loops over them would end as soon as they have begun.
_SHORTEST_ROW = 128
# So many pixels tell where about the mean is.
_NUM_SAMPLES = 64
# So many numbers are summed up at once, and then the sums: the same bits with any number of threads.
_NUMBERS_OF_PART = 1 << 17


def normalises_in_few_passes(bn: nn.Module, x: Float[Tensor, "B C T H W"]) -> TypeGuard[nn.BatchNorm3d]:
    """Tell whether `normalise` can run and is worth it: much to learn from, on a processor, in memory channels last."""
    return (
        type(bn) is nn.BatchNorm3d
        and bn.training
        and bn.affine
        and bn.track_running_stats
        and bn.momentum is not None
        and bn.weight.dtype == torch.float32
        and torch.is_grad_enabled()
        and x.requires_grad
        and shows_its_memory(x)
        and x.dtype in COMPILED_DTYPES
        and x.numel() >= _FEWEST
        and x.is_contiguous(memory_format=torch.channels_last_3d)
    )


def normalise(
    bn: nn.BatchNorm3d,
    x: Float[Tensor, "B C T H W"],
    shortcut: Float[Tensor, "B C T H W"] | None = None,
    *,
    rectified: bool = True,
) -> Float[Tensor, "B C T H W"]:
    """Return what `bn` makes of x in training, with the shortcut added, and 0 in place of less if `rectified`.

    Rounded once, at the end. The moments for evaluation are kept up to date, as `bn` itself does.
    """
    assert bn.num_batches_tracked is not None
    bn.num_batches_tracked.add_(1)
    result: Tensor = _Normalisation.apply(x, bn.weight, bn.bias, shortcut, bn, rectified)  # type: ignore[no-untyped-call]
    return result


class _Normalisation(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, shortcut: Tensor | None, bn: nn.BatchNorm3d, rectified: bool
    ) -> Tensor:
        from posec3d.compiled.normalisation import scale
        from posec3d.compiled.normalisation import scale_and_add

        rows = _rows(x)
        mean, variance = _moments(x, rows)
        _keep_moments(bn, mean, variance, count=x.numel() // x.shape[1])
        spread = np.sqrt(variance + bn.eps)
        factor = weight.detach().numpy() / spread
        offset = bias.detach().numpy() - mean * factor
        result = torch.empty_like(x)
        written, scaling = _rows(result), (_repeated(factor, rows), _repeated(offset, rows))
        lowest = np.float32(0 if rectified else -np.inf)
        if shortcut is None:
            in_parallel(lambda first, last: scale(rows, *scaling, lowest, written, first, last), len(rows))
        else:
            added = _rows(shortcut)
            in_parallel(
                lambda first, last: scale_and_add(rows, *scaling, added, lowest, written, first, last), len(rows)
            )
        ctx.save_for_backward(x, None if shortcut is None else result)
        ctx.channels, ctx.scaling, ctx.lowest = (mean, spread, factor), scaling, lowest
        return result

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        from posec3d.compiled.normalisation import gradient_of_rows
        from posec3d.compiled.normalisation import gradient_sums
        from posec3d.compiled.normalisation import passed_gradient_sums

        x, result = ctx.saved_tensors
        (mean, spread, factor), scaling, lowest = ctx.channels, ctx.scaling, ctx.lowest
        rows, given, passed = _rows(x), _rows(gradient), None
        middle = _repeated(mean, rows)
        if result is None:
            of_bias, products = _sums(
                rows,
                len(mean),
                lambda part, *sums: gradient_sums(rows[part], given[part], *scaling, lowest, middle, *sums),
            )
        else:
            kept, passed = _rows(result), torch.empty_like(x)
            through = _rows(passed)
            of_bias, products = _sums(
                rows,
                len(mean),
                lambda part, *sums: passed_gradient_sums(
                    rows[part], given[part], kept[part], lowest, middle, through[part], *sums
                ),
            )
            given, lowest = through, np.float32(-np.inf)
        # With the normalised x: dx = factor * (g - mean of g - normalised * mean of g * normalised).
        of_weight, count = products / spread, x.numel() // len(mean)
        slope, constant = (_repeated(-factor * each / count, rows) for each in (of_weight / spread, of_bias))
        of_x = torch.empty_like(x)
        written = _rows(of_x)
        in_parallel(
            lambda first, last: gradient_of_rows(
                rows, given, *scaling, lowest, middle, slope, constant, written, first, last
            ),
            len(rows),
        )
        return of_x, torch.from_numpy(of_weight).float(), torch.from_numpy(of_bias).float(), passed, None, None


def _rows(x: Float[Tensor, "B C T H W"]) -> Shaped[np.ndarray, "R L"]:
    """Return the memory of a tensor as rows of all channels of a pixel, or of several; no copy if channels lie last."""
    num_channels, num_pixels = x.shape[1], x.numel() // x.shape[1]
    joined = 1
    while joined * num_channels < _SHORTEST_ROW and num_pixels % (2 * joined) == 0:
        joined *= 2
    pixels = as_array(x.detach().permute(0, 2, 3, 4, 1).contiguous().flatten())
    return pixels.reshape(num_pixels // joined, joined * num_channels)


def _repeated(values: Float64[np.ndarray, " C"], rows: Shaped[np.ndarray, "R L"]) -> Float32[np.ndarray, " L"]:
    """Return what belongs to channels for each place of a row."""
    return np.tile(values.astype(np.float32), rows.shape[1] // len(values))


def _moments(
    x: Float[Tensor, "B C T H W"], rows: Shaped[np.ndarray, "R L"]
) -> tuple[Float64[np.ndarray, " C"], Float64[np.ndarray, " C"]]:
    """Return mean and variance of each channel."""
    from posec3d.compiled.normalisation import moments

    num_channels, count = x.shape[1], x.numel() // x.shape[1]
    middle = _near_mean(x)
    along = _repeated(middle, rows)
    sums, squares = _sums(rows, num_channels, lambda part, *both: moments(rows[part], along, *both))
    # What the loops subtract is rounded.
    offset, middle = sums / count, along[:num_channels].astype(np.float64)
    return middle + offset, np.maximum(squares / count - offset**2, 0)


def _near_mean(x: Float[Tensor, "B C T H W"]) -> Float64[np.ndarray, " C"]:
    """Return the medians of some pixels, an odd number apart, so that not all are of one column."""
    pixels = x.detach().permute(0, 2, 3, 4, 1).flatten(0, 3)
    return pixels[:: len(pixels) // _NUM_SAMPLES | 1].double().median(0).values.numpy()


def _sums(
    rows: Shaped[np.ndarray, "R L"], num_channels: int, sum_up: Callable[..., None]
) -> tuple[Float64[np.ndarray, " C"], Float64[np.ndarray, " C"]]:
    """Return the two sums of each channel that `sum_up(part, sums, products)` makes of a part of the rows."""
    parts = _parts(rows)
    both = np.empty((2, len(parts), rows.shape[1]), np.float32)

    def of_some(first: int, last: int) -> None:
        for part in range(first, last):
            sum_up(parts[part], both[0, part], both[1, part])

    in_parallel(of_some, len(parts), fewest=1)
    sums, products = both.reshape(2, -1, num_channels).sum(1, dtype=np.float64)
    return sums, products


def _parts(rows: Shaped[np.ndarray, "R L"]) -> list[slice]:
    """Cut rows into parts of so many numbers."""
    length = max(1, _NUMBERS_OF_PART // rows.shape[1])
    return [slice(start, min(start + length, len(rows))) for start in range(0, len(rows), length)]


def _keep_moments(
    bn: nn.BatchNorm3d, mean: Float64[np.ndarray, " C"], variance: Float64[np.ndarray, " C"], *, count: int
) -> None:
    """Let the moments for evaluation move towards these; of the variance, what it would be of all numbers there are."""
    assert bn.running_mean is not None
    assert bn.running_var is not None
    assert bn.momentum is not None
    with torch.no_grad():
        bn.running_mean.lerp_(torch.from_numpy(mean).float(), bn.momentum)
        bn.running_var.lerp_(torch.from_numpy(variance * count / (count - 1)).float(), bn.momentum)
