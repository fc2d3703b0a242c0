"""Skeletons drawn on pictures, and heatmaps in colour. Pictures are uint8, (H, W, 3), RGB."""

from functools import cache

import cv2
import numpy as np
from jaxtyping import Float
from jaxtyping import Float32
from jaxtyping import UInt8

from posec3d.skeletons import Skeleton
from posec3d.skeletons import side_of

# Left, right and middle of a body: told apart also by people who do not see red and green (Okabe and Ito, 2008).
_LEFT, _RIGHT, _MIDDLE = (86, 180, 233), (230, 159, 0), (235, 235, 235)
# cv2 draws at fractions of a pixel when coordinates are given in units of 1/16.
_SHIFT = 4
# Right, left, down and up in a picture, as `posec3d.motion` has them, of the same palette; and what does not move.
_DIRECTIONS = ((230, 159, 0), (86, 180, 233), (204, 121, 167), (0, 158, 115))
_STILL = 64


def draw_skeletons(
    picture: UInt8[np.ndarray, "H W 3"],
    keypoints: Float32[np.ndarray, "M V 2"],
    scores: Float32[np.ndarray, "M V"],
    skeleton: Skeleton,
    *,
    smallest_score: float = 0.05,
    colour: tuple[int, int, int] | None = None,
    width: int | None = None,
) -> UInt8[np.ndarray, "H W 3"]:
    """Return the picture with every person's limbs and keypoints: left blue, right orange; unsure ones left out.

    `keypoints` are (x, y) in pixels of the picture. `colour` takes the place of those of the sides. Limbs are `width`
    pixels wide, by the size of the picture without.
    """
    drawn = picture.copy()
    width = width or max(1, round(min(picture.shape[:2]) / 110))
    for person, seen in zip(keypoints, (scores >= smallest_score) & np.isfinite(keypoints).all(-1), strict=True):
        # A guess far outside would overflow cv2's integers.
        points = (np.clip(np.nan_to_num(person), -(2**20), 2**20) * 2**_SHIFT).astype(int)
        for first, second in skeleton.limbs:
            if seen[first] and seen[second]:
                own = colour or _colour(skeleton.keypoints[first], skeleton.keypoints[second])
                cv2.line(drawn, points[first].tolist(), points[second].tolist(), own, width, cv2.LINE_AA, _SHIFT)
        for index in np.flatnonzero(seen):
            own = colour or _colour(skeleton.keypoints[index])
            cv2.circle(drawn, points[index].tolist(), (width + 1) * 2**_SHIFT, own, -1, cv2.LINE_AA, _SHIFT)
    return drawn


def colour_heatmaps(
    heatmaps: Float[np.ndarray, "C H W"], size: tuple[int, int], *, brightest: float = 1.0
) -> UInt8[np.ndarray, "H2 W2 3"]:
    """Return one frame's heatmaps as a picture of `size` (height, width), each pixel a crisp square.

    Channels share the picture by maximum; colours run from 0 to `brightest` along the perceptual map "magma".
    """
    return _enlarged(magma(heatmaps.max(0) / brightest), size)


def colour_motion(
    keypoints: Float[np.ndarray, "V H W"],
    speeds: Float[np.ndarray, "4 V H W"],
    size: tuple[int, int],
    *,
    brightest: tuple[float, float] = (1.0, 1.0),
) -> UInt8[np.ndarray, "H2 W2 3"]:
    """Return one frame's heatmaps of keypoints, and of their speed right, left, down and up, as a picture of `size`.

    Channels share it by maximum. Right is orange, left blue, down pink, up green, and what goes between them has a
    colour between theirs; keypoints are dark grey beneath. `brightest` are the heights of the brightest colours, of
    keypoints and of speeds.
    """
    shares = np.clip(speeds.max(1) / brightest[1], 0, 1)
    mixture = np.einsum("dhw,dc->hwc", shares, np.array(_DIRECTIONS, np.float32))
    # The square root, as slow ones would be lost in black.
    fastest = np.sqrt(shares.max(0)[..., None])
    moving = mixture / np.maximum(shares.sum(0), 1e-6)[..., None]
    still = np.sqrt(np.clip(keypoints.max(0) / brightest[0], 0, 1)[..., None]) * _STILL
    return _enlarged(np.round(fastest * moving + (1 - fastest) * still).astype(np.uint8), size)


def magma(shares: Float[np.ndarray, "*any"]) -> UInt8[np.ndarray, "*any 3"]:
    """Return the colours of shares, 0 to 1 and cut off there: from black over purple and orange to pale yellow."""
    colours: UInt8[np.ndarray, "*any 3"] = _magma()[np.round(np.clip(shares, 0, 1) * 255).astype(np.uint8)]
    return colours


def _colour(*keypoints: str) -> tuple[int, int, int]:
    """Return the colour of a keypoint or limb: that of the one side its ends have, if any."""
    sides = {side_of(name) for name in keypoints} - {None}
    return {"left": _LEFT, "right": _RIGHT}[sides.pop() or ""] if len(sides) == 1 else _MIDDLE


def _enlarged(small: UInt8[np.ndarray, "H W 3"], size: tuple[int, int]) -> UInt8[np.ndarray, "H2 W2 3"]:
    return np.asarray(cv2.resize(small, (size[1], size[0]), interpolation=cv2.INTER_NEAREST), np.uint8)


@cache
def _magma() -> UInt8[np.ndarray, "256 3"]:
    from matplotlib import colormaps

    colours: UInt8[np.ndarray, "256 3"] = np.round(colormaps["magma"](np.arange(256))[:, :3] * 255).astype(np.uint8)
    return colours
