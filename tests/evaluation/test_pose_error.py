import numpy as np
import pytest

from posec3d.evaluation.pose_error import pose_error
from posec3d.poses import Poses
from posec3d.skeletons import Skeleton
from posec3d.skeletons import get_skeleton

# A torso of 100 pixels, and a wrist: within 20 pixels is correct.
FIVE = Skeleton("five", ("left_shoulder", "right_shoulder", "left_hip", "right_hip", "left_wrist"), ())
PERSON = np.array([[0, 0], [40, 0], [0, 100], [40, 100], [60, 50]], np.float32)


def poses(*people, scores=None):
    """People as (V, 2) in one frame."""
    keypoints = np.array(people, np.float32).reshape(len(people), 1, -1, 2)
    ones = np.ones(keypoints.shape[:3], np.float32)
    return Poses(keypoints, ones if scores is None else np.array(scores, np.float32).reshape(ones.shape), (200, 200))


@pytest.mark.parametrize(
    ("off", "pixels", "pck"),
    [
        ((0, 0), 0, 1),
        ((20, 0), 4, 1),  # just near enough; the mean of five keypoints of which one is off
        ((20.5, 0), 4.1, 4 / 5),
        ((30, 40), 10, 4 / 5),  # 50 pixels off
    ],
)
def test_a_keypoint_is_correct_within_a_fifth_of_the_torso(off, pixels, pck):
    moved = PERSON + np.array([[0, 0]] * 4 + [off], np.float32)

    error = pose_error(poses(moved), poses(PERSON), FIVE)

    assert error.pixels == pytest.approx(pixels, abs=1e-6)  # float32 coordinates
    assert error.pck == pytest.approx(pck)
    assert (error.found, error.num_people) == (1, 1)


def test_the_nearest_person_counts():
    error = pose_error(poses(PERSON + 90, PERSON + np.float32([3, 4]), PERSON - 70), poses(PERSON), FIVE)

    assert (error.pixels, error.pck) == (5, 1)


def test_everyone_is_compared_with_the_one_nearest_to_them():
    error = pose_error(poses(PERSON + 100, PERSON), poses(PERSON, PERSON + 100), FIVE)

    assert (error.pixels, error.pck, error.num_people) == (0, 1, 2)


def test_missing_keypoints_are_wrong_and_have_no_error_in_pixels():
    guessed = PERSON.copy()
    guessed[4] = 0

    error = pose_error(poses(guessed, scores=[1, 1, 1, 1, 0]), poses(PERSON), FIVE)

    assert (error.pixels, error.pck) == (0, 4 / 5)


def test_a_frame_in_which_nobody_is_found_is_wrong_throughout():
    truth = Poses(np.stack([PERSON, PERSON])[None], np.ones((1, 2, 5), np.float32), (200, 200))
    half = Poses(truth.keypoints, truth.scores * np.array([[[1], [0]]], np.float32), (200, 200))

    error = pose_error(half, truth, FIVE)

    assert (error.pixels, error.found, error.pck, error.num_people) == (0, 0.5, 0.5, 2)


def test_nobody_found_at_all_is_no_error_but_a_number():
    error = pose_error(poses(PERSON, scores=[0] * 5), poses(PERSON), FIVE)

    assert np.isnan(error.pixels)
    assert (error.found, error.pck) == (0, 0)


def test_what_is_not_known_to_be_true_does_not_count():
    moved = PERSON + np.array([[0, 0]] * 4 + [(90, 0)], np.float32)

    error = pose_error(poses(moved), poses(PERSON, scores=[1, 1, 1, 1, 0]), FIVE)

    assert (error.pixels, error.pck) == (0, 1)


def test_a_result_prints_itself_in_one_line():
    line = str(pose_error(poses(PERSON + np.float32([3, 4])), poses(PERSON), FIVE))

    assert line == "error 5.0 px, found 100.0%, PCK@0.2 1.0000 (1 people in frames)"


def test_coco_is_the_skeleton_unless_another_is_named():
    keypoints = np.arange(34, dtype=np.float32).reshape(1, 1, 17, 2)
    whole = Poses(keypoints, np.ones((1, 1, 17), np.float32), (100, 100))

    assert pose_error(whole, whole) == pose_error(whole, whole, get_skeleton("coco17"))


def test_poses_that_cannot_be_compared_are_refused():
    with pytest.raises(ValueError, match=r"\(1, 5\) and \(1, 5\) frames and keypoints.*'coco17' has 17"):
        pose_error(poses(PERSON), poses(PERSON))
    with pytest.raises(ValueError, match="no true person"):
        pose_error(poses(PERSON), poses(PERSON, scores=[0] * 5), FIVE)
