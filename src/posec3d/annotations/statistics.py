"""An annotation file in a dozen numbers."""

from collections import Counter
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from posec3d.annotations.readings import Reading
from posec3d.skeletons import Skeleton
from posec3d.skeletons import skeleton_of_keypoints
from posec3d.skeletons import skeletons_of_number

ClassesFrom = Literal["argument", "names", "labels"]
_SHOWN = 4


@dataclass(frozen=True)
class Spread:
    """The smallest, the median and the largest of some counts."""

    low: int
    median: float
    high: int

    def __str__(self) -> str:
        if self.low == self.high:
            return f"{self.low:,}"
        return f"{self.low:,} to {self.high:,}, median {self.median:,.10g}"


@dataclass(frozen=True)
class Statistics:
    """The numbers of a file; None where no video could be read for it.

    `splits` counts the videos of each split that the file has; `keypoints` and `canvases` count videos. `people` are
    those who are seen at least once, and `missing` is the share of their keypoints, over all frames. The number of
    classes comes from the caller, from the file's names, or from the largest label.
    """

    videos: int
    num_classes: int
    classes_from: ClassesFrom
    splits: Mapping[str, int]
    in_no_split: int
    people: Spread | None
    frames: Spread | None
    keypoints: Mapping[int, int]
    skeletons: tuple[str, ...]
    canvases: Mapping[str, int]
    missing: float | None
    videos_per_class: Spread | None

    def rows(self) -> list[tuple[str, str]]:
        """Return the table to print: what, and its value."""
        names = f" ({' or '.join(self.skeletons)})" if self.skeletons else ""
        origin = {"argument": "", "names": " (named in the file)", "labels": " (largest label + 1)"}[self.classes_from]
        splits = [f"{name} {count:,}" for name, count in self.splits.items()]
        splits += [f"{self.in_no_split:,} in none"] if self.splits and self.in_no_split else []
        rows = {
            "videos": f"{self.videos:,}",
            "classes": f"{self.num_classes:,}{origin}",
            "videos a class": str(self.videos_per_class or "unknown"),
            "splits": ", ".join(splits) or "none",
            "people a video": str(self.people or "unknown"),
            "frames a video": str(self.frames or "unknown"),
            "keypoints": (_counts(self.keypoints) or "unknown") + names,
            "missing keypoints": "unknown" if self.missing is None else f"{self.missing:.1%}",
            "height x width": _counts(self.canvases) or "unknown",
        }
        return list(rows.items())


def summarise(
    readings: Sequence[Reading],
    splits: Mapping[str, tuple[str, ...]],
    *,
    num_classes: int,
    classes_from: ClassesFrom,
    keypoint_names: tuple[str, ...] | None,
    skeleton: Skeleton | None,
) -> Statistics:
    """Count what the readings hold. Without `skeleton`, those of the table that fit by name or number are told."""
    poses = [reading.poses for reading in readings if reading.poses is not None]
    shown = sum(pose.people * pose.frames * pose.keypoints for pose in poses)
    labels = Counter(reading.label for reading in readings if reading.label is not None)
    videos = {reading.video for reading in readings}
    listed = {video for names in splits.values() for video in names}
    keypoints = Counter(pose.keypoints for pose in poses)
    canvases = Counter(f"{height}x{width}" for height, width in (r.canvas for r in readings if r.canvas is not None))
    return Statistics(
        videos=len(readings),
        num_classes=num_classes,
        classes_from=classes_from,
        splits={name: sum(reading.video in names for reading in readings) for name, names in _sets(splits).items()},
        in_no_split=len(videos - listed),
        people=_spread([pose.people for pose in poses]),
        frames=_spread([pose.frames for pose in poses]),
        keypoints=dict(keypoints.most_common()),
        skeletons=_skeletons(keypoints, keypoint_names, skeleton),
        canvases=dict(canvases.most_common()),
        missing=1 - sum(pose.seen for pose in poses) / shown if shown else None,
        videos_per_class=_spread([labels[label] for label in range(num_classes)]) if labels else None,
    )


def _sets(splits: Mapping[str, tuple[str, ...]]) -> dict[str, frozenset[str]]:
    return {name: frozenset(videos) for name, videos in splits.items()}


def _spread(counts: Sequence[int]) -> Spread | None:
    return Spread(min(counts), float(np.median(counts)), max(counts)) if counts else None


def _skeletons(
    keypoints: Mapping[int, int], names: tuple[str, ...] | None, skeleton: Skeleton | None
) -> tuple[str, ...]:
    if skeleton is None and names is not None:
        skeleton = skeleton_of_keypoints(names)
    if skeleton is not None:
        return (skeleton.name,) if not keypoints or skeleton.num_keypoints in keypoints else ()
    if len(keypoints) != 1:
        return ()
    (number,) = keypoints
    return tuple(sorted(fitting.name for fitting in skeletons_of_number(number)))


def _counts(counts: Mapping[int, int] | Mapping[str, int]) -> str:
    """Return the commonest values; with how many videos each has, if there are several."""
    if len(counts) < 2:
        return "".join(str(value) for value in counts)
    shown = [f"{value} ({count:,})" for value, count in list(counts.items())[:_SHOWN]]
    more = len(counts) - len(shown)
    return ", ".join(shown) + (f", {more:,} more" if more else "")
