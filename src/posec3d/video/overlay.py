"""One annotated frame of a video: skeletons, who does what, the likeliest actions, and a timeline with a cursor.

Everything is sized by the frame; `enlarge` brings small frames to a size at which text can be read.
"""

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace
from functools import lru_cache
from types import MappingProxyType

import cv2
import numpy as np
from jaxtyping import UInt8

from posec3d.people import UNKNOWN
from posec3d.people import PeopleInFrame
from posec3d.skeletons import Skeleton
from posec3d.video.drawing import draw_skeletons
from posec3d.video.lettering import lay_text
from posec3d.video.lettering import text_mask
from posec3d.video.panels import draw_shares
from posec3d.video.panels import height_of_shares
from posec3d.video.panels import lay
from posec3d.video.panels import shade
from posec3d.video.writing import MP4_SIDE

# What is less sure is mostly a guess of the estimator, behind a table or outside the picture.
_SMALLEST_SCORE = 0.15
_NARROWEST = 640
_BLACK, _WHITE = (0, 0, 0), (255, 255, 255)
# Okabe and Ito (2008) without black; darkened where white text would not be read on it. Grey is for what is not sure.
_GREY = (120, 120, 120)
_COLOURS = (
    *((0, 114, 178), (213, 94, 0), (0, 128, 94), (180, 90, 140), (40, 130, 180), (176, 122, 0)),
    (110, 90, 190),
)


@dataclass(frozen=True)
class TimelineBar:
    """What happens in a stretch of a video, with its probability, and whether that is enough to be sure."""

    start_seconds: float
    end_seconds: float
    label: str
    score: float
    is_sure: bool = True


def scaled_up(size: tuple[int, int]) -> tuple[int, int]:
    """Return the (height, width) at which frames of `size` are shown: at least 640 wide, never smaller, both even.

    Even, because most players only show videos that are. Tall ones stay narrower, so that .mp4 can hold them.
    """
    factor = max(1.0, min(_NARROWEST / size[1], MP4_SIDE / max(size)))
    height, width = (2 * max(1, round(side * factor / 2)) for side in size)
    return height, width


def enlarge(picture: UInt8[np.ndarray, "H W 3"], people: PeopleInFrame) -> tuple[np.ndarray, PeopleInFrame]:
    """Return a frame and its people at the size of `scaled_up`."""
    height, width = scaled_up(picture.shape[:2])
    factor = np.array([width / picture.shape[1], height / picture.shape[0]], np.float32)
    # Pixel centres lie at whole numbers: the corner of the picture is at (-0.5, -0.5).
    keypoints = (people.keypoints + np.float32(0.5)) * factor - np.float32(0.5)
    large = np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)
    return large, replace(people, keypoints=keypoints)


def draw_overlay(
    picture: UInt8[np.ndarray, "H W 3"],
    people: PeopleInFrame,
    skeleton: Skeleton,
    *,
    top: Sequence[tuple[str, float]] = (),
    labels: Mapping[int, str] = MappingProxyType({}),
    timeline: Sequence[TimelineBar] = (),
    duration_seconds: float | None = None,
) -> UInt8[np.ndarray, "H W 3"]:
    """Return the frame with its people, and with all that is given of: actions, labels of people, and timeline.

    `top` are actions and their probabilities, best first. `labels` go by id and stand above the person. The timeline
    runs from 0 to `duration_seconds`, without which there is none; where bars overlap the later one is seen.
    """
    drawn = draw_skeletons(picture, people.keypoints, people.scores, skeleton, smallest_score=_SMALLEST_SCORE)
    line = _line_height(picture.shape[:2])
    bottom = picture.shape[0] - line // 2
    if duration_seconds is not None and duration_seconds > 0:
        strip = _timeline(tuple(timeline), duration_seconds, picture.shape[1] - line, line)
        bottom -= len(strip)
        lay(drawn, strip, (line // 2, bottom))
        _draw_cursor(drawn, people.seconds / duration_seconds, len(strip), (line // 2, bottom))
        bottom -= line // 3
    if top:
        _draw_actions(drawn, top, bottom, line)
    _draw_names(drawn, people, labels, line)
    return drawn


def _line_height(size: tuple[int, int]) -> int:
    """Return the height of a line of text that can be read on a frame of this size and takes little of it."""
    return max(14, round(min(size[0], 0.75 * size[1]) / 27))


def _draw_names(drawn: np.ndarray, people: PeopleInFrame, labels: Mapping[int, str], line: int) -> None:
    """Write id and label in a box above each person; a box that would cover another one goes above that."""
    pad = line // 4
    taken: list[tuple[int, int, int]] = []
    for keypoints, scores, identity in zip(people.keypoints, people.scores, people.ids.tolist(), strict=True):
        seen = keypoints[(scores >= _SMALLEST_SCORE) & np.isfinite(keypoints).all(-1)]
        words = [str(identity)] if identity != UNKNOWN else []
        text = " ".join([*words, *([labels[identity]] if identity in labels else [])])
        if not len(seen) or not text:
            continue
        mask = text_mask(text, line, drawn.shape[1] // 2)
        height, width = mask.shape[0] + pad, mask.shape[1] + 2 * pad
        middle, head = float(seen[:, 0].min() + seen[:, 0].max()) / 2, float(seen[:, 1].min())
        left = int(np.clip(middle - width / 2, 0, max(0, drawn.shape[1] - width)))
        upper = int(np.clip(head - height - line, 0, drawn.shape[0] - height))
        while any(
            abs(upper - other) < height and left < end and start < left + width for start, end, other in taken
        ) and (upper >= height):
            upper -= height
        taken.append((left, left + width, upper))
        colour = _COLOURS[identity % len(_COLOURS)]
        shade(drawn, (left, upper), (width, height), colour, 0.85)
        lay_text(drawn, mask, (left + pad, upper + pad // 2))


def _draw_actions(drawn: np.ndarray, top: Sequence[tuple[str, float]], bottom: int, line: int) -> None:
    """Draw a row for each action, filled as far as it is probable, above `bottom` at the left."""
    width = min(drawn.shape[1] - line, max(round(0.34 * drawn.shape[1]), 15 * line))
    height = height_of_shares(len(top), line)
    shade(drawn, (line // 2, bottom - height), (width, height), _BLACK, 0.55)
    draw_shares(drawn, top, (line // 2, bottom - height), width, line)


@lru_cache(maxsize=4)
def _timeline(
    bars: tuple[TimelineBar, ...], duration_seconds: float, width: int, line: int
) -> UInt8[np.ndarray, "H W 3"]:
    """Return the strip without its cursor: the same for a whole video. Equal labels have equal colours."""
    pad = line // 4
    strip = np.full((line + 2 * pad, width, 3), 32, np.uint8)
    labels = list(dict.fromkeys(bar.label for bar in bars if bar.is_sure))
    for bar in bars:
        start, end = (
            round(width * min(max(seconds / duration_seconds, 0.0), 1.0))
            for seconds in (bar.start_seconds, bar.end_seconds)
        )
        # A gap of a pixel tells neighbours of one colour apart.
        part = strip[:, start : max(start + 1, end - 1)]
        part[:] = _COLOURS[labels.index(bar.label) % len(_COLOURS)] if bar.is_sure else _GREY
        text = f"{bar.label} {bar.score:.0%}"
        room = part.shape[1] - 2 * pad
        if room >= 2 * line:
            whole = text_mask(text, line)
            lay_text(part, whole if whole.shape[1] <= room else text_mask(bar.label, line, room), (pad, pad))
    strip.flags.writeable = False
    return strip


def _draw_cursor(drawn: np.ndarray, share: float, height: int, place: tuple[int, int]) -> None:
    left, upper = place
    width = drawn.shape[1] - 2 * left
    thick = max(1, height // 14)
    x = left + round(min(max(share, 0.0), 1.0) * (width - 1))
    shade(drawn, (x - thick - 1, upper - thick), (2 * thick + 3, height + 2 * thick), _BLACK, 1.0)
    shade(drawn, (x - thick // 2, upper - thick), (thick + 1, height + 2 * thick), _WHITE, 1.0)
