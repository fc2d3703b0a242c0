from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posec3d.annotations.segment_tables import between
from posec3d.annotations.segment_tables import has_segments
from posec3d.annotations.segment_tables import read_segments
from posec3d.annotations.segment_tables import segment_name


@pytest.fixture
def table(tmp_path):
    def write(text):
        path = tmp_path / "segments.csv"
        path.write_text(text)
        return path

    return write


def test_a_line_is_a_segment(table):
    path = table("Start,End,Video,who,Action\n75.5,80,game.mp4,me,serve\n\n1:15:00,1:15:02.25,day 2/game,you,smash\n")

    read = read_segments(path)

    assert has_segments(path)
    assert not read.in_frames
    assert [(one.video, one.value, one.start, one.end) for one in read.segments] == [
        ("game.mp4", "serve", 75.5, 80),
        ("day 2/game", "smash", 4500, 4502.25),
    ]
    assert read.segments[1].line == f"{path}, line 4"
    assert segment_name("game", read.segments[0].start, read.segments[0].end) == "game@75.5-80"


def test_frames_are_counted_from_nothing(table):
    read = read_segments(table("video\tlabel\tstart_frame\tend_frame\nA\tserve\t0\t12\n"))

    assert read.in_frames
    assert (read.segments[0].start, read.segments[0].end) == (0, 12)


@pytest.mark.parametrize("text", ["", "video,label\na,b\n", "a,b\n", "video,start,label\na,1,b\n"])
def test_other_tables_have_no_segments(table, text):
    assert not has_segments(table(text))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("video,start,end\na,1,2\n", "has columns video, start, end, but none called 'label'; write columns video"),
        ("video,start,end,label\n", "has a header, but no lines; write one a segment"),
        ("video,start,end,label\na,1,,b\n", "line 2: end is '', which is no time; write seconds, 75.5, or 1:15.5"),
        ("video,start,end,label\na,1,2s,b\n", "line 2: end is '2s', which is no time"),
        ("video,start,end,label\na,1,-2,b\n", "line 2: end is '-2', which is no time"),
        ("video,start,end,label\na,2,2,b\n", "line 2: ends at 2, not after it starts, at 2; correct it"),
        ("video,start,end,label\na,1,2\n", "line 2: has no label; write it, or leave the line out"),
        ("video,start,end,label\n,1,2,b\n", "line 2: has no video; write it, or leave the line out"),
        ("video,start_frame,end_frame,label\na,1.5,2,b\n", "line 2: start_frame is '1.5', which is no number of a"),
    ],
)
def test_a_mistake_is_told_with_its_line(table, text, message):
    path = table(text)

    with pytest.raises(ValueError, match=r"segments\.csv") as error:
        read_segments(path)

    assert message in str(error.value)


def test_what_lies_between_is_cut_evenly():
    pieces = between([(4.0, 6.0), (10.0, 12.0), (5.0, 7.0)], end=14.9, length=2.0)

    # 0-4 in two, 7-10 in two (1.5 rounds up), and 12-14.9 in one.
    assert pieces == [(0, 2), (2, 4), (7, 8.5), (8.5, 10), (12, 14.9)]


def test_less_than_half_a_length_is_left_out():
    assert between([(0.9, 5.0), (5.9, 9.2)], end=10.0, length=2.0) == []


@given(
    st.lists(st.tuples(st.floats(0, 90), st.floats(0.1, 20)), max_size=8),
    st.floats(1, 100),
    st.floats(0.1, 50),
)
def test_pieces_lie_between_and_are_about_as_long(given_segments, end, length):
    segments = [(start, start + duration) for start, duration in given_segments]

    pieces = between(segments, end, length)

    for start, stop in pieces:
        assert 0 <= start < stop <= end + 1e-9
        assert all(stop <= other_start + 1e-9 or start >= other_end - 1e-9 for other_start, other_end in segments)
        assert length / 2 - 1e-9 <= stop - start <= 1.5 * length + 1e-9
    assert all(one[1] <= other[0] + 1e-9 for one, other in pairwise(pieces))
