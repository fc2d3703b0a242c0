import numpy as np
import pytest

from posec3d.skeletons import get_skeleton
from posec3d.synthetic import motion_3d
from posec3d.synthetic.body import KEYPOINT
from posec3d.synthetic.cameras import Camera
from posec3d.synthetic.estimation import estimate_poses


def _filmed(position, num_frames=120, name="stand"):
    """A person who faces +x, filmed from `position`, on a canvas that holds all of them."""
    points = motion_3d(name, num_frames=num_frames, rng=np.random.RandomState(1))
    aim = np.tile([0.0, 0.0, 0.9], (num_frames, 1))
    camera = Camera(np.array(position, float), aim, 0.0, 1000.0, (500.0, 500.0), (1000, 1000))
    return camera.project(points[None])


def _estimated(position, *, noise=1.0, missing=0.0, seed=0, canvas=(1000, 1000), num_frames=120):
    keypoints, depth = _filmed(position, num_frames)
    keypoints.flags.writeable = depth.flags.writeable = False
    rng = np.random.RandomState(seed)
    return keypoints, estimate_poses(
        keypoints, depth, focal_length=1000.0, canvas=canvas, rng=rng, noise=noise, missing=missing
    )


_FRONT, _LEFT, _BACK = (4, 0, 0.9), (0, 4, 0.9), (-4, 0, 0.9)


def test_without_noise_and_gaps_the_estimate_is_the_truth():
    keypoints, poses = _estimated(_FRONT, noise=0.0)

    np.testing.assert_allclose(poses.keypoints, keypoints, rtol=1e-6)
    assert poses.scores.min() > 0
    assert poses.scores.max() <= 1
    assert poses.keypoints.dtype == poses.scores.dtype == np.float32


def test_errors_grow_with_noise_and_with_the_size_in_pixels():
    def error(position, noise):
        keypoints, poses = _estimated(position, noise=noise)
        return np.linalg.norm(poses.keypoints - keypoints, axis=-1).mean()

    assert error(_FRONT, 2.0) == pytest.approx(2 * error(_FRONT, 1.0), rel=1e-3)
    assert error((8, 0, 0.9), 1.0) == pytest.approx(error(_FRONT, 1.0) / 2, rel=0.1)


def test_an_error_is_a_few_centimetres_and_larger_at_the_hips_than_at_the_eyes():
    keypoints, poses = _estimated(_FRONT)
    metres = np.linalg.norm(poses.keypoints - keypoints, axis=-1)[0].mean(axis=0) / 250  # pixels a metre, 4 m away

    assert 0.002 < metres[KEYPOINT["left_eye"]] < 0.015
    assert 0.015 < metres[KEYPOINT["left_hip"]] < 0.06


def test_scores_fall_as_errors_grow():
    keypoints, poses = _estimated(_LEFT)
    error = np.linalg.norm(poses.keypoints - keypoints, axis=-1)[0]
    correlations = [np.corrcoef(error[:, v], poses.scores[0, :, v])[0, 1] for v in range(17)]

    assert np.mean(correlations) < -0.5


@pytest.mark.parametrize(
    ("position", "hidden", "visible"),
    [
        (_FRONT, [], ["nose", "left_ear", "right_hip", "left_wrist"]),
        (_LEFT, ["right_ear", "right_shoulder", "right_hip"], ["left_ear", "left_shoulder", "left_hip", "left_knee"]),
        (_BACK, ["nose", "left_eye", "right_eye"], ["left_shoulder", "right_hip", "left_ankle"]),
    ],
)
def test_what_the_body_hides_has_low_scores_and_gaps(position, hidden, visible):
    _, poses = _estimated(position, missing=0.05)
    score = {name: poses.scores[0, :, v][poses.scores[0, :, v] > 0].mean() for name, v in KEYPOINT.items()}
    lost = {name: (poses.scores[0, :, v] == 0).mean() for name, v in KEYPOINT.items()}

    assert all(score[name] < 0.6 for name in hidden)
    assert all(score[name] > 0.7 for name in visible)
    if hidden:
        assert np.mean([lost[name] for name in hidden]) > 2 * np.mean([lost[name] for name in visible])


@pytest.mark.parametrize("missing", [0.0, 0.03, 0.2])
def test_about_the_share_missing_is_lost(missing):
    lost = [(_estimated(_FRONT, missing=missing, seed=seed)[1].scores == 0).mean() for seed in range(150)]

    # Runs lose that share, and people who are lost as a whole a sixth of it more.
    assert np.mean(lost) == pytest.approx(missing * 7 / 6, rel=0.2)


def test_gaps_are_runs_of_frames():
    lost = _estimated(_FRONT, missing=0.05)[1].scores[0] == 0
    num_runs = (np.diff(lost.astype(int), axis=0, prepend=0) == 1).sum()

    assert 2.5 < lost.sum() / num_runs < 8


def test_outside_the_canvas_and_behind_the_camera_nothing_is_seen():
    keypoints, poses = _estimated(_FRONT, noise=0.0, canvas=(500, 1000))

    np.testing.assert_array_equal(poses.scores > 0, keypoints[..., 1] <= 499)
    np.testing.assert_array_equal(poses.keypoints[poses.scores == 0], 0)
    assert (_estimated((0.5, 0, 0.9))[1].scores == 0).any()
    behind, depth = _filmed(_FRONT)
    unseen = estimate_poses(
        behind, -depth, focal_length=1000.0, canvas=(1000, 1000), rng=np.random.RandomState(0), noise=1.0, missing=0.0
    )
    assert not unseen.scores.any()


@pytest.mark.parametrize("num_frames", [1, 2, 5])
def test_a_short_clip_is_estimated_too(num_frames):
    assert _estimated(_FRONT, missing=0.5, num_frames=num_frames)[1].num_frames == num_frames


def test_left_and_right_partners_hide_each_other_only_one_way():
    _, poses = _estimated(_LEFT)
    partner = list(get_skeleton("coco17").mirrored_keypoints)
    clear = poses.scores[0].mean(axis=0) > 0.7

    assert not (~clear & ~clear[partner])[5:].any()
