import numpy as np
import pytest

from posec3d.synthetic.body import CHANNEL
from posec3d.synthetic.body import CHANNELS
from posec3d.synthetic.body import KEYPOINT
from posec3d.synthetic.body import Body
from posec3d.synthetic.body import pose_body
from posec3d.synthetic.body import random_body

# Lengths that a reader can add up; ankle to hip is 0.8.
_BODY = Body(
    shin=0.4, thigh=0.4, trunk=0.5, neck=0.1, upper_arm=0.3, forearm=0.25,
    half_shoulders=0.2, half_hips=0.1, head=0.1, ankle_height=0.07,
)  # fmt: skip


def _posed(num_frames=1, **degrees):
    angles = np.zeros((num_frames, len(CHANNELS)))
    for name, value in degrees.items():
        angles[:, CHANNEL[name]] = value
    angles.flags.writeable = False
    return pose_body(_BODY, angles)


def _at(points, name):
    return points[-1, KEYPOINT[name]]


def test_all_angles_zero_is_standing_with_the_arms_down():
    points = _posed()

    # Both ankles touch, which the soft contact raises by at most 6 mm * log 2.
    np.testing.assert_allclose(_at(points, "left_ankle"), [0, 0.1, 0.07], atol=0.005)
    np.testing.assert_allclose(_at(points, "right_hip"), [0, -0.1, 0.87], atol=0.005)
    np.testing.assert_allclose(_at(points, "left_shoulder"), [0, 0.2, 1.37], atol=0.005)
    np.testing.assert_allclose(_at(points, "left_wrist"), [0, 0.2, 0.82], atol=0.005)
    assert _at(points, "nose")[0] > 0.1
    assert _at(points, "left_ear")[1] > 0


@pytest.mark.parametrize(
    ("angle", "keypoint", "reference", "direction"),
    [
        ({"left_hip": 90}, "left_knee", "left_hip", (0.4, 0, 0)),  # thigh forwards
        ({"left_hip": 90, "left_knee": 90}, "left_ankle", "left_knee", (0, 0, -0.4)),  # and the shin hangs
        ({"left_knee": 90}, "left_ankle", "left_knee", (-0.4, 0, 0)),  # a knee bends back
        ({"right_spread": 90}, "right_knee", "right_hip", (0, -0.4, 0)),  # outwards
        ({"left_raise": 90}, "left_elbow", "left_shoulder", (0, 0.3, 0)),  # sideways
        ({"right_raise": 90}, "right_elbow", "right_shoulder", (0, -0.3, 0)),
        ({"right_raise": 90, "right_plane": 90}, "right_elbow", "right_shoulder", (0.3, 0, 0)),  # forwards
        ({"left_raise": 180}, "left_elbow", "left_shoulder", (0, 0, 0.3)),  # overhead
        ({"left_elbow": 90}, "left_wrist", "left_elbow", (0.25, 0, 0)),  # an elbow bends forwards
        ({"left_raise": 90, "left_roll": 90, "left_elbow": 90}, "left_wrist", "left_elbow", (0, 0, 0.25)),  # waving
        ({"right_roll": -90, "right_elbow": 90}, "right_wrist", "right_elbow", (0, 0.25, 0)),  # inwards
        ({"turn": 90, "left_hip": 90}, "left_knee", "left_hip", (0, 0.4, 0)),  # forwards is to the left by then
        ({"look": 90}, "left_eye", "right_eye", (-0.06, 0, 0)),  # looks left: the left eye is behind
    ],
)
def test_an_angle_moves_its_segment(angle, keypoint, reference, direction):
    points = _posed(**angle)

    np.testing.assert_allclose(_at(points, keypoint) - _at(points, reference), direction, atol=1e-12)


def test_leaning_brings_the_shoulders_forward_and_leaves_the_legs():
    points = _posed(lean=90)

    np.testing.assert_allclose(_at(points, "left_shoulder") - _at(points, "left_hip"), [0.5, 0.1, 0], atol=1e-12)
    np.testing.assert_allclose(_at(points, "left_knee") - _at(points, "left_hip"), [0, 0, -0.4], atol=1e-12)


@pytest.mark.parametrize("tipped", [{"topple": 90}, {"topple": -90}, {"tumble": 90}])
def test_a_lying_body_lies_on_its_flesh(tipped):
    points = _posed(**tipped)

    assert 0 < points[..., 2].min() < 0.12
    assert points[..., 2].max() < 0.6


def test_lift_is_the_height_above_the_floor():
    np.testing.assert_allclose(_posed(lift=0.2)[..., 2], _posed()[..., 2] + 0.2)


def test_the_body_moves_over_the_foot_that_stands():
    angles = np.zeros((20, len(CHANNELS)))
    angles[:, CHANNEL["left_hip"]] = np.linspace(20, -20, 20)  # the left leg stands, the right one is lifted
    angles[:, CHANNEL["right_knee"]] = 90

    points = pose_body(_BODY, angles)

    np.testing.assert_allclose(points[:, KEYPOINT["left_ankle"], 0], points[0, KEYPOINT["left_ankle"], 0], atol=1e-9)
    assert points[-1, KEYPOINT["left_hip"], 0] == pytest.approx(2 * 0.8 * np.sin(np.radians(20)))


def test_statures_are_human_and_differ():
    bodies = [random_body(np.random.RandomState(seed)) for seed in range(100)]
    leg_shares = [(body.thigh + body.shin) / (body.thigh + body.shin + body.trunk) for body in bodies]

    assert np.std([body.thigh for body in bodies]) > 0.01
    assert 0.55 < min(leg_shares) < max(leg_shares) < 0.70  # Winter, figure 4.1: 0.491 of 0.779, that is 0.63
