import json

import numpy as np
import pytest

from posec3d.people import UNKNOWN
from posec3d.pose_files import load_pose_file


def keypoints(num_keypoints=17, x=100.0, score=0.75):
    return [number for place in range(num_keypoints) for number in (x, 50.0 + 10 * place, score)]


def alphapose(image, idx=None, num_keypoints=17, **more):
    """Return an entry as AlphaPose writes it: write_json of alphapose/utils/pPose_nms.py."""
    entry = {
        "image_id": image,
        "category_id": 1,
        "keypoints": keypoints(num_keypoints, **more),
        "score": 2.87,
        "box": [80.0, 40.0, 60.0, 190.0],
    }
    return entry if idx is None else {**entry, "idx": idx}


def load(tmp_path, content, **options):
    path = tmp_path / "alphapose-results.json"
    path.write_text(json.dumps(content))
    return load_pose_file(path, **{"canvas": (480, 640), **options})


def test_frames_that_alphapose_saw_nobody_in_are_there(tmp_path):
    entries = [alphapose(name, idx=1) for name in ("2.jpg", "3.jpg", "10.jpg")]

    (video,) = load(tmp_path, entries, frames_per_second=25.0)

    assert video.name == "alphapose-results"
    assert video.skeleton.name == "coco17"
    assert [f.num_people for f in video.frames] == [0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 1]
    assert video.frames[10].seconds == 10 / 25


def test_pictures_are_counted_from_the_first(tmp_path):
    (video,) = load(tmp_path, [alphapose("img_0103.jpg"), alphapose("img_0101.jpg")])

    assert [f.num_people for f in video.frames] == [1, 0, 1]
    assert video.frames[0].seconds == 0.0


def test_pictures_without_numbers_are_in_natural_order(tmp_path):
    entries = [alphapose(name, x=float(x)) for name, x in (("c.jpg", 30), ("a.jpg", 10), ("b.jpg", 20))]

    (video,) = load(tmp_path, entries)

    assert [f.keypoints[0, 0, 0] for f in video.frames] == [10, 20, 30]


@pytest.mark.parametrize("idx", [7, 7.0, [7.0], [[7], [9]], "7"])  # merged detections keep the ids of all
def test_people_keep_the_number_of_the_tracker(tmp_path, idx):
    (video,) = load(tmp_path, [alphapose("0.jpg", idx=idx), alphapose("0.jpg", idx=3)])

    assert video.frames[0].ids.tolist() == [7, 3]


def test_without_tracking_nobody_is_told_apart(tmp_path, caplog):
    # Without a tracker AlphaPose writes 0 for all.
    (video,) = load(
        tmp_path, [alphapose("0.jpg", idx=[0.0]), alphapose("1.jpg", idx=[0.0]), alphapose("1.jpg", idx=[0.0])]
    )

    assert [f.ids.tolist() for f in video.frames] == [[UNKNOWN], [UNKNOWN, UNKNOWN]]
    assert "identity 0 is there twice in frame 1: none is used" in caplog.text


@pytest.mark.parametrize(
    ("num_keypoints", "skeleton", "num_used"),
    [
        (26, "halpe26", 26),
        (136, "halpe26", 26),  # Halpe-FullBody: face and hands follow
        (133, "coco17", 17),  # COCO-WholeBody: feet, face and hands follow
    ],
)
def test_the_skeleton_is_told_by_the_number_of_keypoints(tmp_path, num_keypoints, skeleton, num_used):
    (video,) = load(tmp_path, [alphapose("0.jpg", num_keypoints=num_keypoints)], canvas=(1600, 640))

    assert video.skeleton.name == skeleton
    assert video.frames[0].keypoints.shape == (1, num_used, 2)


@pytest.mark.parametrize("form", ["open", "cmu"])
def test_the_other_forms_of_alphapose_are_read_as_openpose(tmp_path, form):
    def frame(x):
        if form == "cmu":
            return {"version": "AlphaPose v0.3", "bodies": [{"joints": keypoints(18, x)}]}
        return {"version": "AlphaPose v0.3", "people": [{"pose_keypoints_2d": keypoints(18, x)}]}

    (video,) = load(tmp_path, {"2.jpg": frame(20.0), "0.jpg": frame(10.0)})

    assert video.skeleton.name == "openpose18"
    assert [f.keypoints[:, 0, 0].tolist() for f in video.frames] == [[10], [], [20]]


def test_results_of_coco_have_numbers_of_images_and_scores(tmp_path):
    entries = [{"image_id": image, "category_id": 1, "keypoints": keypoints(), "score": 0.9} for image in (12, 14)]

    (video,) = load(tmp_path, entries)

    assert [f.num_people for f in video.frames] == [1, 0, 1]
    np.testing.assert_array_equal(video.frames[0].scores, np.full((1, 17), 0.75, np.float32))


def test_flags_in_the_place_of_scores_count_as_seen(tmp_path):
    entry = alphapose("0.jpg")
    entry["keypoints"][2::3] = [0, 1, 2] + [2] * 14

    (video,) = load(tmp_path, [entry])

    assert video.frames[0].scores[0].tolist() == [0.0] + [1.0] * 16


def test_images_in_folders_are_videos_of_their_own(tmp_path):
    videos = load(tmp_path, [alphapose("a/1.jpg"), alphapose("b\\1.jpg"), alphapose("a/2.jpg")])

    # From frame 0: AlphaPose calls the frames of videos so.
    assert [(video.name, len(video.frames)) for video in videos] == [("a", 3), ("b", 2)]


def test_scores_above_one_count_as_one(tmp_path, caplog):
    # Heatmaps of AlphaPose trained on COCO may go up to 6, as its documentation says.
    (video,) = load(tmp_path, [alphapose("0.jpg", score=5.5)])

    assert (video.frames[0].scores == 1).all()
    assert "scores go up to 5.5; those above 1 count as 1" in caplog.text


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (
            {**alphapose("0.jpg"), "keypoints": [1.0] * 34},
            r"entry 1 \(image_id '0.jpg'\): its keypoints are 34 numbers",
        ),
        (alphapose("0.jpg", num_keypoints=26), r"entry 1 \(image_id '0.jpg'\) has 26 keypoints, entry 0 .* has 17"),
        ({"keypoints": keypoints()}, "entry 1 has no image_id or no keypoints"),
        ({"image_id": 2.5, "keypoints": keypoints()}, "entry 1: image_id is 2.5"),
        (alphapose("1623412341234.jpg"), "frames are numbered 0 to 1623412341234, more than 1,000,000 frames"),
        (alphapose("0.jpg", score=640.0), "scores go up to 640, so they are no confidences"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path, entry, message):
    with pytest.raises(ValueError, match=message):
        load(tmp_path, [alphapose("0.jpg"), entry])


def test_an_unknown_number_of_keypoints_asks_for_the_skeleton(tmp_path):
    # MPII has 16.
    with pytest.raises(ValueError, match=r"entry 0 .* has 16 keypoints, unlike coco17, halpe26, .* say which skeleton"):
        load(tmp_path, [alphapose("0.jpg", num_keypoints=16)])
