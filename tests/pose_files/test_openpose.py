import json

import numpy as np
import pytest

from posec3d.people import UNKNOWN
from posec3d.pose_files import load_pose_file


def frame(*people):
    """Return a file as OpenPose 1.7 writes it (format 1.3)."""
    others = ("face_keypoints_2d", "hand_left_keypoints_2d", "hand_right_keypoints_2d")
    others_3d = ("pose_keypoints_3d", "face_keypoints_3d", "hand_left_keypoints_3d", "hand_right_keypoints_3d")
    empty = {key: [] for key in (*others, *others_3d)}
    return {"version": 1.3, "people": [{"person_id": [-1], "pose_keypoints_2d": p, **empty} for p in people]}


def person(num_keypoints=25, x=100.0):
    """The first keypoint at (x, 50), each further one 10 lower; the last was not found."""
    found = [number for place in range(num_keypoints - 1) for number in (x, 50.0 + 10 * place, 0.5)]
    return [*found, 0, 0, 0]


def write(folder, names_and_frames):
    folder.mkdir(exist_ok=True)
    for name, content in names_and_frames.items():
        (folder / name).write_text(json.dumps(content))
    return folder


def test_a_folder_is_a_video_with_a_file_a_frame(tmp_path, caplog):
    folder = write(
        tmp_path / "json",
        {
            "clip_1_000000000010_keypoints.json": frame(person(x=200.0), person(x=30.0)),
            "clip_1_000000000008_keypoints.json": frame(person()),
            "clip_1_000000000009_keypoints.json": frame(),
        },
    )

    (video,) = load_pose_file(folder, canvas=(480, 640), frames_per_second=25.0)

    assert video.name == "clip_1"
    assert video.skeleton.name == "openpose25"
    assert video.canvas == (480, 640)
    assert video.frames_per_second == 25.0
    assert [f.num_people for f in video.frames] == [1, 0, 2]
    assert [f.seconds for f in video.frames] == [0.0, 1 / 25, 2 / 25]
    assert video.frames[2].keypoints[:, 3].tolist() == [[200, 80], [30, 80]]
    assert video.frames[2].ids.tolist() == [UNKNOWN, UNKNOWN]
    assert video.frames[0].scores[0].tolist() == [0.5] * 24 + [0]
    assert caplog.messages == []


def test_coco_18_is_told_by_its_length(tmp_path):
    folder = write(tmp_path / "json", {"a_000000000000_keypoints.json": frame(person(18))})

    (video,) = load_pose_file(folder, canvas=(480, 640))

    assert video.skeleton.name == "openpose18"


def test_frames_that_were_skipped_take_their_time(tmp_path):
    # --frame_step 5
    files = {f"a_{number:012}_keypoints.json": frame(person()) for number in (0, 5, 10)}

    (video,) = load_pose_file(write(tmp_path / "json", files), canvas=(480, 640), frames_per_second=30.0)

    assert [f.seconds for f in video.frames] == [0, 5 / 30, 10 / 30]
    assert video.frames_per_second == 6.0


def test_several_videos_in_a_folder_stay_apart(tmp_path):
    files = {f"{name}_{number:012}_keypoints.json": frame(person()) for name in "ab" for number in range(3)}

    videos = load_pose_file(write(tmp_path / "json", files), canvas=(480, 640))

    assert [(video.name, len(video.frames)) for video in videos] == [("a", 3), ("b", 3)]


@pytest.mark.parametrize(
    ("file", "name"),
    [("clip_000000000012_keypoints.json", "clip"), ("photo.json", "photo"), ("7.json", "7")],
)
def test_one_file_is_a_video_of_one_frame(tmp_path, file, name):
    write(tmp_path, {file: frame(person())})

    (video,) = load_pose_file(tmp_path / file, canvas=(480, 640))

    assert (video.name, len(video.frames), video.frames[0].seconds) == (name, 1, 0.0)


def test_files_named_by_their_frame_are_called_after_the_folder(tmp_path):
    # sep-json of AlphaPose --format open and cmu: no neck of its own, no face, no person_id.
    opened = {"version": "AlphaPose v0.3", "people": [{"pose_keypoints_2d": person(18)}]}
    cmu = {"version": "AlphaPose v0.3", "bodies": [{"joints": person(18)}]}
    folder = write(tmp_path / "sep-json", {"0.json": opened, "10.json": cmu, "9.json": opened})

    (video,) = load_pose_file(folder, canvas=(480, 640))

    assert (video.name, video.skeleton.name) == ("sep-json", "openpose18")
    assert [f.num_people for f in video.frames] == [1, 1, 1]
    np.testing.assert_allclose([f.seconds for f in video.frames], [0, 9 / 30, 10 / 30])


def test_people_without_a_body_are_left_out(tmp_path):
    # --body 0 --face: a face, but no pose.
    write(tmp_path, {"a.json": frame([], person())})

    (video,) = load_pose_file(tmp_path / "a.json", canvas=(480, 640))

    assert video.frames[0].num_people == 1


def test_known_people_keep_their_number(tmp_path):
    # --identification or --tracking 1
    content = frame(person(), person(x=300.0))
    content["people"][0]["person_id"], content["people"][1]["person_id"] = [4], [2]
    write(tmp_path, {"a.json": content})

    (video,) = load_pose_file(tmp_path / "a.json", canvas=(480, 640))

    assert video.frames[0].ids.tolist() == [4, 2]


def test_nobody_in_any_frame_needs_to_be_told_everything(tmp_path):
    folder = write(tmp_path / "json", {f"a_{number:012}_keypoints.json": frame() for number in range(3)})

    with pytest.raises(ValueError, match="json: nobody is in it, not in a single frame"):
        load_pose_file(folder, canvas=(480, 640))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (frame(person()[:-1]), r"a.json: people\[0\]: its keypoints are 74 numbers, which is not three"),
        # MPI has as many as JHMDB, but others.
        (frame(person(15)), r"a.json: people\[0\] has 15 keypoints, unlike openpose25, openpose18, .*; say which"),
        (frame(person(), person(18)), r"a.json: people\[1\] has 18 keypoints, people\[0\] has 25"),
        (frame([*person()[:-1], "x"]), r"a.json: people\[0\]: its keypoints are not a list of numbers"),
        ({"people": [{"face_keypoints_2d": []}]}, r"a.json: people\[0\] has no pose_keypoints_2d"),
        ({"people": [7]}, r"a.json: people\[0\] is 7; write the dictionary of a person"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path, content, message):
    write(tmp_path, {"a.json": content})

    with pytest.raises(ValueError, match=message):
        load_pose_file(tmp_path / "a.json", canvas=(480, 640))


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("a_keypoints.json", "b_keypoints.json"), "a_keypoints.json: no frame number in this name"),
        (("a_1_keypoints.json", "a_01_keypoints.json"), "is frame 1 of 'a' as well"),
    ],
)
def test_each_file_of_a_folder_is_one_frame(tmp_path, names, message):
    folder = write(tmp_path / "json", {name: frame(person()) for name in names})

    with pytest.raises(ValueError, match=message):
        load_pose_file(folder, canvas=(480, 640))
