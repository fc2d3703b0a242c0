"""Pictures put together with captions: side by side as one frame of a film, or in rows as a sheet of moments."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8

from posec3d.video.lettering import lay_text
from posec3d.video.lettering import text_mask
from posec3d.video.panels import lay

_GAP, _LINE, _SMALL_LINE = 8, 24, 20
# What stands above a row of pictures, and a title, take so many pixels each.
_CAPTION, _TITLE = 30, 36
_BACKGROUND, _GREY = 14, (170, 170, 170)


@dataclass(frozen=True)
class SheetRow:
    """Panels of one height with a caption above them all and a note beneath each; both may be empty."""

    caption: str
    panels: Sequence[UInt8[np.ndarray, "H W 3"]]
    notes: Sequence[str] = ()


def beside(
    panels: Sequence[UInt8[np.ndarray, "H _ 3"]], captions: Sequence[str], *, title: str = "", note: str = ""
) -> UInt8[np.ndarray, "H2 W2 3"]:
    """Return panels of one height side by side, each under its caption; above them a title, and a note at the right."""
    top = _CAPTION + (_TITLE if title or note else 0)
    width = _GAP + sum(panel.shape[1] + _GAP for panel in panels)
    framed = _ground(top + panels[0].shape[0] + _GAP, width)
    _write_title(framed, title, note)
    left = _GAP
    for panel, caption in zip(panels, captions, strict=True):
        lay_text(framed, text_mask(caption, _SMALL_LINE, panel.shape[1]), (left, top - _CAPTION + 4))
        lay(framed, panel, (left, top))
        left += panel.shape[1] + _GAP
    return framed


def sheet(rows: Sequence[SheetRow], *, title: str = "") -> UInt8[np.ndarray, "H2 W2 3"]:
    """Return rows of panels beneath one another, under a title."""
    heights = [_height_of(row) for row in rows]
    width = max(sum(panel.shape[1] + _GAP for panel in row.panels) for row in rows)
    page = _ground(_TITLE + sum(heights) + _GAP, _GAP + width)
    _write_title(page, title, "")
    top = _TITLE
    for row, height in zip(rows, heights, strict=True):
        if row.caption:
            lay_text(page, text_mask(row.caption, _SMALL_LINE, width - _GAP), (_GAP, top + 4))
        upper = top + (_CAPTION if row.caption else _GAP)
        left = _GAP
        for place, panel in enumerate(row.panels):
            lay(page, panel, (left, upper))
            if row.notes:
                mask = text_mask(row.notes[place], _SMALL_LINE, panel.shape[1])
                lay_text(page, mask, (left, upper + panel.shape[0] + 4), _GREY)
            left += panel.shape[1] + _GAP
        top += height
    return page


def _height_of(row: SheetRow) -> int:
    return (_CAPTION if row.caption else _GAP) + len(row.panels[0]) + (_CAPTION if row.notes else 0)


def _ground(height: int, width: int) -> UInt8[np.ndarray, "H W 3"]:
    return np.full((height, width, 3), _BACKGROUND, np.uint8)


def _write_title(picture: np.ndarray, title: str, note: str) -> None:
    beside_note = 0
    if note:
        mask = text_mask(note, _SMALL_LINE)
        beside_note = mask.shape[1] + 2 * _GAP
        lay_text(picture, mask, (picture.shape[1] - _GAP - mask.shape[1], 10), _GREY)
    if title:
        longest = max(1, picture.shape[1] - 2 * _GAP - beside_note)
        lay_text(picture, text_mask(title, _LINE, longest), (_GAP, 8))
