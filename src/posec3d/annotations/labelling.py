"""What happens in each video: labels from the folders that the videos lie in, or from a table."""

import logging
from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from posec3d.annotations.segment_tables import LabelledSegment
from posec3d.annotations.segment_tables import read_segments
from posec3d.annotations.segment_tables import segment_name
from posec3d.annotations.segment_tables import usual_length
from posec3d.annotations.video_lists import LABEL_COLUMNS
from posec3d.annotations.video_lists import ListedVideo
from posec3d.annotations.video_lists import NamedVideo
from posec3d.annotations.video_lists import all_lines_of_videos
from posec3d.annotations.video_lists import match_videos
from posec3d.annotations.video_lists import read_lines
from posec3d.annotations.video_lists import read_table
from posec3d.annotations.video_lists import some

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class Labels:
    """The label of each video by its name, and the classes in the order of labels, if they have names."""

    of_video: Mapping[str, int]
    classes: tuple[str, ...] | None


@dataclass(frozen=True)
class SegmentLabels:
    """What of each video is labelled, by its name: segments with their labels, in the units of their table.

    What lies between them has the label `background`, in pieces of `usual_length`; without it, it is nothing.
    """

    of_video: Mapping[str, Sequence[tuple[LabelledSegment, int]]]
    classes: tuple[str, ...] | None
    in_frames: bool
    background: int | None
    usual_length: float


def labels_of_folders(videos: Sequence[NamedVideo], classes: Sequence[str] | None = None) -> Labels:
    """Label each video with the folder that its file lies in; classes are sorted by name, or as given.

    Raises ValueError for a folder that is none of the classes given.
    """
    names = tuple(classes) if classes is not None else _sorted_classes(video.place.folder for video in videos)
    for video in videos:
        if video.place.folder not in names:
            raise ValueError(
                f"{video.place.path}: its folder {video.place.folder!r} is none of the classes {some(names)}; "
                f"rename the folder, or add it to the list of classes"
            )
    return Labels({video.name: names.index(video.place.folder) for video in videos}, names)


def labels_of_table(path: Path, videos: Sequence[NamedVideo], classes: Sequence[str] | None = None) -> Labels:
    """Label each video as a table says: column video, which `match_videos` reads, and column label.

    Labels are names of classes, sorted or in the order given, or whole numbers. Lines of videos that are not there
    are passed over with a warning. Raises ValueError for a video without a label and for labels that are none.
    """
    listed = read_table(path, "label", also=LABEL_COLUMNS)
    found, absent = match_videos(listed, videos)
    unlabelled = [video.name for video in videos if video.name not in found]
    if unlabelled:
        raise ValueError(
            f"{path}: has no label for {len(unlabelled):,} of {len(videos):,} videos: {some(unlabelled)}; add a line "
            f"for each, or leave these videos out"
        )
    if absent:
        _warn_of_absent(path, absent, len(listed))
    names = _classes_of(found.values(), classes)
    return Labels({name: _label(line, names) for name, line in found.items()}, names)


def labels_of_segments(
    path: Path, videos: Sequence[NamedVideo], classes: Sequence[str] | None = None, background: str | None = None
) -> SegmentLabels:
    """Label what a table of segments tells of each video; `background` is the class of all between, if there is one.

    Labels are as `labels_of_table` has them. Raises ValueError for a video of which nothing is told, for a segment that
    is told twice, and for labels that are none.
    """
    table = read_segments(path)
    found, absent = all_lines_of_videos(table.segments, videos)
    untold = [video.name for video in videos if video.name not in found]
    if not found or (untold and background is None):
        raise ValueError(
            f"{path}: tells nothing of {len(untold):,} of {len(videos):,} videos: {some(untold)}; add lines, or leave "
            "these videos out"
        )
    if absent:
        _warn_of_absent(path, absent, len(table.segments))
    for name, segments in found.items():
        first: dict[str, LabelledSegment] = {}
        for segment in segments:
            before = first.setdefault(segment_name(name, segment.start, segment.end), segment)
            if before is not segment:
                raise ValueError(f"{segment.line}: the same time as {before.line}; keep one")
    lines = [segment for segments in found.values() for segment in segments]
    names = _classes_of(lines, classes, background)
    return SegmentLabels(
        {name: [(segment, _label(segment, names)) for segment in segments] for name, segments in found.items()},
        names,
        table.in_frames,
        None if background is None or names is None else names.index(background),
        usual_length(lines),
    )


def read_classes(path: Path) -> tuple[str, ...]:
    """Return the names of classes that a text file lists, one a line, in the order of labels.

    Raises FileNotFoundError, and ValueError for a name that is there twice or a file without names.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file of class names; write one name a line, in the order of labels")
    try:
        names = tuple(name for _, name in read_lines(path))
    except ValueError:
        raise ValueError(f"{path}: not a text file; write one class name a line, in the order of labels") from None
    if not names:
        raise ValueError(f"{path}: has no class names; write one a line, in the order of labels")
    repeated = [name for name in names if names.count(name) > 1]
    if repeated:
        raise ValueError(f"{path}: class {repeated[0]!r} is there twice; name each once")
    return names


def _warn_of_absent(path: Path, absent: Sequence[ListedVideo], num_lines: int) -> None:
    _LOGGER.warning(
        "%s: %d of %d lines name videos that are not there: %s",
        path, len(absent), num_lines, some([line.video for line in absent]),
    )  # fmt: skip


def _classes_of(
    lines: Collection[ListedVideo], classes: Sequence[str] | None, background: str | None = None
) -> tuple[str, ...] | None:
    """Return the classes given, or else those of the lines, sorted, and of what is between; None for numbers alone."""
    if classes is not None:
        if background is not None and background not in classes:
            raise ValueError(
                f"--background {background}: is none of the classes {some(classes)}; add it to the list of classes"
            )
        return tuple(classes)
    if all(line.value.isdecimal() for line in lines):
        if background is not None:
            raise ValueError(
                f"--background {background}: labels are numbers without names; list the names with --classes"
            )
        return None
    return _sorted_classes([line.value for line in lines] + ([] if background is None else [background]))


def _label(line: ListedVideo, classes: tuple[str, ...] | None) -> int:
    if classes is None:
        return int(line.value)
    if line.value in classes:
        return classes.index(line.value)
    if line.value.isdecimal() and int(line.value) < len(classes):
        return int(line.value)
    raise ValueError(
        f"{line.line}: label {line.value!r} is none of the classes {some(classes)}, nor a number of "
        f"0..{len(classes) - 1}; correct it, or add it to the list of classes"
    )


def _sorted_classes(names: Iterable[str]) -> tuple[str, ...]:
    """Return each name once, sorted; folders that are called by numbers keep the order of these."""
    different = set(names)
    if all(name.isdecimal() for name in different):
        return tuple(sorted(different, key=int))
    return tuple(sorted(different))
