"""From what is said of each moment to a timeline without short segments: the one that agrees most with the moments."""

from collections import defaultdict
from collections.abc import Iterable
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from posec3d.inference.segments import Segment
from posec3d.inference.segments import are_neighbours
from posec3d.inference.segments import joined
from posec3d.inference.windows import Who

# Times are compared with this much patience: 0.1 * 3 is above 0.3.
_INSTANT = 1e-6


def segmented(moments: Iterable[Segment], shortest_seconds: float) -> list[Segment]:
    """Return the segments, none shorter than `shortest_seconds`, with the highest mean probability over all time.

    Of what is said of the same people without a break, every stretch has one action, whose mean probability over the
    stretch counts; for "unsure" the threshold counts. A person who is there for less time than the shortest has one
    segment. With 0 seconds these are the `joined` ones. Moments come in order of time, and so do the segments.

    The best one of all is found exactly, by dynamic programming over where a segment may end.
    """
    of_whom: defaultdict[Who, list[list[Segment]]] = defaultdict(list)
    for moment in moments:
        runs = of_whom[moment.people]
        if runs and are_neighbours(runs[-1][-1], moment):
            runs[-1].append(moment)
        else:
            runs.append([moment])
    stretches = [
        _together(run[first:end])
        for runs in of_whom.values()
        for run in runs
        for first, end in _best_stretches(run, shortest_seconds)
    ]
    stretches.sort(key=lambda segment: (segment.start_seconds, segment.people or ()))
    return joined(stretches)


def _best_stretches(run: Sequence[Segment], shortest_seconds: float) -> list[tuple[int, int]]:
    """Return where the stretches of a run begin and end, as places of its moments."""
    times = [*(moment.start_seconds for moment in run), run[-1].end_seconds]
    lengths = np.diff(times)[:, None]
    shares = np.stack([[*moment.probabilities, moment.threshold] for moment in run])
    # What an action has gathered up to each boundary between moments.
    gathered = np.concatenate([np.zeros((1, shares.shape[1])), np.cumsum(lengths * shares, axis=0)])
    best = np.full(len(times), -np.inf)
    best[0] = 0.0
    began = np.zeros(len(times), np.int64)
    # Of each action, the best lead with which a stretch of it may have begun, far enough back, and where.
    lead, lead_began = np.full(shares.shape[1], -np.inf), np.zeros(shares.shape[1], np.int64)
    next_start = 0
    for end in range(1, len(times)):
        while next_start < end and times[end] - times[next_start] >= shortest_seconds - _INSTANT:
            with_this = best[next_start] - gathered[next_start]
            lead_began[with_this > lead] = next_start
            lead = np.maximum(lead, with_this)
            next_start += 1
        action = int((lead + gathered[end]).argmax())
        best[end], began[end] = lead[action] + gathered[end, action], lead_began[action]
    if best[-1] == -np.inf:
        return [(0, len(run))]
    stretches = []
    end = len(run)
    while end > 0:
        stretches.append((int(began[end]), end))
        end = int(began[end])
    return stretches[::-1]


def _together(moments: Sequence[Segment]) -> Segment:
    lengths = [moment.end_seconds - moment.start_seconds for moment in moments]
    mean = np.average([moment.probabilities for moment in moments], axis=0, weights=lengths)
    return replace(moments[0], end_seconds=moments[-1].end_seconds, probabilities=mean.astype(np.float32))
