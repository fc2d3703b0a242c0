import numpy as np
import pytest

from posec3d.skeletons import Skeleton
from posec3d.skeletons import get_skeleton
from posec3d.video.drawing import colour_heatmaps
from posec3d.video.drawing import draw_skeletons

LEFT, RIGHT, MIDDLE = (86, 180, 233), (230, 159, 0), (235, 235, 235)
BODY = Skeleton("hands", ("nose", "left_hand", "right_hand"), ((0, 1), (0, 2), (1, 2)))
# (x, y): nose at the top, the person's left hand at the right of the picture.
POINTS = np.array([[[50, 20], [80, 70], [20, 70]]], np.float32)


def black(height=100, width=100):
    picture = np.zeros((height, width, 3), np.uint8)
    picture.flags.writeable = False
    return picture


def drawn(points=POINTS, scores=(1, 1, 1), skeleton=BODY, picture=None):
    picture = black() if picture is None else picture
    return draw_skeletons(picture, points, np.tile(np.float32(scores), (len(points), 1)), skeleton)


def test_keypoints_are_drawn_where_they_are_in_the_colour_of_their_side():
    picture = drawn()

    assert tuple(picture[20, 50]) == MIDDLE
    assert tuple(picture[70, 80]) == LEFT
    assert tuple(picture[70, 20]) == RIGHT


def test_a_limb_has_the_colour_of_its_side():
    picture = drawn()

    # Slanted lines are smoothed against black.
    np.testing.assert_allclose(picture[45, 65], LEFT, atol=25)
    np.testing.assert_allclose(picture[45, 35], RIGHT, atol=25)
    np.testing.assert_allclose(picture[70, 50], MIDDLE, atol=25)  # from one side to the other


def test_one_colour_can_take_the_place_of_the_sides():
    picture = draw_skeletons(black(), POINTS, np.ones((1, 3), np.float32), BODY, colour=(200, 100, 0))

    assert [tuple(picture[y, x]) for x, y in POINTS[0].astype(int)] == [(200, 100, 0)] * 3
    assert picture.max((0, 1)).tolist() == [200, 100, 0]


def test_a_lone_keypoint_stays_around_its_place():
    picture = drawn(scores=(1, 0, 0))

    rows, columns = np.nonzero(picture.any(-1))
    brightness = picture[rows, columns].sum(-1)
    assert np.average(rows, weights=brightness) == pytest.approx(20, abs=0.25)
    assert np.average(columns, weights=brightness) == pytest.approx(50, abs=0.25)
    assert max(abs(rows - 20).max(), abs(columns - 50).max()) <= 3


@pytest.mark.parametrize("score", [0, 0.049, np.nan])
def test_a_missing_keypoint_takes_its_limbs_with_it(score):
    picture = drawn(scores=(1, score, 1))

    assert picture[20, 50].any()
    assert not picture[60:, 60:].any()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf, 3e38, -1e9])
def test_unreal_and_far_coordinates_do_no_harm(wrong):
    points = POINTS.copy()
    points[0, 2] = wrong

    picture = drawn(points)

    assert tuple(picture[70, 80]) == LEFT
    if not np.isfinite(wrong):
        np.testing.assert_array_equal(picture, drawn(scores=(1, 1, 0)))


def test_everybody_is_drawn_and_nobody_is_the_picture():
    two = np.concatenate([POINTS / 2, POINTS / 2 + 45])

    picture = drawn(two)

    assert tuple(picture[10, 25]) == tuple(picture[55, 70]) == MIDDLE
    assert not drawn(POINTS[:0]).any()


def test_the_picture_that_is_given_stays_as_it_was():
    picture = black()

    assert drawn(picture=picture) is not picture
    assert not picture.any()


def test_heatmaps_grow_into_crisp_squares():
    heatmaps = np.zeros((2, 2, 3), np.float32)
    heatmaps[0, 0, 1], heatmaps[1, 1, 2] = 1.0, 0.5

    picture = colour_heatmaps(heatmaps, (8, 12))

    assert picture.shape == (8, 12, 3)
    for row in range(2):
        for column in range(3):
            square = picture[4 * row : 4 * row + 4, 4 * column : 4 * column + 4].reshape(-1, 3)
            assert len(np.unique(square, axis=0)) == 1
    assert picture[0, 4].sum() > picture[4, 8].sum() > picture[0, 0].sum()


def test_colours_end_at_the_brightest_value():
    bright = colour_heatmaps(np.full((1, 1, 1), 0.5, np.float32), (1, 1), brightest=0.5)

    # The ends of the map "magma" of Matplotlib: (0.987, 0.991, 0.750) and (0.001, 0.000, 0.014).
    np.testing.assert_array_equal(bright[0, 0], [252, 253, 191])
    np.testing.assert_array_equal(colour_heatmaps(np.full((1, 1, 1), 9.0), (1, 1))[0, 0], [252, 253, 191])
    np.testing.assert_array_equal(colour_heatmaps(np.zeros((1, 1, 1)), (1, 1))[0, 0], [0, 0, 4])


def test_every_skeleton_can_be_drawn():
    for name in ("coco17", "openpose25", "penn13"):
        skeleton = get_skeleton(name)
        points = np.full((1, skeleton.num_keypoints, 2), 50, np.float32)

        assert drawn(points, [1] * skeleton.num_keypoints, skeleton).any()
