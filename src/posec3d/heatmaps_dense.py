"""The drawing of `posec3d.heatmaps` for runtimes that know arithmetic only: every pixel of every segment is computed.

The same heatmaps to about 1e-6, without a step whose size depends on values, so that it can stand in an exported graph.
"""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Bool
from jaxtyping import Float
from jaxtyping import Float32
from jaxtyping import Int64
from torch import Tensor

# The widest canvas, in pixels either way.
LARGEST_CANVAS = 4096
# A limb shorter than one pixel is drawn as its first keypoint, as in `posec3d.heatmaps`.
_SHORTEST_LIMB = 1.0
# The exponential of minus its square is 0, and the square of twice that is a number still.
_FAR = 1e9


def draw_keypoints(
    keypoints: Float[Tensor, "B M T V 2"],
    scores: Float[Tensor, "B M T V"],
    rows: Int64[Tensor, "#B H"],
    columns: Int64[Tensor, "#B W"],
    *,
    sigma: float,
    threshold: float,
) -> Float[Tensor, "B V T H W"]:
    """Draw as `render_keypoints` does, on the pixels in `rows` and `columns`, in the order in which they stand."""
    visible = _drawn(scores, threshold) & torch.isfinite(keypoints).all(-1)
    x, y = torch.where(visible[..., None], keypoints, 0).transpose(2, 3)[..., None].unbind(-2)
    values = torch.where(visible, scores, 0).transpose(2, 3)[..., None]
    across, down = (
        torch.where(_within(one, one, pixels, sigma), torch.exp(-((_beside(pixels) - one) * _scale(sigma)).square()), 0)
        for one, pixels in ((x, columns), (y, rows))
    )
    return ((down * values)[..., None] * across[..., None, :]).amax(1)


def draw_limbs(
    keypoints: Float[Tensor, "B M T V 2"],
    scores: Float[Tensor, "B M T V"],
    limbs: Sequence[tuple[int, int]],
    rows: Int64[Tensor, "#B H"],
    columns: Int64[Tensor, "#B W"],
    *,
    sigma: float,
    threshold: float,
) -> Float[Tensor, "B L T H W"]:
    """Draw as `render_limbs` does, on the pixels in `rows` and `columns`, in the order in which they stand."""
    firsts, seconds = (torch.tensor(ends, device=keypoints.device) for ends in zip(*limbs, strict=True))
    starts, ends = keypoints.index_select(3, firsts), keypoints.index_select(3, seconds)
    first_scores = scores.index_select(3, firsts)
    lower_scores = torch.minimum(first_scores, scores.index_select(3, seconds))
    visible = _drawn(lower_scores, threshold) & torch.isfinite(starts).all(-1) & torch.isfinite(ends).all(-1)
    starts, ends = (torch.where(visible[..., None], points, 0).transpose(2, 3) for points in (starts, ends))
    short = (ends - starts).square().sum(-1) < _SHORTEST_LIMB
    ends = torch.where(short[..., None], starts, ends)
    values = torch.where(short, first_scores.transpose(2, 3), lower_scores.transpose(2, 3))
    values = torch.where(visible.transpose(2, 3), values, 0)
    return (values[..., None, None] * _ridges(starts, ends, short, rows, columns, sigma)).amax(1)


def _ridges(
    starts: Float[Tensor, "B M L T 2"],
    ends: Float[Tensor, "B M L T 2"],
    short: Bool[Tensor, "B M L T"],
    rows: Int64[Tensor, "#B H"],
    columns: Int64[Tensor, "#B W"],
    sigma: float,
) -> Float[Tensor, "B M L T H W"]:
    """Draw segments of height 1: Gaussians of the distance, of which one part is beside, the other beyond the ends.

    All that can be is computed for rows and for columns apart: the rest is done for every pixel.
    """
    along = ends - starts
    length = along.square().sum(-1, keepdim=True).clamp(min=_SHORTEST_LIMB).sqrt()
    right, down = (along / length * _scale(sigma))[..., None].unbind(-2)
    right = torch.where(short[..., None], _scale(sigma), right)
    half = torch.where(short[..., None], 0, length * (_scale(sigma) / 2))
    (x1, y1), (x2, y2) = (points[..., None].unbind(-2) for points in (starts, ends))
    x, y = _beside(columns) - (x1 + x2) / 2, _beside(rows) - (y1 + y2) / 2
    # From the middle, as numbers are small there. Pixels outside the segment's box are far: terms of one sign add up.
    x_beside = torch.where(_within(torch.minimum(x1, x2), torch.maximum(x1, x2), columns, sigma), x * down, -_FAR)
    y_beside = torch.where(_within(torch.minimum(y1, y2), torch.maximum(y1, y2), rows, sigma), y * right, _FAR)
    beside = y_beside[..., None] - x_beside[..., None, :]
    beyond = ((y * down)[..., None] + (x * right)[..., None, :]).abs() - half[..., None]
    return torch.exp(-(beside.square() + beyond.relu().square()))


def _beside(pixels: Int64[Tensor, "#B N"]) -> Int64[Tensor, "#B 1 1 1 N"]:
    return pixels[:, None, None, None]


def _scale(sigma: float) -> float:
    """Return by what a distance is multiplied so that its Gaussian is the exponential of minus its square."""
    return float((2 * sigma**2) ** -0.5)


def _drawn(scores: Tensor, threshold: float) -> Bool[Tensor, "..."]:
    return scores >= float(_rounded_up(np.array([threshold]))[0])


def _within(low: Tensor, high: Tensor, pixels: Int64[Tensor, "#B N"], sigma: float) -> Bool[Tensor, "B M S T N"]:
    """Tell which pixels lie within three sigma of what reaches from `low` to `high`, along one axis.

    The reference truncates in float64, of which runtimes make float32. So the borders are computed beforehand, each
    rounded up to float32: a float32 is at least a border just if it is at least the border rounded up.
    """
    borders = np.arange(LARGEST_CANVAS, dtype=np.float64)
    last = _rounded_up(borders + 1 + 3 * sigma)
    first = _rounded_up(borders - 3 * sigma)
    # Truncation is towards 0: the first pixel also has what lies less than a pixel before it.
    first[0] = np.nextafter(-_rounded_up(np.array([1 + 3 * sigma]))[0], np.float32(np.inf))
    first_border, last_border = (torch.from_numpy(one).to(low.device)[_beside(pixels)] for one in (first, last))
    return (low < last_border) & (high >= first_border)


def _rounded_up(values: Float[np.ndarray, " N"]) -> Float32[np.ndarray, " N"]:
    nearest = values.astype(np.float32)
    return np.where(nearest < values, np.nextafter(nearest, np.float32(np.inf)), nearest)
