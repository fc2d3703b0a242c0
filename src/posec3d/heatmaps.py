"""Keypoints and limbs drawn as a stack of heatmaps over time: the idea of PoseC3D, in one file.

Each keypoint becomes a Gaussian, each limb a ridge around the segment between its ends, as high as the estimator was
sure; people share a channel by maximum. Source: PoseC3D, equations 1 and 2; windows, thresholds and the rule for short
limbs as mmaction2 0.24.1 `GeneratePoseTarget`.
"""

import math
from collections.abc import Callable
from collections.abc import Sequence
from functools import partial

import numpy as np
import torch
from jaxtyping import Float
from jaxtyping import Int64
from torch import Tensor

from posec3d.runtime.tensors import as_array
from posec3d.runtime.tensors import shows_its_memory
from posec3d.runtime.threads import in_parallel

# A limb shorter than one pixel is drawn as its first keypoint, with that keypoint's score (mmaction2 0.24.1).
_SHORTEST_LIMB = 1.0


def render_keypoints(
    keypoints: Float[Tensor, "B M T V 2"],
    scores: Float[Tensor, "B M T V"],
    size: tuple[int, int],
    *,
    sigma: float = 0.6,
    threshold: float = 1e-4,
    dtype: torch.dtype = torch.float32,
) -> Float[Tensor, "B V T H W"]:
    """Draw each keypoint as a Gaussian of `sigma` pixels, as high as its score; people merge by maximum.

    `keypoints` are (x, y) in pixels of the canvas of `size` (height, width), pixel centres at whole numbers. Keypoints
    with a score below `threshold`, or that are not finite, draw nothing. Values beyond three sigma along an axis are 0.
    Differentiable in coordinates and scores. On a processor, where no gradient is asked for, a compiled loop draws, and
    the volume lies channels last.
    """
    if _can_be_compiled(keypoints, scores, dtype):
        from posec3d.compiled.drawing import draw_keypoints

        draw = partial(draw_keypoints, keypoints.numpy(), scores.numpy())
        return _compiled(draw, scores, scores.shape[3], size, sigma, threshold, dtype)
    return _draw_points(keypoints, scores, size, sigma, threshold, dtype)


def render_limbs(
    keypoints: Float[Tensor, "B M T V 2"],
    scores: Float[Tensor, "B M T V"],
    limbs: Sequence[tuple[int, int]],
    size: tuple[int, int],
    *,
    sigma: float = 0.6,
    threshold: float = 1e-4,
    dtype: torch.dtype = torch.float32,
) -> Float[Tensor, "B L T H W"]:
    """Draw each limb as a ridge of `sigma` pixels around its segment, as high as the lower score of its two ends.

    A limb needs both ends (see `render_keypoints`). One shorter than a pixel is drawn as its first keypoint.
    """
    if _can_be_compiled(keypoints, scores, dtype):
        from posec3d.compiled.drawing import draw_limbs

        draw = partial(draw_limbs, keypoints.numpy(), scores.numpy(), np.array(limbs))
        return _compiled(draw, scores, len(limbs), size, sigma, threshold, dtype)
    first, second = (torch.tensor(ends, device=keypoints.device) for ends in zip(*limbs, strict=True))
    starts, ends = keypoints.index_select(3, first), keypoints.index_select(3, second)
    start_scores, end_scores = scores.index_select(3, first), scores.index_select(3, second)
    both = torch.minimum(start_scores, end_scores) >= float(_smallest_drawn(threshold))
    short = (ends - starts).square().sum(-1) < _SHORTEST_LIMB
    values = torch.where(short, start_scores, torch.minimum(start_scores, end_scores))
    ends = torch.where(short[..., None], starts, ends)
    return _draw_segments(starts, ends, torch.where(both, values, 0), size, sigma, threshold, dtype)


def mirror_volume(volume: Float[Tensor, "B C T H W"], mirrored_channels: Sequence[int]) -> Float[Tensor, "B C T H W"]:
    """Mirror a drawn volume as an image: column x becomes W - 1 - x, and channels of left and right change places.

    The test-time flip of mmaction2 1.x and pyskl; 0.24.1 mirrors the keypoints and draws again, one pixel to the right.
    """
    return volume.flip(-1)[:, list(mirrored_channels)]


def _smallest_drawn(threshold: float) -> np.float32:
    """Return the lowest score that is drawn.

    The reference compares in float64: 1e-4 rounded to float32 lies below 1e-4 and is not drawn.
    """
    smallest = np.float32(threshold)
    return np.nextafter(smallest, np.float32(np.inf)) if float(smallest) < threshold else smallest


def _can_be_compiled(keypoints: Tensor, scores: Tensor, dtype: torch.dtype) -> bool:
    """Tell whether the compiled loops can draw: on a processor, without gradients, and not inside a traced graph."""
    wanted = torch.is_grad_enabled() and (keypoints.requires_grad or scores.requires_grad)
    return (
        shows_its_memory(keypoints)
        and not wanted
        and keypoints.dtype == scores.dtype == torch.float32
        and dtype in (torch.float32, torch.bfloat16)
    )


def _compiled(
    draw: Callable[..., None],
    scores: Float[Tensor, "B M T V"],
    num_channels: int,
    size: tuple[int, int],
    sigma: float,
    threshold: float,
    dtype: torch.dtype,
) -> Float[Tensor, "B C T H W"]:
    """Let a compiled loop draw all frames."""
    num_clips, _, num_frames, _ = scores.shape
    volume = torch.empty((num_clips, num_frames, *size, num_channels), dtype=dtype)
    frames, smallest = as_array(volume.flatten(0, 1)), _smallest_drawn(threshold)
    in_parallel(lambda first, last: draw(frames, sigma, smallest, first, last), len(frames))
    return volume.permute(0, 4, 1, 2, 3)


def _draw_points(
    keypoints: Float[Tensor, "B M T V 2"],
    scores: Float[Tensor, "B M T V"],
    size: tuple[int, int],
    sigma: float,
    threshold: float,
    dtype: torch.dtype,
) -> Float[Tensor, "B V T H W"]:
    """Draw points, one channel each: as many pixels of every point, whether it is seen or not.

    So no size depends on values, and a GPU is never waited for to learn one.
    """
    height, width = size
    num_clips, _, num_frames, num_channels = scores.shape
    visible = (scores >= float(_smallest_drawn(threshold))) & torch.isfinite(keypoints).all(-1)
    x, y = torch.where(visible[..., None], keypoints, 0).float().unbind(-1)
    columns, across = _beside(x, width, sigma)
    rows, down = _beside(y, height, sigma)
    values = torch.where(visible, scores, 0).float()
    heat = (values[..., None] * down)[..., None] * across[..., None, :]

    frame = torch.arange(num_clips * num_frames, device=scores.device).view(num_clips, 1, num_frames, 1, 1, 1)
    channel = torch.arange(num_channels, device=scores.device)[:, None, None]
    places = ((frame * height + rows[..., None]) * width + columns[..., None, :]) * num_channels + channel
    return _highest(heat, places, (num_clips, num_frames, height, width, num_channels), dtype)


def _beside(
    places: Float[Tensor, "B M T V"], length: int, sigma: float
) -> tuple[Int64[Tensor, "B M T V N"], Float[Tensor, "B M T V N"]]:
    """Return the pixels that can lie within three sigma of each place on an axis, and its Gaussian there; else 0."""
    steps = torch.arange(min(int(min(6 * sigma, length)) + 2, length), device=places.device)
    first, num_pixels = _window(places, places, length, sigma)
    pixels = first[..., None] + steps
    heat = torch.exp(-(pixels - places[..., None]).square() / (2 * sigma**2))
    return pixels.clamp(max=length - 1), torch.where(steps < num_pixels[..., None], heat, 0)


def _draw_segments(
    starts: Float[Tensor, "B M T S 2"],
    ends: Float[Tensor, "B M T S 2"],
    values: Float[Tensor, "B M T S"],
    size: tuple[int, int],
    sigma: float,
    threshold: float,
    dtype: torch.dtype,
) -> Float[Tensor, "B S T H W"]:
    """Draw segments, one channel each.

    Only the pixels in the segments' boxes are computed, those of the whole batch in one flat list.
    """
    height, width = size
    num_clips, _, num_frames, num_segments = values.shape
    visible = (
        (values >= float(_smallest_drawn(threshold))) & torch.isfinite(starts).all(-1) & torch.isfinite(ends).all(-1)
    )
    clip, person, frame, channel = visible.nonzero(as_tuple=True)
    start, end = (points[clip, person, frame, channel].float() for points in (starts, ends))
    value = values[clip, person, frame, channel].float()

    left, num_columns = _window(start[:, 0], end[:, 0], width, sigma)
    top, num_rows = _window(start[:, 1], end[:, 1], height, sigma)
    num_pixels = num_columns * num_rows
    segment = torch.repeat_interleave(num_pixels)
    within = torch.arange(len(segment), device=segment.device) - (num_pixels.cumsum(0) - num_pixels)[segment]
    column = left[segment] + within % num_columns[segment]
    row = top[segment] + within // num_columns[segment]

    along = end - start
    squared_length = along.square().sum(-1)
    x = column - start[segment, 0]
    y = row - start[segment, 1]
    along_x, along_y = along[segment].unbind(-1)
    share = (x * along_x + y * along_y) / squared_length.clamp(min=_SHORTEST_LIMB)[segment]
    share = share.clamp(0, 1)
    squared_distance = (x - share * along_x).square() + (y - share * along_y).square()
    heat = value[segment] * torch.exp(-squared_distance / (2 * sigma**2))

    places = (((clip * num_frames + frame)[segment] * height + row) * width + column) * num_segments + channel[segment]
    return _highest(heat, places, (num_clips, num_frames, height, width, num_segments), dtype)


def _highest(
    heat: Float[Tensor, "*any"],
    places: Int64[Tensor, "*any"],
    shape: tuple[int, int, int, int, int],
    dtype: torch.dtype,
) -> Float[Tensor, "B C T H W"]:
    """Return a volume that lies as (B, T, H, W, C) of `shape`: the highest heat of each place in it, else 0."""
    # Apple GPUs are not known to merge bfloat16.
    merged = torch.float32 if heat.device.type == "mps" else dtype
    volume = heat.new_zeros(math.prod(shape), dtype=merged)
    volume = volume.scatter_reduce_(0, places.flatten(), heat.flatten().to(merged), "amax")
    return volume.to(dtype).view(shape).permute(0, 4, 1, 2, 3)


def _window(start: Tensor, end: Tensor, length: int, sigma: float) -> tuple[Tensor, Tensor]:
    """Return the first pixel and how many lie within three sigma of the segments, along one axis of `length`."""
    # float64 where there is one, since the reference truncates so; else a pixel at the very edge may differ.
    wide = torch.float32 if start.device.type == "mps" else torch.float64
    low, high = torch.minimum(start, end).detach().to(wide), torch.maximum(start, end).detach().to(wide)
    first = torch.trunc(low - 3 * sigma).clamp(0, length)
    last = (torch.trunc(high + 3 * sigma) + 1).clamp(0, length)
    return first.long(), (last - first).clamp(min=0).long()
