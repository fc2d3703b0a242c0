"""The videos of a set by name: how each is called, and which one a line of somebody's list means."""

import csv
import logging
import re
from collections import Counter
from collections import defaultdict
from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from pathlib import PurePosixPath
from typing import TypeVar

VIDEO_COLUMNS = frozenset(
    {"video", "videos", "name", "file", "filename", "file_name", "path", "clip", "frame_dir", "video_name", "video_id"}
)
LABEL_COLUMNS = frozenset({"label", "class", "action", "class_name"})
_LOGGER = logging.getLogger(__name__)


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


Line = TypeVar("Line", bound=ListedVideo)


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
    listed: Sequence[ListedVideo], videos: Sequence[NamedVideo], *, folders: Collection[str] | None = None
) -> tuple[dict[str, ListedVideo], tuple[ListedVideo, ...]]:
    """Return for each name the line that means it, and the lines that mean none of the videos.

    A line may give the name, the file or a part of the path, with any ending or none: the video is the one that
    agrees in most parts from the end. Where several lines mean one video, the one that agrees in more parts does.
    A line that names a folder does not mean a file of another, if the one is a folder of the videos or the other one
    of `folders`, those that the list names (`folders_named`): fall/1 is not walk/1. Folders that only one side knows,
    as of a list made elsewhere, are passed over with a warning.

    Raises ValueError where a line may mean several videos, and where two lines say different things of one.
    """
    candidates = _Candidates(videos, folders_named(listed) if folders is None else folders)
    found: dict[str, tuple[int, ListedVideo]] = {}
    absent, elsewhere = [], []
    for line in listed:
        match = _match(line, candidates)
        if match is None:
            absent.append(line)
            continue
        video, agreement = match
        if agreement == 1 and _is_elsewhere(line, video):
            elsewhere.append(line)
        agreement_before, before = found.get(video.name, (0, line))
        if agreement == agreement_before and line.value != before.value:
            raise ValueError(
                f"{line.line}: video {video.name!r} has {line.value!r}, but {before.line} says {before.value!r}; "
                "keep one"
            )
        if agreement > agreement_before:
            found[video.name] = agreement, line
    if elsewhere:
        _LOGGER.warning(
            "%s: %d of %d lines name other folders than those of the videos that they are taken for: %s",
            elsewhere[0].line, len(elsewhere), len(listed), some([line.video for line in elsewhere]),
        )  # fmt: skip
    return {name: line for name, (_, line) in found.items()}, tuple(absent)


def all_lines_of_videos(
    listed: Sequence[Line], videos: Sequence[NamedVideo]
) -> tuple[dict[str, list[Line]], tuple[Line, ...]]:
    """Return for each name all lines that mean it, for lists that may say many things of one video, and the others.

    What a line means is told as by `match_videos`.
    """
    candidates = _Candidates(videos, folders_named(listed))
    found: defaultdict[str, list[Line]] = defaultdict(list)
    absent = []
    for line in listed:
        match = _match(line, candidates)
        if match is None:
            absent.append(line)
        else:
            found[match[0].name].append(line)
    return dict(found), tuple(absent)


def folders_named(listed: Iterable[ListedVideo]) -> frozenset[str]:
    """Return the folders that lines name right before the file, by their letters and digits, small."""
    return frozenset(_folder(_parts(line.video)) for line in listed)


def read_table(path: Path, column: str, *, also: Iterable[str] = ()) -> tuple[ListedVideo, ...]:
    """Read a table of two columns, video and `column`, or of more with a header that names them so (or as `also`).

    Columns stand between commas, semicolons or tabs, or else before and after the last space.
    Raises FileNotFoundError, and ValueError for what is not such a table.
    """
    rows = read_rows(path)
    header = [cell.strip().lower() for cell in rows[0][1]] if rows else []
    of_video = next((place for place, cell in enumerate(header) if cell in VIDEO_COLUMNS), None)
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


def read_rows(path: Path) -> list[tuple[int, list[str]]]:
    """Return the cells of each line that is not empty, with its number from 1 on.

    They stand between commas, semicolons or tabs, as the first line has them, or else before and after the last space.
    """
    lines = read_lines(path)
    delimiter = next((sign for sign in "\t;," if lines and sign in lines[0][1]), None)
    if delimiter is None:
        return [(number, line.rsplit(None, 1)) for number, line in lines]
    return [(number, next(csv.reader([line], delimiter=delimiter))) for number, line in lines]


class _Candidates:
    """The videos by the last part of their paths, and which folders tell them apart."""

    def __init__(self, videos: Sequence[NamedVideo], named: Collection[str]) -> None:
        self._there = {_letters(video.place.folder) for video in videos}
        self._named = named
        self._by_file: defaultdict[str, list[NamedVideo]] = defaultdict(list)
        for video in videos:
            last = _parts(video.place.path)[-1]
            for spelling in {last, last + video.place.suffix}:
                self._by_file[spelling].append(video)

    def of_file(self, file: str) -> Sequence[NamedVideo]:
        return self._by_file.get(file, ())

    def may_lie_in(self, video: NamedVideo, folder: str) -> bool:
        own = _folder(_parts(video.place.path))
        if folder in ("", own):
            return True
        return not ((_lies_in_folder(video) and folder in self._there) or own in self._named)


def _match(line: ListedVideo, candidates: _Candidates) -> tuple[NamedVideo, int] | None:
    """Return the video that a line means and in how many parts of the path they agree."""
    # Lists such as UCF101's have the class or a number after the name, with a space before.
    for written in (line.video, re.sub(r"\s+\d+$", "", line.video)):
        parts = _parts(written)
        for spelling in (parts[-1], PurePosixPath(parts[-1]).stem):
            called_so = candidates.of_file(spelling)
            if called_so:
                there = [video for video in called_so if candidates.may_lie_in(video, _folder(parts))]
                return _nearest(line, parts[:-1], there)
    return None


def _nearest(
    line: ListedVideo, folders: Sequence[str], candidates: Sequence[NamedVideo]
) -> tuple[NamedVideo, int] | None:
    agreements = []
    for video in candidates:
        there = _parts(video.place.path)[:-1]
        pairs = zip(reversed(folders), reversed(there), strict=False)
        agreements.append(
            next((n for n, (one, other) in enumerate(pairs) if one != other), min(len(folders), len(there)))
        )
    best = max(agreements, default=0)
    nearest = [video for video, agreement in zip(candidates, agreements, strict=True) if agreement == best]
    if len(nearest) == 1:
        return nearest[0], best + 1
    if not nearest or best < len(folders):
        return None
    raise ValueError(
        f"{line.line}: {line.video!r} may be {some([one.name for one in nearest])}; write more of the path"
    )


def _is_elsewhere(line: ListedVideo, video: NamedVideo) -> bool:
    return _lies_in_folder(video) and _folder(_parts(line.video)) not in ("", _letters(video.place.folder))


def _lies_in_folder(video: NamedVideo) -> bool:
    # One of several videos of a file stands below the name of that file, which says less than a folder.
    return _folder(_parts(video.place.path)) == _letters(video.place.folder)


def _folder(parts: Sequence[str]) -> str:
    return _letters(parts[-2]) if len(parts) > 1 else ""


def _letters(folder: str) -> str:
    """Return a folder's letters and digits, small: apply_eye_makeup and ApplyEyeMakeup are one."""
    return re.sub(r"[\W_]", "", folder).casefold() or folder


def _parts(path: str) -> tuple[str, ...]:
    return tuple(part for part in path.replace("\\", "/").split("/") if part not in ("", ".")) or (path,)
