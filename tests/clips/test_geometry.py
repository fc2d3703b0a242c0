from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posec3d.annotations import load_annotations
from posec3d.clips.geometry import center_crop
from posec3d.clips.geometry import crop_to_people
from posec3d.clips.geometry import mirror
from posec3d.clips.geometry import random_resized_crop
from posec3d.clips.geometry import resize_short_side
from posec3d.clips.geometry import stretch
from posec3d.clips.sampling import fixed_frames
from posec3d.clips.sampling import uniform_frames
from posec3d.poses import Poses
from posec3d.skeletons import get_skeleton

COCO = get_skeleton("coco17")

# Top left corners (left, top) of the recorded random crops. mmaction2 draws them from Python's `random`, whose state
# was not recorded, so they were found by search: the only ones in the drawn rectangle's room that give its numbers.
RECORDED_CORNERS = {
    "video_000": (7, 17),
    "video_001": (4, 18),
    "video_002": (6, 1),
    "video_003": (3, 16),
    "video_004": (4, 2),
    "video_005": (10, 0),
    "video_006": (1, 16),
    "video_007": (4, 3),
    "video_008_tiny": (18, 10),
    "video_009_empty": (3, 1),
}


class _KnownCorner(np.random.RandomState):
    """A stream that answers whole numbers, drawn for the corner of a crop, from a list."""

    def __init__(self, state, corner):
        super().__init__()
        self.set_state(state)
        self.corner = list(corner)

    def randint(self, low, high):
        value = self.corner.pop(0)
        assert low <= value < high
        return value


def pose_at(*points, canvas=(100, 100)):
    keypoints = np.array(points, np.float32)[None, None]
    return Poses(keypoints, np.ones(keypoints.shape[:3], np.float32), canvas)


def test_the_crop_is_a_padded_square_around_the_people():
    # Box 40..80 by 50..70: centre (60, 60), half of the longer side 20, with padding 25.
    cropped = crop_to_people(pose_at((40, 50), (80, 70)))

    assert cropped.canvas == (50, 50)
    assert cropped.keypoints[0, 0].tolist() == [[5, 15], [45, 35]]


def test_the_crop_may_reach_outside_the_image():
    cropped = crop_to_people(pose_at((2, 2), (42, 42)))

    assert cropped.canvas == (50, 50)
    assert cropped.keypoints[0, 0, 0].tolist() == [5, 5]


@pytest.mark.parametrize("points", [[(40, 50), (49, 90)], [(0, 0), (0, 0)]], ids=["narrow", "nobody"])
def test_a_small_box_leaves_the_canvas(points):
    poses = pose_at(*points)

    assert crop_to_people(poses) is poses


def test_guessed_keypoints_widen_the_crop_only_if_they_count():
    poses = pose_at((40, 40), (80, 80), (1, 1))
    poses = replace(poses, scores=np.array([[[1, 1, 0]]], np.float32))

    # Box 1..80: centre 40.5, half 39.5, with padding 49.375; from -8 to 89 in whole pixels.
    assert crop_to_people(poses).canvas == (97, 97)
    assert crop_to_people(poses, seen_only=True).canvas == (50, 50)


def test_resizing_keeps_proportions():
    resized = resize_short_side(pose_at((10, 20), canvas=(200, 300)), 64)

    assert resized.canvas == (64, 96)
    np.testing.assert_allclose(resized.keypoints[0, 0, 0], [3.2, 6.4], rtol=1e-6)


def test_stretching_does_not():
    np.testing.assert_allclose(stretch(pose_at((10, 10)), (50, 200)).keypoints[0, 0, 0], [20, 5])


def test_the_centre_crop_rounds_down():
    assert center_crop(pose_at((10, 10), canvas=(64, 67)), 64).keypoints[0, 0, 0].tolist() == [9, 10]


def test_flip_twice_is_identity(poses):
    twice = mirror(mirror(poses, COCO), COCO)

    np.testing.assert_allclose(twice.keypoints, poses.keypoints, atol=1e-4)
    np.testing.assert_array_equal(twice.scores, poses.scores)


def test_flip_swaps_sides_and_leaves_missing_keypoints(poses):
    mirrored = mirror(poses, COCO)

    np.testing.assert_array_equal(mirrored.keypoints[:, :, 5, 0], 640 - poses.keypoints[:, :, 6, 0])
    np.testing.assert_array_equal(mirrored.keypoints[0, 1, 3], [0, 0])
    assert mirrored.scores[0, 1, 3] == 0


@given(st.integers(0, 2**32 - 1), st.integers(8, 200), st.integers(8, 200))
def test_a_random_crop_lies_inside_and_has_the_asked_share(seed, height, width):
    poses = pose_at((0, 0), canvas=(height, width))

    cropped = random_resized_crop(poses, np.random.RandomState(seed))

    left, top = -cropped.keypoints[0, 0, 0]
    assert left >= 0
    assert left + cropped.canvas[1] <= width
    assert top >= 0
    assert top + cropped.canvas[0] <= height
    ratio = cropped.canvas[1] / cropped.canvas[0]
    fallback = cropped.canvas == (min(height, width),) * 2
    # Sides are rounded to pixels, which on small canvases moves the ratio.
    assert fallback or 3 / 4 * 0.85 <= ratio <= 4 / 3 * 1.15


@pytest.mark.parametrize(
    "step",
    [
        crop_to_people,
        lambda poses: resize_short_side(poses, 64),
        lambda poses: center_crop(poses, 64),
        lambda poses: mirror(poses, COCO),
        lambda poses: random_resized_crop(poses, np.random.RandomState(0)),
    ],
    ids=["crop_to_people", "resize", "center_crop", "mirror", "random_crop"],
)
def test_no_step_writes_into_what_it_is_given(poses, step):
    before = poses.keypoints.copy(), poses.scores.copy()

    step(poses)

    np.testing.assert_array_equal(poses.keypoints, before[0])
    np.testing.assert_array_equal(poses.scores, before[1])


def test_validation_clips_equal_those_of_mmaction2(golden):
    with np.load(golden / "pipeline.npz") as recorded:
        for video in load_annotations(golden / "annotations_list.pkl").annotations:
            poses = crop_to_people(video.poses(fixed_frames(video.num_frames, 48)[0]))
            poses = center_crop(resize_short_side(poses, 64), 64)

            assert poses.canvas == tuple(recorded[f"{video.video}/val_canvas_hw"])
            np.testing.assert_allclose(poses.keypoints, recorded[f"{video.video}/val_keypoint"], rtol=0, atol=1e-4)
            np.testing.assert_array_equal(poses.scores, recorded[f"{video.video}/val_score"])


def test_training_clips_equal_those_of_mmaction2(golden):
    with np.load(golden / "pipeline.npz") as recorded:
        for video in load_annotations(golden / "annotations_list.pkl").annotations:
            rng = np.random.RandomState(1007)
            poses = video.poses(uniform_frames(video.num_frames, 48, rng))
            poses = resize_short_side(crop_to_people(poses), 64)
            rng = _KnownCorner(rng.get_state(), RECORDED_CORNERS[video.video])
            poses = stretch(random_resized_crop(poses, rng), (56, 56))
            poses = mirror(poses, COCO) if rng.rand() < 0.5 else poses

            np.testing.assert_allclose(
                poses.keypoints, recorded[f"{video.video}/train_seed1007_keypoint"], rtol=0, atol=1e-4
            )
            np.testing.assert_array_equal(poses.scores, recorded[f"{video.video}/train_seed1007_score"])
