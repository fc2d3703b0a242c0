"""The videos of a set by name: how each is called, and which one a line of somebody's list means."""

import csv
import re
from collections import Counter
from collections import defaultdict
from collections.abc import Iterable
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from pathlib import PurePosixPath

_VIDEO_COLUMNS = frozenset(
    {"video", "videos", "name", "file", "filename", "file_name", "path", "clip", "frame_dir", "video_name", "video_id"}
)


@dataclass(frozen=True)
class VideoPlace:
    """Where a video is: its whole path without ending ("/" between the parts), the ending, and its file's folder."""

    path: str
    suffix: str
    folder: str


@dataclass(frozen=True)
class NamedVideo:
    """A video with the name that is its own in a set."""

    name: str
    place: VideoPlace


@dataclass(frozen=True)
class ListedVideo:
    """A line of a list: a video as it is written there, what is said of it, and where that stands, for messages."""

    video: str
    value: str
    line: str


def name_videos(places: Sequence[VideoPlace]) -> tuple[NamedVideo, ...]:
    """Call each video by its file, or by as much of its path as tells it apart: "a", else "fall/a" and "walk/a".

    Videos that differ in their endings alone keep these. Raises ValueError for a place that is there twice.
    """
    same_path = Counter(place.path for place in places)
    paths = [_parts(place.path + place.suffix if same_path[place.path] > 1 else place.path) for place in places]
    repeated = [path for path, count in Counter(paths).items() if count > 1]
    if repeated:
        raise ValueError(f"{'/'.join(repeated[0])}: is given twice; give each video once")
    lengths = [1] * len(places)
    while True:
        names = ["/".join(path[-length:]) for path, length in zip(paths, lengths, strict=True)]
        shared = {name for name, count in Counter(names).items() if count > 1}
        if not shared:
            return tuple(NamedVideo(name, place) for name, place in zip(names, places, strict=True))
        # A path that is the end of another has no more parts: the other gets its own by growing.
        lengths = [length + (name in shared) for name, length in zip(names, lengths, strict=True)]


def match_videos(
    listed: Sequence[ListedVideo], videos: Sequence[NamedVideo]
) -> tuple[dict[str, ListedVideo], tuple[ListedVideo, ...]]:
    """Return for each name the line that means it, and the lines that mean none of the videos.

    A line may give the name, the file or a part of the path, with any ending or none: the video is the one that
    agrees in most parts from the end. Where several lines mean one video, the one that agrees in more parts does.

    Raises ValueError where a line may mean several videos, and where two lines say different things of one.
    """
    candidates: defaultdict[str, list[NamedVideo]] = defaultdict(list)
    for video in videos:
        last = _parts(video.place.path)[-1]
        for spelling in {last, last + video.place.suffix}:
            candidates[spelling].append(video)
    found: dict[str, tuple[int, ListedVideo]] = {}
    absent = []
    for line in listed:
        match = _match(line, candidates)
        if match is None:
            absent.append(line)
            continue
        name, agreement = match
        agreement_before, before = found.get(name, (0, line))
        if agreement == agreement_before and line.value != before.value:
            raise ValueError(
                f"{line.line}: video {name!r} has {line.value!r}, but {before.line} says {before.value!r}; keep one"
            )
        if agreement > agreement_before:
            found[name] = agreement, line
    return {name: line for name, (_, line) in found.items()}, tuple(absent)


def read_table(path: Path, column: str, *, also: Iterable[str] = ()) -> tuple[ListedVideo, ...]:
    """Read a table of two columns, video and `column`, or of more with a header that names them so (or as `also`).

    Columns stand between commas, semicolons or tabs, or else before and after the last space.
    Raises FileNotFoundError, and ValueError for what is not such a table.
    """
    rows = _rows(path)
    header = [cell.strip().lower() for cell in rows[0][1]] if rows else []
    of_video = next((place for place, cell in enumerate(header) if cell in _VIDEO_COLUMNS), None)
    of_value = next((place for place, cell in enumerate(header) if cell in {column, *also}), None)
    if of_video is not None and of_value is not None:
        rows = rows[1:]
    elif of_value is not None or (of_video is not None and len(header) > 2):
        missing = "video" if of_video is None else column
        raise ValueError(f"{path}: has columns {', '.join(header)}, but none called {missing!r}; rename the one it is")
    else:
        of_video, of_value = 0, 1
    if not rows:
        raise ValueError(f"{path}: has no lines; write one a video: its name, a comma, its {column}")
    lines = []
    for number, cells in rows:
        if len(cells) <= max(of_video, of_value) or not cells[of_value].strip():
            raise ValueError(f"{path}, line {number}: no {column} for {cells[0]!r}; write the video, a comma, and it")
        lines.append(ListedVideo(cells[of_video].strip(), cells[of_value].strip(), f"{path}, line {number}"))
    return tuple(lines)


def read_lines(path: Path) -> tuple[tuple[int, str], ...]:
    """Return the lines of a text file that are not empty, with their numbers from 1 on."""
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; correct the path")
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise ValueError(f"{path}: not text in UTF-8; save it as such") from None
    return tuple((number, line.strip()) for number, line in enumerate(lines, start=1) if line.strip())


def some(names: Sequence[str]) -> str:
    """Return the first names of many, for messages."""
    return ", ".join(repr(name) for name in names[:3]) + (f" and {len(names) - 3:,} more" if len(names) > 3 else "")


def _rows(path: Path) -> list[tuple[int, list[str]]]:
    lines = read_lines(path)
    delimiter = next((sign for sign in "\t;," if lines and sign in lines[0][1]), None)
    if delimiter is None:
        return [(number, line.rsplit(None, 1)) for number, line in lines]
    return [(number, next(csv.reader([line], delimiter=delimiter))) for number, line in lines]


def _match(line: ListedVideo, candidates: dict[str, list[NamedVideo]]) -> tuple[str, int] | None:
    """Return the video that a line means and in how many parts of the path they agree."""
    # Lists such as UCF101's have the class or a number after the name, with a space before.
    for written in (line.video, re.sub(r"\s+\d+$", "", line.video)):
        *folders, last = _parts(written)
        for spelling in (last, PurePosixPath(last).stem):
            if spelling in candidates:
                return _nearest(line, folders, candidates[spelling])
    return None


def _nearest(line: ListedVideo, folders: list[str], candidates: list[NamedVideo]) -> tuple[str, int] | None:
    agreements = []
    for video in candidates:
        there = _parts(video.place.path)[:-1]
        pairs = zip(reversed(folders), reversed(there), strict=False)
        agreements.append(
            next((n for n, (one, other) in enumerate(pairs) if one != other), min(len(folders), len(there)))
        )
    best = max(agreements)
    nearest = [video.name for video, agreement in zip(candidates, agreements, strict=True) if agreement == best]
    if len(nearest) == 1:
        return nearest[0], best + 1
    if best < len(folders):
        return None
    raise ValueError(f"{line.line}: {line.video!r} may be {some(nearest)}; write more of the path")


def _parts(path: str) -> tuple[str, ...]:
    return tuple(part for part in path.replace("\\", "/").split("/") if part not in ("", ".")) or (path,)
