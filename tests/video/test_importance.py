from dataclasses import replace

import numpy as np
import pytest

from posec3d.poses import Poses
from posec3d.skeletons import Skeleton
from posec3d.video.importance import importance_pictures
from posec3d.video.importance import importance_sheet
from posec3d.video.importance import strongest_keypoints

BODY = Skeleton("arms", ("nose", "left_hand", "right_hand"), ((0, 1), (0, 2)))
NUM_FRAMES = 20


@pytest.fixture
def poses():
    """One person who stands still for twenty frames on a canvas of 100 rows and 200 columns."""
    keypoints = np.tile(np.array([[100, 20], [150, 80], [50, 80]], np.float32), (1, NUM_FRAMES, 1, 1))
    keypoints.flags.writeable = False
    return Poses(keypoints, np.ones((1, NUM_FRAMES, 3), np.float32), (100, 200))


@pytest.fixture
def importance():
    """The left hand in frame 5 speaks for the class, the nose in 15 two thirds as much, the right hand against."""
    values = np.zeros((1, NUM_FRAMES, 3), np.float32)
    values[0, 5, 1], values[0, 15, 0], values[0, :, 2] = 3, 2, -9
    values.flags.writeable = False
    return values


def saturated(picture):
    """Pixels of a strong red: the middle and upper colours of the map, and neither grey nor the blue of bars."""
    return (picture[..., 0].astype(int) - picture[..., 2] > 40) | (picture[..., 0] > 240)


def panel(picture, width):
    """The panel with the people: at the top left, below the title."""
    return picture[40:520, 10 : 10 + width]


def test_the_strongest_keypoints_are_named_with_their_shares(importance):
    assert strongest_keypoints(importance, BODY) == [("left_hand", pytest.approx(0.6)), ("nose", pytest.approx(0.4))]
    assert strongest_keypoints(importance, BODY, 1) == [("left_hand", pytest.approx(0.6))]
    assert strongest_keypoints(-abs(importance), BODY) == []


def test_a_keypoint_lights_up_when_it_speaks_for_the_class(poses, importance):
    frames = [np.zeros((100, 200, 3), np.uint8)] * NUM_FRAMES

    pictures = importance_pictures(poses, importance, BODY, pictures=frames)

    assert len(pictures) == NUM_FRAMES
    lit = [saturated(panel(picture, 960)) for picture in pictures]
    assert [time for time, pixels in enumerate(lit) if pixels.any()] == [5, 15]
    rows, columns = np.nonzero(lit[5])
    # 4.8 pixels of the panel for each of the canvas.
    assert (rows.mean(), columns.mean()) == (pytest.approx(80 * 4.8, abs=1), pytest.approx(150 * 4.8, abs=1))
    assert lit[5].sum() > lit[15].sum()


def test_without_pictures_the_people_fill_the_panel(poses, importance):
    far = replace(poses, keypoints=poses.keypoints / 4, canvas=(400, 800))

    rows, _ = np.nonzero(importance_pictures(far, importance, BODY, side=300)[0][40:340, 10:310].any(-1))

    assert rows.max() - rows.min() > 100


def test_the_strip_shows_when_and_the_cursor_where_we_are(poses, importance):
    strips = [picture[-85:-15, 10:-10] for picture in importance_pictures(poses, importance, BODY)]

    width = strips[0].shape[1]
    columns = np.flatnonzero((saturated(strips[0]) & (strips[0] < 250).any(-1)).any(0))
    assert columns.min() // (width // NUM_FRAMES) == 5
    for time, strip in enumerate(strips):
        cursor = np.flatnonzero((strip == 255).all((0, 2)))
        assert cursor.mean() / width * NUM_FRAMES == pytest.approx(time + 0.5, abs=0.1)


def test_a_title_is_written(poses, importance):
    plain, titled = (importance_pictures(poses, importance, BODY, title=title)[0] for title in ("", "why walk 98%"))

    np.testing.assert_array_equal(titled[40:], plain[40:])
    assert (titled[:40] != plain[:40]).any()


def test_a_sheet_shows_the_strongest_moments_in_their_order(poses, importance):
    frames = [np.full((100, 200, 3), 12 * time, np.uint8) for time in range(NUM_FRAMES)]

    sheet = importance_sheet(poses, importance, BODY, pictures=frames, side=100)

    # Each panel's corner is a darkened frame; five moments, of which 5 and 15 are certain.
    corners = [sheet[42, 12 + place * 210, 0] / 0.45 / 12 for place in range(5)]
    moments = [round(corner) for corner in corners]
    assert moments == sorted(moments)
    assert {5, 15} <= set(moments)
    assert min(np.diff(moments)) >= 2


def test_a_sheet_has_a_row_for_each_keypoint(poses, importance):
    sheet = importance_sheet(poses, importance, BODY)
    grid = sheet[320:-40, 170:-320]

    rows, columns = np.nonzero(saturated(grid))

    assert set((rows * 3 // grid.shape[0]).tolist()) == {0, 1}  # nose and left hand; the right hand spoke against it
    assert round(columns[rows * 3 // grid.shape[0] == 1].mean() / grid.shape[1] * NUM_FRAMES - 0.5) == 5


def test_numbers_of_frames_can_be_given(poses, importance):
    own, given = (importance_sheet(poses, importance, BODY, frames=frames) for frames in (None, list(range(100, 120))))

    differs = np.flatnonzero((own != given).any((1, 2)))
    assert 280 <= differs.min() <= 310
    assert len(own) - 36 <= differs.max()
    assert not ((differs > 310) & (differs < len(own) - 36)).any()


def test_the_chart_has_numbers_beneath_its_strongest_moments(poses, importance):
    sheet = importance_sheet(poses, importance, BODY)

    grid_width = sheet.shape[1] - 490
    columns = np.flatnonzero((sheet[-36:, 170 : 170 + grid_width] > 100).any((0, 2)))
    written = set((columns / grid_width * NUM_FRAMES).astype(int).tolist())
    assert {5, 15} <= written
    assert len(written) < NUM_FRAMES / 2


@pytest.mark.parametrize("value", [0.0, -1.0])
def test_what_nothing_speaks_for_is_dark(poses, value):
    importance = np.full((1, NUM_FRAMES, 3), value, np.float32)

    assert not saturated(panel(importance_pictures(poses, importance, BODY)[0], 480)).any()
    assert importance_sheet(poses, importance, BODY).ndim == 3


def test_nobody_can_be_drawn(poses):
    nobody = Poses(poses.keypoints[:0], poses.scores[:0], poses.canvas)
    nothing = np.zeros((0, NUM_FRAMES, 3), np.float32)

    assert len(importance_pictures(nobody, nothing, BODY)) == NUM_FRAMES
    assert importance_sheet(nobody, nothing, BODY).ndim == 3
