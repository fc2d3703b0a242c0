import re

import numpy as np
import pytest

from posec3d.pose_files import load_pose_file
from posec3d.skeletons import get_skeleton

COCO = get_skeleton("coco17")
RNG = np.random.default_rng(0)
ONE = RNG.uniform(10, 400, (5, 17, 2))
TWO = RNG.uniform(10, 400, (2, 5, 17, 2))
SCORES = RNG.uniform(0.1, 1, (2, 5, 17))


def load(tmp_path, *, options=None, **arrays):
    np.savez(tmp_path / "walk.npz", **arrays)
    return load_pose_file(tmp_path / "walk.npz", **(options or {}))


def test_one_person_needs_nothing_but_keypoints(tmp_path):
    (video,) = load(tmp_path, keypoints=ONE, options={"canvas": (480, 640), "frames_per_second": 10.0})

    assert (video.name, video.skeleton, video.canvas) == ("walk", COCO, (480, 640))
    assert [f.seconds for f in video.frames] == [0.0, 0.1, 0.2, 0.3, 0.4]
    assert [f.ids.tolist() for f in video.frames] == [[0]] * 5
    np.testing.assert_array_equal(video.frames[3].keypoints[0], ONE[3].astype(np.float32))
    np.testing.assert_array_equal(video.frames[3].scores, np.ones((1, 17), np.float32))


@pytest.mark.parametrize(
    "arrays",
    [
        {"keypoints": np.concatenate([TWO, SCORES[..., None]], axis=-1)},
        {"keypoints": TWO, "scores": SCORES},
        {"keypoint": TWO, "keypoint_score": SCORES},  # as annotation files say it
    ],
)
def test_several_people_have_a_row_each(tmp_path, arrays):
    (video,) = load(tmp_path, **arrays, canvas=[480, 640], fps=25)

    assert (video.canvas, video.frames_per_second) == ((480, 640), 25.0)
    assert video.frames[4].ids.tolist() == [0, 1]
    np.testing.assert_array_equal(video.frames[4].keypoints, TWO[:, 4].astype(np.float32))
    np.testing.assert_array_equal(video.frames[4].scores, SCORES[:, 4].astype(np.float32))


def test_absent_people_are_left_out_of_their_frames(tmp_path):
    scores = SCORES.copy()
    scores[0, 2] = 0

    (video,) = load(tmp_path, keypoints=TWO, scores=scores, img_shape=(480, 640))

    assert [f.ids.tolist() for f in video.frames] == [[0, 1], [0, 1], [1], [0, 1], [0, 1]]


def test_names_say_the_order_of_keypoints(tmp_path):
    (video,) = load(tmp_path, keypoints=ONE[:, ::-1], keypoint_names=COCO.keypoints[::-1], canvas=(480, 640))

    assert video.skeleton == COCO
    np.testing.assert_array_equal(video.frames[0].keypoints[0], ONE[0].astype(np.float32))


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"poses": ONE}, "holds 'poses', but no 'keypoints'"),
        ({"keypoints": ONE[0]}, r"keypoints has shape \(17, 2\); write \(T, V, 2\)"),
        ({"keypoints": TWO[..., :1]}, r"keypoints has shape \(2, 5, 17, 1\)"),
        ({"keypoints": TWO[:0]}, r"keypoints has shape \(0, 5, 17, 2\)"),
        ({"keypoints": TWO, "scores": SCORES[0]}, r"scores has shape \(5, 17\), keypoints \(2, 5, 17, 2\)"),
        ({"keypoints": ONE.astype(str)}, "keypoints holds <U32 values; write numbers"),
        ({"keypoints": ONE.astype(object)}, "not an .npz file of plain arrays, .*Object arrays cannot be loaded"),
        ({"keypoints": ONE, "canvas": [480]}, r"canvas is \[480.0\]; write \(height, width\)"),
        ({"keypoints": ONE, "canvas": [0, 640]}, r"canvas is \[0.0, 640.0\]"),
        ({"keypoints": ONE, "canvas": [480.5, 640]}, r"canvas is \[480.5, 640.0\]"),
        ({"keypoints": ONE, "fps": 0}, "frames_per_second is 0.0"),
        ({"keypoints": ONE, "fps": [25, 30]}, r"frames_per_second is \[25.0, 30.0\]"),
        ({"keypoints": ONE, "names": ["nose"]}, "has 17 keypoints, but the file has 1 different names"),
        ({"keypoints": RNG.uniform(9, 99, (3, 25, 2))}, "has 25 keypoints, as openpose25 and ntu25 have"),
    ],
)
def test_what_is_wrong_is_said_with_the_value(tmp_path, arrays, message):
    with pytest.raises(ValueError, match=f"{re.escape(str(tmp_path))}/walk.npz: .*{message}"):
        load(tmp_path, **arrays)


def test_an_array_without_a_name_is_refused(tmp_path):
    np.save(tmp_path / "walk.npy", ONE)

    with pytest.raises(ValueError, match=r"holds no array with a name, but no 'keypoints'; save it with np.savez"):
        load_pose_file(tmp_path / "walk.npy")


def test_a_damaged_file_is_refused(tmp_path):
    np.savez(tmp_path / "walk.npz", keypoints=ONE)
    whole = (tmp_path / "walk.npz").read_bytes()
    (tmp_path / "walk.npz").write_bytes(whole[: len(whole) // 2])

    with pytest.raises(ValueError, match=r"not an .npz file of plain arrays, or damaged"):
        load_pose_file(tmp_path / "walk.npz")
