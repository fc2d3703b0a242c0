"""Skeletons drawn on pictures, heatmaps in colour, and animations on disk. Pictures are uint8, (H, W, 3), RGB."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float
from jaxtyping import Float32
from jaxtyping import UInt8
from PIL import Image
from PIL import ImageDraw
from PIL import ImageFont

from posec3d.runtime.files import replacing
from posec3d.skeletons import Skeleton
from posec3d.skeletons import side_of

# Left, right and middle of a body: told apart also by people who do not see red and green (Okabe and Ito, 2008).
_LEFT, _RIGHT, _MIDDLE = (86, 180, 233), (230, 159, 0), (235, 235, 235)
# cv2 draws at fractions of a pixel when coordinates are given in units of 1/16.
_SHIFT = 4


def draw_skeletons(
    picture: UInt8[np.ndarray, "H W 3"],
    keypoints: Float32[np.ndarray, "M V 2"],
    scores: Float32[np.ndarray, "M V"],
    skeleton: Skeleton,
    *,
    smallest_score: float = 0.05,
) -> UInt8[np.ndarray, "H W 3"]:
    """Return the picture with every person's limbs and keypoints: left blue, right orange; unsure ones left out.

    `keypoints` are (x, y) in pixels of the picture.
    """
    drawn = picture.copy()
    width = max(1, round(min(picture.shape[:2]) / 110))
    for person, seen in zip(keypoints, (scores >= smallest_score) & np.isfinite(keypoints).all(-1), strict=True):
        # A guess far outside would overflow cv2's integers.
        points = (np.clip(np.nan_to_num(person), -(2**20), 2**20) * 2**_SHIFT).astype(int)
        for first, second in skeleton.limbs:
            if seen[first] and seen[second]:
                colour = _colour(skeleton.keypoints[first], skeleton.keypoints[second])
                cv2.line(drawn, points[first].tolist(), points[second].tolist(), colour, width, cv2.LINE_AA, _SHIFT)
        for index in np.flatnonzero(seen):
            colour = _colour(skeleton.keypoints[index])
            cv2.circle(drawn, points[index].tolist(), (width + 1) * 2**_SHIFT, colour, -1, cv2.LINE_AA, _SHIFT)
    return drawn


def colour_heatmaps(
    heatmaps: Float[np.ndarray, "C H W"], size: tuple[int, int], *, brightest: float = 1.0
) -> UInt8[np.ndarray, "H2 W2 3"]:
    """Return one frame's heatmaps as a picture of `size` (height, width), each pixel a crisp square.

    Channels share the picture by maximum; colours run from 0 to `brightest` along the perceptual map "magma".
    """
    shares = np.clip(heatmaps.max(0) / brightest, 0, 1)
    small = _magma()[np.round(shares * 255).astype(np.uint8)]
    large: UInt8[np.ndarray, "H2 W2 3"] = np.asarray(
        cv2.resize(small, (size[1], size[0]), interpolation=cv2.INTER_NEAREST), np.uint8
    )
    return large


def write_text(
    picture: UInt8[np.ndarray, "H W 3"], text: str, place: tuple[int, int], *, height: int = 18
) -> UInt8[np.ndarray, "H W 3"]:
    """Return the picture with text whose top left corner is at `place` (x, y), `height` pixels high."""
    image = Image.fromarray(picture)
    ImageDraw.Draw(image).text(place, text, font=ImageFont.load_default(height), fill=_MIDDLE)
    return np.asarray(image)


def save_gif(path: Path, pictures: Sequence[UInt8[np.ndarray, "H W 3"]], *, frames_per_second: float = 12) -> None:
    """Write an animation that repeats for ever, with one palette for all its frames."""
    # One palette from frames over the whole time: with one for each, the background flickers.
    sample = np.concatenate(pictures[:: max(1, len(pictures) // 6)])
    palette = Image.fromarray(sample).quantize(256, dither=Image.Dither.NONE)
    frames = [Image.fromarray(picture).quantize(palette=palette, dither=Image.Dither.NONE) for picture in pictures]
    with replacing(path) as unfinished:
        frames[0].save(
            unfinished,
            format="GIF",
            save_all=True,
            append_images=frames[1:],
            duration=round(1000 / frames_per_second),
            loop=0,
            optimize=False,
        )


def _colour(*keypoints: str) -> tuple[int, int, int]:
    """Return the colour of a keypoint or limb: that of the one side its ends have, if any."""
    sides = {side_of(name) for name in keypoints} - {None}
    return {"left": _LEFT, "right": _RIGHT}[sides.pop() or ""] if len(sides) == 1 else _MIDDLE


@cache
def _magma() -> UInt8[np.ndarray, "256 3"]:
    from matplotlib import colormaps

    colours: UInt8[np.ndarray, "256 3"] = np.round(colormaps["magma"](np.arange(256))[:, :3] * 255).astype(np.uint8)
    return colours
