"""Text of any script on pictures: a font that has its letters, and lines of text laid over what is there."""

import logging
import math
from functools import cache
from functools import lru_cache
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image
from PIL import ImageDraw
from PIL import ImageFont

# Of a line's height: the size of a font whose letters fill it, and where they stand. DejaVu Sans reaches 0.93 above the
# line and 0.24 below it.
_SIZE, _BASELINE = 0.81, 0.77
_WHITE = (255, 255, 255)
_LOGGER = logging.getLogger(__name__)


@cache
def font_file(text: str) -> Path:
    """Return a font that has every letter of the text: DejaVu Sans, else an installed one.

    Where no font has them all it is DejaVu Sans, which draws a box for each letter it lacks.
    """
    import matplotlib

    own = Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")
    letters = frozenset(ord(letter) for letter in text if not letter.isspace())
    if letters <= _letters_of(own):
        return own
    for font in _installed_fonts():
        if letters <= _letters_of(font):
            return font
    _warn_of_boxes()
    return own


@lru_cache(maxsize=1024)
def text_mask(text: str, height: int, longest: int | None = None) -> UInt8[np.ndarray, "H W"]:
    """Return one line of text, `height` pixels high, as the cover of each pixel: 0 to 255. Line breaks become spaces.

    One longer than `longest` pixels loses its end to an ellipsis.
    """
    text = " ".join(text.split())
    font = ImageFont.truetype(str(font_file(text)), max(1, round(_SIZE * height)))
    if longest is not None and font.getlength(text) > longest:
        kept = len(text)
        while kept and font.getlength(text[:kept] + "…") > longest:
            kept -= 1
        text = text[:kept].rstrip() + "…"
    image = Image.new("L", (max(1, math.ceil(font.getlength(text))), height))
    ImageDraw.Draw(image).text((0, round(_BASELINE * height)), text, font=font, fill=255, anchor="ls")
    mask = np.array(image)
    mask.flags.writeable = False
    return mask


def text_width(text: str, font_size: float) -> float:
    """Return how wide a line of text is, in the unit of `font_size`."""
    return float(ImageFont.truetype(str(font_file(text)), 100).getlength(text)) * font_size / 100


def lay_text(
    drawn: UInt8[np.ndarray, "H W 3"],
    mask: UInt8[np.ndarray, "H2 W2"],
    place: tuple[int, int],
    colour: tuple[int, int, int] = _WHITE,
) -> None:
    """Write the text of a mask into a picture, its top left corner at `place` (x, y); what lies outside is cut off."""
    left, top = place
    region = drawn[max(top, 0) : max(top + mask.shape[0], 0), max(left, 0) : max(left + mask.shape[1], 0)]
    cover = mask[max(-top, 0) :, max(-left, 0) :][: region.shape[0], : region.shape[1], None].astype(np.uint16)
    region[:] = (region * (255 - cover) + np.array(colour, np.uint16) * cover + 127) // 255


@cache  # Once, however many names there are.
def _warn_of_boxes() -> None:
    _LOGGER.warning("no installed font has the letters of all names: boxes stand for them; install Noto Sans CJK, say")


@cache
def _letters_of(font: Path) -> frozenset[int]:
    from matplotlib.ft2font import FT2Font

    return frozenset(FT2Font(str(font)).get_charmap())


@cache
def _installed_fonts() -> tuple[Path, ...]:
    """List fonts, upright and of ordinary weight first."""
    from matplotlib.font_manager import fontManager

    fonts = sorted(fontManager.ttflist, key=lambda font: (font.style != "normal", font.weight != 400, font.fname))
    paths = dict.fromkeys(Path(font.fname) for font in fonts)
    # The list is kept between runs: fonts may have gone since. Matplotlib's own LastResort has a box for every letter.
    return tuple(path for path in paths if path.is_file() and not path.name.startswith("LastResort"))
