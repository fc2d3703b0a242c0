"""Keypoints together with how they move, for heatmaps that are as high as something is fast."""

import torch
from jaxtyping import Float
from torch import Tensor

# Pixels of the canvas from one frame of the clip to the next; what is faster, such as where a short video starts anew,
# is drawn as this fast.
_FASTEST = 3.0
# Of each keypoint so many are drawn: itself, and how fast it moves right, left, down and up.
NUM_POINTS = 5


def with_motion(
    keypoints: Float[Tensor, "B M T V 2"], scores: Float[Tensor, "B M T V"]
) -> tuple[Float[Tensor, "B M T 5*V 2"], Float[Tensor, "B M T 5*V"]]:
    """Return all keypoints five times: as they are, and with their speed right, left, down and up as their scores.

    The speed of a keypoint is half of its way from the frame before to the frame after, in pixels, times the lowest of
    its three scores there: none in the first and the last frame, and where it is missing in one of the three. So people
    must be told apart: a row that goes from one to another seems to jump.
    """
    before, after = _neighbours(keypoints, torch.zeros_like(keypoints[:, :, :1]))
    surely = torch.stack([scores, *_neighbours(scores, torch.zeros_like(scores[:, :, :1]))]).amin(0)
    right, down = ((after - before) / 2).unbind(-1)
    speeds = torch.cat([right, -right, down, -down], dim=-1)
    speeds = torch.where(torch.isfinite(speeds), speeds, 0).clamp(0.0, _FASTEST)
    return keypoints.repeat(1, 1, 1, NUM_POINTS, 1), torch.cat(
        [scores, speeds * surely.repeat(1, 1, 1, NUM_POINTS - 1)], dim=-1
    )


def _neighbours(values: Float[Tensor, "B M T ..."], edge: Float[Tensor, "B M 1 ..."]) -> tuple[Tensor, Tensor]:
    """Return of each frame what was in the one before, and what is in the one after; `edge` where there is none."""
    padded = torch.cat([edge, values, edge], dim=2)
    return padded[:, :, :-2], padded[:, :, 2:]
