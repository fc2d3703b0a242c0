"""Kinetics-400 as published: a table of contents, and in other files the skeletons of each video, frame by frame."""

from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool
from jaxtyping import Float16
from jaxtyping import Int

from posec3d.annotations.annotation import Annotation
from posec3d.annotations.problems import problem_text
from posec3d.annotations.records import FieldError
from posec3d.annotations.records import RawRecord
from posec3d.annotations.records import canvas_of
from posec3d.annotations.records import fields_of
from posec3d.annotations.records import label_of
from posec3d.annotations.records import read_raw
from posec3d.annotations.records import video_of
from posec3d.annotations.schema import VideoStream
from posec3d.annotations.unpickling import load_pickle

_MOST_PEOPLE = 10
_BOX_SCORE = 0.5


def stream_compressed(path: Path, keypoint_files: Path) -> VideoStream:
    """Read a table of contents; the skeletons come from the folder `keypoint_files` as its videos are gone through.

    A video's skeletons are in the file that its `raw_file` names, with those of other videos, or else in
    `{frame_dir}.pkl`. Videos of one file follow each other, so that each file is read once.

    Raises ValueError for what is no such table; and, as its videos are gone through, for skeletons that do not fit it,
    and FileNotFoundError for a file that is not there.
    """
    if not keypoint_files.is_dir():
        raise FileNotFoundError(f"{keypoint_files}: no such folder; give the one with the keypoint files")
    raw = read_raw(path)
    records: dict[Path, list[RawRecord]] = {}
    for record in raw.records:
        records.setdefault(keypoint_files / _file_of(record), []).append(record)
    return VideoStream(
        videos=_videos(records, num_classes=len(raw.classes) if raw.classes else None),
        num_videos=sum(map(len, records.values())),
        splits=raw.splits,
        classes=raw.classes,
        keypoint_names=raw.keypoint_names,
        source=raw.source,
    )


def decompress(
    skeletons: Float16[np.ndarray, "N V 3"], frames: Int[np.ndarray, " N"]
) -> tuple[Float16[np.ndarray, "M T V 2"], Float16[np.ndarray, "M T V"]]:
    """Put skeletons (x, y, score) into the frames that they belong to, numbers that ascend; frames of nobody go.

    People of a frame are in the order of the file: nobody is followed. Where ten are exceeded in any frame, each frame
    keeps the ten with the highest sums of scores, in that order.

    Source: mmaction2 1.x and pyskl, DecompressPose(squeeze=True, max_person=10).
    """
    _, firsts, times, counts = np.unique(frames, return_index=True, return_inverse=True, return_counts=True)
    rows = np.arange(len(frames)) - firsts[times]
    shape = (int(counts.max()), len(counts), skeletons.shape[1])
    keypoints, scores = np.zeros((*shape, 2), np.float16), np.zeros(shape, np.float16)
    keypoints[rows, times] = skeletons[..., :2]
    scores[rows, times] = skeletons[..., 2]
    if shape[0] > _MOST_PEOPLE:
        for time, count in enumerate(counts):
            # Sums in float16 and a stable order: ties are decided as the reference decides them.
            order = np.argsort(-scores[:count, time].sum(-1), kind="stable")
            keypoints[:count, time], scores[:count, time] = keypoints[order, time], scores[order, time]
    return keypoints[:_MOST_PEOPLE], scores[:_MOST_PEOPLE]


def _file_of(record: RawRecord) -> str:
    """Return the name of the file with the skeletons of a video."""
    try:
        fields = fields_of(record)
        if "frame_inds" not in fields:
            raise ValueError(
                f"{record.source}: video {record.name!r} has no frame_inds, so this is no table of contents; "
                "pack it without --kpfiles"
            )
        return Path(str(fields.get("raw_file", f"{video_of(fields)}.pkl"))).name
    except FieldError as error:
        raise ValueError(problem_text(record.source, record.name, error.kind, error.found)) from None


def _videos(records: Mapping[Path, Sequence[RawRecord]], num_classes: int | None) -> Iterator[Annotation]:
    for file, its_records in records.items():
        if not file.is_file():
            raise FileNotFoundError(
                f"{file}: no such file, but video {its_records[0].name!r} of {its_records[0].source} is in it; "
                "give the folder with all keypoint files"
            )
        content = load_pickle(file)
        for record in its_records:
            try:
                yield _video(record, content, file, num_classes)
            except FieldError as error:
                raise ValueError(problem_text(record.source, record.name, error.kind, error.found)) from None


def _video(record: RawRecord, content: object, file: Path, num_classes: int | None) -> Annotation:
    fields = fields_of(record)
    skeletons = _skeletons(content, video_of(fields), file)
    frames, is_person = _frames(fields, record)
    if len(skeletons) != len(frames):
        raise ValueError(
            f"{file}: video {record.name!r} has {len(skeletons)} skeletons, but {len(frames)} in {record.source}; "
            "give the keypoint files that belong to this table"
        )
    if is_person.any():
        keypoints, scores = decompress(skeletons[is_person], frames[is_person])
    else:
        scores = np.zeros((0, max(1, int(fields.get("total_frames", 1))), skeletons.shape[1]), np.float16)
        keypoints = np.zeros((*scores.shape, 2), np.float16)
    return Annotation(video_of(fields), label_of(fields, num_classes), canvas_of(fields), keypoints, scores)


def _skeletons(content: object, name: str, file: Path) -> Float16[np.ndarray, "N V 3"]:
    video = content.get(name, content) if isinstance(content, dict) else None
    skeletons = np.asarray(video.get("keypoint")) if isinstance(video, dict) else np.zeros(())
    if skeletons.ndim != 3 or skeletons.shape[2] != 3 or skeletons.dtype.kind != "f":
        raise ValueError(
            f"{file}: no keypoint array (skeletons, keypoints, 3) of video {name!r}; give the published keypoint files"
        )
    return skeletons.astype(np.float16)


def _frames(fields: Mapping[str, Any], record: RawRecord) -> tuple[Int[np.ndarray, " N"], Bool[np.ndarray, " N"]]:
    """Return the frame of each skeleton, and whether its box is certain enough."""
    frames = np.asarray(fields["frame_inds"])
    box_scores = np.asarray(fields.get("box_score", np.ones(frames.shape)))
    if frames.ndim != 1 or frames.dtype.kind not in "iu" or (np.diff(frames.astype(np.int64)) < 0).any():
        raise ValueError(f"{record.source}: video {record.name!r}: frame_inds are no ascending whole numbers")
    if box_scores.shape != frames.shape:
        raise ValueError(f"{record.source}: video {record.name!r}: box_score has not one value a skeleton")
    return frames.astype(np.int64), box_scores >= _BOX_SCORE
