"""Keypoints and limbs drawn as a stack of heatmaps over time: the idea of PoseC3D, in one file.

Each keypoint becomes a Gaussian, each limb a ridge around the segment between its ends, as high as the estimator was
sure; people share a channel by maximum. Source: PoseC3D, equations 1 and 2; windows, thresholds and the rule for short
limbs as mmaction2 0.24.1 `GeneratePoseTarget`.
"""

from collections.abc import Callable
from collections.abc import Sequence
from functools import partial

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from posec3d.runtime.tensors import as_array
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
    return _draw_segments(keypoints, keypoints, scores, size, sigma, threshold).to(dtype)


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
    return _draw_segments(
        starts, torch.where(short[..., None], starts, ends), torch.where(both, values, 0), size, sigma, threshold
    ).to(dtype)


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
        keypoints.device.type == "cpu"
        and not wanted
        and keypoints.dtype == scores.dtype == torch.float32
        and dtype in (torch.float32, torch.bfloat16)
        and not torch.compiler.is_compiling()
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


def _draw_segments(
    starts: Float[Tensor, "B M T S 2"],
    ends: Float[Tensor, "B M T S 2"],
    values: Float[Tensor, "B M T S"],
    size: tuple[int, int],
    sigma: float,
    threshold: float,
) -> Float[Tensor, "B S T H W"]:
    """Draw segments, one channel each; a keypoint is a segment of no length.

    Only the pixels in the segments' boxes are computed: all boxes of the batch in one flat list of pixels, merged into
    the volume by one scattered maximum.
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

    plane = (clip * num_segments + channel) * num_frames + frame
    volume = heat.new_zeros(num_clips * num_segments * num_frames * height * width)
    volume = volume.scatter_reduce(0, (plane[segment] * height + row) * width + column, heat, "amax")
    return volume.view(num_clips, num_segments, num_frames, height, width)


def _window(start: Tensor, end: Tensor, length: int, sigma: float) -> tuple[Tensor, Tensor]:
    """Return the first pixel and how many lie within three sigma of the segments, along one axis of `length`."""
    # float64 where there is one, since the reference truncates so; else a pixel at the very edge may differ.
    wide = torch.float32 if start.device.type == "mps" else torch.float64
    low, high = torch.minimum(start, end).detach().to(wide), torch.maximum(start, end).detach().to(wide)
    first = torch.trunc(low - 3 * sigma).clamp(0, length)
    last = (torch.trunc(high + 3 * sigma) + 1).clamp(0, length)
    return first.long(), (last - first).clamp(min=0).long()
