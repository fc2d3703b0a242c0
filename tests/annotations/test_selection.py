import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posec3d.annotations import Annotation
from posec3d.annotations import AnnotationSet
from posec3d.annotations.selection import hold_out
from posec3d.annotations.selection import usable_videos
from posec3d.skeletons import Skeleton

BODY = Skeleton("two", ("head", "foot"), ((0, 1),))


def video(name, label=0, num_keypoints=2, score=1.0):
    shape = (1, 3, num_keypoints)
    return Annotation(name, label, (10, 10), np.full((*shape, 2), 5, np.float32), np.full(shape, score, np.float32))


def file(*videos, **splits):
    return AnnotationSet(videos, splits, source="my.pkl")


def ids(videos):
    return [video.video for video in videos]


def test_videos_of_a_split_come_in_the_order_of_the_file():
    annotations = file(video("c"), video("a"), video("b"), train=("a", "c"))

    assert ids(usable_videos(annotations, "train", num_classes=1, skeleton=BODY)) == ["c", "a"]
    assert ids(usable_videos(annotations, None, num_classes=1, skeleton=BODY)) == ["c", "a", "b"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (video("x", label=2), r"video 'x' has label 2, but num_classes is 2 \(labels are 0..1\); set num_classes=3"),
        (video("x", label=-1), "video 'x' has label -1, but num_classes is 2"),
        (video("x", label=None), "video 'x' has no label, .*; give it one"),
        (
            video("x", num_keypoints=17),
            "video 'x' has 17 keypoints, but skeleton 'two' has 2; correct the video, or say",
        ),
    ],
)
def test_the_first_video_that_does_not_fit_is_named(wrong, message):
    with pytest.raises(ValueError, match=f"my.pkl: {message}"):
        usable_videos(file(video("a"), wrong), None, num_classes=2, skeleton=BODY)


def test_a_model_is_not_told_other_classes_or_keypoints():
    of_model = {"num_classes": 2, "skeleton": BODY, "of_model": True}
    with pytest.raises(ValueError, match=r"has 17 keypoints, but skeleton 'two' has 2, which the model was trained on"):
        usable_videos(file(video("x", num_keypoints=17)), None, **of_model)
    with pytest.raises(ValueError, match=r"label 2, but the model knows 2 classes, 0\.\.1; leave such videos out"):
        usable_videos(file(video("x", label=2)), None, **of_model)


def test_videos_of_other_splits_may_be_wrong():
    annotations = file(video("a"), video("x", label=9), train=("a",), val=("x",))

    assert ids(usable_videos(annotations, "train", num_classes=1, skeleton=BODY)) == ["a"]


@pytest.mark.parametrize(
    ("split", "message"),
    [(None, "my.pkl: the file has no videos"), ("val", "my.pkl: split 'val' has no videos; `posec3d check my.pkl`")],
)
def test_a_split_without_videos_is_refused(split, message):
    with pytest.raises(ValueError, match=message):
        usable_videos(file(val=()), split, num_classes=1, skeleton=BODY)


def test_an_unknown_split_is_refused_with_those_there_are():
    with pytest.raises(KeyError, match="no split 'test'; splits in the file: train, val"):
        usable_videos(file(video("a"), train=("a",), val=()), "test", num_classes=1, skeleton=BODY)


def test_somebody_must_be_seen():
    unseen = [video("a", score=0.0), video("b", score=0.0)]

    with pytest.raises(ValueError, match="no video of the file has a visible keypoint"):
        usable_videos(file(*unseen), None, num_classes=1, skeleton=BODY)
    assert len(usable_videos(file(*unseen, video("c")), None, num_classes=1, skeleton=BODY)) == 3


def test_every_class_is_held_out_by_its_share():
    videos = [video(f"v{i}", label=i % 2) for i in range(40)]

    rest, held = hold_out(videos, 0.1)

    assert [sum(v.label == label for v in held) for label in (0, 1)] == [2, 2]
    assert [sum(v.label == label for v in rest) for label in (0, 1)] == [18, 18]


@pytest.mark.parametrize(
    ("num_videos", "share", "num_held"),
    [
        (1, 0.5, 0),  # a class of one is there to be learnt
        (2, 0.01, 1),
        (2, 0.99, 1),
        (5, 0.2, 1),
        (10, 0.3, 3),
    ],
)
def test_a_class_of_two_or_more_is_on_both_sides(num_videos, share, num_held):
    rest, held = hold_out([video(f"v{i}") for i in range(num_videos)], share)

    assert (len(rest), len(held)) == (num_videos - num_held, num_held)


@given(st.permutations(range(20)), st.floats(0.05, 0.95))
def test_the_order_of_videos_does_not_matter_but_is_kept(order, share):
    videos = [video(f"v{i}", label=i % 3) for i in range(20)]

    held = set(ids(hold_out(videos, share)[1]))
    rest, other = hold_out([videos[i] for i in order], share)

    assert set(ids(other)) == held
    assert ids(other) == [f"v{i}" for i in order if f"v{i}" in held]
    assert ids(rest) == [f"v{i}" for i in order if f"v{i}" not in held]


def test_other_classes_do_not_change_who_is_held_out():
    first = [video(f"v{i}") for i in range(20)]
    others = [video(f"w{i}", label=1) for i in range(7)]

    held = ids(hold_out(first, 0.2)[1])

    assert ids(v for v in hold_out(others + first, 0.2)[1] if v.label == 0) == held


def test_the_same_videos_are_held_out_on_every_machine():
    # By SHA-256 of the id; recorded once, so that a validation score keeps its meaning.
    assert ids(hold_out([video(f"v{i}") for i in range(10)], 0.2)[1]) == ["v0", "v8"]


def test_names_that_are_not_utf_8_are_held_out_too():
    videos = [video(f"{number}\udcfc", number % 2) for number in range(8)]

    rest, held = hold_out(videos, 0.25)

    assert (len(rest), len(held)) == (6, 2)


def test_a_name_that_several_videos_have_is_told():
    # Scores and splits would mean either.
    annotations = file(video("a"), video("b"), video("a"))

    with pytest.raises(ValueError, match=r"my\.pkl: video 'a': several videos with the same frame_dir: 2 times"):
        usable_videos(annotations, None, num_classes=2, skeleton=BODY)
