import numpy as np
import pytest

from posec3d.annotations import Annotation
from posec3d.annotations import AnnotationSet


def annotation(keypoints, scores=None, video="a", dtype=np.float16) -> Annotation:
    keypoints = np.array(keypoints, dtype)
    scores = None if scores is None else np.array(scores, dtype)
    keypoints.flags.writeable = False
    return Annotation(video=video, label=0, canvas=(240, 320), keypoints=keypoints, scores=scores)


@pytest.mark.parametrize(
    ("point", "score", "expected_point", "expected_score"),
    [
        ((3, 4), 0.5, (3, 4), 0.5),
        ((3, 4), None, (3, 4), 1),  # no scores: certain
        ((0, 4), 0.5, (0, 4), 0.5),  # on the left edge
        ((3, 0), None, (3, 0), 1),  # on the upper edge
        ((-3, 4), 0.5, (-3, 4), 0.5),  # outside the canvas
        ((0, 0), 0.5, (0, 0), 0),  # the format's mark
        ((0, 0), None, (0, 0), 0),
        ((3, 4), 0.0, (3, 4), 0),  # missing, with a guess that widens crops
        ((3, 4), np.nan, (3, 4), 0),
        ((3, 4), np.inf, (3, 4), 0),  # what float16 makes of 65,520 and more
        ((np.nan, 4), 0.5, (0, 0), 0),
        ((3, np.inf), None, (0, 0), 0),
    ],
)
def test_a_keypoint_is_missing_by_score_by_value_or_by_the_mark(point, score, expected_point, expected_score):
    poses = annotation([[[point]]], None if score is None else [[[score]]]).poses()

    assert poses.scores.item() == expected_score
    assert tuple(poses.keypoints[0, 0, 0]) == expected_point


def test_poses_are_float32_on_the_canvas_of_the_video():
    poses = annotation(np.ones((2, 3, 17, 2)), np.ones((2, 3, 17))).poses()

    assert (poses.keypoints.dtype, poses.scores.dtype) == (np.float32, np.float32)
    assert (poses.num_people, poses.num_frames, poses.num_keypoints) == (2, 3, 17)
    assert poses.canvas == (240, 320)


def test_frames_are_chosen_in_the_order_given():
    moving = annotation([[[[1, 5]], [[2, 5]], [[3, 5]]]])

    assert moving.num_frames == 3
    assert moving.poses(np.array([2, 0, 2])).keypoints[0, :, 0, 0].tolist() == [3, 1, 3]


def test_a_split_is_its_videos_in_file_order():
    first, second, third = (annotation([[[(1, 2)]]], video=name) for name in "abc")
    videos = AnnotationSet((first, second, third), splits={"train": ("c", "a", "unknown")})

    assert [video.video for video in videos.split("train")] == ["a", "c"]
    assert [video.video for video in videos.split(None)] == ["a", "b", "c"]


def test_an_unknown_split_is_told_with_those_there_are():
    with pytest.raises(KeyError, match="no split 'test'; splits in the file: train, val"):
        AnnotationSet((), splits={"train": (), "val": ()}).split("test")
    with pytest.raises(KeyError, match="plain list"):
        AnnotationSet(()).split("test")
