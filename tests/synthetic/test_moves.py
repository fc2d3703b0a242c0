import numpy as np
import pytest

from posec3d.synthetic.body import CHANNEL
from posec3d.synthetic.moves import MOVES
from posec3d.synthetic.moves import draw_move
from posec3d.synthetic.moves import standing


@pytest.mark.parametrize("name", MOVES)
@pytest.mark.parametrize("seed", range(8))
def test_every_variant_of_a_move_is_whole(name, seed):
    move = draw_move(name, np.random.RandomState(seed))

    assert move.times[0] == 0
    assert move.times[-1] == 1
    assert (np.diff(move.times) > 0.02).all()
    if move.repeats != "once":
        np.testing.assert_allclose(move.poses[0], move.poses[-1], atol=8)  # degrees: it can start over


@pytest.mark.parametrize("name", MOVES)
def test_knees_and_elbows_bend_only_one_way(name):
    move = draw_move(name, np.random.RandomState(0))

    for angle in ("left_knee", "right_knee", "left_elbow", "right_elbow"):
        assert move.poses[:, CHANNEL[angle]].min() >= 0


def test_a_pose_for_both_sides_gives_way_to_a_side():
    guard = draw_move("throw", np.random.RandomState(0)).poses[1]

    assert guard[CHANNEL["right_raise"]] > 85
    assert guard[CHANNEL["left_raise"]] == 70
    assert guard[CHANNEL["left_elbow"]] == standing()[CHANNEL["left_elbow"]]


@pytest.mark.parametrize("name", ["walk", "run"])
def test_the_second_half_of_a_gait_mirrors_the_first(name):
    move = draw_move(name, np.random.RandomState(0))
    half = len(move.times) // 2

    np.testing.assert_allclose(move.times[half:-1], move.times[:half] + 0.5)
    for angle in ("hip", "knee", "raise", "elbow"):
        left, right = move.poses[:, CHANNEL[f"left_{angle}"]], move.poses[:, CHANNEL[f"right_{angle}"]]
        np.testing.assert_allclose(left[half:-1], right[:half])
    np.testing.assert_allclose(move.poses[half:-1, CHANNEL["pelvis"]], -move.poses[:half, CHANNEL["pelvis"]])
