import json

import pytest

from posec3d.people import UNKNOWN
from posec3d.pose_files import load_pose_file
from posec3d.skeletons import get_skeleton

COCO = get_skeleton("coco17")
PERSON = {
    "supercategory": "person",
    "id": 1,
    "name": "person",
    "keypoints": list(COCO.keypoints),
    "skeleton": [[16, 14], [14, 12], [17, 15], [15, 13], [12, 13]],
}


def image(number, name=None, **more):
    return {"id": number, "file_name": name or f"{number:012}.jpg", "height": 480, "width": 640, **more}


def annotation(number, image_id, x=100, visible=2, **more):
    keypoints = [value for place in range(17) for value in (x, 50 + 10 * place, visible)]
    keypoints[:3] = [0, 0, 0]
    return {
        "id": number,
        "image_id": image_id,
        "category_id": 1,
        "iscrowd": 0,
        "num_keypoints": 16,
        "keypoints": keypoints,
        "bbox": [90, 40, 50, 180],
        **more,
    }


def load(tmp_path, content, **options):
    path = tmp_path / "person_keypoints.json"
    path.write_text(json.dumps({"categories": [PERSON], **content}))
    return load_pose_file(path, **options)


def test_hidden_and_visible_keypoints_are_there_others_are_missing(tmp_path):
    content = {"images": [image(1)], "annotations": [annotation(7, 1, visible=1), annotation(8, 1, x=300)]}

    (video,) = load(tmp_path, content)

    assert (video.name, video.canvas, video.skeleton) == ("person_keypoints", (480, 640), COCO)
    assert video.frames[0].scores.tolist() == [[0.0] + [1.0] * 16] * 2
    assert video.frames[0].keypoints[:, 1].tolist() == [[100, 60], [300, 60]]
    assert video.frames[0].ids.tolist() == [UNKNOWN, UNKNOWN]  # the id of an annotation is no identity


def test_images_are_frames_with_or_without_people(tmp_path):
    content = {"images": [image(3), image(1), image(2)], "annotations": [annotation(7, 1), annotation(8, 3)]}

    (video,) = load(tmp_path, content, frames_per_second=10.0)

    assert [f.num_people for f in video.frames] == [1, 0, 1]
    assert [f.seconds for f in video.frames] == [0.0, 0.1, 0.2]


def test_videos_are_told_apart_by_video_id(tmp_path):
    # As in YouTube-VIS: a table of videos, and frame_id counted from 0.
    content = {
        "videos": [{"id": 1, "name": "walk", "fps": 25}, {"id": 2, "name": "jump"}],
        "images": [
            image(1, "x.jpg", video_id=1, frame_id=1),
            image(2, "y.jpg", video_id=1, frame_id=0),
            image(3, "z.jpg", video_id=2, frame_id=0),
        ],
        "annotations": [
            annotation(1, 1, x=10, track_id=4),
            annotation(2, 2, x=20, track_id=4),
            annotation(3, 3, track_id=0),
        ],
    }

    walk, jump = load(tmp_path, content)

    assert (walk.name, walk.frames_per_second, jump.name, jump.frames_per_second) == ("walk", 25.0, "jump", 30.0)
    assert [f.keypoints[0, 1, 0] for f in walk.frames] == [20, 10]
    assert [f.ids.tolist() for f in walk.frames] == [[4], [4]]


def test_videos_are_told_apart_by_folder_and_skipped_frames_take_their_time(tmp_path):
    # As in PoseTrack: every fourth frame is annotated.
    names = ["val/000342_mpii/000000.jpg", "val/000342_mpii/000004.jpg", "val\\000522_mpii\\000000.jpg"]
    content = {
        "images": [image(i, name) for i, name in enumerate(names)],
        "annotations": [annotation(i, i) for i in range(3)],
    }

    first, second = load(tmp_path, content, frames_per_second=24.0)

    assert (first.name, second.name) == ("val/000342_mpii", "val/000522_mpii")
    assert [f.seconds for f in first.frames] == [0.0, 4 / 24]
    assert first.frames_per_second == 6.0


def test_boxes_crowds_and_other_categories_are_left_out(tmp_path):
    box = {"id": 9, "image_id": 1, "category_id": 3, "bbox": [0, 0, 9, 9]}
    crowd = annotation(10, 1, iscrowd=1, num_keypoints=0)
    dog = annotation(11, 1, category_id=2)
    categories = [PERSON, {"id": 2, "name": "dog", "keypoints": ["nose"]}, {"id": 3, "name": "car"}]
    content = {"categories": categories, "images": [image(1)], "annotations": [annotation(7, 1), box, crowd, dog]}

    (video,) = load(tmp_path, content)

    assert video.frames[0].num_people == 1


def test_a_category_of_other_keypoints_is_a_skeleton_of_its_own(tmp_path):
    category = {"id": 1, "name": "crane", "keypoints": ["base", "L_arm", "hook"], "skeleton": [[1, 2], [2, 3]]}
    crane = annotation(7, 1, keypoints=[10, 20, 2, 30, 40, 2, 50, 60, 2])

    (video,) = load(tmp_path, {"categories": [category], "images": [image(1)], "annotations": [crane]})

    assert video.skeleton.keypoints == ("base", "left_arm", "hook")
    assert video.skeleton.limbs == ((0, 1), (1, 2))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"annotations": [annotation(7, 5)]}, "annotation 7 is of image 5, which is not among images"),
        ({"annotations": [annotation(7, 1, keypoints=[1] * 34)]}, "annotation 7: its keypoints are 34 numbers"),
        ({"annotations": [annotation(7, 1, keypoints=[1] * 39)]}, "annotation 7 has 13 keypoints, but the file has 17"),
        ({"annotations": [{"id": 7, "keypoints": [1]}]}, "annotation 7 has no image_id"),
        ({"annotations": ["x"]}, "annotations holds something else than dictionaries"),
        ({"images": [image(1), image(2, height=360)]}, "has images of 360 x 640 and 480 x 640"),
        ({"images": [image(1, height="tall")]}, "height is 'tall', which is no whole number"),
        ({"images": [image(1, height=-480)]}, "its images are -480 x 640"),
        ({"videos": None, "categories": None}, None),
        ({"images": [image(1, video_id=1)], "videos": [{"id": 1, "fps": "30/1"}]}, "fps is '30/1', which is no number"),
        ({"images": [image(1, video_id=1)], "videos": [{"id": 1, "fps": -5}]}, "fps is -5, which is no number"),
        ({"annotations": [annotation(7, 1, track_id=2**64 - 1)]}, None),
        ({"images": [image(1, frame_id=3), image(2, frame_id=3)]}, "two images of one frame number"),
        ({"categories": [PERSON, {**PERSON, "id": 2, "name": "dog"}]}, None),  # called person
        (
            {"categories": [{**PERSON, "name": "cat"}, {**PERSON, "id": 2, "name": "dog"}]},
            r"several categories have keypoints \(cat, dog\)",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path, change, message):
    content = {"images": [image(1)], "annotations": [annotation(7, 1)], **change}

    if message is None:
        assert load(tmp_path, content)[0].frames[0].num_people == 1
        return
    with pytest.raises(ValueError, match=f"person_keypoints.json: .*{message}"):
        load(tmp_path, content)
