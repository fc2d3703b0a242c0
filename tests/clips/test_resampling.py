import numpy as np
import pytest

from posec3d.annotations import Annotation
from posec3d.clips.resampling import evenly_spaced
from posec3d.poses import Poses


def video(keypoints, scores):
    return Annotation("video", 0, (100, 100), np.asarray(keypoints, np.float32), np.asarray(scores, np.float32))


def moving(num_frames):
    """One keypoint that goes a pixel a frame to the right, and is a little less sure each time."""
    keypoints = np.full((1, num_frames, 1, 2), 5.0)
    keypoints[0, :, 0, 0] = 10 + np.arange(num_frames)
    return video(keypoints, 0.9 - 0.005 * np.arange(num_frames).reshape(1, -1, 1))


@pytest.mark.parametrize("num_frames", [1, 2, 7, 20, 100])
def test_poses_are_evenly_spaced_from_the_first_frame_to_the_last(num_frames):
    poses = evenly_spaced(moving(num_frames), 7)
    moments = np.linspace(0, num_frames - 1, 7)
    np.testing.assert_allclose(poses.keypoints[0, :, 0, 0], 10 + moments, rtol=1e-6)
    np.testing.assert_allclose(poses.scores[0, :, 0], 0.9 - 0.005 * moments, rtol=1e-6)
    assert poses.keypoints.dtype == poses.scores.dtype == np.float32


def test_what_is_asked_for_is_applied_to_the_frames_before():
    given = []

    def doubled(poses):
        given.append(poses.num_frames)
        return Poses(poses.keypoints * 2, poses.scores, poses.canvas)

    poses = evenly_spaced(moving(5), 9, doubled)
    np.testing.assert_allclose(poses.keypoints[0, :, 0, 0], 2 * (10 + np.linspace(0, 4, 9)))
    assert given == [5]


def test_between_a_frame_that_has_a_keypoint_and_one_that_lacks_it_the_nearer_one_counts():
    poses = evenly_spaced(video([[[[10, 10]], [[0, 0]], [[30, 30]]]], [[[0.8], [0], [0.4]]]), 9)
    np.testing.assert_allclose(poses.scores[0, :, 0], [0.8, 0.8, 0, 0, 0, 0, 0.4, 0.4, 0.4], rtol=1e-6)
    np.testing.assert_allclose(poses.keypoints[0, [0, 1, 6, 7], 0, 0], [10, 10, 30, 30])
