"""What can be read of a video whatever else is wrong with it: the tolerant half of checking a file."""

from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from typing import TypeVar

import numpy as np
from jaxtyping import Bool
from jaxtyping import Float

from posec3d.annotations.problems import Finding
from posec3d.annotations.records import FieldError
from posec3d.annotations.records import RawRecord
from posec3d.annotations.records import canvas_of
from posec3d.annotations.records import check_total_frames
from posec3d.annotations.records import fields_of
from posec3d.annotations.records import keypoints_of
from posec3d.annotations.records import label_of
from posec3d.annotations.records import video_of

_Value = TypeVar("_Value")


@dataclass(frozen=True)
class PoseReading:
    """The arrays of one video, and which of its keypoints are there (see `Annotation` for the rule).

    `box` is (left, top, right, bottom) of those that are, None if there is none.
    """

    keypoints: Float[np.ndarray, "M T V 2"]
    scores: Float[np.ndarray, "M T V"] | None
    seen: Bool[np.ndarray, "M T V"]
    box: tuple[float, float, float, float] | None


@dataclass(frozen=True)
class PoseCounts:
    """What is kept of the arrays, so that a set larger than memory can be read: `people` are seen at least once."""

    people: int
    frames: int
    keypoints: int
    seen: int
    box: tuple[float, float, float, float] | None


@dataclass(frozen=True)
class Reading:
    """One video; None for each part that is missing or wrong."""

    video: str
    label: int | None
    canvas: tuple[int, int] | None
    poses: PoseCounts | None


def read_tolerantly(record: RawRecord, num_classes: int | None) -> tuple[Reading, PoseReading | None, list[Finding]]:
    """Return what can be read of a video, its arrays if these can, and what is wrong with the rest."""
    findings: list[Finding] = []

    def attempt(read: Callable[[], _Value]) -> _Value | None:
        try:
            return read()
        except FieldError as error:
            findings.append(Finding(error.kind, record.name, error.found))
            return None

    fields: Mapping[str, Any] | None = attempt(lambda: fields_of(record))
    if fields is None:
        return Reading(record.name, None, None, None), None, findings
    attempt(lambda: video_of(fields))
    poses = attempt(lambda: _poses_of(fields))
    if poses is not None:
        attempt(lambda: check_total_frames(fields, poses.seen.shape[1]))
    if fields.get("label") is None:
        findings.append(Finding("missing_label", record.name, "no label"))
    reading = Reading(
        video=record.name,
        label=attempt(lambda: label_of(fields, num_classes)),
        canvas=attempt(lambda: canvas_of(fields)),
        poses=None if poses is None else _counts_of(poses),
    )
    return reading, poses, findings


def _poses_of(fields: Mapping[str, Any]) -> PoseReading:
    keypoints, scores = keypoints_of(fields)
    x, y = keypoints[..., 0], keypoints[..., 1]
    seen = np.isfinite(x) & np.isfinite(y) & ((x != 0) | (y != 0))
    if scores is not None:
        seen &= (scores > 0) & np.isfinite(scores)
    seen_x, seen_y = x[seen], y[seen]
    box = (float(seen_x.min()), float(seen_y.min()), float(seen_x.max()), float(seen_y.max())) if seen_x.size else None
    return PoseReading(keypoints, scores, seen, box)


def _counts_of(poses: PoseReading) -> PoseCounts:
    _, num_frames, num_keypoints = poses.seen.shape
    # A person who is never seen is padding (files with room for two people hold many), not somebody who is missed.
    people = int(poses.seen.any((1, 2)).sum())
    return PoseCounts(people, num_frames, num_keypoints, int(poses.seen.sum()), poses.box)
