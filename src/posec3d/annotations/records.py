"""What an annotation file holds before anybody has judged it: raw records, and how each of their fields is read."""

import operator
import os
import reprlib
from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from posec3d.annotations.annotation import as_floats
from posec3d.annotations.unpickling import load_pickle

_LAYOUTS = (
    "expected a list of videos, a dictionary with 'split' and 'annotations', or the dictionary of one video "
    "(frame_dir, label, img_shape, total_frames, keypoint, keypoint_score)"
)


@dataclass(frozen=True)
class RawRecord:
    """One video as its file has it; `name` is what messages call it, its place in the file if it has no name."""

    value: object
    name: str
    source: str


@dataclass(frozen=True)
class RawAnnotations:
    """A whole file or folder as it is, whatever its layout; `records` may be gone through once."""

    records: Iterable[RawRecord]
    splits: Mapping[str, tuple[str, ...]]
    classes: tuple[str, ...] | None
    keypoint_names: tuple[str, ...] | None
    source: str


class FieldError(ValueError):
    """A field that cannot be read: the kind of problem (a key of `KINDS`) and the value found."""

    def __init__(self, kind: str, found: str) -> None:
        super().__init__(found)
        self.kind = kind
        self.found = found


def read_raw(path: str | os.PathLike[str]) -> RawAnnotations:
    """Read a file of any layout, or a folder of single videos (*.pkl, *.pkl.gz, by name), without judging its videos.

    Raises ValueError for what is none of the layouts, and FileNotFoundError.
    """
    path = Path(path)
    source = str(path)
    if path.is_dir():
        return _read_folder(path)
    content = load_pickle(path)
    if isinstance(content, list | tuple):
        return RawAnnotations(_records(content, source), {}, None, None, source)
    if not isinstance(content, dict):
        raise ValueError(f"{source}: holds {_short(content)}; {_LAYOUTS}")
    if _is_record(content):
        return RawAnnotations(_records([content], source), {}, None, None, source)
    records = content.get("annotations", content.get("annos"))
    if not isinstance(records, list | tuple | np.ndarray):
        raise ValueError(f"{source}: holds a dictionary of {_short(list(content))}; {_LAYOUTS}")
    return RawAnnotations(
        records=_records(records, source),
        splits=_splits(content.get("split"), source),
        classes=_names(content.get("classes"), source, "classes"),
        keypoint_names=_names(content.get("keypoint_names"), source, "keypoint_names"),
        source=source,
    )


def fields_of(record: RawRecord) -> Mapping[str, Any]:
    """Return the record as the dictionary it must be."""
    if not isinstance(record.value, dict):
        raise FieldError("not_a_record", f"it is {_short(record.value)}")
    return record.value


def video_of(fields: Mapping[str, Any]) -> str:
    """Return the name of a video: `frame_dir`, or `filename` where that is absent."""
    name = fields.get("frame_dir", fields.get("filename"))
    if name is None:
        raise FieldError("missing_name", f"it has {_short(list(fields))}")
    if not isinstance(name, str):
        raise FieldError("wrong_name", f"frame_dir is {_short(name)}")
    return str(name)


def label_of(fields: Mapping[str, Any], num_classes: int | None = None) -> int | None:
    """Return the label, None without one."""
    given = fields.get("label")
    if given is None:
        return None
    try:
        label = operator.index(given)
    except TypeError:
        raise FieldError("wrong_label", f"label is {_short(given)}") from None
    if isinstance(given, bool):
        raise FieldError("wrong_label", f"label is {given}")
    if label < 0 or (num_classes is not None and label >= num_classes):
        known = "labels are 0..K-1" if num_classes is None else f"labels are 0..{num_classes - 1}"
        raise FieldError("label_out_of_range", f"label is {label}, {known}")
    return label


def canvas_of(fields: Mapping[str, Any], canvas: tuple[int, int] | None = None) -> tuple[int, int]:
    """Return (height, width): `img_shape`, else `original_shape`, else `canvas`."""
    key = "original_shape" if fields.get("img_shape") is None else "img_shape"
    size = fields.get(key)
    if size is None:
        if canvas is None:
            raise FieldError("missing_size", "neither img_shape nor original_shape")
        return canvas
    try:
        height, width = (operator.index(side) for side in size)
    except (TypeError, ValueError):
        raise FieldError("wrong_size", f"{key} is {_short(size)}") from None
    if height <= 0 or width <= 0:
        raise FieldError("wrong_size", f"{key} is {_short(size)}")
    return height, width


def keypoints_of(
    fields: Mapping[str, Any],
) -> tuple[Float[np.ndarray, "M T V 2"], Float[np.ndarray, "M T V"] | None]:
    """Return keypoints and scores as stored; whole numbers become float32, one person's (T, V, 2) gets its first axis.

    Without `keypoint_score`, a third coordinate that stays within 0..1 (a little above: scores of refined heatmaps) is
    the score; any other is a depth, and an error.
    """
    if fields.get("keypoint") is None:
        if "frame_inds" in fields or "raw_file" in fields:
            raise FieldError("table_of_contents", f"it has {_short(list(fields))}")
        raise FieldError("missing_keypoint", f"it has {_short(list(fields))}")
    keypoints = _floats(fields["keypoint"], "keypoint", "wrong_keypoint")
    given = fields.get("keypoint_score")
    scores = None if given is None else _floats(given, "keypoint_score", "wrong_score")
    if keypoints.ndim == 3:
        keypoints = keypoints[None]
        scores = scores[None] if scores is not None and scores.ndim == 2 else scores
    if keypoints.ndim != 4 or keypoints.shape[-1] not in (2, 3) or 0 in keypoints.shape[1:3]:
        raise FieldError("wrong_keypoint", f"keypoint has shape {keypoints.shape}")
    if keypoints.shape[-1] == 3:
        third = keypoints[..., 2]
        if not _is_score(third, scores):
            low, high = np.nanmin(third), np.nanmax(third)
            raise FieldError(
                "three_dimensional", f"keypoint has shape {keypoints.shape}, third from {low:g} to {high:g}"
            )
        keypoints, scores = keypoints[..., :2], third if scores is None else scores
    if scores is not None and scores.shape != keypoints.shape[:-1]:
        raise FieldError("wrong_score", f"keypoint_score has shape {scores.shape}, keypoint {keypoints.shape}")
    return keypoints, scores


def check_total_frames(fields: Mapping[str, Any], num_frames: int) -> None:
    """Raise FieldError if the record counts its frames otherwise than its array does."""
    total = fields.get("total_frames")
    if total is not None and (np.ndim(total) or total != num_frames):
        raise FieldError("total_frames", f"total_frames is {_short(total)}, keypoint has {num_frames} frames")


def _is_score(third: np.ndarray, scores: np.ndarray | None) -> bool:
    if scores is not None:
        return third.shape == scores.shape and np.allclose(third, scores, atol=1e-3, equal_nan=True)
    known = third[np.isfinite(third)]
    return bool(((known >= 0) & (known <= 1.1)).all())


def _floats(value: Any, field: str, kind: str) -> np.ndarray:
    try:
        array = np.asarray(value)
    except ValueError:
        raise FieldError(kind, f"{field} is a list whose parts differ in length") from None
    if array.dtype.kind not in "biuf":
        raise FieldError(
            kind, f"{field} is {_short(value)}" if array.ndim == 0 else f"{field} holds {array.dtype} values"
        )
    return as_floats(array)


def _read_folder(folder: Path) -> RawAnnotations:
    # A name with a leading dot is a file that somebody is still writing.
    paths = sorted(path for pattern in ("*.pkl", "*.pkl.gz") for path in folder.glob(pattern) if path.name[0] != ".")
    if not paths:
        raise FileNotFoundError(
            f"{folder}: no *.pkl in this folder; give a file, or a folder with one pickle a video; `posec3d extract` "
            "makes a file of videos and poses"
        )
    records: list[RawRecord] = []
    for path in paths:
        content = load_pickle(path)
        if not isinstance(content, dict) or not _is_record(content):
            raise ValueError(
                f"{path}: in a folder, each file must be the dictionary of one video; give this file by itself"
            )
        records.extend(_records([content], str(path)))
    return RawAnnotations(tuple(records), {}, None, None, str(folder))


def _is_record(content: Mapping[Any, Any]) -> bool:
    return (
        "annotations" not in content
        and "annos" not in content
        and not content.keys().isdisjoint(("keypoint", "frame_dir", "filename"))
    )


def _records(values: Iterable[Any], source: str) -> tuple[RawRecord, ...]:
    records: list[RawRecord] = []
    for place, value in enumerate(values):
        fields: Mapping[str, Any] = value if isinstance(value, dict) else {}
        name = fields.get("frame_dir", fields.get("filename", f"record {place}"))
        records.append(RawRecord(value, str(name), source))
    return tuple(records)


def _splits(given: Any, source: str) -> dict[str, tuple[str, ...]]:
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise ValueError(f"{source}: 'split' is {_short(given)}; write {{name of the split: [frame_dir, ...]}}")
    splits: dict[str, tuple[str, ...]] = {}
    for name, videos in given.items():
        # A set has no order of its own: sorted, it is the same in every run.
        listed = sorted(videos, key=str) if isinstance(videos, set | frozenset) else videos
        splits[str(name)] = _names(listed, source, f"split {name!r}") or ()
    return splits


def _names(given: Any, source: str, what: str) -> tuple[str, ...] | None:
    if given is None:
        return None
    if not isinstance(given, list | tuple | np.ndarray):
        raise ValueError(f"{source}: {what} is {_short(given)}; write a list of names")
    return tuple(str(name) for name in given)


def _short(value: object) -> str:
    if isinstance(value, np.ndarray) and value.size > 4:
        return f"an array of shape {value.shape}"
    return reprlib.repr(value)
