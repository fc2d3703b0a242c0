import numpy as np
import pytest

from posec3d.people import PeopleInFrame
from posec3d.people import PosedVideo
from posec3d.skeletons import get_skeleton
from posec3d.video.moments import rate_of
from posec3d.video.moments import read_pictures
from posec3d.video.moments import seen_moments
from posec3d.video.moments import thinned
from posec3d.video.moments import times_of
from posec3d.video.writing import VideoWriter


@pytest.fixture
def video(tmp_path):
    """Ten frames whose brightness tells their number."""
    with VideoWriter(tmp_path / "ten.mp4", frames_per_second=10.0) as writer:
        for number in range(10):
            writer.write(np.full((32, 32, 3), 20 * number, np.uint8))
    return tmp_path / "ten.mp4"


@pytest.mark.parametrize(
    ("seen", "count", "expected"),
    [
        ([1] * 6, 6, [0, 1, 2, 3, 4, 5]),
        ([1] * 12, 3, [2, 6, 10]),  # the middles of three parts
        ([0] * 6 + [1] * 6, 3, [7, 9, 11]),  # of what is seen
        ([1, 1], 6, [0, 1]),  # each once
        ([0] * 6, 3, [1, 3, 5]),  # nobody ever: all alike
    ],
)
def test_moments_are_spread_over_those_in_which_somebody_is_seen(seen, count, expected):
    assert seen_moments(np.array(seen, bool), count).tolist() == expected


@pytest.mark.parametrize(
    ("num_frames", "most", "expected"),
    [(5, 5, [0, 1, 2, 3, 4]), (6, 5, [0, 2, 4]), (11, 5, [0, 3, 6, 9]), (1, 5, [0])],
)
def test_frames_are_left_out_evenly(num_frames, most, expected):
    assert thinned(num_frames, most).tolist() == expected


@pytest.mark.parametrize("frames", [[0, 1, 2], [2, 3, 9], [9], [8, 9, 0, 1, 2, 8, 9]])
def test_the_pictures_of_frames_come_in_the_order_asked_for(video, frames):
    pictures = list(read_pictures(video, np.array(frames)))

    assert [round(picture.mean() / 20) for picture in pictures] == frames


def test_a_video_that_ends_early_ends_the_pictures(video):
    assert len(list(read_pictures(video, np.array([8, 9, 10, 11])))) == 2
    assert len(list(read_pictures(video, np.array([9, 10, 9])))) == 2


def test_frames_keep_their_own_times_unless_they_are_looped():
    nobody = np.zeros((0, 17, 2), np.float32), np.zeros((0, 17), np.float32), np.zeros(0, np.int64)
    frames = [PeopleInFrame(seconds, *nobody) for seconds in (0.0, 0.5, 0.6, 2.0)]
    posed = PosedVideo("uneven", (10, 10), get_skeleton("coco17"), 2.0, frames)

    assert times_of(posed, np.array([0, 1, 3])) == [0.0, 0.5, 2.0]
    assert times_of(posed, np.array([2, 3, 0, 1])) == [0.0, 0.5, 1.0, 1.5]


def test_the_rate_is_that_of_the_times():
    assert rate_of([0.0, 0.1, 0.5], 30.0) == pytest.approx(4)
    assert rate_of([0.0], 30.0) == 30
