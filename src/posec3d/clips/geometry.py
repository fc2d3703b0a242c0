"""Where on the canvas the people are: crops, resizes and mirrors as pure functions of poses.

Numbers as mmaction2 0.24.1: PoseCompact, Resize, RandomResizedCrop, CenterCrop, Flip. As there, a coordinate of exactly
0 counts as missing on its axis, also here, after missing keypoints have been put at (0, 0).
"""

import math

import numpy as np
from jaxtyping import Float32

from posec3d.poses import Poses
from posec3d.skeletons import Skeleton


def crop_to_people(poses: Poses, padding: float = 0.25, smallest: float = 10.0, *, seen_only: bool = False) -> Poses:
    """Crop the canvas to one square around every keypoint of every person and frame.

    Keypoints with score 0 but with coordinates, guesses, count as in the reference, unless `seen_only`.

    `padding` widens the box by that share of its size, around its centre. The square may reach outside the image.
    A box under `smallest` pixels either way, or nobody at all, leaves the canvas as it is.

    Source: PoseC3D, "subjects-centred cropping"; numbers as mmaction2 0.24.1 PoseCompact.
    """
    box = _box(poses, seen_only=seen_only)
    if box is None:
        return poses
    (left, top), (right, bottom) = box
    if right - left < smallest or bottom - top < smallest:
        return poses
    # The sum and the difference in float32, all else in float64: the reference's own rounding.
    x, y = float((right + left) / 2), float((bottom + top) / 2)
    half = max(float((right - left) / 2), float((bottom - top) / 2)) * (1 + padding)
    corner = np.array([math.trunc(x - half), math.trunc(y - half)], np.float32)
    keypoints = poses.keypoints - corner * (poses.keypoints != 0)
    canvas = (math.trunc(y + half) - math.trunc(y - half), math.trunc(x + half) - math.trunc(x - half))
    return Poses(keypoints, poses.scores, canvas)


def resize_short_side(poses: Poses, length: int) -> Poses:
    """Scale the canvas until its short side has `length` pixels; the long side is rounded to the nearest pixel."""
    factor = length / min(poses.canvas)
    height, width = (int(side * factor + 0.5) for side in poses.canvas)
    return stretch(poses, (height, width))


def stretch(poses: Poses, canvas: tuple[int, int]) -> Poses:
    """Scale the canvas to (height, width) pixels, whatever that does to proportions."""
    factor = np.array([canvas[1] / poses.canvas[1], canvas[0] / poses.canvas[0]], np.float32)
    return Poses(poses.keypoints * factor, poses.scores, canvas)


def center_crop(poses: Poses, side: int) -> Poses:
    """Cut a square of `side` pixels out of the middle of the canvas."""
    height, width = poses.canvas
    return _cut(poses, left=(width - side) // 2, top=(height - side) // 2, canvas=(side, side))


def random_resized_crop(
    poses: Poses,
    rng: np.random.RandomState,
    area: tuple[float, float] = (0.56, 1.0),
    aspect_ratio: tuple[float, float] = (3 / 4, 4 / 3),
) -> Poses:
    """Cut a random rectangle that holds a share of the canvas within `area`, of width over height in `aspect_ratio`.

    Ten rectangles are drawn, the ratio log-uniform and the area uniform, and the first that fits is taken; if none
    does, the largest square in the middle.
    """
    height, width = poses.canvas
    ratios = rng.uniform(math.log(aspect_ratio[0]), math.log(aspect_ratio[1]), size=10).tolist()
    shares = rng.uniform(*area, size=10).tolist()
    # One by one, as mostly the first fits: an array of ten takes longer.
    for ratio, share in zip(map(math.exp, ratios), shares, strict=True):
        crop_width = round(math.sqrt(share * height * width * ratio))
        crop_height = round(math.sqrt(share * height * width / ratio))
        if crop_width <= width and crop_height <= height:
            left = rng.randint(0, width - crop_width + 1)
            top = rng.randint(0, height - crop_height + 1)
            return _cut(poses, left, top, (crop_height, crop_width))
    side = min(height, width)
    return center_crop(poses, side)


def mirror(poses: Poses, skeleton: Skeleton) -> Poses:
    """Mirror left and right: x becomes width - x, and partners change places.

    Source: mmaction2 0.24.1 Flip, whose x is one pixel to the right of a mirrored image's.
    """
    order = skeleton.mirrored_keypoints
    keypoints = poses.keypoints.take(order, axis=2)
    x = keypoints[..., 0]
    np.subtract(np.float32(poses.canvas[1]), x, out=x, where=x != 0)
    return Poses(keypoints, poses.scores.take(order, axis=2), poses.canvas)


def _cut(poses: Poses, left: int, top: int, canvas: tuple[int, int]) -> Poses:
    return Poses(poses.keypoints - np.array([left, top], np.float32), poses.scores, canvas)


def _box(poses: Poses, *, seen_only: bool) -> tuple[Float32[np.ndarray, "2"], Float32[np.ndarray, "2"]] | None:
    """Return the least and the greatest (x, y) that are not 0, of seen keypoints if `seen_only`; None without any."""
    seen = (poses.scores > 0).reshape(-1) if seen_only else None
    low, high = np.empty(2, np.float32), np.empty(2, np.float32)
    for axis in (0, 1):
        values = poses.keypoints[..., axis].reshape(-1)
        present = values[values != 0 if seen is None else (values != 0) & seen]
        if not present.size:
            return None
        low[axis], high[axis] = np.minimum.reduce(present), np.maximum.reduce(present)
    return low, high
