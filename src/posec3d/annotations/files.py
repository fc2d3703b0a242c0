"""Annotation files in and out: every layout that mmaction2 and pyskl know is read, one is written."""

import gzip
import os
import pickle
import reprlib
from collections.abc import Collection
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from posec3d.annotations.annotation import Annotation
from posec3d.annotations.annotation import record_of
from posec3d.annotations.columns import labels_of
from posec3d.annotations.problems import problem_text
from posec3d.annotations.problems import short_problem_text
from posec3d.annotations.records import FieldError
from posec3d.annotations.records import RawRecord
from posec3d.annotations.records import canvas_of
from posec3d.annotations.records import check_total_frames
from posec3d.annotations.records import fields_of
from posec3d.annotations.records import keypoints_of
from posec3d.annotations.records import label_of
from posec3d.annotations.records import read_raw
from posec3d.annotations.records import video_of
from posec3d.annotations.schema import AnnotationSet
from posec3d.annotations.schema import stream_of
from posec3d.annotations.store import SUFFIX
from posec3d.annotations.store import is_store
from posec3d.annotations.store import load_store
from posec3d.annotations.store_writing import write_store
from posec3d.runtime.files import replacing


def load_annotations(path: str | os.PathLike[str], *, canvas: tuple[int, int] | None = None) -> AnnotationSet:
    """Read an annotation file, or a folder of single videos (*.pkl, by name); gzip is recognised by content.

    Layouts: a list of videos; `{split, annotations}` (or `annos`), with `classes` and `keypoint_names` if there are
    any; one video. Arrays stay as stored, and are read-only. `canvas` is the (height, width) of videos that have
    neither `img_shape` nor `original_shape`. A store (.arrow) is opened, its videos read when they are asked for.

    Raises ValueError for the first video that cannot be used; `posec3d check` tells all of them.
    """
    if is_store(Path(path)):
        return _with_labels_of_classes(load_store(path))
    raw = read_raw(path)
    num_classes = len(raw.classes) if raw.classes else None
    return AnnotationSet(
        annotations=tuple(_annotation(record, num_classes, canvas) for record in raw.records),
        splits=dict(raw.splits),
        classes=raw.classes,
        keypoint_names=raw.keypoint_names,
        source=raw.source,
    )


def save_annotations(path: str | os.PathLike[str], annotations: AnnotationSet) -> None:
    """Write the dictionary layout, gzipped if the name ends in .gz: read back, it is the same, bit for bit.

    mmaction2 and pyskl read it, with any version of NumPy. A name that ends in .arrow gets a store, which they do not.
    Raises ValueError, and writes nothing, for what could not be read back.
    """
    for what, names in (("classes", annotations.classes), ("keypoint_names", annotations.keypoint_names)):
        if names is not None:
            _check_names(path, what, names, ordered=True)
    for name, videos in annotations.splits.items():
        _check_names(path, f"split {name!r}", videos)
    if Path(path).suffix == SUFFIX:
        stream = stream_of(annotations)
        readable = (_readable(video, annotations.classes, path) for video in stream.videos)
        write_store(path, [replace(stream, videos=readable)])
        return
    content: dict[str, Any] = {
        "split": {name: list(videos) for name, videos in annotations.splits.items()},
        "annotations": [record_of(_readable(video, annotations.classes, path)) for video in annotations.annotations],
    }
    if annotations.classes is not None:
        content["classes"] = list(annotations.classes)
    if annotations.keypoint_names is not None:
        content["keypoint_names"] = list(annotations.keypoint_names)
    with replacing(path) as unfinished, unfinished.open("wb") as file:
        if Path(path).suffix == ".gz":
            # No name and no time in the header: saving the same set twice gives the same file.
            with gzip.GzipFile(filename="", fileobj=file, mode="wb", compresslevel=6, mtime=0) as compressed:
                _PortablePickler(compressed, protocol=4).dump(content)
        else:
            _PortablePickler(file, protocol=4).dump(content)


def _check_names(path: str | os.PathLike[str], what: str, names: object, *, ordered: bool = False) -> None:
    """Raise ValueError for what are no names, or in no order: read back, it would be other ones."""
    if isinstance(names, str) or not isinstance(names, Sequence if ordered else Collection):
        raise ValueError(f"{path}: {what} is {reprlib.repr(names)}; give a tuple of names")
    stranger = next((name for name in names if not isinstance(name, str)), None)
    if stranger is not None or None in names:
        raise ValueError(f"{path}: {what} has {reprlib.repr(stranger)}, which is no text; give a tuple of names")


def _readable(annotation: Annotation, classes: tuple[str, ...] | None, path: str | os.PathLike[str]) -> Annotation:
    """Return a video that can be read back. ValueError for any other."""
    try:
        _built(record_of(annotation), len(classes) if classes else None, None)
    except FieldError as error:
        raise ValueError(short_problem_text(str(path), str(annotation.video), error.kind, error.found)) from None
    return annotation


def _with_labels_of_classes(stored: AnnotationSet) -> AnnotationSet:
    labels = labels_of(stored.annotations)
    if stored.classes and len(labels) and labels.max() >= len(stored.classes):
        video = stored.annotations[int(labels.argmax())]
        found = f"label is {video.label}, labels are 0..{len(stored.classes) - 1}"
        raise ValueError(problem_text(stored.source, video.video, "label_out_of_range", found))
    return stored


def _annotation(record: RawRecord, num_classes: int | None, canvas: tuple[int, int] | None) -> Annotation:
    try:
        return _built(fields_of(record), num_classes, canvas)
    except FieldError as error:
        raise ValueError(problem_text(record.source, record.name, error.kind, error.found)) from None


def _built(fields: Mapping[str, Any], num_classes: int | None, canvas: tuple[int, int] | None) -> Annotation:
    keypoints, scores = keypoints_of(fields)
    check_total_frames(fields, keypoints.shape[1])
    return Annotation(
        video=video_of(fields),
        label=label_of(fields, num_classes),
        canvas=canvas_of(fields, canvas),
        keypoints=keypoints,
        scores=scores,
    )


class _PortablePickler(pickle.Pickler):
    # NumPy pickles its arrays by the name of a function that moved: files from NumPy 2 do not open under NumPy < 1.26,
    # which the reference projects run on. `numpy.ndarray` has the same name in all versions.
    def reducer_override(self, value: object) -> Any:
        if isinstance(value, np.ndarray):
            return np.ndarray, (value.shape, value.dtype, bytearray(value.tobytes()))
        return NotImplemented
