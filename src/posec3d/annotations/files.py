"""Annotation files in and out: every layout that mmaction2 and pyskl know is read, one is written."""

import gzip
import os
import pickle
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from posec3d.annotations.problems import KINDS
from posec3d.annotations.records import FieldError
from posec3d.annotations.records import RawRecord
from posec3d.annotations.records import canvas_of
from posec3d.annotations.records import check_total_frames
from posec3d.annotations.records import fields_of
from posec3d.annotations.records import keypoints_of
from posec3d.annotations.records import label_of
from posec3d.annotations.records import read_raw
from posec3d.annotations.records import video_of
from posec3d.annotations.schema import Annotation
from posec3d.annotations.schema import AnnotationSet
from posec3d.runtime.files import replacing


def load_annotations(path: str | os.PathLike[str], *, canvas: tuple[int, int] | None = None) -> AnnotationSet:
    """Read an annotation file, or a folder of single videos (*.pkl, by name); gzip is recognised by content.

    Layouts: a list of videos; `{split, annotations}` (or `annos`), with `classes` and `keypoint_names` if there are
    any; one video. `canvas` is the (height, width) of videos that have neither `img_shape` nor `original_shape`.
    Arrays stay as stored, and are read-only.

    Raises ValueError for the first video that cannot be used; `posec3d check` tells all of them.
    """
    raw = read_raw(path)
    num_classes = len(raw.classes) if raw.classes else None
    return AnnotationSet(
        annotations=tuple(_annotation(record, num_classes, canvas) for record in raw.records),
        splits=MappingProxyType(dict(raw.splits)),
        classes=raw.classes,
        keypoint_names=raw.keypoint_names,
        source=raw.source,
    )


def save_annotations(path: str | os.PathLike[str], annotations: AnnotationSet) -> None:
    """Write the dictionary layout, gzipped if the name ends in .gz: read back, it is the same, bit for bit.

    mmaction2 and pyskl read it, with any version of NumPy.
    """
    content: dict[str, Any] = {
        "split": {name: list(videos) for name, videos in annotations.splits.items()},
        "annotations": [_record(annotation) for annotation in annotations.annotations],
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


def _annotation(record: RawRecord, num_classes: int | None, canvas: tuple[int, int] | None) -> Annotation:
    try:
        fields = fields_of(record)
        keypoints, scores = keypoints_of(fields)
        check_total_frames(fields, keypoints.shape[1])
        return Annotation(
            video=video_of(fields),
            label=label_of(fields, num_classes),
            canvas=canvas_of(fields, canvas),
            keypoints=keypoints,
            scores=scores,
        )
    except FieldError as error:
        kind = KINDS[error.kind]
        raise ValueError(
            f"{record.source}: video {record.name!r}: {kind.title}: {error.found}. {kind.mend} "
            f"All problems of the file: posec3d check {record.source}"
        ) from None


def _record(annotation: Annotation) -> dict[str, Any]:
    record: dict[str, Any] = {
        "frame_dir": annotation.video,
        "label": annotation.label,
        "img_shape": annotation.canvas,
        "original_shape": annotation.canvas,
        "total_frames": annotation.num_frames,
        "keypoint": annotation.keypoints,
        "keypoint_score": annotation.scores,
    }
    return {field: value for field, value in record.items() if value is not None}


class _PortablePickler(pickle.Pickler):
    # NumPy pickles its arrays by the name of a function that moved: files from NumPy 2 do not open under NumPy < 1.26,
    # which the reference projects run on. `numpy.ndarray` has the same name in all versions.
    def reducer_override(self, value: object) -> Any:
        if isinstance(value, np.ndarray):
            return np.ndarray, (value.shape, value.dtype, bytearray(value.tobytes()))
        return NotImplemented
