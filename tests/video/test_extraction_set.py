from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from posec3d.annotations.labelling import Labels
from posec3d.annotations.labelling import SegmentLabels
from posec3d.annotations.segment_tables import LabelledSegment
from posec3d.annotations.video_lists import name_videos
from posec3d.people import PeopleInFrame
from posec3d.people import PosedVideo
from posec3d.people import posed_videos
from posec3d.skeletons import get_skeleton
from posec3d.video.extraction_parts import Part
from posec3d.video.extraction_set import Grouping
from posec3d.video.extraction_set import come_in_class_folders
from posec3d.video.extraction_set import place_of
from posec3d.video.extraction_set import places_of
from posec3d.video.extraction_set import put_together


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def touch(*names):
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()


def part(*names, skeleton="coco17"):
    count = get_skeleton(skeleton).num_keypoints
    keypoints = np.arange(2 * 3 * count, dtype=np.float32).reshape(3, 1, count, 2) + 1
    scores = np.full((1, count), 0.5, np.float32)
    frames = [PeopleInFrame(time / 2, keypoints[time], scores, np.ones(1, np.int64)) for time in range(3)]
    videos = [PosedVideo(name, (480, 640), get_skeleton(skeleton), 2.0, frames) for name in names]
    return Part(get_skeleton(skeleton), posed_videos(videos))


def grouped(parts, labels=None, splits=None, classes=None):
    return Grouping(name_videos(places_of(parts)), Labels(labels or {}, classes), splits or {})


@pytest.mark.parametrize(
    ("source", "path", "suffix", "class_folder"),
    [
        (Path("fall/a.b.mp4"), "fall/a.b", ".mp4", "fall"),
        (Path("fall/frames.v2"), "fall/frames.v2", "", "fall"),  # a folder of pictures
        ("fall/frames.v2/*.png", "fall/frames.v2", "", "fall"),
        ("fall/clip1_*.png", "fall/clip1", "", "fall"),
        (Path("fall/poses.pkl.gz"), "fall/poses", ".pkl.gz", "fall"),
    ],
)
def test_a_source_has_a_place(folder, source, path, suffix, class_folder):
    touch("fall/frames.v2/1.png", "fall/clip1_1.png", "fall/a.b.mp4")

    place = place_of(source)

    assert (place.path, place.suffix, place.folder) == (f"{folder.as_posix()}/{path}", suffix, class_folder)


def test_an_address_has_a_place_without_its_password():
    place = place_of("https://me:secret@host/fall/a.mp4")

    assert (place.path, place.suffix, place.folder) == ("host/fall/a", ".mp4", "fall")


def test_a_link_lies_in_the_folder_of_the_link(folder):
    touch("all/a.mp4")
    Path("fall").mkdir()
    Path("fall/a.mp4").symlink_to(folder / "all/a.mp4")

    assert place_of(Path("fall/a.mp4")).folder == "fall"


def test_videos_of_one_file_have_places_below_it(folder):
    touch("fall/poses.json")

    places = places_of({Path("fall/poses.json"): part("a.mp4", "day1/b.2"), Path("fall/c.mp4"): None})

    assert [video.name for video in name_videos(places)] == ["a", "b.2", "c"]
    assert [place.path.removeprefix(folder.as_posix()) for place in places] == [
        "/fall/poses/a", "/fall/poses/day1/b.2", "/fall/c",
    ]  # fmt: skip
    assert {place.folder for place in places} == {"fall"}


@pytest.mark.parametrize(
    ("files", "given", "expected"),
    [
        (["v/fall/a.mp4", "v/walk/b.mp4"], ["v"], True),
        (["v/train/fall/a.mp4", "v/train/walk/b.mp4"], ["v"], True),
        (["v/fall/a.mp4", "w/walk/b.mp4"], ["v", "w"], True),
        (["v/fall/a.mp4"], ["v"], False),  # one folder: nothing to tell apart
        (["v/fall/a.mp4", "v/walk/b.mp4", "v/c.mp4"], ["v"], False),
        (["v/fall/a.mp4", "v/walk/b.mp4"], ["v/fall", "v/walk"], False),
        (["v/fall/a.mp4", "v/walk/b.mp4"], ["v/fall/a.mp4", "v/walk/b.mp4"], False),
    ],
)
def test_folders_are_classes_where_they_lie_below_a_given_one(folder, files, given, expected):
    touch(*files)

    assert come_in_class_folders(given, [Path(file) for file in files]) is expected


def test_videos_get_names_labels_and_splits():
    parts = {Path("fall/a.mp4"): part("x"), Path("walk/a.mp4"): part("x")}
    grouping = grouped(parts, {"fall/a": 0, "walk/a": 1}, {"train": ("fall/a",), "val": ("walk/a",)}, ("fall", "walk"))

    annotations, failures = put_together(parts, grouping)

    assert [(video.video, video.label) for video in annotations.annotations] == [("fall/a", 0), ("walk/a", 1)]
    assert dict(annotations.splits) == {"train": ("fall/a",), "val": ("walk/a",)}
    assert annotations.classes == ("fall", "walk")
    assert annotations.keypoint_names == get_skeleton("coco17").keypoints
    assert failures == {}


def test_what_others_get_does_not_hang_on_a_failure():
    parts = {Path("fall/a.mp4"): None, Path("walk/a.mp4"): part("x")}
    splits = {"train": ("fall/a", "walk/a"), "val": ()}

    annotations, _ = put_together(parts, grouped(parts, {"fall/a": 0, "walk/a": 1}, splits))

    assert [(video.video, video.label) for video in annotations.annotations] == [("walk/a", 1)]
    assert dict(annotations.splits) == {"train": ("walk/a",), "val": ()}


def test_videos_without_labels_have_none():
    parts = {Path("a.mp4"): part("x")}

    annotations, _ = put_together(parts, grouped(parts))

    assert annotations.annotations[0].label is None
    assert annotations.classes is None


def test_a_video_without_anybody_has_one_row_that_is_missing():
    # mmaction2 and pyskl stop at a video without rows.
    nobody = PeopleInFrame(0.0, np.zeros((0, 17, 2), np.float32), np.zeros((0, 17), np.float32), np.zeros(0, np.int64))
    video = PosedVideo("x", (48, 64), get_skeleton("coco17"), 25.0, [nobody] * 3)
    parts = {Path("a.mp4"): Part(video.skeleton, posed_videos([video]))}

    annotations, _ = put_together(parts, grouped(parts))

    assert annotations.annotations[0].keypoints.shape == (1, 3, 17, 2)
    assert not annotations.annotations[0].scores.any()


def segment(start, end, line="segments.csv, line 2"):
    return LabelledSegment("x", "fall", line, float(start), float(end))


def cut(parts, of_video, *, in_frames=False, background=None, splits=None):
    labels = SegmentLabels(of_video, ("fall", "rest"), in_frames, background, 0.5)
    return put_together(parts, Grouping(name_videos(places_of(parts)), labels, splits or {}))[0]


def test_segments_become_videos_of_their_own():
    parts = {Path("a.mp4"): part("x"), Path("b.mp4"): part("y")}
    labelled = {"a": [(segment(0.5, 9), 1), (segment(0, 1), 0)], "b": [(segment(0, 0.4), 0)]}

    found = cut(parts, labelled, splits={"train": ("b",), "val": ("a",)})

    # Frames are at 0, 0.5 and 1 s.
    assert [(video.video, video.label, video.num_frames) for video in found.annotations] == [
        ("a@0-1", 0, 2), ("a@0.5-9", 1, 2), ("b@0-0.4", 0, 1),
    ]  # fmt: skip
    assert found.annotations[1].keypoints[0, :, 0, 0].tolist() == [35, 69]
    assert dict(found.splits) == {"train": ("b@0-0.4",), "val": ("a@0-1", "a@0.5-9")}
    assert found.classes == ("fall", "rest")


def test_segments_may_be_told_by_their_frames():
    found = cut({Path("a.mp4"): part("x")}, {"a": [(segment(1, 3), 0)]}, in_frames=True)

    assert [(video.video, video.num_frames) for video in found.annotations] == [("a@1-3", 2)]


def test_what_lies_between_segments_has_a_class():
    parts = {Path("a.mp4"): part("x"), Path("b.mp4"): part("y")}

    found = cut(parts, {"a": [(segment(0.5, 1), 0)]}, background=1, splits={"train": ("a", "b")})

    assert [(video.video, video.label) for video in found.annotations] == [
        ("a@0-0.5", 1), ("a@0.5-1", 0), ("a@1-1.5", 1), ("b@0-0.5", 1), ("b@0.5-1", 1), ("b@1-1.5", 1),
    ]  # fmt: skip
    assert found.splits["train"] == tuple(video.video for video in found.annotations)


def test_who_is_not_in_a_segment_has_no_row_in_it():
    video = part("x").videos[0]
    other = video.frames[0].keypoints
    last = PeopleInFrame(1.0, other, np.full((1, 17), 0.9, np.float32), np.array([5]))
    parts = {Path("a.mp4"): Part(video.skeleton, posed_videos([replace(video, frames=[*video.frames[:2], last])]))}

    found = cut(parts, {"a": [(segment(0, 1), 0), (segment(1, 2), 1)]})

    assert [video.keypoints.shape[:2] for video in found.annotations] == [(1, 2), (1, 1)]


@pytest.mark.parametrize(
    ("in_frames", "message"),
    [
        (False, "second 1.5 to 9 there is nothing of 'a', which ends at 1.5"),
        (True, "frame 3 to 9 there is nothing of 'a', which ends at 3"),
    ],
)
def test_a_segment_after_the_end_is_told(in_frames, message):
    late = segment(3 if in_frames else 1.5, 9, "segments.csv, line 7")

    with pytest.raises(ValueError, match=f"^segments.csv, line 7: from {message}; correct it$"):
        cut({Path("a.mp4"): part("x")}, {"a": [(late, 0)]}, in_frames=in_frames)


def test_a_segment_between_two_frames_is_told():
    with pytest.raises(ValueError, match=r"segments\.csv, line 2: from second 0\.1 to 0\.4 there is nothing of 'a'"):
        cut({Path("a.mp4"): part("x")}, {"a": [(segment(0.1, 0.4), 0)]})


def test_poses_of_another_skeleton_are_mapped_to_that_of_the_videos():
    parts = {Path("poses.json"): part("p", skeleton="openpose18"), Path("a.mp4"): part("x")}

    annotations, failures = put_together(parts, grouped(parts))

    mapped, own = annotations.annotations
    assert failures == {}
    assert mapped.keypoints.shape == own.keypoints.shape == (1, 3, 17, 2)
    # The left wrist: of OpenPose keypoint 7, of COCO 9.
    assert mapped.keypoints[0, 0, 9].tolist() == [15, 16]
    assert mapped.keypoints.dtype == np.float32


def test_poses_that_cannot_be_mapped_fail_and_are_named():
    # Kinect's hands and feet have nothing in COCO that stands in for them.
    parts = {Path("a.npz"): part("x", skeleton="ntu25"), Path("b.npz"): part("y", "z")}

    annotations, failures = put_together(parts, grouped(parts))

    assert [video.video for video in annotations.annotations] == ["a"]
    assert failures[Path("b.npz")].startswith("b.npz: poses of skeleton 'coco17' lack")
