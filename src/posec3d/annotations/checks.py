"""Every problem of every video of an annotation file, found in one pass."""

import os
import re
from collections import Counter
from collections import defaultdict
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from posec3d.annotations.annotation import record_of
from posec3d.annotations.problems import Finding
from posec3d.annotations.readings import PoseReading
from posec3d.annotations.readings import Reading
from posec3d.annotations.readings import read_tolerantly
from posec3d.annotations.records import RawAnnotations
from posec3d.annotations.records import RawRecord
from posec3d.annotations.records import read_raw
from posec3d.annotations.report import CheckReport
from posec3d.annotations.splitting import untrained_classes
from posec3d.annotations.statistics import ClassesFrom
from posec3d.annotations.statistics import summarise
from posec3d.annotations.store import is_store
from posec3d.annotations.store import load_store
from posec3d.poses import HIGHEST_SCORE
from posec3d.poses import LARGEST_SHARE
from posec3d.skeletons import Skeleton
from posec3d.skeletons import misplaced_keypoint
from posec3d.skeletons import spelt_out

_OUTSIDE_SHARE = 0.1
# Fewer people than this may well be in a single picture.
_MANY_PEOPLE = 10
# Nobody is ten pixels large in a video and still recognised.
_BODY_LIMIT = 10.0
# Of a split's name: what says that it is trained on, perhaps with what is validated on, and that it is not.
_TRAINS = re.compile(r"train(?:ing)?(?P<both>[-_+]?val(?:id(?:ation)?)?)?")
_EVALUATES = re.compile(r"test(?:ing)?|validation|valid|val|evaluation|eval|dev")


@dataclass(frozen=True)
class _Outside:
    """What is said of keypoints outside the image, and of sides that may be exchanged; None if there is nothing."""

    far: str | None
    swapped: str | None


def check_annotations(
    path: str | os.PathLike[str], *, skeleton: Skeleton | None = None, num_classes: int | None = None
) -> CheckReport:
    """Read a file or folder tolerantly and report all that is wrong in it.

    `skeleton` is the one to train with, if the file must fit it. `num_classes` is otherwise the number of `classes`
    in the file, or the largest label plus one. Raises ValueError only for what is no annotation file at all.
    """
    raw = _read(Path(path))
    classes_from: ClassesFrom = "argument" if num_classes is not None else "names"
    if num_classes is None and raw.classes:
        num_classes = len(raw.classes)
    findings: list[Finding] = []
    readings: list[Reading] = []
    outside: dict[str, _Outside] = {}
    for record in raw.records:
        reading, poses, wrong = read_tolerantly(record, num_classes)
        readings.append(reading)
        findings.extend(wrong)
        if poses is not None:
            findings.extend(_pose_findings(reading.video, poses))
            if reading.canvas is not None and poses.box is not None:
                outside[reading.video] = _outside(poses, poses.box, reading.canvas)
    if num_classes is None:
        classes_from = "labels"
        num_classes = max((reading.label + 1 for reading in readings if reading.label is not None), default=0)
    findings.extend(_whole_findings(readings, num_classes, raw.source))
    findings.extend(_canvas_findings(outside))
    findings.extend(_unit_findings(readings))
    findings.extend(_skeleton_findings(readings, skeleton, raw.keypoint_names, raw.source))
    if any(reading.poses is not None for reading in readings):
        findings.extend(_class_findings(readings, num_classes, raw.classes))
    names = Counter(reading.video for reading in readings)
    findings.extend(Finding("duplicate_name", name, f"{count} times") for name, count in names.items() if count > 1)
    findings.extend(_split_findings(raw.splits, frozenset(names)))
    findings.extend(_training_findings(readings, raw.splits, raw.classes))
    statistics = summarise(
        readings,
        raw.splits,
        num_classes=num_classes,
        classes_from=classes_from,
        keypoint_names=raw.keypoint_names,
        skeleton=skeleton,
    )
    return CheckReport(raw.source, statistics, tuple(findings))


def _read(path: Path) -> RawAnnotations:
    if not is_store(path):
        return read_raw(path)
    stored = load_store(path)
    # One after the other: nothing is kept of a video but its numbers.
    records = (RawRecord(record_of(video), video.video, stored.source) for video in stored.annotations)
    return RawAnnotations(records, stored.splits, stored.classes, stored.keypoint_names, stored.source)


def _whole_findings(readings: Sequence[Reading], num_classes: int, source: str) -> Iterator[Finding]:
    if not readings:
        yield Finding("no_videos", source, "0 videos")
        return
    poses = [reading.poses for reading in readings if reading.poses is not None]
    if poses and not any(pose.seen for pose in poses):
        yield Finding("nobody_anywhere", source, f"in {len(poses):,} videos")
    if num_classes == 1:
        yield Finding("one_class", source, "label 0 alone")


def _pose_findings(video: str, poses: PoseReading) -> Iterator[Finding]:
    num_people, num_frames = poses.seen.shape[:2]
    if num_people > max(num_frames, _MANY_PEOPLE):
        yield Finding("exchanged_axes", video, f"{num_people} people, frames: {num_frames}")
    num_keypoints = poses.seen.size
    if poses.box is None:
        yield Finding("nobody_seen", video, f"{poses.seen.shape[1]} frames")
    strange = ~np.isfinite(poses.keypoints)
    strange = strange[..., 0] | strange[..., 1]
    if poses.scores is not None:
        finite = np.isfinite(poses.scores)
        strange |= ~finite
        known = poses.scores[finite]
        if known.size and (known.min() < 1 - HIGHEST_SCORE or known.max() > HIGHEST_SCORE):
            yield Finding("score_range", video, f"from {known.min():.4g} to {known.max():.4g}")
    elif zeros := int((poses.keypoints == 0).all(-1).sum()):
        yield Finding("zeros_without_scores", video, f"{zeros:,} of {num_keypoints:,} keypoints")
    if strange.any():
        yield Finding("not_finite", video, f"{int(strange.sum()):,} of {num_keypoints:,} keypoints")


def _outside(poses: PoseReading, box: tuple[float, float, float, float], canvas: tuple[int, int]) -> _Outside:
    height, width = canvas
    left, top, right, bottom = box
    if left >= 0 and top >= 0 and right <= width and bottom <= height:
        return _Outside(None, None)
    points = poses.keypoints[poses.seen].astype(np.float32)
    share = float((points > (width, height)).any(-1).mean())
    share_swapped = float((points > (height, width)).any(-1).mean())
    beyond = np.maximum(-points, points - np.asarray((width, height), np.float32)).max(-1)
    far = swapped = None
    if share > _OUTSIDE_SHARE or beyond.max() > max(canvas) / 2:
        x, y = points[int(beyond.argmax())]
        far = (
            f"{int((beyond > 0).sum()):,} of {len(points):,} keypoints, the farthest at x {x:.0f}, y {y:.0f} "
            f"(image {width} wide, {height} high)"
        )
    if share > _OUTSIDE_SHARE and share_swapped < _OUTSIDE_SHARE / 5:
        swapped = f"{share:.0%} of the keypoints are outside an image {width} wide, {height} high"
    return _Outside(far, swapped)


def _canvas_findings(outside: Mapping[str, _Outside]) -> Iterator[Finding]:
    # A size in the wrong order is a habit; one such video among others with wrong sizes is chance.
    num_swapped = sum(places.swapped is not None for places in outside.values())
    is_habit = 2 * num_swapped > sum(places.far is not None for places in outside.values())
    for video, places in outside.items():
        if is_habit and places.swapped is not None:
            yield Finding("swapped_size", video, places.swapped)
        elif places.far is not None:
            yield Finding("outside", video, places.far)


def _unit_findings(readings: Sequence[Reading]) -> Iterator[Finding]:
    spans = {
        reading.video: (min(reading.poses.box), max(reading.poses.box))
        for reading in readings
        if reading.poses is not None and reading.poses.box is not None
    }
    small = {video: (low, high) for video, (low, high) in spans.items() if max(-low, high) <= _BODY_LIMIT}
    # Body coordinates reach beyond 1 in some videos and not in others: one that does speaks for all.
    body = any(max(-low, high) > LARGEST_SHARE for low, high in small.values())
    for video, (low, high) in small.items():
        yield Finding("body_coordinates" if body else "normalised", video, f"from {low:.3g} to {high:.3g}")


def _skeleton_findings(
    readings: Sequence[Reading], skeleton: Skeleton | None, names: tuple[str, ...] | None, source: str
) -> Iterator[Finding]:
    numbers = [(reading.video, reading.poses.keypoints) for reading in readings if reading.poses is not None]
    if not numbers:
        return
    ((usual, _),) = Counter(number for _, number in numbers).most_common(1)
    for video, number in numbers:
        if skeleton is not None and number != skeleton.num_keypoints:
            yield Finding("wrong_skeleton", video, f"{number} keypoints, {skeleton.name} has {skeleton.num_keypoints}")
        elif skeleton is None and number != usual:
            yield Finding("mixed_skeletons", video, f"{number} keypoints, most videos have {usual}")
    if names is None:
        return
    meant = len({spelt_out(name) for name in names})
    place = None if skeleton is None else misplaced_keypoint(names, skeleton)
    if len(names) != usual or meant != len(names):
        yield Finding("keypoint_names", source, f"{meant} different names for {usual} keypoints")
    elif skeleton is not None and place is not None:
        told = f"keypoint {place} is {names[place]!r}, that of {skeleton.name} {skeleton.keypoints[place]!r}"
        yield Finding("keypoint_names", source, told)


def _class_findings(readings: Sequence[Reading], num_classes: int, names: tuple[str, ...] | None) -> Iterator[Finding]:
    labels = {reading.label for reading in readings}
    for label in range(num_classes):
        if label not in labels:
            yield Finding("class_without_video", _class_told(label, names), "no video")


def _training_findings(
    readings: Sequence[Reading], splits: Mapping[str, tuple[str, ...]], names: tuple[str, ...] | None
) -> Iterator[Finding]:
    """Find classes that a training split has no video of, or none in which anybody is seen."""
    of_labels: defaultdict[int, set[str]] = defaultdict(set)
    for reading in readings:
        if reading.label is not None and reading.poses is not None and reading.poses.seen:
            of_labels[reading.label].add(reading.video)
    for label, found in untrained_classes(of_labels, splits):
        yield Finding("class_not_trained", _class_told(label, names), found)


def _class_told(label: int, names: tuple[str, ...] | None) -> str:
    return f"class {label} ({names[label]})" if names is not None and label < len(names) else f"class {label}"


def _split_findings(splits: Mapping[str, tuple[str, ...]], videos: frozenset[str]) -> Iterator[Finding]:
    for name, listed in splits.items():
        unknown = [video for video in listed if video not in videos]
        if len(unknown) == len(listed):
            yield Finding(
                "empty_split", name, f"lists {len(listed):,} videos, none in the file" if listed else "an empty list"
            )
        elif unknown:
            yield Finding("unknown_in_split", name, f"{len(unknown):,} of {len(listed):,}, as {_some(unknown)}")
    for name, listed in splits.items():
        for other, also_listed in splits.items():
            shared = set(listed) & set(also_listed)
            if shared and _belong_together(name, other):
                yield Finding(
                    "overlapping_splits", f"{name} and {other}", f"{len(shared):,}, as {_some(sorted(shared))}"
                )


def _belong_together(training: str, evaluation: str) -> bool:
    """Tell whether these are halves of one split: train1 and test1, xsub_train and xsub_val, not train1 and test2.

    A split that is called trainval has the videos of val, and must not have those of test.
    """
    trains = _TRAINS.search(training.lower())
    evaluates = _EVALUATES.search(evaluation.lower())
    if trains is None or evaluates is None or (trains["both"] and not evaluates[0].startswith("test")):
        return False
    return _TRAINS.sub("", training.lower()) == _EVALUATES.sub("", evaluation.lower())


def _some(videos: Sequence[str]) -> str:
    return ", ".join(repr(video) for video in videos[:3])
