from contextlib import nullcontext

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posec3d.inference.segments import Segment
from posec3d.inference.segments import joined
from posec3d.inference.windows import MomentAverager
from posec3d.inference.windows import Span
from posec3d.inference.windows import Window
from posec3d.inference.windows import WindowCutter
from posec3d.inference.windows import check_span
from posec3d.people import PeopleInFrame
from posec3d.people import PosedVideo
from posec3d.skeletons import get_skeleton


def frame(seconds, ids=(1,)):
    ids = np.array(ids, np.int64)
    return PeopleInFrame(float(seconds), np.ones((len(ids), 2, 2), np.float32), np.ones((len(ids), 2), np.float32), ids)


def cut(times, span):
    cutter = WindowCutter(span)
    complete = [(window, time) for time in times for window in cutter.push(frame(time))]
    return complete, cutter.finish()


def test_windows_overlap_and_are_there_as_soon_as_they_are_complete():
    complete, rest = cut(np.arange(0, 2.5, 0.5), Span(1.0, 0.5))

    assert [(window.start, [one.seconds for one in window.frames], time) for window, time in complete] == [
        (0, [0, 0.5], 1.0),
        (0.5, [0.5, 1.0], 1.5),
        (1.0, [1.0, 1.5], 2.0),
    ]
    assert [(window.start, [one.seconds for one in window.frames]) for window in rest] == [(1.5, [1.5, 2.0])]


@pytest.mark.parametrize(
    ("times", "starts"),
    [
        ([0.0, 0.1], [0.0]),  # shorter than a window
        ([0.0, 0.5, 1.0], [0.0, 0.5]),  # the last frame is in the second window
        ([], []),  # no frame
        ([0.0, 3.0], [0.0, 2.5]),  # of a gap there is no window
        ([1.7e9], [1.7e9]),  # nor of the time before the first frame
    ],
)
def test_every_frame_is_in_a_window(times, starts):
    complete, rest = cut(times, Span(1.0, 0.5))

    assert [window.start for window, _ in complete] + [window.start for window in rest] == starts


@given(
    gaps=st.lists(st.floats(0.001, 3), min_size=1, max_size=60),
    window=st.floats(0.2, 2),
    share=st.floats(0.1, 1),
)
def test_windows_hold_the_frames_of_their_time_and_no_others(gaps, window, share):
    times = np.cumsum(gaps).tolist()
    span = Span(window, window * share)

    complete, rest = cut(times, span)

    seen = set()
    for one in [*(one for one, _ in complete), *rest]:
        inside = [time for time in times if one.start - 1e-6 <= time < one.start + span.window - 1e-6]
        assert [held.seconds for held in one.frames] == inside
        seen.update(inside)
    assert seen == set(times)


def test_a_moment_is_the_mean_of_the_windows_that_look_at_it():
    span = Span(1.0, 0.5)
    averager = MomentAverager(span, "clip", ("a", "b"), 0.0)
    cutter = WindowCutter(span)
    said = iter([[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]])
    segments = []
    for window in [*(w for time in np.arange(0, 2, 0.25) for w in cutter.push(frame(time))), *cutter.finish()]:
        segments += averager.push(window, {None: np.array(next(said))})
    segments += averager.finish(2.0)

    found = [(one.start_seconds, one.end_seconds, one.probabilities.tolist()) for one in segments]
    assert found == [(0, 0.5, [1, 0]), (0.5, 1, [0.75, 0.25]), (1, 1.5, [0.25, 0.75]), (1.5, 2, [0, 1])]


def test_people_have_segments_only_while_they_are_there():
    span = Span(1.0, 0.5)
    averager = MomentAverager(span, "clip", ("a", "b"), 0.0)
    cutter = WindowCutter(span)
    frames = [frame(time / 4, (1, 2) if 4 <= time < 6 else (1,)) for time in range(12)]
    windows = [window for one in frames for window in cutter.push(one)] + cutter.finish()
    segments = []
    for window in windows:
        there = {identity for one in window.frames for identity in one.ids.tolist()}
        segments += averager.push(window, {(identity,): np.array([0.2, 0.8]) for identity in there})
    segments += averager.finish(3.0)

    assert [(one.people, one.start_seconds, one.end_seconds) for one in joined(segments)] == [
        ((1,), 0, 3),
        ((2,), 1, 1.5),
    ]


def test_segments_of_the_same_action_are_joined_and_others_not():
    def segment(start, end, probabilities, people=None):
        return Segment("clip", start, end, people, np.array(probabilities), ("a", "b"), 0.6)

    found = joined(
        [
            segment(0.0, 1.0, [0.9, 0.1]),
            segment(0.0, 1.0, [0.2, 0.8], (3,)),
            segment(1.0, 2.0, [0.7, 0.3]),
            segment(2.0, 4.0, [0.8, 0.2]),
            segment(4.0, 5.0, [0.5, 0.5]),
            segment(6.0, 7.0, [0.5, 0.5]),  # after a gap
        ]
    )

    assert [(one.people, one.start_seconds, one.end_seconds, one.action) for one in found] == [
        (None, 0, 4, "a"),
        ((3,), 0, 1, "b"),
        (None, 4, 5, "unsure"),
        (None, 6, 7, "unsure"),
    ]
    np.testing.assert_allclose(found[0].probabilities, [0.8, 0.2])  # (0.9 + 0.7 + 2 * 0.8) / 4


@pytest.mark.parametrize(
    ("window", "stride", "complaint"),
    [
        (0.0, 1.0, "window is 0 s; it must be more than 0"),
        (1.0, 2.0, "stride is 2 s; it must be above 0 and at most the window, 1 s"),
        (float("nan"), 1.0, "window is nan s"),
    ],
)
def test_impossible_spans_are_refused(window, stride, complaint):
    with pytest.raises(ValueError, match=complaint):
        Span(window, stride)


@pytest.mark.parametrize(
    ("window", "stride", "last", "complaint"),
    [
        (0.1, 0.025, 1.0, None),
        (0.09, 0.05, 1.0, r"window=0\.09: one frame of v lasts 0\.1 s; look at some frames together"),
        (1.0, 0.02, 1.0, r"stride=0\.02: one frame of v lasts 0\.1 s, and all of it 1\.1 s; look at it in steps"),
        # A clock that jumped: a few frames, years apart.
        (1.0, 0.25, 1e8, r"stride=0\.25: one frame of v lasts 0\.1 s, and all of it 1e\+08 s"),
    ],
)
def test_windows_and_steps_that_are_too_short_for_a_video_are_refused(window, stride, last, complaint):
    shape = (0, 17)
    nobody = np.zeros((*shape, 2), np.float32), np.zeros(shape, np.float32), np.zeros(0, np.int64)
    frames = [PeopleInFrame(seconds, *nobody) for seconds in (0.0, last)]
    video = PosedVideo("v", (480, 640), get_skeleton("coco17"), 10.0, frames)
    with nullcontext() if complaint is None else pytest.raises(ValueError, match=complaint):
        check_span(Span(window, stride), video)


def test_windows_before_a_gap_have_no_part_in_what_comes_after():
    averager = MomentAverager(Span(1.0, 0.5), "video", ("a", "b"), 0.0)
    averager.push(Window(0, 0.0, (frame(0.0),)), {None: np.array([1.0, 0.0])})
    (segment,) = averager.push(Window(9, 4.5, (frame(4.6),)), {None: np.array([0.0, 1.0])})
    np.testing.assert_array_equal(segment.probabilities, [0.0, 1.0])
