import pickle

import numpy as np
import pytest

from posec3d.annotations import Annotation
from posec3d.annotations import AnnotationSet
from posec3d.annotations import load_annotations
from posec3d.annotations import save_annotations
from posec3d.pose_files import load_pose_file
from posec3d.pose_files import reading
from posec3d.pose_files.building import posed_video
from posec3d.skeletons import get_skeleton

RNG = np.random.default_rng(0)


def annotation(name, num_people=2, num_frames=4, num_keypoints=17):
    keypoints = RNG.uniform(10, 400, (num_people, num_frames, num_keypoints, 2)).astype(np.float16)
    return Annotation(name, 3, (480, 640), keypoints, np.full(keypoints.shape[:-1], 0.5, np.float16))


def test_every_video_of_the_file_comes_with_its_people(tmp_path):
    first, second = annotation("a"), annotation("b", num_people=1)
    first.scores[0, 2] = 0
    save_annotations(tmp_path / "set.pkl.gz", AnnotationSet((first, second), {"train": ("a",)}))

    a, b = load_pose_file(tmp_path / "set.pkl.gz", frames_per_second=10.0)

    assert (a.name, a.canvas, a.skeleton.name, b.name) == ("a", (480, 640), "coco17", "b")
    assert [f.ids.tolist() for f in a.frames] == [[0, 1], [0, 1], [1], [0, 1]]
    assert [f.seconds for f in b.frames] == [0.0, 0.1, 0.2, 0.3]
    np.testing.assert_array_equal(a.frames[2].keypoints[0], first.keypoints[1, 2].astype(np.float32))


@pytest.mark.parametrize("name", ["set.pkl", "set.arrow"])
def test_videos_are_made_one_by_one_when_they_are_asked_for(tmp_path, monkeypatch, name):
    save_annotations(tmp_path / name, AnnotationSet(tuple(annotation(name) for name in "abcd")))
    made = []
    monkeypatch.setattr(
        reading,
        "posed_video",
        lambda video, *_, **__: (
            made.append(video.name) or posed_video(video, "set", skeleton=None, canvas=None, frames_per_second=30.0)
        ),
    )

    videos = load_pose_file(tmp_path / name)

    assert (len(videos), list(videos.names), made) == (4, ["a", "b", "c", "d"], [])
    assert [video.name for video in (videos[2], videos[-1], *videos[1:3])] == made == ["c", "d", "b", "c"]
    with pytest.raises(IndexError):
        videos[4]


def test_names_in_the_file_say_the_skeleton(tmp_path):
    names = tuple(name.replace("left", "l") for name in get_skeleton("ntu25").keypoints)
    save_annotations(tmp_path / "set.pkl", AnnotationSet((annotation("a", num_keypoints=25),), keypoint_names=names))

    (video,) = load_pose_file(tmp_path / "set.pkl")

    assert video.skeleton.name == "ntu25"


def test_the_skeleton_may_be_given(tmp_path):
    save_annotations(tmp_path / "set.pkl", AnnotationSet((annotation("a", num_keypoints=25),)))

    with pytest.raises(ValueError, match=r"video 'a' has 25 keypoints, as openpose25 and ntu25 have, .*; say which"):
        load_pose_file(tmp_path / "set.pkl")[0]
    (video,) = load_pose_file(tmp_path / "set.pkl", skeleton=get_skeleton("ntu25"))
    assert video.skeleton.name == "ntu25"
    with pytest.raises(
        ValueError, match=r"video 'a' has 25 keypoints, but skeleton 'coco17' has 17; give the skeleton"
    ):
        load_pose_file(tmp_path / "set.pkl", skeleton=get_skeleton("coco17"))[0]


def test_a_folder_of_single_videos_is_read(tmp_path):
    for name in "ab":
        record = {"frame_dir": name, "label": 0, "keypoint": annotation(name).keypoints}
        (tmp_path / f"{name}.pkl").write_bytes(pickle.dumps(record))

    videos = load_pose_file(tmp_path, canvas=(480, 640))

    assert [(video.name, video.canvas) for video in videos] == [("a", (480, 640)), ("b", (480, 640))]


def test_a_real_file_of_pyskl_is_read_whole(shared):
    path = shared / "data" / "wlasl_pyskl_list.pkl"

    videos = load_pose_file(path)

    stored = load_annotations(path).annotations
    assert [video.name for video in videos] == [annotation.video for annotation in stored]
    first, poses = videos[0], stored[0].poses()
    assert (first.canvas, first.skeleton.name, len(first.frames)) == ((1080, 1920), "coco17", 67)
    for time, frame in enumerate(first.frames):
        np.testing.assert_array_equal(frame.scores, poses.scores[frame.ids, time])
        assert frame.num_people == (poses.scores[:, time] > 0).any(-1).sum()
