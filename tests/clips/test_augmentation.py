import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posec3d.clips.augmentation import drop_keypoints
from posec3d.clips.augmentation import frames_of_part
from posec3d.clips.augmentation import heights
from posec3d.clips.augmentation import jitter
from posec3d.clips.augmentation import rotate
from posec3d.clips.pipeline import train_clip
from posec3d.poses import Poses
from posec3d.skeletons import get_skeleton
from posec3d.synthetic import make_annotations


def rng(seed=0):
    return np.random.RandomState(seed)


@pytest.fixture
def poses():
    keypoints = rng(5).uniform(10, 50, (2, 300, 13, 2)).astype(np.float32)
    return Poses(keypoints, np.ones((2, 300, 13), np.float32), (64, 48))


@given(
    num_frames=st.integers(1, 400),
    length=st.integers(1, 64),
    shortest=st.floats(0.05, 1),
    seed=st.integers(0, 2**31 - 1),
)
def test_frames_of_a_part_are_of_the_video_and_in_order(num_frames, length, shortest, seed):
    frames = frames_of_part(num_frames, length, rng(seed), shortest)

    assert len(frames) == length
    assert frames.min() >= 0
    assert frames.max() < num_frames
    if num_frames >= length:
        assert (np.diff(frames) > 0).all()


def test_parts_begin_and_end_anywhere_and_are_as_long_as_asked():
    draws = np.array([frames_of_part(200, 10, rng(seed), 0.5)[[0, -1]] for seed in range(300)])
    lengths = draws[:, 1] - draws[:, 0]
    assert draws[:, 0].min() < 10
    assert draws[:, 0].max() > 80
    # A part of 100 frames has its first and its last frame within its first and last tenth.
    assert 80 <= lengths.min() < 100
    assert lengths.max() > 180


def test_rotation_keeps_distances_and_the_centre_and_stays_within_its_angle(poses):
    angles = []
    for seed in range(50):
        turned = rotate(poses, rng(seed), 20.0)
        center = np.array([23.5, 31.5])
        before, after = poses.keypoints - center, turned.keypoints - center
        np.testing.assert_allclose(np.linalg.norm(before, axis=-1), np.linalg.norm(after, axis=-1), rtol=1e-4)
        each = np.degrees(np.arctan2(after[..., 1], after[..., 0]) - np.arctan2(before[..., 1], before[..., 0]))
        each = (each + 180) % 360 - 180
        assert np.ptp(each) < 0.1
        angles.append(each.mean())
    assert max(np.abs(angles)) <= 20.05
    assert max(angles) > 15
    assert min(angles) < -15


def test_jitter_is_a_share_of_the_height_and_independent(poses):
    moved = [jitter(poses, rng(seed), 0.1).keypoints - poses.keypoints for seed in range(40)]
    deviations = np.array([[person.std() for person in one] for one in moved]) / heights(poses)
    assert deviations.max() < 0.105
    assert deviations.mean() == pytest.approx(0.05, abs=0.01)
    x, y = moved[0][0, :, 0].T
    assert abs(np.corrcoef(x, y)[0, 1]) < 0.2


def test_dropout_makes_keypoints_missing_as_often_as_asked(poses):
    dropped = drop_keypoints(poses, rng(), 0.3)
    assert (dropped.scores == 0).mean() == pytest.approx(0.3, abs=0.02)
    np.testing.assert_array_equal(dropped.keypoints, poses.keypoints)


def test_heights_are_of_what_is_seen():
    keypoints = np.zeros((2, 3, 3, 2), np.float32)
    keypoints[0] = [[10, 10], [15, 30], [500, 500]]
    scores = np.ones((2, 3, 3), np.float32)
    scores[0, :, 2] = 0
    scores[1] = 0
    np.testing.assert_array_equal(heights(Poses(keypoints, scores, (600, 600))), [20, 0])


def test_clips_change_with_each_augmentation_and_only_then():
    video = make_annotations(1, seed=0, motions=("walk",)).annotations[0]

    def clip(**changes):
        return train_clip(video, rng(3), skeleton=get_skeleton("coco17"), length=16, canvas=32, **changes)

    plain = clip()
    np.testing.assert_array_equal(
        plain.keypoints, clip(shortest_part=1.0, rotation=0.0, noise=0.0, dropout=0.0).keypoints
    )
    for changes in ({"shortest_part": 0.5}, {"rotation": 20.0}, {"noise": 0.05}):
        assert not np.allclose(clip(**changes).keypoints, plain.keypoints)
    assert (clip(dropout=0.5).scores == 0).sum() > (plain.scores == 0).sum()
