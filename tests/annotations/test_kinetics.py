import pickle
import re
from itertools import islice

import numpy as np
import pytest

from posec3d.annotations.kinetics import decompress
from posec3d.annotations.kinetics import stream_compressed
from posec3d.annotations.unpickling import load_pickle


def skeleton(value, score=0.5):
    """One skeleton of two keypoints: the first at (value, value + 1), the second not there."""
    return [[value, value + 1, score], [0, 0, 0]]


def entry(name="a", frames=(3, 3, 7), **changes):
    fields = {
        "frame_dir": name,
        "label": 1,
        "img_shape": (240, 320),
        "original_shape": (240, 320),
        "total_frames": 10,
        "frame_inds": np.array(frames, np.int16),
        "box_score": np.full(len(frames), 0.9, np.float16),
        "valid": {0.5: 2},
    } | changes
    return {field: value for field, value in fields.items() if value is not None}


@pytest.fixture
def load(tmp_path):
    def load(*entries, files=None, **fields):
        (tmp_path / "toc.pkl").write_bytes(pickle.dumps({"annotations": list(entries)} | fields))
        (tmp_path / "kpfiles").mkdir(exist_ok=True)
        for name, content in (files or {}).items():
            (tmp_path / "kpfiles" / name).write_bytes(pickle.dumps(content))
        return stream_compressed(tmp_path / "toc.pkl", tmp_path / "kpfiles")

    return load


def of(*values):
    return {"keypoint": np.array([skeleton(value) for value in values], np.float16)}


def test_skeletons_are_put_into_their_frames_and_frames_of_nobody_go():
    skeletons = np.array([skeleton(10), skeleton(20), skeleton(30, score=0.75)], np.float16)

    keypoints, scores = decompress(skeletons, np.array([3, 3, 7]))

    assert keypoints.shape == (2, 2, 2, 2)  # two people in frame 3, frames 3 and 7
    assert keypoints.dtype == scores.dtype == np.float16
    np.testing.assert_array_equal(keypoints[:, :, 0], [[[10, 11], [30, 31]], [[20, 21], [0, 0]]])
    np.testing.assert_array_equal(scores[:, :, 0], [[0.5, 0.75], [0.5, 0]])
    assert not keypoints[:, :, 1].any()


def test_of_more_than_ten_people_those_with_the_highest_scores_are_kept_in_their_order():
    crowd = [skeleton(value, score=0.25 if value in (2, 4) else 0.5) for value in range(1, 13)]
    skeletons = np.array([skeleton(50, score=0.25), skeleton(60), *crowd], np.float16)

    keypoints, _ = decompress(skeletons, np.array([0, 0, *[1] * 12]))

    assert keypoints[:, 1, 0, 0].tolist() == [1, 3, 5, 6, 7, 8, 9, 10, 11, 12]
    assert keypoints[:, 0, 0, 0].tolist() == [60, 50, *[0] * 8]


def test_ten_people_stay_in_the_order_of_the_file():
    skeletons = np.array([skeleton(value, score=value / 16) for value in range(1, 11)], np.float16)

    keypoints, _ = decompress(skeletons, np.zeros(10, np.int64))

    assert keypoints[:, 0, 0, 0].tolist() == list(range(1, 11))


def test_a_file_a_video_is_found_by_the_name_of_the_video(load):
    annotations = load(
        entry("a"), entry("b", frames=(5,)), files={"a.pkl": of(1, 2, 3), "b.pkl": of(4)}, split={"train": ["b"]}
    )

    first, second = annotations.videos
    assert (first.video, first.label, first.canvas, first.keypoints.shape) == ("a", 1, (240, 320), (2, 2, 2, 2))
    assert second.keypoints[0, 0, 0].tolist() == [4, 5]
    assert annotations.splits == {"train": ("b",)}
    assert annotations.num_videos == 2


def test_files_of_many_videos_are_each_read_once(load, monkeypatch):
    read = []

    def counted(path):
        read.append(path.name)
        return load_pickle(path)

    names = {"a": "1.pkl", "b": "2.pkl", "c": "1.pkl", "d": "2.pkl"}
    entries = [entry(name, frames=(5,), raw_file=f"data/k400/kpfiles/{file}") for name, file in names.items()]
    files = {"1.pkl": {"a": of(1), "c": of(3)}, "2.pkl": {"b": of(2), "d": of(4)}}
    annotations = load(*entries, files=files).videos
    monkeypatch.setattr("posec3d.annotations.kinetics.load_pickle", counted)

    firsts = [(video.video, int(video.keypoints[0, 0, 0, 0])) for video in annotations]

    assert firsts == [("a", 1), ("c", 3), ("b", 2), ("d", 4)]
    assert read == ["1.pkl", "2.pkl"]


def test_people_whose_box_is_uncertain_go(load):
    uncertain = entry(box_score=np.array([0.9, 0.4, 0.5], np.float16))

    (video,) = load(uncertain, files={"a.pkl": of(1, 2, 3)}).videos

    assert video.keypoints[0, :, 0, 0].tolist() == [1, 3]


def test_a_video_of_nobody_keeps_its_frames(load):
    (video,) = load(entry(frames=()), files={"a.pkl": {"keypoint": np.zeros((0, 17, 3), np.float16)}}).videos

    assert video.keypoints.shape == (0, 10, 17, 2)


@pytest.mark.parametrize(
    ("changes", "content", "message"),
    [
        ({}, of(1, 2), "a.pkl: video 'a' has 2 skeletons, but 3 in .*toc.pkl; give the keypoint files that belong to"),
        ({}, [1], "a.pkl: no keypoint array .* of video 'a'"),
        ({}, {"b": of(1)}, "a.pkl: no keypoint array .* of video 'a'"),
        ({}, {"keypoint": np.zeros((3, 17, 2), np.float16)}, r"a.pkl: no keypoint array \(skeletons, keypoints, 3\)"),
        ({"frame_inds": np.array([3, 2, 7])}, of(1, 2, 3), "toc.pkl: video 'a': frame_inds are no ascending"),
        ({"box_score": np.array([0.9])}, of(1, 2, 3), "toc.pkl: video 'a': box_score has not one value a skeleton"),
        ({"label": "x"}, of(1, 2, 3), "toc.pkl: video 'a': label is not a whole number"),
        ({"img_shape": None, "original_shape": None}, of(1, 2, 3), "toc.pkl: video 'a': no img_shape"),
    ],
)
def test_what_does_not_fit_is_named(load, changes, content, message):
    annotations = load(entry(**changes), files={"a.pkl": content})

    with pytest.raises(ValueError, match=message):
        list(annotations.videos)


def test_a_label_must_be_one_of_the_classes(load):
    annotations = load(entry(label=2), files={"a.pkl": of(1, 2, 3)}, classes=["one", "two"])

    with pytest.raises(ValueError, match=r"label outside the classes: label is 2, labels are 0..1"):
        list(annotations.videos)


def test_a_missing_file_is_named_with_its_video(load, tmp_path):
    path = re.escape(str(tmp_path / "kpfiles" / "a.pkl"))

    with pytest.raises(FileNotFoundError, match=f"{path}: no such file, but video 'a' of .*toc.pkl is in it"):
        list(load(entry()).videos)
    with pytest.raises(FileNotFoundError, match="nowhere: no such folder"):
        stream_compressed(tmp_path / "toc.pkl", tmp_path / "nowhere")


def test_a_file_with_poses_needs_no_keypoint_files(load):
    with pytest.raises(ValueError, match=r"video 'a' has no frame_inds, .*pack it without --kpfiles"):
        load(entry(frame_inds=None))


def test_the_published_table_is_read(shared, tmp_path):
    table = load_pickle(shared / "data" / "k400_toc_sample.pkl")["annotations"][:20]
    rng = np.random.default_rng(0)
    for fields in table:
        skeletons = rng.uniform(1, 200, (len(fields["frame_inds"]), 17, 3)).astype(np.float16)
        (tmp_path / f"{fields['frame_dir']}.pkl").write_bytes(pickle.dumps({"keypoint": skeletons}))

    videos = stream_compressed(shared / "data" / "k400_toc_sample.pkl", tmp_path).videos

    for video, fields in zip(islice(videos, 20), table, strict=True):
        # `valid` counts the frames that are left with people of a box score of 0.5 and more.
        assert video.num_frames == fields["valid"][0.5]
        assert video.label == fields["label"]
