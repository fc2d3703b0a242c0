import numpy as np
import pytest

from posec3d.clips.geometry import crop_to_people
from posec3d.poses import Poses
from posec3d.video.crops import Crop
from posec3d.video.crops import people_crop
from posec3d.video.crops import whole_frame


def poses_of(*points, canvas=(100, 200)):
    keypoints = np.array(points, np.float32).reshape(1, 1, -1, 2)
    keypoints.flags.writeable = False
    return Poses(keypoints, (keypoints != 0).any(-1).astype(np.float32), canvas)


@pytest.mark.parametrize(
    ("points", "corner", "side"),
    [
        # The box from (80, 20) to (120, 60), a quarter wider: half a side is 25 around (100, 40).
        ([(80, 20), (120, 60)], (75, 15), 50),
        ([(80, 20), (120, 60), (0, 0)], (75, 15), 50),  # what is missing does not count
        ([(0, 20), (120, 60)], (50, 0), 100),  # 0 counts as missing on its axis; too narrow to crop
        ([(4, 20), (44, 60), (0, 0)], (-1, 15), 50),  # reaching outside
        ([(100, 50), (105, 52)], (50, 0), 100),  # too small to crop: the middle of the frame
        ([(0, 0)], (50, 0), 100),  # nobody
    ],
)
def test_people_are_cropped_as_for_the_network(points, corner, side):
    crop = people_crop(poses_of(*points))

    assert (crop.corner, crop.size) == (corner, (side, side))


def test_keypoints_lie_where_the_network_has_them():
    poses = poses_of((81.3, 20.7), (120, 60))
    crop = people_crop(poses)

    np.testing.assert_allclose(crop.place(poses.keypoints, crop.size), crop_to_people(poses).keypoints, atol=1e-5)


def test_nobody_in_no_row_at_all_leaves_the_middle():
    nobody = Poses(np.zeros((0, 3, 2, 2), np.float32), np.zeros((0, 3, 2), np.float32), (100, 200))

    assert people_crop(nobody) == Crop((50, 0), (100, 100))


@pytest.mark.parametrize(("left", "top"), [(10, 5), (-3, -2), (36, 17), (-30, 40), (90, -60)])
def test_a_part_is_cut_with_black_where_it_reaches_outside(left, top):
    picture = np.random.RandomState(0).randint(1, 255, (20, 40, 3)).astype(np.uint8)
    picture.flags.writeable = False

    part = Crop((left, top), (8, 8)).cut(picture, (8, 8))

    for y in range(8):
        for x in range(8):
            inside = 0 <= top + y < 20 and 0 <= left + x < 40
            assert part[y, x].tolist() == (picture[top + y, left + x].tolist() if inside else [0, 0, 0])


def test_keypoints_stay_on_what_they_mark_when_a_part_is_enlarged():
    picture = np.zeros((40, 60, 3), np.uint8)
    picture[22, 31] = 255
    crop = Crop((20, 10), (20, 20))

    large = crop.cut(picture, (200, 200))
    (x, y) = crop.place(np.array([31, 22], np.float32), (200, 200))

    rows, columns = np.nonzero(large[..., 0] > 200)
    assert (x, y) == (pytest.approx(columns.mean(), abs=0.6), pytest.approx(rows.mean(), abs=0.6))


@pytest.mark.parametrize(
    ("canvas", "scaled"), [((240, 320), (360, 480)), ((1920, 1080), (480, 270)), ((1, 900), (1, 480))]
)
def test_frames_are_scaled_by_their_longer_side(canvas, scaled):
    assert whole_frame(canvas).scaled_to(480) == scaled
