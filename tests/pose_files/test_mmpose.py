import json

import numpy as np
import pytest

from posec3d.people import UNKNOWN
from posec3d.pose_files import load_pose_file
from posec3d.skeletons import get_skeleton

NAMES = get_skeleton("coco17").keypoints


def instance(x=100.0, num_keypoints=17, **more):
    """Return an instance as split_instances of MMPose 1.x does; its box stands in a tuple by a slip of a comma."""
    return {
        "keypoints": [[x, 50.0 + 10 * place] for place in range(num_keypoints)],
        "keypoint_scores": [0.5] * num_keypoints,
        "bbox": [[90.0, 40.0, 140.0, 220.0]],
        "bbox_score": 0.9,
        **more,
    }


def load(tmp_path, content, **options):
    path = tmp_path / "results_clip.json"
    path.write_text(json.dumps(content))
    return load_pose_file(path, **{"canvas": (480, 640), **options})


def demo(*frames, names=NAMES):
    # The demos count frames from 1.
    return {
        "meta_info": {"dataset_name": "coco", "keypoint_id2name": {str(i): name for i, name in enumerate(names)}},
        "instance_info": [{"frame_id": i, "instances": list(people)} for i, people in enumerate(frames, 1)],
    }


def test_a_demo_of_a_video_is_read(tmp_path):
    (video,) = load(tmp_path, demo([instance(), instance(300.0)], [], [instance()]), frames_per_second=10.0)

    assert (video.name, video.skeleton.name) == ("results_clip", "coco17")
    assert [f.num_people for f in video.frames] == [2, 0, 1]
    assert [f.seconds for f in video.frames] == [0.0, 0.1, 0.2]
    assert video.frames[0].keypoints[:, 2].tolist() == [[100, 70], [300, 70]]
    np.testing.assert_array_equal(video.frames[0].scores, np.full((2, 17), 0.5, np.float32))
    assert video.frames[0].ids.tolist() == [UNKNOWN, UNKNOWN]


def test_the_inferencer_saves_the_frames_by_themselves(tmp_path):
    frames = [
        {"frame_id": 0, "instances": [instance(track_id=5)]},
        {"frame_id": 1, "instances": [instance(track_id=5)]},
    ]

    (video,) = load(tmp_path, frames)

    assert [f.ids.tolist() for f in video.frames] == [[5], [5]]


@pytest.mark.parametrize("wrap", [lambda people: people, lambda people: {"instance_info": people}])
def test_a_picture_is_a_video_of_one_frame(tmp_path, wrap):
    (video,) = load(tmp_path, wrap([instance(), instance()]))

    assert [f.num_people for f in video.frames] == [2]


def test_names_decide_over_the_number_of_keypoints(tmp_path):
    names = tuple(reversed(NAMES))

    (video,) = load(tmp_path, demo([instance()], names=names))

    assert video.skeleton.name == "coco17"
    assert video.frames[0].keypoints[0, 0].tolist() == [100, 210]  # the nose is last in the file


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (demo([instance(), {"bbox": []}]), "frame_id 1: instance 1 has no keypoints"),
        (
            demo([instance(keypoint_scores=[0.5])]),
            r"has keypoints of shape \(17, 2\) and keypoint_scores of shape \(1,\)",
        ),
        (demo([instance(keypoints=[[1, 2, 3]] * 17)]), r"has keypoints of shape \(17, 3\)"),
        (demo([instance(num_keypoints=9)]), "has 9 keypoints, but the file has 17 different names"),
        ([{"frame_id": 3, "instances": None}], "frame_id 3: instances is None; write a list"),
        ([{"frame_id": "a", "instances": []}], "frame 0: frame_id is 'a', which is no whole number"),
        ([{"frame_id": 1, "instances": []}] * 2, "frame_id 1 is there twice"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path, content, message):
    with pytest.raises(ValueError, match=f"results_clip.json: .*{message}"):
        load(tmp_path, content)
