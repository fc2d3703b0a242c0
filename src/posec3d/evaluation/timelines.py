"""How good a timeline is: what was told of a long video, against what happens in it and when.

What neither side names, such as the time between two labelled segments, is nothing: None.
"""

from collections import defaultdict
from collections.abc import Iterable
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace
from statistics import mean

import numpy as np
from jaxtyping import Bool
from jaxtyping import Float64


@dataclass(frozen=True)
class Interval:
    """What happens, or is told, from `start` up to `end`, in seconds; `score` is how sure it is told."""

    action: str
    start: float
    end: float
    score: float = 1.0


@dataclass(frozen=True)
class Timeline:
    """A video of `duration` seconds: what happens in it, and what was told, one thing at a time."""

    video: str
    duration: float
    labelled: tuple[Interval, ...]
    told: tuple[Interval, ...]


@dataclass(frozen=True)
class ActionTimes:
    """Seconds of an action over all videos: labelled, told, and both at once."""

    labelled: float
    told: float
    both: float


@dataclass(frozen=True)
class TimeShares:
    """How many seconds there are, and in how many what is told is what happens: in all, and of those labelled."""

    seconds: float
    right: float
    labelled_seconds: float
    labelled_right: float


def time_shares(timelines: Iterable[Timeline]) -> TimeShares:
    """Count the seconds that are told rightly; where nothing is labelled, telling nothing is right.

    Where two things are labelled at once, either is right. Over single frames this is the accuracy of temporal action
    segmentation, also called mean over frames.
    """
    totals = np.zeros(4)
    for timeline in timelines:
        moments = _Moments(timeline)
        any_label = np.zeros(len(moments.seconds), np.bool_)
        right = np.zeros(len(moments.seconds), np.bool_)
        for segment in timeline.labelled:
            inside = moments.within(segment)
            any_label |= inside
            right |= inside & (moments.told == segment.action)
        right |= ~any_label & (moments.told == None)  # noqa: E711 (of each)
        for place, chosen in enumerate((np.ones_like(right), right, any_label, right & any_label)):
            totals[place] += moments.seconds[chosen].sum()
    return TimeShares(*totals.tolist())


def times_of_actions(timelines: Sequence[Timeline]) -> dict[str, ActionTimes]:
    """Return the times of each action that is labelled or told, by name."""
    names = sorted({interval.action for line in timelines for interval in (*line.labelled, *line.told)})
    totals = {name: np.zeros(3) for name in names}
    for timeline in timelines:
        moments = _Moments(timeline)
        labelled = {name: np.zeros(len(moments.seconds), np.bool_) for name in names}
        for segment in timeline.labelled:
            labelled[segment.action] |= moments.within(segment)
        for name in names:
            told = moments.told == name
            totals[name] += [moments.seconds[of].sum() for of in (labelled[name], told, labelled[name] & told)]
    return {name: ActionTimes(*total.tolist()) for name, total in totals.items()}


def segmental_f1(timelines: Iterable[Timeline], overlap: float) -> float:
    """Return the F1 of what was told as whole segments, 0 to 1; NaN where nothing is labelled or told.

    A told segment is right if it overlaps one of its action that no other has been taken for by `overlap` of their
    union. Source: Lea et al., Temporal Convolutional Networks for Action Segmentation and Detection (CVPR 2017), F1@k.
    """
    num_right = num_told = num_labelled = 0
    for timeline in timelines:
        taken: set[int] = set()
        for told in timeline.told:
            overlaps = [
                _overlap(told, segment) if told.action == segment.action else 0.0 for segment in timeline.labelled
            ]
            best = int(np.argmax(overlaps)) if overlaps else -1
            if best >= 0 and overlaps[best] >= overlap:
                taken.add(best)
        num_right += len(taken)
        num_told += len(timeline.told)
        num_labelled += len(timeline.labelled)
    return 2 * num_right / (num_told + num_labelled) if num_told + num_labelled else float("nan")


def mean_average_precision(timelines: Sequence[Timeline], overlap: float) -> float:
    """Return the mean over labelled actions of the average precision of told segments, 0 to 1; NaN without any.

    The surest are looked at first, over all videos; each takes the labelled segment of its action that it overlaps most
    and that is free, and is right if there is one of `overlap` (of their union) at least. Precision is that of the best
    point from each recall on. Source: the detection task of ActivityNet 1.3 (`eval_detection.py`).
    """
    labelled: defaultdict[str, int] = defaultdict(int)
    told: defaultdict[str, list[tuple[float, Interval, Timeline]]] = defaultdict(list)
    for timeline in timelines:
        for segment in timeline.labelled:
            labelled[segment.action] += 1
        for interval in timeline.told:
            told[interval.action].append((interval.score, interval, timeline))
    if not labelled:
        return float("nan")
    precisions = []
    for action, count in labelled.items():
        taken: set[int] = set()
        right = []
        for _, interval, timeline in sorted(told[action], key=lambda one: -one[0]):
            free = [
                (_overlap(interval, segment), segment)
                for segment in timeline.labelled
                if segment.action == action and id(segment) not in taken
            ]
            best, segment = max(free, key=lambda pair: pair[0], default=(0.0, interval))
            right.append(best >= overlap)
            if best >= overlap:
                taken.add(id(segment))
        precisions.append(_average_precision(np.array(right, np.bool_), count))
    return mean(precisions)


def joined(timelines: Iterable[Timeline]) -> list[Timeline]:
    """Return timelines in which labelled segments of an action that meet or overlap are one, as they are told.

    So does the code of MS-TCN (Abu Farha and Gall, CVPR 2019), which reads segments off the labels of frames.
    """
    return [replace(one, labelled=_joined(one.labelled)) for one in timelines]


def _joined(intervals: Iterable[Interval]) -> tuple[Interval, ...]:
    of_action: defaultdict[str, list[Interval]] = defaultdict(list)
    for interval in sorted(intervals, key=lambda one: one.start):
        whole = of_action[interval.action]
        if whole and interval.start <= whole[-1].end:
            whole[-1] = replace(whole[-1], end=max(whole[-1].end, interval.end))
        else:
            whole.append(interval)
    return tuple(sorted((one for whole in of_action.values() for one in whole), key=lambda one: one.start))


def without(timelines: Iterable[Timeline], names: Iterable[str]) -> list[Timeline]:
    """Return timelines in which these are nothing, on both sides."""
    nothing = frozenset(names)

    def kept(intervals: Iterable[Interval]) -> tuple[Interval, ...]:
        return tuple(interval for interval in intervals if interval.action not in nothing)

    return [Timeline(one.video, one.duration, kept(one.labelled), kept(one.told)) for one in timelines]


class _Moments:
    """A video divided where anything begins or ends: how long each moment is, and what is told of it."""

    def __init__(self, timeline: Timeline) -> None:
        times = [0.0, timeline.duration]
        times += [time for one in (*timeline.labelled, *timeline.told) for time in (one.start, one.end)]
        edges = np.unique(np.clip(times, 0.0, timeline.duration))
        self.seconds: Float64[np.ndarray, " N"] = np.diff(edges)
        self._middles = (edges[:-1] + edges[1:]) / 2
        self.told = np.full(len(self.seconds), None, object)
        for interval in timeline.told:
            self.told[self.within(interval)] = interval.action

    def within(self, interval: Interval) -> Bool[np.ndarray, " N"]:
        inside: Bool[np.ndarray, " N"] = (interval.start <= self._middles) & (self._middles < interval.end)
        return inside


def _overlap(one: Interval, other: Interval) -> float:
    """Return the share of two intervals' union in which both are."""
    both = min(one.end, other.end) - max(one.start, other.start)
    return max(both, 0.0) / (max(one.end, other.end) - min(one.start, other.start))


def _average_precision(right: Bool[np.ndarray, " D"], num_labelled: int) -> float:
    found = np.cumsum(right)
    precision = found / np.arange(1, len(right) + 1)
    best_from_here = np.maximum.accumulate(precision[::-1])[::-1]
    return float(best_from_here[right].sum() / num_labelled)
