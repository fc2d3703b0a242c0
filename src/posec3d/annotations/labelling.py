"""What happens in each video: labels from the folders that the videos lie in, or from a table."""

import logging
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from posec3d.annotations.video_lists import ListedVideo
from posec3d.annotations.video_lists import NamedVideo
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
    listed = read_table(path, "label", also=("class", "action", "class_name"))
    found, absent = match_videos(listed, videos)
    unlabelled = [video.name for video in videos if video.name not in found]
    if unlabelled:
        raise ValueError(
            f"{path}: has no label for {len(unlabelled):,} of {len(videos):,} videos: {some(unlabelled)}; add a line "
            f"for each, or leave these videos out"
        )
    if absent:
        _LOGGER.warning(
            "%s: %d of %d lines name videos that are not there: %s",
            path, len(absent), len(listed), some([line.video for line in absent]),
        )  # fmt: skip
    numbers = all(line.value.isdecimal() for line in found.values())
    if classes is None and numbers:
        return Labels({name: int(line.value) for name, line in found.items()}, None)
    names = tuple(classes) if classes is not None else _sorted_classes(line.value for line in found.values())
    return Labels({name: _label(line, names) for name, line in found.items()}, names)


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


def _label(line: ListedVideo, classes: tuple[str, ...]) -> int:
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
