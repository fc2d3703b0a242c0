import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from posec3d.annotations import Annotation
from posec3d.clips.pipeline import scored_views
from posec3d.clips.pipeline import train_clip
from posec3d.clips.subjects import people_by_sight
from posec3d.clips.subjects import without_bystanders
from posec3d.series import seen_best
from posec3d.skeletons import get_skeleton

SKELETON = get_skeleton("coco17")


def crowd(num_people=3, num_frames=5, seed=0):
    """The second person is as large as the others together; the third is hardly seen."""
    rng = np.random.RandomState(seed)
    keypoints = rng.uniform(10, 40, (num_people, num_frames, 17, 2)).astype(np.float32)
    keypoints[1] *= 4
    scores = np.ones((num_people, num_frames, 17), np.float32)
    scores[2:] = 0.1
    return Annotation("crowd", 0, (200, 200), keypoints, scores)


def test_who_is_large_and_surely_seen_comes_first():
    assert people_by_sight(crowd().keypoints, crowd().scores).tolist() == [1, 0, 2]


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**16), st.integers(1, 5), st.floats(0, 0.9))
def test_the_first_is_who_is_seen_best(seed, num_people, share):
    rng = np.random.RandomState(seed)
    keypoints = rng.uniform(0, 50, (num_people, 4, 3, 2)).astype(np.float32)
    scores = rng.uniform(0.1, 1, (num_people, 4, 3)).astype(np.float32)
    scores[rng.rand(*scores.shape) < share] = 0
    keypoints[scores == 0] = 0
    if not scores.any():
        return

    (best,) = seen_best(torch.from_numpy(keypoints)[None], torch.from_numpy(scores)[None]).tolist()
    assert people_by_sight(keypoints, scores)[0] == best


def test_others_are_missing_and_keep_their_places():
    given = crowd()
    kept = without_bystanders(given, 2)

    np.testing.assert_array_equal(kept.keypoints[:2], given.keypoints[:2])
    np.testing.assert_array_equal(kept.scores[:2], given.scores[:2])
    assert not kept.scores[2].any()
    assert not kept.keypoints[2].any()
    assert given.scores[2].all()
    assert without_bystanders(given, 3) is given
    assert (kept.video, kept.label, kept.canvas) == (given.video, given.label, given.canvas)


@pytest.mark.parametrize("seen_only", [False, True])
@pytest.mark.parametrize("even", [False, True])
def test_views_and_clips_are_those_of_the_subject_alone(seen_only, even):
    given = crowd()
    alone = Annotation("crowd", 0, given.canvas, given.keypoints[1:2], given.scores[1:2])
    options = {"skeleton": SKELETON, "length": 8, "seen_only": seen_only}

    found = scored_views(given, most_people=1, num_clips=2, even=even, **options)
    expected = scored_views(alone, num_clips=2, even=even, **options)
    for view, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(view.keypoints[1], other.keypoints[0])
        np.testing.assert_array_equal(view.scores[1], other.scores[0])
        assert not view.scores[[0, 2]].any()
    clip = train_clip(given, np.random.RandomState(0), most_people=1, **options)
    expected_clip = train_clip(alone, np.random.RandomState(0), **options)
    np.testing.assert_array_equal(clip.keypoints[1], expected_clip.keypoints[0])
