import gzip
import pickle
import re
from collections import OrderedDict
from dataclasses import replace

import jaxtyping
import numpy as np
import pytest

from posec3d.annotations import Annotation
from posec3d.annotations import AnnotationSet
from posec3d.annotations import load_annotations
from posec3d.annotations import save_annotations


def record(**changes):
    """A sound record of one person, 4 frames, 17 keypoints; a field changed to None is left out."""
    keypoint = np.arange(1, 137, dtype=np.float16).reshape(1, 4, 17, 2)
    fields = {
        "frame_dir": "a",
        "label": 1,
        "img_shape": (240, 320),
        "total_frames": 4,
        "keypoint": keypoint,
        "keypoint_score": np.full((1, 4, 17), 0.5, np.float16),
    } | changes
    return {field: value for field, value in fields.items() if value is not None}


@pytest.fixture
def load(tmp_path):
    def load(content, **options):
        path = tmp_path / "file.pkl"
        path.write_bytes(pickle.dumps(content))
        return load_annotations(path, **options)

    return load


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
@pytest.mark.parametrize(
    ("content", "splits"),
    [
        ([record(), record(frame_dir="b")], {}),
        ({"split": {"train": ["b"]}, "annotations": [record(), record(frame_dir="b")]}, {"train": ("b",)}),
        ({"split": {"val": {"b", "a"}}, "annos": (record(), record(frame_dir="b"))}, {"val": ("a", "b")}),
        ({"annotations": [record(), record(frame_dir="b")]}, {}),
    ],
)
def test_every_layout_is_read_plain_or_gzipped(tmp_path, content, splits, compress):
    path = tmp_path / "file.pkl"  # the same name for both: gzip shows in the content
    path.write_bytes(compress(pickle.dumps(content)))

    loaded = load_annotations(path)

    assert [video.video for video in loaded.annotations] == ["a", "b"]
    assert loaded.splits == splits
    assert loaded.source == str(path)


def test_a_folder_of_single_videos_is_read_by_name(tmp_path):
    (tmp_path / "2.pkl").write_bytes(pickle.dumps(record(frame_dir="second")))
    (tmp_path / "1.pkl.gz").write_bytes(gzip.compress(pickle.dumps(record(frame_dir="first"))))
    (tmp_path / ".3.unfinished.pkl").write_bytes(b"")
    (tmp_path / "notes.txt").write_text("no pickle")

    loaded = load_annotations(str(tmp_path))

    assert [video.video for video in loaded.annotations] == ["first", "second"]


def test_one_video_is_a_set_of_one_as_stored(load):
    stored = record(view="front", img_norm_cfg={"unknown": 1})

    (video,) = load(OrderedDict(stored)).annotations

    assert (video.video, video.label, video.canvas) == ("a", 1, (240, 320))
    assert video.keypoints.dtype == np.float16
    np.testing.assert_array_equal(video.keypoints, stored["keypoint"])
    np.testing.assert_array_equal(video.scores, stored["keypoint_score"])


@pytest.mark.parametrize(
    ("changes", "field", "expected"),
    [
        ({"frame_dir": None, "filename": "clip.avi"}, "video", "clip.avi"),
        ({"filename": "clip.avi"}, "video", "a"),  # frame_dir goes first
        ({"frame_dir": np.str_("a b/c.mp4")}, "video", "a b/c.mp4"),
        ({"label": np.int64(3)}, "label", 3),
        ({"label": None}, "label", None),
        ({"img_shape": None, "original_shape": (100, 200)}, "canvas", (100, 200)),
        ({"original_shape": (100, 200)}, "canvas", (240, 320)),  # img_shape goes first
        ({"img_shape": np.array([240, 320])}, "canvas", (240, 320)),
        ({"keypoint_score": None}, "scores", None),
        ({"total_frames": None}, "num_frames", 4),
    ],
)
def test_fields_have_their_second_spellings(load, changes, field, expected):
    assert getattr(load(record(**changes)).annotations[0], field) == expected


def test_a_canvas_is_lent_to_videos_without_one(load):
    content = [record(), record(img_shape=None)]

    assert [video.canvas for video in load(content, canvas=(9, 8)).annotations] == [(240, 320), (9, 8)]


def test_one_person_may_come_without_an_axis_of_people(load):
    (video,) = load(record(keypoint=record()["keypoint"][0], keypoint_score=record()["keypoint_score"][0])).annotations

    assert video.keypoints.shape == (1, 4, 17, 2)
    assert video.scores.shape == (1, 4, 17)


@pytest.mark.parametrize("given", [np.full((1, 4, 17), 0.5), None])
def test_a_third_coordinate_that_is_a_score_becomes_the_score(load, given):
    keypoint = np.concatenate([record()["keypoint"], np.full((1, 4, 17, 1), 0.5)], -1)

    (video,) = load(record(keypoint=keypoint, keypoint_score=given)).annotations

    np.testing.assert_array_equal(video.keypoints, record()["keypoint"])
    np.testing.assert_array_equal(video.scores, np.full((1, 4, 17), 0.5))


def test_lists_and_whole_numbers_become_float32(load):
    (video,) = load(record(keypoint=[[[[10, 20]]]], keypoint_score=None, total_frames=1)).annotations

    assert video.keypoints.dtype == np.float32
    assert video.keypoints.tolist() == [[[[10, 20]]]]


KINECT = np.random.default_rng(0).uniform(-1, 4, (1, 4, 17, 3))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"frame_dir": None}, "no frame_dir: it has"),
        ({"frame_dir": 12}, "frame_dir is 12"),
        ({"label": 1.5}, "label is 1.5"),
        ({"label": True}, "label is True"),
        ({"label": "run"}, "label is 'run'"),
        ({"label": -1}, "label is -1, labels are 0..K-1"),
        ({"img_shape": None}, r"no img_shape.*load_annotations\(file, canvas=\(height, width\)\)"),
        ({"img_shape": (240, 320, 3)}, r"img_shape is \(240, 320, 3\).*frame\.shape\[:2\]"),
        ({"img_shape": (0, 320)}, r"img_shape is \(0, 320\)"),
        ({"img_shape": 240}, "img_shape is 240"),
        ({"img_shape": None, "original_shape": (2.5, 3)}, r"original_shape is \(2.5, 3\)"),
        ({"total_frames": 5}, "total_frames is 5, keypoint has 4 frames"),
        ({"total_frames": np.array([4, 4])}, r"total_frames is array\(\[4, 4\]\)"),
        ({"keypoint": None}, "no keypoint"),
        ({"keypoint": None, "raw_file": "a.pkl", "frame_inds": 1}, "table of contents"),
        ({"keypoint": np.zeros((4, 34))}, r"keypoint has shape \(4, 34\)"),
        ({"keypoint": np.zeros((1, 0, 17, 2))}, r"keypoint has shape \(1, 0, 17, 2\)"),
        ({"keypoint": [[[1, 2]], [[1, 2], [3, 4]]]}, "differ in length"),
        ({"keypoint": np.array([None, "a"])}, "object values"),
        ({"keypoint": "a"}, "keypoint is 'a'"),
        ({"keypoint_score": np.zeros((1, 4, 16))}, r"keypoint_score has shape \(1, 4, 16\)"),
        ({"keypoint": KINECT, "keypoint_score": None}, "3-D poses.*third from -.*Project"),
        ({"keypoint": np.abs(KINECT)}, "3-D poses.*Project"),  # with scores of its own
    ],
)
def test_a_wrong_video_is_told_with_file_value_and_mend(load, changes, message):
    name = changes.get("frame_dir", "a") or "record 1"

    with pytest.raises(ValueError, match=message) as error:
        load([record(frame_dir="sound"), record(**changes)])

    assert f"file.pkl: video '{name}': " in str(error.value)
    assert "posec3d check" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_label_beyond_the_named_classes_is_an_error(load):
    with pytest.raises(ValueError, match=r"label is 1, labels are 0\.\.0"):
        load({"annotations": [record()], "classes": ["only"]})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (3, "holds 3; expected a list of videos"),
        ({"A001": {"keypoint": 1}}, r"dictionary of \['A001'\]; expected"),
        ({"split": ["a"], "annotations": []}, r"'split' is \['a'\]"),
        ({"split": {"train": "a"}, "annotations": []}, "split 'train' is 'a'"),
        ({"annotations": [], "classes": {"run": 0}}, "classes is"),
        ([5], "not a dictionary: it is 5"),
    ],
)
def test_a_file_of_another_layout_is_told(load, content, message):
    with pytest.raises(ValueError, match=message):
        load(content)


def test_a_folder_without_single_videos_is_told(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no \*\.pkl in this folder"):
        load_annotations(tmp_path)

    (tmp_path / "all.pkl").write_bytes(pickle.dumps([record()]))
    with pytest.raises(ValueError, match=r"all\.pkl: in a folder"):
        load_annotations(tmp_path)


def annotation_set() -> AnnotationSet:
    keypoints = np.random.default_rng(0).uniform(0, 200, (2, 5, 17, 2))
    return AnnotationSet(
        annotations=(
            Annotation("a", 1, (240, 320), keypoints.astype(np.float16), keypoints[..., 0].astype(np.float32) / 200),
            Annotation("b", None, (100, 50), np.asfortranarray(keypoints[:, ::2]), None),
            Annotation("nobody", 0, (100, 50), np.zeros((0, 3, 17, 2), np.float32), np.zeros((0, 3, 17), np.float32)),
        ),
        splits={"train": ("b", "a"), "val": ()},
        classes=("sit", "stand"),
        keypoint_names=tuple(f"point{i}" for i in range(17)),
    )


@pytest.mark.parametrize("name", ["file.pkl", "folder/file.pkl.gz"])
def test_what_is_saved_comes_back_bit_for_bit(tmp_path, name):
    saved = annotation_set()
    path = tmp_path / name

    save_annotations(path, saved)
    loaded = load_annotations(path)

    assert (loaded.splits, loaded.classes, loaded.keypoint_names) == (saved.splits, saved.classes, saved.keypoint_names)
    for after, before in zip(loaded.annotations, saved.annotations, strict=True):
        assert (after.video, after.label, after.canvas) == (before.video, before.label, before.canvas)
        assert after.keypoints.dtype == before.keypoints.dtype
        assert not after.keypoints.flags.writeable
        np.testing.assert_array_equal(after.keypoints, before.keypoints)
        assert (after.scores is None) == (before.scores is None)
        if after.scores is not None:
            assert after.scores.dtype == before.scores.dtype
            np.testing.assert_array_equal(after.scores, before.scores)
    assert path.read_bytes().startswith(b"\x1f\x8b") == name.endswith(".gz")
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("name", ["file.pkl", "file.pkl.gz", "file.arrow"])
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"label": "jump"}, "video 'b': label is not a whole number: label is 'jump'. Number the classes"),
        ({"label": True}, "video 'b': label is not a whole number: label is True"),
        ({"label": 2}, "video 'b': label outside the classes: label is 2, labels are 0..1"),
        ({"label": -1}, "video 'b': label outside the classes: label is -1"),
        ({"video": 7}, "video '7': frame_dir is not text: frame_dir is 7"),
        ({"canvas": (0, 0)}, "video 'b': img_shape is not (height, width): img_shape is (0, 0)"),
        (
            {"keypoints": np.zeros((1, 0, 17, 2), np.float32)},
            "video 'b': keypoint is not an array (people, fr",
        ),
        ({"splits": "b"}, "split 'train' is 'b'; give a tuple of names"),
        ({"splits": (7,)}, "split 'train' has 7, which is no text; give a tuple of names"),
        ({"classes": "walk"}, "classes is 'walk'; give a tuple of names"),
        ({"classes": (None, "walk")}, "classes has None, which is no text; give a tuple of names"),
        ({"classes": {0: "walk", 1: "sit"}}, "classes is {0: 'walk', 1: 'sit'}; give a tuple of names"),
    ],
)
def test_what_could_not_be_read_back_is_not_saved(tmp_path, monkeypatch, name, changes, message):
    # Types are checked in tests alone: here is what careless callers give.
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    first, second, *_ = annotation_set().annotations
    splits, classes = {"train": changes.get("splits", ("a",))}, changes.get("classes", ("sit", "stand"))
    wrong = {field: value for field, value in changes.items() if field not in ("splits", "classes")}

    with pytest.raises(ValueError, match=re.escape(f"{tmp_path / name}: {message}")) as refused:
        save_annotations(tmp_path / name, AnnotationSet((first, replace(second, **wrong)), splits, classes=classes))

    assert "posec3d check" not in str(refused.value)
    assert list(tmp_path.iterdir()) == []


def test_saving_twice_gives_the_same_file(tmp_path):
    saved = annotation_set()

    for name in ("1.pkl.gz", "2.pkl.gz"):
        save_annotations(tmp_path / name, saved)

    first = (tmp_path / "1.pkl.gz").read_bytes()
    assert first == (tmp_path / "2.pkl.gz").read_bytes()
    assert first[4:8] == bytes(4)  # RFC 1952, MTIME: no time of writing


def test_other_programs_read_what_is_saved(tmp_path):
    # mmaction2 1.2.0, PoseDataset.load_data_list: the two keys, ids in a set, and a plain pickle.load.
    save_annotations(tmp_path / "file.pkl", annotation_set())

    content = (tmp_path / "file.pkl").read_bytes()
    stored = pickle.loads(content)

    assert stored["split"]["train"] == ["b", "a"]
    first = stored["annotations"][0]
    assert first["total_frames"] == first["keypoint"].shape[1] == 5
    assert first["img_shape"] == first["original_shape"] == (240, 320)
    assert type(first["keypoint"]) is np.ndarray
    assert first["keypoint"].flags.writeable
    assert "keypoint_score" not in stored["annotations"][1]
    # Neither spelling: NumPy below 1.26 lacks the first, and NumPy 2 warns of the second.
    assert b"numpy._core" not in content
    assert b"numpy.core" not in content


@pytest.mark.parametrize("name", ["annotations_list.pkl", "annotations_dict.pkl"])
def test_files_of_mmaction2_are_read(golden, name):
    loaded = load_annotations(golden / name)

    assert len(loaded.annotations) == 10
    assert {split: len(videos) for split, videos in loaded.splits.items()} == (
        {"train": 5, "val": 5} if "dict" in name else {}
    )


def test_penn_action_is_read_whole(shared):
    loaded = load_annotations(shared / "data/penn_action_2d.pkl.gz")

    assert (len(loaded.split("train")), len(loaded.split("test"))) == (1258, 1068)
    assert len(loaded.classes) == 15
    assert len(loaded.keypoint_names) == 13


def test_body_coordinates_are_read_on_a_canvas_that_is_given(shared):
    path = shared / "data/jhmdb14_world2d.pkl.gz"

    assert len(load_annotations(path, canvas=(240, 320)).annotations) == 609
    with pytest.raises(ValueError, match="no img_shape"):
        load_annotations(path)
