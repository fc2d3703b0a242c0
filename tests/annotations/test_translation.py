import numpy as np
import pytest

from posec3d.annotations import Annotation
from posec3d.annotations import AnnotationSet
from posec3d.annotations.selection import usable_videos
from posec3d.annotations.translation import translated
from posec3d.skeletons import get_skeleton

COCO, PENN = get_skeleton("coco17"), get_skeleton("penn13")


def video(name, label, skeleton, x=5.0):
    """A video in which every left shoulder is at `x`."""
    keypoints = np.full((1, 3, skeleton.num_keypoints, 2), 5, np.float32)
    keypoints[:, :, skeleton.keypoints.index("left_shoulder"), 0] = x
    return Annotation(name, label, (10, 10), keypoints, np.ones(keypoints.shape[:-1], np.float32))


def test_keypoints_and_labels_are_taken_by_their_names():
    videos = (video("a", 0, COCO, 7), video("b", 1, COCO, 8), video("c", None, COCO))
    annotations = AnnotationSet(videos, {"train": ("b",)}, ("wave", "run"), COCO.keypoints, "my.pkl")

    found = translated(annotations, classes=("clap", "run", "wave"), skeleton=PENN)

    assert [one.label for one in found.annotations] == [2, 1, None]
    assert [float(one.keypoints[0, 0, 1, 0]) for one in found.annotations] == [7, 8, 5]
    assert (found.classes, found.keypoint_names) == (("clap", "run", "wave"), PENN.keypoints)
    assert [one.video for one in usable_videos(found, "train", num_classes=3, skeleton=PENN)] == ["b"]


@pytest.mark.parametrize(
    ("classes", "names"),
    [(("run", "wave"), COCO.keypoints), (("run",), None), (("run", "jump", "wave"), COCO.keypoints), (None, None)],
)
def test_what_is_not_named_or_not_known_or_as_it_should_be_stays(classes, names):
    annotations = AnnotationSet((video("a", 1, COCO),), {}, ("run", "jump"), names, "my.pkl")

    assert translated(annotations, classes=classes, skeleton=COCO if names else PENN) is annotations


def test_a_video_of_other_keypoints_than_the_file_names_stays_for_whoever_checks():
    annotations = AnnotationSet((video("a", 0, COCO), video("b", 0, PENN)), {}, None, COCO.keypoints, "my.pkl")

    first, second = translated(annotations, classes=None, skeleton=get_skeleton("jhmdb15")).annotations

    assert (first.keypoints.shape[2], second.keypoints.shape[2]) == (15, 13)


def test_keypoints_in_another_order_are_taken_by_their_names():
    upside_down = COCO.keypoints[::-1]
    first = video("a", 0, COCO, 7)
    turned = Annotation("a", 0, (10, 10), first.keypoints[:, :, ::-1], first.scores[:, :, ::-1])
    annotations = AnnotationSet((turned,), {}, None, upside_down, "my.pkl")

    with pytest.raises(ValueError, match=r"my.pkl: its keypoint 0 is 'right_ankle', and 'nose' in skeleton 'coco17'"):
        usable_videos(annotations, None, num_classes=1, skeleton=COCO)
    found = translated(annotations, classes=None, skeleton=COCO)
    np.testing.assert_array_equal(found.annotations[0].keypoints, first.keypoints)
    assert usable_videos(found, None, num_classes=1, skeleton=COCO)


def test_as_many_keypoints_of_another_skeleton_are_not_taken_for_its_own():
    human = get_skeleton("h36m17")
    annotations = AnnotationSet((video("a", 0, human),), {}, None, human.keypoints, "my.pkl")

    with pytest.raises(ValueError, match=r"my.pkl: its keypoint 1 is 'right_hip', and 'left_eye' in skeleton 'coco17'"):
        usable_videos(annotations, None, num_classes=1, skeleton=COCO)
    kept = translated(annotations, classes=None, skeleton=COCO).annotations[0]
    assert float(kept.keypoints[0, 0, COCO.keypoints.index("left_shoulder"), 0]) == 5
    assert kept.scores[0, 0, COCO.keypoints.index("left_ear")] == 0


def test_other_words_for_the_same_keypoints_are_no_other_order():
    words = tuple(f"point{number}" for number in range(17))
    annotations = AnnotationSet((video("a", 0, COCO),), {}, None, words, "my.pkl")

    assert translated(annotations, classes=None, skeleton=COCO) is annotations
    assert usable_videos(annotations, None, num_classes=1, skeleton=COCO)


@pytest.mark.parametrize("number", [2, 16, 18])
def test_names_that_are_not_as_many_as_the_keypoints_translate_nothing(number):
    names = tuple(f"point{place}" for place in range(number))
    annotations = AnnotationSet((video("a", 0, COCO),), {}, None, names, "my.pkl")

    assert translated(annotations, classes=None, skeleton=COCO) is annotations


def test_keypoints_that_the_file_lacks_are_named():
    annotations = AnnotationSet((video("a", 0, PENN),), {}, None, PENN.keypoints, "my.pkl")

    with pytest.raises(ValueError, match=r"my.pkl: poses of skeleton 'penn13' lack .*left_big_toe"):
        translated(annotations, classes=None, skeleton=get_skeleton("openpose25"))
