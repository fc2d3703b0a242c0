"""What a source names: a video, pictures, poses, a webcam or a stream; files, folders and globs told apart."""

import logging
import re
from collections import Counter
from collections import defaultdict
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit
from urllib.parse import urlunsplit

from posec3d.pose_files import holds_frames
from posec3d.pose_files import is_pose_file

# A Path is a file or folder; a str is a webcam ("0"), a URL, or a glob of pictures.
Source = str | Path

# fmt: off
VIDEO_SUFFIXES = frozenset({
    ".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".wmv", ".flv", ".mpg", ".mpeg", ".m2v", ".ts", ".mts", ".m2ts",
    ".3gp", ".ogv", ".vob", ".mxf", ".y4m", ".gif",
})
# fmt: on
PICTURE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".webp"})
POSE_SUFFIXES = frozenset({".json", ".npz", ".csv", ".pkl", ".pkl.gz"})

# Of a folder, the first of these that is in it counts.
_KINDS = ("video", "picture", "poses")
_FILES_OF_URLS = ("http", "https", "ftp")
_LOGGER = logging.getLogger(__name__)


def find_sources(given: Sequence[Source]) -> list[Source]:
    """Return what is meant, each once, in the order given and in natural order inside folders and globs.

    A folder stands for all videos in it and below. Without a video it stands for every folder of pictures there, one
    source each; without these for every folder whose poses are all .json, or whose .json are frames, one source each,
    or else for its pose files.
    A glob stands for its videos, pose files and folders; a glob of pictures alone is one source, as the text it is.
    A number is a webcam unless a file has that name. Files of other kinds are passed on: who reads them complains.

    Raises FileNotFoundError for what is not there and for folders and globs of nothing useful, and ValueError for
    pictures, or frames that OpenPose wrote, given one by one.
    """
    found: list[Source] = []
    for source in given:
        if not str(source):
            raise ValueError("an empty path: give the path of a video or pose file; the current folder is '.'")
        found += [source] if is_webcam(source) or is_url(source) else _found(source)
    pictures = [path for path in found if _kind(path) == "picture" and not is_glob(path)]
    if len(pictures) > 1:
        raise ValueError(
            f"{pictures[0]} and {len(pictures) - 1} more pictures are given one by one; to have them read as one "
            f"video, give their folder {str(Path(pictures[0]).parent)!r} or put the pattern in quotation marks"
        )
    found = list(dict.fromkeys(found))
    _refuse_single_frames(path for path in found if isinstance(path, Path))
    return found


def is_webcam(source: Source) -> bool:
    """Return whether the source is the number of a webcam, and not the name of a file or folder."""
    return str(source).isdecimal() and not Path(source).exists()


def is_url(source: Source) -> bool:
    """Return whether the source is an address such as rtsp://camera/stream."""
    return isinstance(source, str) and re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", source) is not None


def is_live(source: Source) -> bool:
    """Return whether the source goes on without an end: a webcam or a stream, as far as its name tells.

    An http address that does not end like a video file counts as a stream.
    """
    if is_url(source):
        parts = urlsplit(str(source))
        return parts.scheme.lower() not in _FILES_OF_URLS or Path(parts.path).suffix.lower() not in VIDEO_SUFFIXES
    return is_webcam(source)


def is_posed(source: Source) -> bool:
    """Tell whether a source holds poses: a file by its name, a folder by .json and nothing to look at."""
    path = Path(source)
    if is_url(source):
        return False
    return _is_posed_folder(_visible(path.iterdir())) if path.is_dir() else is_pose_file(path)


def would_be_read(path: Path, *, beside: Iterable[Path]) -> bool:
    """Tell whether a file, put beside those of a folder that is a source, would change what that is or holds."""
    kinds = {_kind(file) for file in _visible(beside)}
    stronger = ("video",) if "video" in kinds else ("video", "picture") if "picture" in kinds else _KINDS
    return _kind(path) in stronger and not path.name.startswith(".")


def is_glob(source: Source) -> bool:
    """Return whether the source is a pattern with wildcards, and not the name of a file or folder."""
    return re.search(r"[*?[]", str(source)) is not None and not is_url(source) and not Path(source).exists()


def name_of(source: Source) -> str:
    """Return what the video of this source is called: the file or folder without those around it."""
    if is_webcam(source):
        return f"webcam {source}"
    if is_url(source):
        return shown(source)
    path = Path(source)
    return path.name or path.resolve().name


def shown(source: Source) -> str:
    """Return the source as it may stand in messages and files: whole, but without the user and password of a URL."""
    if not is_url(source):
        return str(source)
    parts = urlsplit(str(source))
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def pictures_of(source: Source) -> list[Path] | None:
    """Return the pictures, in natural order, of a source that is a folder, a glob or a picture; None for others.

    Raises ValueError for a folder or glob without pictures.
    """
    path = Path(source)
    if path.is_dir():
        pictures = [file for file in _visible(path.iterdir()) if _kind(file) == "picture"]
    elif is_glob(source):
        pictures = [file for file in _matches(source) if _kind(file) == "picture"]
    else:
        return [path] if _kind(path) == "picture" and not is_url(source) else None
    if not pictures:
        raise ValueError(f"{source}: no pictures here; one video is made of {_listed(PICTURE_SUFFIXES)} files")
    return pictures


def natural_order(path: Source) -> list[tuple[int, int, str]]:
    """Return a key that sorts names as people count: frame2 before frame10."""
    pieces = re.split(r"([0-9]+)", str(path))
    return [(0, int(piece), "") if piece.isdecimal() else (1, 0, piece.casefold()) for piece in pieces]


def _found(source: Source) -> list[Source]:
    path = Path(source)
    if path.is_dir():
        return list(_in_folder(path))
    if path.suffix.lower() == ".npy":
        raise ValueError(
            f"{source}: says nothing but numbers; save it as .npz with keypoints=, and scores= if there are"
        )
    if path.exists():
        return [path]
    if not is_glob(source):
        raise FileNotFoundError(f"{source}: no such file or folder; correct the path")
    matches = _matches(source)
    if not matches:
        raise FileNotFoundError(f"{source}: no file fits this pattern; correct it")
    if all(_kind(match) == "picture" for match in matches):
        return [str(source)]
    wanted = [match for match in matches if match.is_dir() or _kind(match) in ("video", "poses")]
    if len(wanted) < len(matches):
        _LOGGER.warning("%s: %d files that are neither video nor poses are ignored", source, len(matches) - len(wanted))
    if not wanted:
        raise FileNotFoundError(f"{source}: no video, pictures or poses fit this pattern; correct it")
    return [part for match in wanted for part in (_in_folder(match) if match.is_dir() else [match])]


def _in_folder(folder: Path) -> list[Path]:
    """Return what a folder stands for: its videos, else folders of pictures, else poses."""
    files = [path for path in _visible(folder.rglob("*"), below=folder) if path.is_file()]
    of_kind = {kind: [path for path in files if _kind(path) == kind] for kind in _KINDS}
    if of_kind["video"]:
        _tell_others(folder, files, of_kind["video"], "videos")
        return of_kind["video"]
    if of_kind["picture"]:
        _tell_others(folder, files, of_kind["picture"], "pictures")
        return list(dict.fromkeys(path.parent for path in of_kind["picture"]))
    if not of_kind["poses"]:
        raise FileNotFoundError(
            f"{folder}: no videos, pictures or poses in this folder; give another, or a file of it by name "
            f"(found are {_listed(VIDEO_SUFFIXES | PICTURE_SUFFIXES | POSE_SUFFIXES)})"
        )
    # A pose estimator that writes a .json for each frame fills a folder for each video.
    found: list[Path] = []
    taken: list[Path] = []
    for place, paths in _by_folder(of_kind["poses"]).items():
        whole = _is_posed_folder(paths)
        found += [place] if whole else paths
        taken += [path for path in paths if path.suffix.lower() == ".json"] if whole else paths
    _tell_others(folder, files, taken, "poses")
    return found


def _is_posed_folder(files: Sequence[Path]) -> bool:
    """Tell whether a folder with these files, and others of no use, is one source of poses: all .json, or frames."""
    of_json = [path for path in files if path.suffix.lower() == ".json"]
    if not of_json or {_kind(path) for path in files} & {"video", "picture"}:
        return False
    return len(of_json) == len([path for path in files if _kind(path) == "poses"]) or holds_frames(of_json)


def _refuse_single_frames(paths: Iterable[Path]) -> None:
    of_json = [path for path in paths if path.suffix.lower() == ".json" and path.is_file()]
    for folder, files in _by_folder(of_json).items():
        if len(files) > 1 and holds_frames(files):
            raise ValueError(
                f"{files[0]} and {len(files) - 1} more files are given one by one, each with one frame; to have them "
                f"read as one video, give their folder {str(folder)!r}"
            )


def _by_folder(paths: Iterable[Path]) -> Mapping[Path, list[Path]]:
    found: defaultdict[Path, list[Path]] = defaultdict(list)
    for path in paths:
        found[path.parent].append(path)
    return found


def _tell_others(folder: Path, files: Sequence[Path], taken: Sequence[Path], what: str) -> None:
    """Say which files of a folder are none of those taken: a video may have an ending that nobody knows."""
    others = Counter(path.suffix or path.name for path in set(files).difference(taken))
    if others:
        listed = ", ".join(f"{count} {suffix}" for suffix, count in sorted(others.items()))
        _LOGGER.info("%s: of this folder, %s alone are taken (%d); passed over: %s", folder, what, len(taken), listed)


def _matches(pattern: Source) -> list[Path]:
    path = Path(pattern)
    return _visible(Path(path.anchor).glob(str(path.relative_to(path.anchor))))


def _visible(paths: Iterable[Path], *, below: Path | None = None) -> list[Path]:
    """Return paths in natural order, without those that are hidden or lie in a hidden folder under `below`."""
    shown = [
        path
        for path in paths
        if not any(part.startswith(".") for part in (path.relative_to(below).parts if below else (path.name,)))
    ]
    return sorted(shown, key=natural_order)


def _kind(path: Source) -> str | None:
    suffix = Path(path).suffix.lower()
    if suffix in POSE_SUFFIXES or str(path).lower().endswith(".pkl.gz"):
        return "poses"
    return "video" if suffix in VIDEO_SUFFIXES else "picture" if suffix in PICTURE_SUFFIXES else None


def _listed(suffixes: frozenset[str]) -> str:
    return ", ".join(sorted(suffixes))
