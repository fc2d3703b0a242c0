"""Reading a pose file of any format, recognised by what is in it."""

import json
import os
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from posec3d.people import PosedVideos
from posec3d.people import posed_videos
from posec3d.pose_files import coco
from posec3d.pose_files import mmpose
from posec3d.pose_files import openpose
from posec3d.pose_files import results
from posec3d.pose_files.annotation_files import annotated_videos
from posec3d.pose_files.arrays import array_video
from posec3d.pose_files.building import posed_video
from posec3d.pose_files.contents import FileVideo
from posec3d.pose_files.contents import stem_of
from posec3d.pose_files.spreadsheets import spreadsheet_video
from posec3d.skeletons import Skeleton

_SUFFIXES = (".json", ".npz", ".csv", ".pkl", ".pkl.gz", ".arrow")
_ANNOTATIONS = (b"\x1f\x8b", b"\x80", b"ARROW1")
_ARRAYS = (b"PK", b"\x93NUMPY")
_FIRST_FEW = 3
_BOM = b"\xef\xbb\xbf"
_FORMATS = (
    "expected JSON as OpenPose, AlphaPose, MMPose or COCO write it, an .npz or .csv of keypoints, "
    "or an annotation file (.pkl, .arrow)"
)


def is_pose_file(path: str | os.PathLike[str]) -> bool:
    """Tell whether a path looks like a file to read poses from, by its name."""
    return Path(path).name.lower().endswith(_SUFFIXES)


def holds_frames(paths: Iterable[Path]) -> bool:
    """Tell whether files of a folder are frames of a video, as OpenPose writes them, by their names and the first few.

    Files that cannot be read are none.
    """
    return any(map(_is_frame, islice(filter(openpose.names_a_frame, paths), _FIRST_FEW)))


def _is_frame(path: Path) -> bool:
    try:
        return openpose.is_frame(read_json(path))
    except (OSError, ValueError):
        return False


def load_pose_file(
    path: str | os.PathLike[str],
    *,
    skeleton: Skeleton | None = None,
    canvas: tuple[int, int] | None = None,
    frames_per_second: float | None = None,
) -> PosedVideos:
    """Read the videos of a pose file, or of a folder of JSON files, one a frame or one a video.

    Formats: annotation files (`load_annotations`), COCO datasets and results, OpenPose, AlphaPose, MMPose's demos, npz
    and csv. `skeleton` is that of the file where it cannot be told, `canvas` the (height, width) of frames and
    `frames_per_second` their rate where the file does not say them. Without a canvas it is the smallest that holds all
    keypoints, with a warning; without a rate 30 frames a second. People have ids where the file tells them apart.
    Videos of annotation files, which may be many, are made when they are asked for.

    Raises ValueError for what is none of the formats or cannot be used, and FileNotFoundError; for a video of an
    annotation file that cannot be used, when it is asked for.
    """
    path = Path(path)
    if frames_per_second is not None and not frames_per_second > 0:
        raise ValueError(f"{path}: frames_per_second is {frames_per_second:g}; give a rate above 0")
    decide = partial(posed_video, skeleton=skeleton, canvas=canvas, frames_per_second=frames_per_second)
    if _holds_annotations(path):
        names, read = annotated_videos(path)
        rate_is_known = frames_per_second is not None
        return PosedVideos(names, lambda place: decide(read(place), str(path)), rate_is_known=rate_is_known)
    videos, rates = [], []
    for source, video in _videos(path):
        videos.append(decide(video, source))
        rates.append(video.frames_per_second or frames_per_second)
    return posed_videos(videos, rate_is_known=None not in rates)


def _holds_annotations(path: Path) -> bool:
    if path.is_dir():
        visible = [entry for entry in path.iterdir() if not entry.name.startswith(".")]
        return any(map(_is_pickle, visible)) and not holds_frames(visible)
    if not path.is_file():
        return False
    with path.open("rb") as file:
        start = file.read(4096)
    if start.startswith(_ARRAYS) or not start.strip():
        return False
    return _is_pickle(path) or start.startswith(_ANNOTATIONS)


def _is_pickle(path: Path) -> bool:
    return path.name.lower().endswith((".pkl", ".pkl.gz"))


def _videos(path: Path) -> Iterator[tuple[str, FileVideo]]:
    if path.is_dir():
        yield from _videos_of_folder(path)
        return
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; give the path of a pose file")
    with path.open("rb") as file:
        start = file.read(4096)
    text = start.removeprefix(_BOM).lstrip()
    if not text:
        raise ValueError(f"{path}: the file is empty; copy or write it again")
    found: Sequence[FileVideo]
    if start.startswith(_ARRAYS):
        found = [array_video(path)]
    elif text.startswith((b"{", b"[")):
        found = _videos_of_json(read_json(path), path)
    elif path.suffix.lower() == ".json":
        read_json(path)
        raise ValueError(f"{path}: holds neither a list nor an object; {_FORMATS}")
    elif b"\x00" not in start:
        found = [spreadsheet_video(path)]
    else:
        raise ValueError(f"{path}: not a pose file; {_FORMATS}")
    for video in found:
        yield str(path), video


def read_json(path: Path) -> Any:
    """Return what a JSON file holds; ValueError, with the place, for one that is damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not text in UTF-8 ({error.reason}); save it as UTF-8") from None
    except json.JSONDecodeError as error:
        raise ValueError(
            f"{path}: line {error.lineno}, column {error.colno}: not JSON, or cut short ({error.msg}); "
            "copy or write the file again"
        ) from None
    except RecursionError:
        raise ValueError(f"{path}: lists within lists beyond measure; give a pose file") from None


def _videos_of_folder(folder: Path) -> Iterator[tuple[str, FileVideo]]:
    # A name with a leading dot is a file that somebody is still writing.
    paths = [path for path in folder.iterdir() if not path.name.startswith(".")]
    paths = sorted(path for path in paths if path.suffix.lower() == ".json")
    if not paths:
        raise FileNotFoundError(f"{folder}: no *.json in this folder; give a pose file, or a folder of OpenPose's")
    contents = {path: read_json(path) for path in paths}
    if all(openpose.is_frame(content) for content in contents.values()):
        for video in openpose.videos_of_frames(contents, folder.name):
            yield str(folder), video
        return
    for path, content in contents.items():
        for video in _videos_of_json(content, path):
            yield str(path), video


def _videos_of_json(content: Any, path: Path) -> Sequence[FileVideo]:
    if openpose.is_frame(content):
        return openpose.videos_of_frames({path: content}, stem_of(path))
    for kind in (coco, mmpose, results):
        if kind.is_content(content):
            videos: Sequence[FileVideo] = kind.videos_of(content, path)
            return videos
    found = f"a dictionary of {', '.join(map(repr, list(content)[:6]))}" if isinstance(content, dict) else "a list"
    raise ValueError(f"{path}: holds {found if content else 'an empty ' + type(content).__name__}; {_FORMATS}")
