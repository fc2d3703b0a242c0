from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posec3d.evaluation.fusion import fuse
from posec3d.evaluation.metrics import measure
from posec3d.evaluation.scores import Scores
from posec3d.evaluation.scores import load_scores

FIRST = Scores(np.array([[0.8, 0.2], [0.4, 0.6], [0.0, 1.0]], np.float32), np.array([0, 1, 1]), ("a", "b", "c"))
SECOND = Scores(np.array([[0.2, 0.8], [0.4, 0.6], [1.0, 0.0]], np.float32), np.array([0, 1, 1]), ("a", "b", "c"))


def taken(scores, order):
    return Scores(scores.values[order], scores.labels[order], tuple(scores.videos[i] for i in order), scores.classes)


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ([1.0, 1.0], [[0.5, 0.5], [0.4, 0.6], [0.5, 0.5]]),
        ([3.0, 1.0], [[0.65, 0.35], [0.4, 0.6], [0.25, 0.75]]),
        ([0.0, 1.0], SECOND.values),
    ],
)
def test_fusion_is_the_weighted_mean(weights, expected):
    fused = fuse([FIRST, SECOND], weights)

    np.testing.assert_allclose(fused.values, expected, rtol=1e-6)
    assert fused.values.dtype == np.float32
    assert fused.labels.tolist() == [0, 1, 1]
    assert fused.videos == ("a", "b", "c")


@given(st.permutations(range(3)), st.floats(0.1, 10))
def test_streams_with_ids_may_come_in_any_order(order, scale):
    fused = fuse([FIRST, taken(SECOND, order)], [scale, scale])

    np.testing.assert_allclose(fused.values, fuse([FIRST, SECOND], [1.0, 1.0]).values, rtol=1e-6)
    np.testing.assert_array_equal(fused.labels, FIRST.labels)


def test_what_one_stream_lacks_another_gives():
    bare = Scores(FIRST.values)

    fused = fuse([bare, replace(SECOND, classes=("walk", "run"))], [1.0, 1.0])

    assert fused.labels.tolist() == [0, 1, 1]
    assert (fused.videos, fused.classes) == (("a", "b", "c"), ("walk", "run"))
    assert fuse([bare, bare], [1.0, 1.0]).labels is None


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (Scores(np.ones((2, 2), np.float32)), "file 2 has scores of 2 videos and 2 classes, the first of 3 and 2"),
        (Scores(np.ones((3, 5), np.float32)), "of 3 videos and 5 classes"),
        (replace(SECOND, videos=("a", "b", "x")), "file 2 has video 'x', which file 1 has not"),
        (replace(SECOND, labels=np.array([0, 0, 1])), "disagree about the label of video number 1"),
    ],
)
def test_streams_of_different_videos_are_refused(other, message):
    with pytest.raises(ValueError, match=message):
        fuse([FIRST, other], [1.0, 1.0])


def test_streams_with_ids_are_put_in_order_behind_one_without():
    bare = Scores(FIRST.values)

    fused = fuse([bare, SECOND, taken(FIRST, [2, 0, 1])], [0.0, 0.0, 1.0])

    np.testing.assert_allclose(fused.values, FIRST.values)
    assert (fused.labels.tolist(), fused.videos) == ([0, 1, 1], ("a", "b", "c"))


def test_a_video_that_stands_twice_cannot_be_aligned():
    first = Scores(np.eye(3, dtype=np.float32), videos=("a", "b", "c"))
    twice = Scores(np.eye(3, dtype=np.float32), videos=("a", "b", "b"))

    with pytest.raises(ValueError, match="which file 1 has not"):
        fuse([twice, first], [1.0, 1.0])
    with pytest.raises(ValueError, match="file 2 lists a video twice"):
        fuse([first, twice], [1.0, 1.0])


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1.0], "1 weights for 2 files of scores"),
        ([1.0, 1.0, 1.0], "3 weights for 2 files"),
        ([2.0, -1.0], "must be numbers from 0 on"),
        ([0.0, 0.0], "and not all 0"),
        ([float("nan"), 1.0], "must be numbers from 0 on"),
    ],
)
def test_wrong_weights_are_refused(weights, message):
    with pytest.raises(ValueError, match=message):
        fuse([FIRST, SECOND], weights)


@pytest.mark.parametrize(
    ("weights", "top1", "top5", "mean_class"),
    [
        ([1.0, 0.0], 0.9167, 0.9833, 0.9016),  # joint alone
        ([0.0, 1.0], 0.9333, 0.9833, 0.9032),  # bone alone
        ([1.0, 1.0], 0.9333, 0.9833, 0.9180),
        ([2.0, 1.0], 0.9000, 0.9833, 0.8852),
        ([1.0, 2.0], 0.9333, 1.0000, 0.9180),
    ],
)
def test_two_streams_of_ntu120_fuse_as_recorded(shared, weights, top1, top5, mean_class):
    streams = [load_scores(shared / "data" / "fusion" / name) for name in ("joint.pkl", "bone.pkl")]

    fused = fuse(streams, weights)
    accuracy = measure(fused.values, fused.labels)

    # Recorded with four decimals.
    assert accuracy.top1 == pytest.approx(top1, abs=5e-5)
    assert accuracy.top5 == pytest.approx(top5, abs=5e-5)
    assert accuracy.mean_class == pytest.approx(mean_class, abs=5e-5)
    assert accuracy.num_videos == 60


def test_files_that_name_their_classes_otherwise_are_refused():
    named = replace(FIRST, classes=("golf", "wave"))
    swapped = replace(SECOND, classes=("wave", "golf"))
    with pytest.raises(ValueError, match="class 0 is 'golf' in file 2 and 'wave' in file 3; fuse results of models"):
        fuse([SECOND, named, swapped], [1.0, 1.0, 1.0])
    # Of another language, or without names, they are taken for the same.
    translated = replace(SECOND, classes=("Golf", "Winken"))
    assert fuse([named, translated, FIRST], [1.0, 1.0, 1.0]).classes == ("golf", "wave")
