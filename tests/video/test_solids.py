import numpy as np
import pytest

from posec3d.synthetic.cameras import Camera
from posec3d.video.solids import Solids
from posec3d.video.solids import draw_solids
from posec3d.video.solids import film_solids

# Looks along +x from 10 m away: 100 pixels a metre at the origin, +y is to the left, +z is up.
CAMERA = Camera(np.array([-10.0, 0, 0]), np.zeros((1, 3)), 0.0, 1000.0, (100.0, 80.0), (160, 200))
FROM_THE_LEFT = np.array([-0.8, 0.0, 0.6])
RED, BLUE = (1.0, 0.0, 0.0), (0.0, 0.0, 1.0)


def rods(*ends, radii, colours=(RED,), flat=(0, 0, 1), thickness=1.0):
    count = len(ends)
    return Solids(
        np.array(ends, float)[None],
        np.array(radii, float).reshape(count, 2),
        np.tile(np.array(flat, float), (1, count, 1)),
        np.full(count, thickness),
        np.array(colours, float),
    )


def draw(solids, picture=None):
    black = np.zeros((160, 200, 3), np.uint8)
    black.setflags(write=False)
    return draw_solids(black if picture is None else picture, film_solids(solids, CAMERA), 0, FROM_THE_LEFT)


def extent(drawn):
    rows, columns = np.nonzero(drawn.any(axis=2))
    return columns.min(), columns.max(), rows.min(), rows.max()


def test_a_ball_is_a_disc_where_the_camera_sees_it():
    drawn = draw(rods([[0, 0.2, 0.3]] * 2, radii=[0.2, 0.2]))

    assert extent(drawn) == (60, 100, 30, 70)  # around (80, 50), 20 pixels: 0.2 m left and 0.3 m above the middle
    assert drawn.any(axis=2).sum() == pytest.approx(np.pi * 20**2, rel=0.06)  # pixels of the rim count whole


def test_a_rod_tapers_from_end_to_end():
    drawn = draw(rods([[0, 0.5, 0], [0, -0.5, 0]], radii=[0.2, 0.1]))

    widths = drawn.any(axis=2).sum(axis=0)
    assert extent(drawn)[:2] == (30, 160)  # 20 pixels beyond one end, 10 beyond the other
    assert widths[60] == pytest.approx(2 * 19, abs=2)
    assert widths[100] == pytest.approx(2 * 15, abs=2)
    assert widths[140] == pytest.approx(2 * 11, abs=2)


@pytest.mark.parametrize(
    ("flat", "width", "height"),
    [
        ((1, 0, 0), 40, 40),  # pressed along the line of sight: the same disc
        ((0, 1, 0), 20, 40),
        ((0, 0, 1), 40, 20),
    ],
)
def test_a_flat_ball_is_narrow_from_the_side(flat, width, height):
    left, right, top, bottom = extent(draw(rods([[0, 0, 0]] * 2, radii=[0.2, 0.2], flat=flat, thickness=0.5)))

    assert (right - left, bottom - top) == (pytest.approx(width, abs=1), pytest.approx(height, abs=1))


def test_the_nearer_solid_hides_the_farther_one_whatever_the_order():
    near, far = [[-1, 0, 0]] * 2, [[1, 0, 0]] * 2

    pictures = [
        draw(rods(near, far, radii=[[0.1, 0.1], [0.3, 0.3]], colours=(RED, BLUE))),
        draw(rods(far, near, radii=[[0.3, 0.3], [0.1, 0.1]], colours=(BLUE, RED))),
    ]

    np.testing.assert_array_equal(*pictures)
    assert pictures[0][80, 100, 0] > 3 * pictures[0][80, 100, 2]  # red before blue
    assert pictures[0][80, 80, 2] > 3 * pictures[0][80, 80, 0]


def test_a_rod_that_points_at_the_camera_ends_where_it_is_nearest():
    rod_and_ball = rods(
        [[3, 0, 0], [-3, 0, 0]], [[-1, 0, 0]] * 2, radii=[[0.1, 0.1], [0.05, 0.05]], colours=(RED, BLUE)
    )

    drawn = draw(rod_and_ball)

    assert drawn[80, 100, 0] > 3 * drawn[80, 100, 2]  # the ball is inside the rod


def test_the_side_towards_the_light_is_brighter():
    drawn = draw(rods([[0, 0, 0.5], [0, 0, -0.5]], radii=[0.2, 0.2]))[80, :, 0].astype(int)

    assert drawn[88] > drawn[100] > drawn[112] > 0


def test_solids_outside_leave_the_picture_as_it_is():
    picture = np.full((160, 200, 3), 7, np.uint8)
    picture.setflags(write=False)

    np.testing.assert_array_equal(draw(rods([[0, 5, 0]] * 2, radii=[0.2, 0.2]), picture), picture)
    assert (draw(rods([[0, 1, 0]] * 2, radii=[0.2, 0.2]), picture) != picture).any()  # half of it is inside
