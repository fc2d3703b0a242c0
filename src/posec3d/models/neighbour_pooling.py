"""Of 3x3 neighbours the highest, frame by frame: SlowOnly's pooling, whose gradient is quick on a processor as well."""

from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from posec3d.runtime.tensors import COMPILED_DTYPES
from posec3d.runtime.tensors import as_array
from posec3d.runtime.tensors import as_frames
from posec3d.runtime.tensors import shows_its_memory
from posec3d.runtime.threads import in_parallel


def highest_of_neighbours(x: Float[Tensor, "B C T H W"]) -> Float[Tensor, "B C T H W"]:
    """Pool rectified frames (0 or more) over 3x3 pixels with stride 1: mmaction2's pool1, which keeps the size.

    With a gradient on a processor by compiled loops, which keep a byte a number and not eight.
    """
    wanted = torch.is_grad_enabled() and x.requires_grad
    if wanted and shows_its_memory(x) and x.dtype in COMPILED_DTYPES:
        result: Tensor = _HighestOfNeighbours.apply(x)  # type: ignore[no-untyped-call]
        return result
    return highest_by_torch(x)


def highest_by_torch(x: Float[Tensor, "B C T H W"]) -> Float[Tensor, "B C T H W"]:
    """Do the same by PyTorch's operators.

    In two dimensions, frame by frame: on a GPU the gradient of 3-D max pooling is not deterministic.
    """
    frames = functional.max_pool2d(x.transpose(1, 2).flatten(0, 1), 3, stride=1, padding=1)
    return torch.unflatten(frames, 0, (x.shape[0], x.shape[2])).transpose(1, 2)


class _HighestOfNeighbours(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        from posec3d.compiled.pooling import highest_of_neighbours as compiled

        num_clips, num_channels, num_frames, height, width = x.shape
        result = torch.empty((num_clips, num_frames, height, width, num_channels), dtype=x.dtype)
        places = np.empty((num_clips * num_frames, height, width * num_channels), np.uint8)
        frames, highest = _ordered(as_frames(x)), _ordered(as_array(result.flatten(0, 1)))
        in_parallel(lambda first, last: compiled(frames, highest, places, first, last), len(frames))
        ctx.places = places
        return result.permute(0, 4, 1, 2, 3)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        from posec3d.compiled.pooling import gradient_of_highest

        num_clips, num_channels, num_frames, height, width = gradient.shape
        result = torch.empty((num_clips, num_frames, height, width, num_channels), dtype=gradient.dtype)
        given, written, places = as_frames(gradient), as_array(result.flatten(0, 1)), ctx.places
        in_parallel(lambda first, last: gradient_of_highest(given, places, written, first, last), len(given))
        return result.permute(0, 4, 1, 2, 3)


def _ordered(frames: np.ndarray) -> np.ndarray:
    """Return bfloat16 as whole numbers with a sign, which are in the same order: -0 must not be the highest."""
    return frames.view(np.int16) if frames.dtype == np.uint16 else frames
