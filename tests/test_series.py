import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from posec3d.series import num_series
from posec3d.series import pose_series
from posec3d.series import seen_best

LIMBS = ((0, 1), (1, 2))


def walker(num_frames=6, num_keypoints=3, num_people=1, seed=0):
    rng = np.random.RandomState(seed)
    keypoints = rng.uniform(0, 50, (1, num_people, num_frames, num_keypoints, 2)).astype(np.float32)
    return torch.from_numpy(keypoints), torch.ones(1, num_people, num_frames, num_keypoints)


def interpolated(keypoints, scores):
    """The same for one person, a keypoint and an axis at a time."""
    seen = scores > 0
    low, high = keypoints[seen].min(0), keypoints[seen].max(0)
    placed = (keypoints - (low + high) / 2) / max((high - low).max(), 1)
    times, rows = np.arange(len(scores)), []
    for keypoint in range(scores.shape[1]):
        known = seen[:, keypoint]
        for axis in (0, 1):
            values = np.interp(times, times[known], placed[known, keypoint, axis]) if known.any() else 0 * times
            rows.append(values)
    return np.array(rows)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**16), st.integers(1, 12), st.floats(0, 0.9))
def test_missing_keypoints_lie_between_where_they_are_seen(seed, num_frames, share):
    keypoints, scores = walker(num_frames, seed=seed)
    scores[torch.from_numpy(np.random.RandomState(seed).rand(*scores.shape) < share)] = 0
    scores[0, 0, 0, 0] = 1
    series = pose_series(keypoints, scores, LIMBS)
    expected = interpolated(keypoints[0, 0].numpy(), scores[0, 0].numpy())
    assert len(series[0]) == num_series(3, 2)
    np.testing.assert_allclose(series[0, :6].numpy(), expected, atol=1e-5)


def test_where_and_how_large_somebody_is_changes_nothing():
    keypoints, scores = walker()
    np.testing.assert_allclose(
        pose_series(keypoints * 3 + 40, scores, LIMBS), pose_series(keypoints, scores, LIMBS), atol=1e-5
    )
    assert float(pose_series(keypoints, scores, LIMBS)[0, :6].abs().max()) == pytest.approx(0.5)


def test_whoever_is_seen_best_is_looked_at():
    keypoints, scores = walker(num_people=3)
    scores[0, 0] *= 0.3
    scores[0, 2] *= 0.5
    np.testing.assert_array_equal(
        pose_series(keypoints, scores, LIMBS), pose_series(keypoints[:, 1:2], scores[:, 1:2], LIMBS)
    )


def test_of_two_the_nearer_is_seen_best_unless_they_are_hardly_seen():
    keypoints, scores = walker(num_people=2)
    keypoints[0, 1] = keypoints[0, 0] * 2
    assert seen_best(keypoints, scores).tolist() == [1]
    assert seen_best(keypoints, scores * torch.tensor([1.0, 0.4])[:, None, None]).tolist() == [0]
    # In two thirds of the frames, and twice as large: more than the other. A guess far away makes nobody larger.
    scores[0, 1, :2] = 0
    assert seen_best(keypoints, scores).tolist() == [1]
    scores[0, 1] = 0
    keypoints[0, 1] = 1e6
    assert seen_best(keypoints, scores).tolist() == [0]


def test_one_keypoint_is_more_than_nobody():
    keypoints, scores = walker(num_people=2)
    scores[0, 0] = 0
    scores[0, 1, :, 1:] = 0
    assert seen_best(keypoints, scores).tolist() == [1]
    keypoints[0, 0] = torch.nan
    assert seen_best(keypoints, scores + 1).tolist() == [1]


def test_nobody_is_a_series_of_zeros_and_what_is_not_finite_is_missing():
    keypoints, scores = walker()
    assert not pose_series(keypoints, scores * 0, LIMBS).any()
    broken = keypoints.clone()
    broken[0, 0, 2, 1, 0] = torch.nan
    missing = scores.clone()
    missing[0, 0, 2, 1] = 0
    np.testing.assert_array_equal(pose_series(broken, scores, LIMBS), pose_series(keypoints, missing, LIMBS))


def test_after_places_come_those_on_the_body_and_then_limbs():
    keypoints, scores = walker()
    places, on_body, along = pose_series(keypoints, scores, LIMBS)[0].unflatten(0, (-1, 2)).split([3, 3, 2])
    torch.testing.assert_close(on_body, places - places.mean(0))
    torch.testing.assert_close(along, torch.stack([places[0] - places[1], places[1] - places[2]]))
    assert len(pose_series(keypoints, scores, ())[0]) == num_series(3, 0) == 12
