import gzip
import json
import pickle

import numpy as np
import pytest

from posec3d.pose_files import is_pose_file
from posec3d.pose_files import load_pose_file

KEYPOINTS = [number for place in range(17) for number in (100, 50 + place, 0.5)]
RESULTS = json.dumps([{"image_id": "0.jpg", "category_id": 1, "keypoints": KEYPOINTS, "score": 1.0}])
OPENPOSE = json.dumps({"version": 1.3, "people": [{"person_id": [-1], "pose_keypoints_2d": [50, 60, 0.5] * 25}]})
RECORD = {"frame_dir": "a", "label": 0, "img_shape": (480, 640), "keypoint": np.full((1, 2, 17, 2), 50, np.float32)}


@pytest.mark.parametrize(
    ("name", "fits"),
    [
        ("a.json", True),
        ("a.NPZ", True),
        ("a.csv", True),
        ("a.pkl", True),
        ("a.pkl.gz", True),
        ("a.gz", False),
        ("a.mp4", False),
        ("0", False),  # a webcam
        ("rtsp://camera/1", False),
    ],
)
def test_pose_files_are_told_by_their_name(name, fits):
    assert is_pose_file(name) == fits


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (RESULTS.encode(), "poses.txt"),
        (b"\xef\xbb\xbf\n " + RESULTS.encode(), "poses.json"),  # the mark that Windows puts before UTF-8
        (b"frame,keypoint,x,y\n0,nose,10,20\n", "poses.txt"),
        (pickle.dumps(RECORD), "poses"),
        (pickle.dumps([RECORD], protocol=0), "poses.pkl"),
        (gzip.compress(pickle.dumps(RECORD)), "poses"),
    ],
)
def test_the_content_decides_not_the_name(tmp_path, content, name):
    (tmp_path / name).write_bytes(content)

    (video,) = load_pose_file(tmp_path / name, canvas=(480, 640))

    assert video.frames[0].num_people == 1


def test_files_of_a_folder_may_be_videos_each(tmp_path):
    for name in ("b", "a"):
        (tmp_path / f"{name}.json").write_text(RESULTS)
    (tmp_path / ".c.json").write_text("[")  # somebody is still writing it

    videos = load_pose_file(tmp_path, canvas=(480, 640))

    assert [video.name for video in videos] == ["a", "b"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b" \n", "the file is empty"),
        (RESULTS[:100].encode(), r"line 1, column \d+: not JSON, or cut short"),
        (b"[]", "holds an empty list; expected JSON as OpenPose"),
        (b"{}", "holds an empty dict; expected JSON"),
        (b'{"a": 1, "b": 2}', "holds a dictionary of 'a', 'b'; expected JSON"),
        (b"[1, 2]", "holds a list; expected JSON"),
        (b"7", "holds neither a list nor an object; expected JSON"),
        (b"[" * 100_000, "lists within lists beyond measure"),
        ('[{"a": "\u00fc"}]'.encode("latin-1"), "not text in UTF-8"),
        (b"\x00\x00\x00 ftypisom", "line 1, column 1: not JSON"),
    ],
)
def test_what_is_no_pose_file_is_refused(tmp_path, content, message):
    (tmp_path / "a.json").write_bytes(content)

    with pytest.raises(ValueError, match=f"a.json: {message}"):
        load_pose_file(tmp_path / "a.json")


def test_a_video_is_no_pose_file(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"\x00\x00\x00 ftypisom")

    with pytest.raises(ValueError, match=r"a.mp4: not a pose file; expected JSON as OpenPose"):
        load_pose_file(tmp_path / "a.mp4")


def test_nothing_in_a_pickle_is_run(tmp_path):
    class Evil:
        def __reduce__(self):
            return (exec, ("raise SystemExit('run')",))

    (tmp_path / "a.pkl").write_bytes(pickle.dumps([Evil()]))

    with pytest.raises(ValueError, match=r"a.pkl: contains .*exec, which was not run"):
        load_pose_file(tmp_path / "a.pkl")


@pytest.mark.parametrize(("name", "message"), [("b.json", "no such file"), ("", r"no \*.json in this folder")])
def test_what_is_not_there_is_said(tmp_path, name, message):
    with pytest.raises(FileNotFoundError, match=message):
        load_pose_file(tmp_path / name)


def test_the_rate_is_above_0(tmp_path):
    (tmp_path / "a.json").write_text(OPENPOSE)

    with pytest.raises(ValueError, match="frames_per_second is 0; give a rate above 0"):
        load_pose_file(tmp_path / "a.json", frames_per_second=0.0)
