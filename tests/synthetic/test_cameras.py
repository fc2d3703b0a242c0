import numpy as np
import pytest

from posec3d.synthetic import MOTIONS
from posec3d.synthetic import motion_3d
from posec3d.synthetic.cameras import Camera
from posec3d.synthetic.cameras import random_camera


def _camera(position=(4.0, 0.0, 1.0), aim=(0.0, 0.0, 1.0), roll=0.0):
    return Camera(np.array(position), np.array([aim]), roll, 500.0, (320.0, 240.0), (480, 640))


@pytest.mark.parametrize(
    ("point", "pixel", "depth"),
    [
        ((0, 0, 1), (320, 240), 4),  # where the camera looks
        ((0, 0, 1.8), (320, 140), 4),  # up is up: 500 * 0.8 / 4
        ((0, 0.8, 1), (420, 240), 4),  # the left of one who faces the camera is on its right
        ((2, 0.8, 1), (520, 240), 2),  # nearer is larger
    ],
)
def test_a_point_in_front_of_a_camera_lands_where_similar_triangles_say(point, pixel, depth):
    keypoints, depths = _camera().project(np.array(point, float).reshape(1, 1, 1, 3))

    np.testing.assert_allclose(keypoints[0, 0, 0], pixel, atol=1e-9)
    np.testing.assert_allclose(depths[0, 0, 0], depth)


def test_a_rolled_camera_turns_the_picture():
    keypoints, _ = _camera(roll=np.pi / 2).project(np.array([0, 0, 1.8]).reshape(1, 1, 1, 3))

    np.testing.assert_allclose(keypoints[0, 0, 0], [220, 240], atol=1e-9)


def test_what_is_behind_the_camera_has_no_positive_depth():
    _, depths = _camera().project(np.array([5.0, 0, 1]).reshape(1, 1, 1, 3))

    assert depths[0, 0, 0] == -1


@pytest.mark.parametrize("name", MOTIONS)
def test_a_random_camera_sees_most_of_its_subject(name):
    shares, azimuths = [], []
    for seed in range(20):
        rng = np.random.RandomState(seed)
        subject = motion_3d(name, num_frames=90, rng=rng)
        camera = random_camera(subject, rng)
        keypoints, depth = camera.project(subject[None])
        height, width = camera.canvas
        inside = (keypoints >= 0).all(axis=-1) & (keypoints < [width, height]).all(axis=-1) & (depth > 0.2)
        shares.append(inside.mean())
        offset = camera.position - subject[:, 11:13].mean(axis=(0, 1))
        azimuths.append(np.arctan2(offset[1], offset[0]))

    assert np.mean(shares) > 0.9
    assert min(shares) > 0.4
    assert np.mean(np.abs(azimuths) < np.pi / 3) > 0.5  # mostly from the front
    assert np.ptp(azimuths) > np.pi / 2
