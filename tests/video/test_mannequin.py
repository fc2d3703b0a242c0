import dataclasses

import numpy as np
import pytest

from posec3d.synthetic.body import KEYPOINT
from posec3d.synthetic.body import KEYPOINTS
from posec3d.synthetic.cameras import Camera
from posec3d.synthetic.motions import motion_3d
from posec3d.video.mannequin import Looks
from posec3d.video.mannequin import build_figure
from posec3d.video.mannequin import random_looks
from posec3d.video.solids import draw_solids
from posec3d.video.solids import film_solids

LIGHT = np.array([0.0, 0.0, 1.0])
LOOKS = Looks(
    skin=(1.0, 0.0, 0.0),
    hair=(0.0, 1.0, 1.0),
    shirt=(0.0, 1.0, 0.0),
    trousers=(0.0, 0.0, 1.0),
    shoes=(1.0, 1.0, 0.0),
    sleeves=0.5,
    legs=1.0,
    long_hair=False,
)


@pytest.fixture(scope="module")
def points():
    return motion_3d("stand", num_frames=1, rng=np.random.RandomState(2))


def film_from(points, side, looks=LOOKS):
    """One picture and the keypoints on it; side 1 is the front."""
    aim = np.repeat(points.mean(axis=1), len(points), axis=0)
    camera = Camera(aim[0] + [4.0 * side, 0, 0.2], aim, 0.0, 700.0, (160.0, 200.0), (400, 320))
    black = np.zeros((400, 320, 3), np.uint8)
    drawn = draw_solids(black, film_solids(build_figure(points, looks), camera), 0, LIGHT)
    return drawn, camera.project(points[None])[0][0, 0]


def colour_at(drawn, place):
    x, y = np.round(place).astype(int)
    return tuple(drawn[y, x] > 100)


def test_every_keypoint_lies_on_the_figure(points):
    drawn, keypoints = film_from(points, 1)

    places = np.round(keypoints).astype(int)
    assert drawn[places[:, 1], places[:, 0]].any(axis=1).all()


@pytest.mark.parametrize(
    ("keypoint", "colour"),
    [
        ("left_wrist", LOOKS.skin),
        ("right_wrist", LOOKS.skin),
        ("left_shoulder", LOOKS.shirt),
        ("right_shoulder", LOOKS.shirt),
        ("left_knee", LOOKS.trousers),
        ("right_knee", LOOKS.trousers),
        ("left_ankle", LOOKS.shoes),
        ("nose", LOOKS.skin),
    ],
)
def test_keypoints_have_the_colour_of_their_part(points, keypoint, colour):
    drawn, keypoints = film_from(points, 1)

    assert colour_at(drawn, keypoints[KEYPOINT[keypoint]]) == tuple(np.array(colour) > 0.5)


def test_from_behind_the_face_is_hair(points):
    drawn, keypoints = film_from(points, -1)

    for keypoint in ("left_eye", "right_eye"):
        assert colour_at(drawn, keypoints[KEYPOINT[keypoint]]) == (False, True, True)


def test_hair_is_above_the_eyes_and_the_chin_below_the_nose(points):
    drawn, keypoints = film_from(points, 1)

    eyes = keypoints[[KEYPOINT["left_eye"], KEYPOINT["right_eye"]]]
    between, apart = eyes.mean(axis=0), np.linalg.norm(eyes[0] - eyes[1])
    assert colour_at(drawn, between - np.array([0, 1.2]) * apart) == (False, True, True)
    assert colour_at(drawn, between + np.array([0, 1.6]) * apart) == (True, False, False)


def test_eyes_are_dark_in_a_face(points):
    drawn, keypoints = film_from(points, 1)

    for keypoint in ("left_eye", "right_eye"):
        x, y = np.round(keypoints[KEYPOINT[keypoint]]).astype(int)
        assert drawn[y, x].max() < 100


def test_long_sleeves_cover_the_elbows_and_shorts_bare_the_knees(points):
    dressed = dataclasses.replace(LOOKS, sleeves=1.0, legs=0.3)

    drawn, keypoints = film_from(points, 1, dressed)

    assert colour_at(drawn, keypoints[KEYPOINT["left_elbow"]]) == (False, True, False)
    assert colour_at(drawn, keypoints[KEYPOINT["left_knee"]]) == (True, False, False)


def test_a_larger_person_has_a_larger_body(points):
    small, large = build_figure(points, LOOKS), build_figure(2 * points, LOOKS)

    np.testing.assert_allclose(large.radii, 2 * small.radii)


def test_a_mirrored_person_has_a_mirrored_body(points):
    mirror = [
        KEYPOINTS.index(name.replace("left", "*").replace("right", "left").replace("*", "right")) for name in KEYPOINTS
    ]
    mirrored = points[:, mirror] * [1.0, -1.0, 1.0]

    drawn, other = (film_from(one, 1)[0].astype(int) for one in (points, mirrored))

    height, width = drawn.shape[:2]
    silhouettes = drawn.any(axis=2), other.any(axis=2)[:, ::-1]
    # The middle of the picture is where pixel 160 of 320 is: mirrored, it is pixel 159.
    assert (silhouettes[0][:, 1:] != silhouettes[1][:, :-1]).mean() < 0.002
    assert (height, width) == (400, 320)


def test_looks_are_those_of_the_seed():
    assert random_looks(np.random.RandomState(3)) == random_looks(np.random.RandomState(3))
    assert len({random_looks(np.random.RandomState(seed)) for seed in range(20)}) > 15
