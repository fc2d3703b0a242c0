"""Tables of what happens when in long videos: a line for each segment, with its video, start, end and label."""

import math
import re
from collections.abc import Iterable
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from posec3d.annotations.video_lists import LABEL_COLUMNS
from posec3d.annotations.video_lists import VIDEO_COLUMNS
from posec3d.annotations.video_lists import ListedVideo
from posec3d.annotations.video_lists import read_rows

_COLUMNS = {
    "video": VIDEO_COLUMNS,
    "label": LABEL_COLUMNS,
    "start": {"start", "begin", "start_seconds", "start_time"},
    "end": {"end", "stop", "end_seconds", "end_time"},
    "start_frame": {"start_frame"},
    "end_frame": {"end_frame"},
}
_USAGE = "write columns video, start, end and label, or start_frame and end_frame"
# 75.5, 1:15.5 or 0:01:15.5.
_TIME = re.compile(r"(?:(?:(\d+):)?(\d+):)?(\d+(?:\.\d*)?|\.\d+)")


@dataclass(frozen=True)
class LabelledSegment(ListedVideo):
    """What happens in a video from `start` up to `end`, in seconds or in frames; `value` is the label."""

    start: float
    end: float


@dataclass(frozen=True)
class SegmentTable:
    """The segments of a table, in its order; their times are numbers of frames if `in_frames`, or else seconds."""

    segments: tuple[LabelledSegment, ...]
    in_frames: bool


def has_segments(path: Path) -> bool:
    """Tell whether a file is a table of segments: its header has a start and an end."""
    try:
        rows = read_rows(path)
    except (ValueError, FileNotFoundError):
        return False
    places = _places(rows[0][1]) if rows else {}
    return {"start", "end"} <= places.keys() or {"start_frame", "end_frame"} <= places.keys()


def read_segments(path: Path) -> SegmentTable:
    """Read a table with a header that names its columns; others are passed over.

    Raises FileNotFoundError, and ValueError for what is not such a table, with the line.
    """
    rows = read_rows(path)
    header = rows[0][1] if rows else []
    places = _places(header)
    in_frames = {"start_frame", "end_frame"} <= places.keys()
    start, end = ("start_frame", "end_frame") if in_frames else ("start", "end")
    missing = [column for column in ("video", start, end, "label") if column not in places]
    if missing:
        raise ValueError(
            f"{path}: has columns {', '.join(map(str.strip, header))}, but none called {missing[0]!r}; {_USAGE}"
        )
    if len(rows) == 1:
        raise ValueError(f"{path}: has a header, but no lines; write one a segment")
    segments = []
    for number, cells in rows[1:]:
        line = f"{path}, line {number}"
        values = {column: cells[place].strip() if place < len(cells) else "" for column, place in places.items()}
        for column in ("video", "label"):
            if not values[column]:
                raise ValueError(f"{line}: has no {column}; write it, or leave the line out")
        read = _frame if in_frames else _seconds
        segment = LabelledSegment(
            values["video"], values["label"], line, read(values[start], start, line), read(values[end], end, line)
        )
        if segment.end <= segment.start:
            raise ValueError(f"{line}: ends at {values[end]}, not after it starts, at {values[start]}; correct it")
        segments.append(segment)
    return SegmentTable(tuple(segments), in_frames)


def segment_name(video: str, start: float, end: float) -> str:
    """Return a name for a segment of a video: "game@75.5-80"."""
    return f"{video}@{_short(start)}-{_short(end)}"


def between(segments: Iterable[tuple[float, float]], end: float, length: float) -> list[tuple[float, float]]:
    """Return where nothing is labelled from 0 up to `end`, in pieces that are about `length` long.

    What lies between two segments is cut evenly; less than half of `length` is left out, as where one action goes over
    to the next.
    """
    pieces: list[tuple[float, float]] = []
    reached = 0.0
    for start, segment_end in [*sorted(segments), (end, end)]:
        count = math.floor((min(start, end) - reached) / length + 0.5)
        width = (min(start, end) - reached) / max(count, 1)
        pieces += [(reached + width * piece, reached + width * (piece + 1)) for piece in range(count)]
        reached = max(reached, segment_end)
    return pieces


def usual_length(segments: Sequence[LabelledSegment]) -> float:
    """Return the median length of segments."""
    return median(segment.end - segment.start for segment in segments)


def _places(header: Sequence[str]) -> dict[str, int]:
    """Return in which place each column stands."""
    names = [cell.strip().lower() for cell in header]
    return {
        column: place
        for column, called in _COLUMNS.items()
        for place in [next((place for place, name in enumerate(names) if name in called), None)]
        if place is not None
    }


def _seconds(written: str, column: str, line: str) -> float:
    found = _TIME.fullmatch(written)
    if found is None:
        raise ValueError(f"{line}: {column} is {written!r}, which is no time; write seconds, 75.5, or 1:15.5")
    hours, minutes, seconds = found.groups()
    return int(hours or 0) * 3600 + int(minutes or 0) * 60 + float(seconds)


def _frame(written: str, column: str, line: str) -> float:
    if not written.isdecimal():
        raise ValueError(f"{line}: {column} is {written!r}, which is no number of a frame; count them from 0")
    return float(written)


def _short(time: float) -> str:
    return f"{time:.3f}".rstrip("0").rstrip(".")
