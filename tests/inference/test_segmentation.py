from itertools import combinations
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume
from hypothesis import given
from hypothesis import strategies as st

from posec3d.inference.segmentation import segmented
from posec3d.inference.segments import Segment
from posec3d.inference.segments import joined

CLASSES = ("squat", "walk", "wave")


def moment(start, end, probabilities, *, people=None, threshold=0.0):
    return Segment("video", start, end, people, np.float32(probabilities), CLASSES, threshold)


def moments_of(rows, *, step=0.5, threshold=0.0, people=None):
    return [
        moment(step * place, step * (place + 1), row, people=people, threshold=threshold)
        for place, row in enumerate(rows)
    ]


def told(segments):
    return [(segment.start_seconds, segment.end_seconds, segment.action) for segment in segments]


SQUAT, WALK, WAVE = np.eye(3) * 0.7 + 0.1


def test_a_short_stretch_goes_to_its_neighbours():
    moments = moments_of([SQUAT, SQUAT, WALK, SQUAT, SQUAT])
    assert told(joined(moments)) == [(0.0, 1.0, "squat"), (1.0, 1.5, "walk"), (1.5, 2.5, "squat")]
    assert told(segmented(moments, 1.0)) == [(0.0, 2.5, "squat")]


def test_what_lies_between_goes_to_the_neighbour_whom_it_is_more_like():
    walk, almost = [0.35, 0.4, 0.25], [0.3, 0.2, 0.5]
    assert told(segmented(moments_of([SQUAT] * 2 + [walk] + [almost] + [WAVE] * 2), 1.0)) == [
        (0.0, 1.5, "squat"),
        (1.5, 3.0, "wave"),
    ]


def test_what_is_unsure_for_long_enough_stays_unsure():
    low = [0.35, 0.33, 0.32]
    rows = [SQUAT] * 3 + [low] * 3 + [SQUAT] * 3 + [low]
    segments = segmented(moments_of(rows, threshold=0.5), 1.0)
    assert told(segments) == [(0.0, 1.5, "squat"), (1.5, 3.0, "unsure"), (3.0, 5.0, "squat")]


def test_probabilities_are_the_mean_over_the_time():
    (segment,) = segmented([moment(0.0, 1.0, SQUAT), moment(1.0, 4.0, WALK)], 3.5)
    assert segment.action == "walk"
    assert segment.probabilities == pytest.approx([0.1 + 0.7 / 4, 0.1 + 2.1 / 4, 0.1], abs=1e-6)


def test_people_and_times_of_absence_are_kept_apart():
    first = moments_of([SQUAT, WALK, SQUAT], people=(1,))
    second = [moment(0.0, 0.5, WAVE, people=(2,)), moment(1.0, 1.5, WALK, people=(2,))]
    segments = segmented(sorted(first + second, key=lambda one: one.start_seconds), 1.0)
    assert [(one.people, *told([one])[0]) for one in segments] == [
        ((1,), 0.0, 1.5, "squat"),
        ((2,), 0.0, 0.5, "wave"),
        ((2,), 1.0, 1.5, "walk"),
    ]


rows = st.lists(
    st.lists(st.integers(1, 9), min_size=3, max_size=3).map(lambda row: np.array(row) / sum(row)),
    min_size=1,
    max_size=8,
)
lengths = st.lists(st.integers(1, 3), min_size=8, max_size=8)


@given(rows, lengths, st.integers(0, 6), st.sampled_from([0.0, 0.4]))
def test_none_is_shorter_and_no_other_timeline_agrees_more(rows, lengths, shortest, threshold):
    times = [0, *np.cumsum(lengths[: len(rows)]).tolist()]
    moments = [
        moment(float(start), float(end), row, threshold=threshold)
        for (start, end), row in zip(pairwise(times), rows, strict=True)
    ]

    segments = segmented(moments, float(shortest))

    assert [segments[0].start_seconds, segments[-1].end_seconds] == [times[0], times[-1]]
    for before, after in pairwise(segments):
        assert before.end_seconds == after.start_seconds
    if len(segments) > 1:
        assert min(one.end_seconds - one.start_seconds for one in segments) >= shortest

    def agreement(cuts):
        parts = list(zip((0, *cuts), (*cuts, len(rows)), strict=True))
        if len(parts) > 1 and any(times[end] - times[first] < shortest for first, end in parts):
            return -1.0
        weights = np.diff(times)
        return sum(max(threshold * weights[a:b].sum(), *(weights[a:b] @ np.float32(rows)[a:b])) for a, b in parts)

    found = tuple(times.index(int(segment.end_seconds)) for segment in segments[:-1])
    every = (cuts for count in range(len(rows)) for cuts in combinations(range(1, len(rows)), count))
    assert agreement(found) == pytest.approx(max(map(agreement, every)), abs=1e-5)


@given(rows)
def test_with_no_shortest_length_they_are_the_joined_ones(rows):
    # Of equal probabilities either action is as good.
    assume(all(len(set(row)) == len(row) for row in rows))
    moments = moments_of(rows)
    assert told(segmented(moments, 0.0)) == told(joined(moments))
