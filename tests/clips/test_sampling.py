import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posec3d.clips.sampling import fixed_frames
from posec3d.clips.sampling import uniform_frames


@pytest.mark.parametrize(
    ("num_frames", "clip_length", "expected"),
    [
        (4, 4, [0, 1, 2, 3]),  # exactly one frame a part
        (1, 4, [0, 0, 0, 0]),  # a single frame repeats
    ],
)
def test_lengths_that_leave_no_choice(num_frames, clip_length, expected):
    assert uniform_frames(num_frames, clip_length, np.random.RandomState(0)).tolist() == expected


def test_a_short_video_loops_from_a_random_start():
    frames = uniform_frames(3, 7, np.random.RandomState(0))

    assert (np.diff(frames) % 3 == 1).all()


def test_test_clips_of_a_short_video_start_apart():
    assert fixed_frames(20, 30, 4)[:, 0].tolist() == [0, 5, 10, 15]
    assert fixed_frames(3, 30, 4)[:, 0].tolist() == [0, 1, 2, 0]


@given(st.integers(1, 400), st.integers(1, 60), st.integers(0, 2**32 - 1))
def test_long_enough_videos_give_ordered_frames_one_a_part(num_frames, clip_length, seed):
    frames = uniform_frames(num_frames, clip_length, np.random.RandomState(seed))

    assert frames.shape == (clip_length,)
    assert frames.min() >= 0
    assert frames.max() < num_frames
    if num_frames >= clip_length:
        assert (np.diff(frames) > 0).all()
    if num_frames >= 2 * clip_length:
        parts = np.arange(clip_length + 1) * num_frames // clip_length
        assert ((frames >= parts[:-1]) & (frames < parts[1:])).all()


def test_test_clips_are_always_the_same_and_leave_numpy_alone():
    np.random.seed(7)
    before = np.random.get_state()[1].copy()

    first, second = fixed_frames(100, 48, 10), fixed_frames(100, 48, 10)

    assert (first == second).all()
    assert (np.random.get_state()[1] == before).all()


def test_the_first_of_ten_test_clips_is_the_validation_clip():
    assert (fixed_frames(300, 48, 10)[0] == fixed_frames(300, 48, 1)[0]).all()


def test_frames_equal_those_of_mmaction2(small_golden):
    with np.load(small_golden / "sampling.npz") as recorded:
        for name, expected in recorded.items():
            stage, clips, _, num_frames, *seed = name.split("_")
            if stage == "test":
                frames = fixed_frames(int(num_frames), 48, int(clips.split("x")[0])).reshape(-1)
            else:
                frames = uniform_frames(int(num_frames), 48, np.random.RandomState(int(seed[0].removeprefix("seed"))))
            assert (frames == expected).all(), name
