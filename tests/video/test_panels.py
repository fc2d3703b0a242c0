import numpy as np
import pytest

from posec3d.video.panels import draw_shares
from posec3d.video.panels import height_of_shares
from posec3d.video.panels import lay
from posec3d.video.panels import shade

BLUE = (0, 114, 178)


def ground(height=100, width=300):
    return np.zeros((height, width, 3), np.uint8)


def test_a_box_is_as_opaque_as_asked():
    picture = np.full((6, 6, 3), 100, np.uint8)

    shade(picture, (1, 2), (3, 2), (200, 100, 0), 0.5)

    assert picture[2, 1].tolist() == [150, 100, 50]
    assert (picture != 100).any(-1).sum() == 6


@pytest.mark.parametrize(("place", "num_pixels"), [((-1, -1), 4), ((4, 4), 4), ((9, 0), 0), ((0, -5), 0), ((-5, 0), 0)])
def test_a_box_that_leaves_the_picture_is_cut_off(place, num_pixels):
    picture = ground(6, 6)

    shade(picture, place, (3, 3), (255, 255, 255), 1.0)

    assert picture.any(-1).sum() == num_pixels


def test_a_picture_goes_into_a_picture():
    picture = ground(6, 6)

    lay(picture, np.full((4, 4, 3), 9, np.uint8), (4, 1))

    assert (picture[1:5, 4:] == 9).all()
    assert picture.any(-1).sum() == 8


@pytest.mark.parametrize(("share", "filled"), [(0.5, 0.5), (1.0, 1.0), (0.25, 0.25), (7.0, 1.0)])
def test_a_bar_is_as_long_as_its_share(share, filled):
    picture = ground()

    draw_shares(picture, [("", share)], (0, 0), 290, 20)

    # The row's first line of pixels lies above the text.
    blue = (abs(picture[6].astype(int) - BLUE) < 20).all(-1).sum()
    assert blue == pytest.approx(filled * 280, abs=1)


def test_nothing_and_less_than_nothing_have_no_bar():
    picture = ground()

    draw_shares(picture, [("walk", 0.0), ("run", -0.3)], (0, 0), 290, 20)

    assert not (abs(picture.astype(int) - BLUE) < 20).all(-1).any()


def test_rows_take_the_height_that_is_said():
    picture = ground()

    draw_shares(picture, [("walk", 0.5), ("run", 0.2)], (0, 0), 290, 20)

    rows = np.flatnonzero(picture.any((1, 2)))
    assert rows.max() < height_of_shares(2, 20) <= rows.max() + 7


def test_a_long_name_does_not_run_into_the_percentage():
    long, none = ground(), ground()

    draw_shares(long, [("w" * 100, 0.0)], (0, 0), 290, 20)
    draw_shares(none, [("", 0.0)], (0, 0), 290, 20)

    np.testing.assert_array_equal(long[:, -65:], none[:, -65:])
    assert (long != none).any()
