"""Parts of pictures that inform: shaded boxes, pictures in pictures, and rows of named shares.

These functions draw into the picture that they are given; what lies outside it is cut off. Places are (x, y) of a top
left corner, and sizes here (width, height).
"""

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import UInt8

from posec3d.video.lettering import lay_text
from posec3d.video.lettering import text_mask

_BAR, _SLOT = (0, 114, 178), (64, 64, 64)


def shade(
    drawn: UInt8[np.ndarray, "H W 3"],
    place: tuple[int, int],
    size: tuple[int, int],
    colour: tuple[int, int, int],
    cover: float,
) -> None:
    """Colour a box, as opaque as `cover` says, 0 to 1."""
    region = _part(drawn, place, size)
    if region.size:
        region[:] = cv2.addWeighted(region, 1 - cover, np.full_like(region, colour), cover, 0)


def lay(drawn: UInt8[np.ndarray, "H W 3"], picture: UInt8[np.ndarray, "H2 W2 3"], place: tuple[int, int]) -> None:
    """Put a picture into a picture; `place` lies inside."""
    region = _part(drawn, place, (picture.shape[1], picture.shape[0]))
    region[:] = picture[: region.shape[0], : region.shape[1]]


def height_of_shares(count: int, line: int) -> int:
    """Return how many pixels `draw_shares` takes for so many rows."""
    return count * (_row_height(line) + line // 4) + line // 4


def draw_shares(
    drawn: UInt8[np.ndarray, "H W 3"],
    shares: Sequence[tuple[str, float]],
    place: tuple[int, int],
    width: int,
    line: int,
) -> None:
    """Draw a row for each share, 0 to 1: its name, its percentage, and a bar that fills the row at 1.

    `line` is the height of the text in pixels; a name that is too long loses its end.
    """
    pad, row = line // 4, _row_height(line)
    inner = width - 2 * pad
    for number, (name, share) in enumerate(shares):
        x, y = place[0] + pad, place[1] + pad + number * (row + pad)
        shade(drawn, (x, y), (inner, row), _SLOT, 0.6)
        shade(drawn, (x, y), (round(inner * min(max(share, 0.0), 1.0)), row), _BAR, 0.95)
        percent = text_mask(f"{share:.0%}", line)
        text_top = y + (row - line) // 2
        lay_text(drawn, percent, (x + inner - pad - percent.shape[1], text_top))
        lay_text(drawn, text_mask(name, line, inner - 4 * pad - percent.shape[1]), (x + pad, text_top))


def _row_height(line: int) -> int:
    return round(1.3 * line)


def _part(drawn: UInt8[np.ndarray, "H W 3"], place: tuple[int, int], size: tuple[int, int]) -> np.ndarray:
    (left, upper), (width, height) = place, size
    return drawn[max(upper, 0) : max(upper + height, 0), max(left, 0) : max(left + width, 0)]
