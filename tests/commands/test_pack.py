import gzip
import pickle

import numpy as np
import pytest

from posec3d.annotations import AnnotationSet
from posec3d.annotations import load_annotations
from posec3d.annotations import save_annotations
from posec3d.commands.pack import pack
from posec3d.synthetic import make_annotations

TINY = ("network.base_channels=4", "network.stage_blocks=(1,1)", "clips.length=8", "training.epochs=1")


def bits(annotations):
    return [
        (video.video, video.label, video.keypoints.tobytes(), video.scores.tobytes())
        for video in annotations.annotations
    ]


def test_a_packed_file_holds_the_same(made_up, tmp_path, capsys):
    pack((made_up,), out=tmp_path / "new" / "my.arrow")

    packed, pickled = load_annotations(tmp_path / "new" / "my.arrow"), load_annotations(made_up)
    assert bits(packed) == bits(pickled)
    assert {name: set(videos) for name, videos in packed.splits.items()} == {
        name: set(videos) for name, videos in pickled.splits.items()
    }
    assert (packed.classes, packed.keypoint_names) == (pickled.classes, pickled.keypoint_names)
    assert "my.arrow: 30 videos in 0." in capsys.readouterr().out


def test_files_without_splits_become_splits_of_their_own(tmp_path):
    videos = make_annotations(6, motions=("squat", "walk")).annotations
    save_annotations(tmp_path / "gym_train.pkl.gz", AnnotationSet(videos[:4]))
    (tmp_path / "gym_val").mkdir()
    for video in videos[4:]:
        save_annotations(tmp_path / "part.pkl", AnnotationSet((video,)))
        record = pickle.loads((tmp_path / "part.pkl").read_bytes())["annotations"][0]
        (tmp_path / "gym_val" / f"{video.video}.pkl.gz").write_bytes(gzip.compress(pickle.dumps(record)))

    pack((tmp_path / "gym_train.pkl.gz", tmp_path / "gym_val"), out=tmp_path / "gym.arrow")

    packed = load_annotations(tmp_path / "gym.arrow")
    assert len(packed.annotations) == 6
    assert packed.splits["gym_train"] == tuple(video.video for video in videos[:4])
    assert set(packed.splits["gym_val"]) == {video.video for video in videos[4:]}


def test_a_table_of_contents_is_packed_with_its_keypoint_files(tmp_path, capsys):
    entry = {
        "frame_dir": "a",
        "label": 3,
        "img_shape": (240, 320),
        "total_frames": 10,
        "frame_inds": np.array([1, 1, 5], np.int16),
        "box_score": np.full(3, 0.9, np.float16),
    }
    (tmp_path / "k400_2d.pkl").write_bytes(pickle.dumps({"split": {"train": ["a"]}, "annotations": [entry]}))
    (tmp_path / "kpfiles").mkdir()
    keypoint = np.full((3, 17, 3), 0.5, np.float16)
    (tmp_path / "kpfiles" / "a.pkl").write_bytes(pickle.dumps({"keypoint": keypoint}))

    pack((tmp_path / "k400_2d.pkl",), kpfiles=tmp_path / "kpfiles", out=tmp_path / "k400.arrow")

    (video,) = load_annotations(tmp_path / "k400.arrow").split("train")
    assert (video.label, video.keypoints.shape) == (3, (2, 2, 17, 2))
    assert "1 videos" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("my.pkl", "--out", "my.pkl"), "--out my.pkl: a store ends in .arrow; name it so"),
        (("my.pkl", "--out", "there.arrow"), "--out there.arrow: is there already"),
        (("my.pkl", "--out", "my.pkl/a.arrow"), "is a file, so nothing can be below it"),
        (("missing.pkl",), "missing.pkl: no such file"),
        (("my.pkl", "damaged.pkl"), "damaged.pkl: not a pickle, or damaged, or cut short"),
        (("my.pkl", "my.pkl"), "my.pkl: video 'squat_000000' is also in my.pkl; give each video once"),
        (("toc.pkl",), "posec3d pack FILE --kpfiles FOLDER"),
        (("toc.pkl", "--kpfiles", "kpfiles"), "kpfiles/a.pkl: no such file, but video 'a' of toc.pkl is in it"),
        ((), "which annotation files? Give one or more"),
    ],
)
def test_a_mistake_is_one_sentence_and_leaves_no_file(run, made_up, tmp_path, words, message):
    (tmp_path / "there.arrow").write_bytes(b"")
    (tmp_path / "damaged.pkl").write_bytes(made_up.read_bytes()[:1000])
    entry = {"frame_dir": "a", "label": 0, "img_shape": (9, 9), "frame_inds": np.array([0])}
    (tmp_path / "toc.pkl").write_bytes(pickle.dumps([entry]))
    (tmp_path / "kpfiles").mkdir()
    before = sorted(tmp_path.rglob("*"))

    done = run("posec3d", "pack", *words, status=2)

    assert message in done.stderr
    assert sorted(tmp_path.rglob("*")) == before


def test_a_store_there_already_is_replaced_when_asked(made_up, tmp_path):
    (tmp_path / "my.arrow").write_bytes(b"")

    pack((made_up,), out=tmp_path / "my.arrow", overwrite=True)

    assert len(load_annotations(tmp_path / "my.arrow").annotations) == 30


def test_every_command_takes_a_store(run, made_up):
    run("posec3d", "pack", made_up)
    report = run("posec3d", "check", "annotations.arrow").stdout
    own = ("--annotations", "annotations.arrow")
    run("posec3d", "train", *own, "--work-dir", "work", "--workers", "1", "--cfg-options", *TINY)
    weights = "work/last.safetensors"
    tested = run("posec3d", "test", weights, *own, "--split", "val", "--fast", "--out", "val.json").stdout
    answers = run("posec3d", "recognize", "annotations.arrow", "--model", weights).stdout

    assert "Ready for training: no problems." in report
    assert "top1_acc" in tested
    assert "squat_000000" in answers
