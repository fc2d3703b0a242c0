import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posec3d.evaluation.timelines import Interval
from posec3d.evaluation.timelines import Timeline
from posec3d.evaluation.timelines import joined
from posec3d.evaluation.timelines import mean_average_precision
from posec3d.evaluation.timelines import segmental_f1
from posec3d.evaluation.timelines import time_shares
from posec3d.evaluation.timelines import times_of_actions
from posec3d.evaluation.timelines import without


def intervals(*given):
    return tuple(Interval(action, float(start), float(end), *score) for action, start, end, *score in given)


def timeline(labelled, told, duration=20.0, video="a"):
    return Timeline(video, duration, intervals(*labelled), intervals(*told))


# By hand: 0-4 a, 6-10 b, else nothing; told 0-3 a, 3-5 b, 5-8 nothing, 8-12 b.
BY_HAND = timeline([("a", 0, 4), ("b", 6, 10)], [("a", 0, 3), ("b", 3, 5), ("b", 8, 12)])


def test_the_time_that_is_told_rightly():
    shares = time_shares([BY_HAND, timeline([], [], 5.0)])

    # Right: 0-3 a, 5-6 nothing, 8-10 b, 12-20 nothing, and the five of a video in which nothing happens.
    assert (shares.seconds, shares.right) == (25, 3 + 1 + 2 + 8 + 5)
    assert (shares.labelled_seconds, shares.labelled_right) == (8, 3 + 2)


def test_of_two_things_at_once_either_is_right():
    shares = time_shares([timeline([("a", 0, 4), ("b", 2, 6)], [("b", 0, 3), ("a", 3, 6)], 6.0)])

    assert shares.right == 2  # b 2-3, a 3-4


def test_the_times_of_each_action():
    times = times_of_actions([BY_HAND])

    assert (times["a"].labelled, times["a"].told, times["a"].both) == (4, 3, 3)
    assert (times["b"].labelled, times["b"].told, times["b"].both) == (4, 6, 2)


@pytest.mark.parametrize(("overlap", "num_right"), [(0.1, 2), (0.33, 2), (0.34, 1), (0.75, 1), (0.76, 0)])
def test_f1_counts_whole_segments(overlap, num_right):
    # a: 3 of 4 s, 0.75. The second b: 2 of 6 s, 0.333.
    assert segmental_f1([BY_HAND], overlap) == pytest.approx(2 * num_right / 5)


def test_a_segment_is_found_once():
    twice = timeline([("a", 0, 10)], [("a", 0, 5), ("a", 5, 10)])

    assert segmental_f1([twice], 0.5) == pytest.approx(2 / 3)


def test_average_precision_by_hand():
    # The surest of a is wrong, the next two right, of four: precision 1/2 and 2/3, which is the best from both on.
    one = timeline([("a", 0, 4), ("a", 10, 14)], [("a", 5, 9, 0.9), ("a", 0, 4, 0.8)], video="a")
    other = timeline([("a", 0, 4), ("b", 5, 9)], [("a", 0, 5, 0.7)], video="b")
    more = timeline([("a", 0, 4)], [], video="c")

    found = mean_average_precision([one, other, more], 0.5)

    assert found == pytest.approx((2 / 3 * 2 / 4 + 0) / 2)


def test_the_surest_takes_the_segment():
    line = timeline([("a", 0, 10)], [("a", 0, 9, 0.5), ("a", 0, 6, 0.6)])

    # The surest, of overlap 0.6, has it; the better one after it is wrong, but too late to cost anything.
    assert mean_average_precision([line], 0.5) == 1
    assert mean_average_precision([line], 0.7) == pytest.approx(1 / 2)


def test_what_means_nothing_is_left_out_of_both():
    (left,) = without([timeline([("a", 0, 4), ("rest", 4, 9)], [("rest", 0, 5), ("unsure", 5, 9), ("a", 9, 10)])],
                      {"rest", "unsure"})  # fmt: skip

    assert [one.action for one in left.labelled + left.told] == ["a", "a"]


@given(st.lists(st.tuples(st.sampled_from("ab"), st.floats(0.5, 5), st.floats(0, 1)), max_size=6), st.floats(0.1, 0.9))
def test_what_is_told_as_it_happens_is_all_right(pieces, overlap):
    ends = np.cumsum([length for _, length, _ in pieces]).tolist()
    told = [(action, end - length, end, score) for (action, length, score), end in zip(pieces, ends, strict=True)]
    line = timeline([part[:3] for part in told], told, duration=30.0)

    shares = time_shares([line])

    assert shares.right == pytest.approx(30)
    if told:
        assert segmental_f1([line], overlap) == 1
        assert mean_average_precision([line], overlap) == pytest.approx(1)
    else:
        assert np.isnan(segmental_f1([line], overlap))
        assert np.isnan(mean_average_precision([line], overlap))


def test_labelled_segments_of_an_action_that_meet_are_one():
    separate = timeline(
        [("a", 0, 2), ("b", 1, 3), ("a", 2, 4), ("a", 3, 3.5), ("a", 5, 6)], [("a", 0, 4), ("b", 1, 3), ("a", 5, 6)]
    )

    (whole,) = joined([separate])

    assert whole.labelled == intervals(("a", 0, 4), ("b", 1, 3), ("a", 5, 6))
    assert whole.told == separate.told
    assert segmental_f1([separate], 0.5) < segmental_f1([whole], 0.5) == 1
