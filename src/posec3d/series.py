"""Keypoints over time as numbers: a series for each coordinate of one person, wherever and however large they are."""

from collections.abc import Sequence

import torch
from jaxtyping import Bool
from jaxtyping import Float
from jaxtyping import Int64
from torch import Tensor


def num_series(num_keypoints: int, num_limbs: int) -> int:
    """Return how many series `pose_series` gives."""
    return 2 * (2 * num_keypoints + num_limbs)


def pose_series(
    keypoints: Float[Tensor, "B M T V 2"], scores: Float[Tensor, "B M T V"], limbs: Sequence[tuple[int, int]]
) -> Float[Tensor, "B C T"]:
    """Return where the keypoints of the person who is seen best are: in the clip, on the body, and along the limbs.

    Of each keypoint x and y in the box around all that is seen of the person in the clip, whose middle is 0 and whose
    longer side 1; then the same from the middle of all keypoints of the frame; then of each limb the way from its
    second keypoint to its first. Missing keypoints lie on the line between where they were seen before and after, or
    stay where they were seen last or first; one that is never seen lies in the middle. Who is seen best says
    `seen_best`; scores say nothing else but whether a keypoint is there.
    """
    best = seen_best(keypoints, scores)
    rows = torch.arange(len(best), device=best.device)
    seen = _seen(keypoints, scores)[rows, best]
    points = torch.where(seen[..., None], keypoints[rows, best], 0)
    places = _filled(_in_box(points, seen), seen)
    first, second = ([limb[end] for limb in limbs] for end in (0, 1))
    parts = [places, places - places.mean(2, keepdim=True), places[:, :, first] - places[:, :, second]]
    return torch.cat(parts, dim=2).flatten(2).transpose(1, 2)


def seen_best(keypoints: Float[Tensor, "B M T V 2"], scores: Float[Tensor, "B M T V"]) -> Int64[Tensor, " B"]:
    """Return who is seen best in each clip: whose scores, times how large they are, add up to most over all frames.

    How large is the longer side of the box around their keypoints, a pixel at least. Among many, the action is that of
    who is near.
    """
    seen = _seen(keypoints, scores)
    low = torch.where(seen[..., None], keypoints, torch.inf).amin(3)
    high = torch.where(seen[..., None], keypoints, -torch.inf).amax(3)
    sides = torch.where(seen.any(3), (high - low).amax(-1).clamp(min=1), 0)
    return (torch.where(seen, scores, 0).sum(3) * sides).sum(2).argmax(1)


def _seen(keypoints: Float[Tensor, "B M T V 2"], scores: Float[Tensor, "B M T V"]) -> Bool[Tensor, "B M T V"]:
    return (scores > 0) & torch.isfinite(keypoints).all(-1)


def _in_box(points: Float[Tensor, "B T V 2"], seen: Bool[Tensor, "B T V"]) -> Float[Tensor, "B T V 2"]:
    there = seen[..., None]
    low = torch.where(there, points, torch.inf).amin((1, 2), keepdim=True)
    high = torch.where(there, points, -torch.inf).amax((1, 2), keepdim=True)
    size = (high - low).amax(-1, keepdim=True).clamp(min=1.0)
    return torch.where(there, (points - (low + high) / 2) / size, 0)


def _filled(points: Float[Tensor, "B T V 2"], seen: Bool[Tensor, "B T V"]) -> Float[Tensor, "B T V 2"]:
    num_frames = points.shape[1]
    times = torch.arange(num_frames, device=points.device)[:, None].expand(seen.shape[1:])
    before = torch.where(seen, times, -1).cummax(1).values
    after = torch.where(seen, times, num_frames).flip(1).cummin(1).values.flip(1)
    # Before the first time and after the last there is only the other one.
    before, after = torch.where(before < 0, after, before), torch.where(after == num_frames, before, after)
    before, after = (place.clamp(0, num_frames - 1) for place in (before, after))
    share = (times - before) / (after - before).clamp(min=1)
    first, second = (points.gather(1, place[..., None].expand_as(points)) for place in (before, after))
    return first + (second - first) * share[..., None]
