from pathlib import Path

import numpy as np
import pytest
import tyro

from posec3d.annotations import load_annotations
from posec3d.annotations.checks import check_annotations
from posec3d.commands.extract import extract
from posec3d.skeletons import get_skeleton
from posec3d.synthetic import make_annotations
from posec3d.video import extraction_run
from posec3d.video.writing import VideoWriter


@pytest.fixture
def in_this_process(monkeypatch):
    """Spare the seconds that processes take to begin."""

    def done(prepare, jobs, num_processes):
        do = prepare()
        yield from ((job, do(job)) for job in jobs)

    monkeypatch.setattr(extraction_run, "done_in_processes", done)


@pytest.fixture
def poses(tmp_path, monkeypatch, in_this_process):
    """A folder poses/ with a file for each of 24 videos in folders squat and walk: names repeat in the two."""
    monkeypatch.chdir(tmp_path)
    made_up = make_annotations(24, seed=0, motions=("squat", "walk"))
    for number, video in enumerate(made_up.annotations):
        path = tmp_path / "poses" / made_up.classes[video.label] / f"{number // 2}.npz"
        path.parent.mkdir(parents=True, exist_ok=True)
        height, width = video.canvas
        np.savez(path, keypoints=video.keypoints * [640 / width, 480 / height], scores=video.scores)
    return tmp_path / "poses"


def write_video(path, frames=2):
    path.parent.mkdir(parents=True, exist_ok=True)
    with VideoWriter(path, frames_per_second=25.0) as video:
        for _ in range(frames):
            video.write(np.zeros((48, 64, 3), np.uint8))


def command(*words):
    tyro.cli(extract, args=[str(word) for word in words])


def test_folders_of_classes_become_a_file_that_is_ready_for_training(poses, capsys):
    command("poses", "--canvas", 480, 640, "--splits", "train=0.75", "val=0.25")

    annotations = load_annotations("annotations.pkl")
    first = annotations.annotations[0]
    assert annotations.classes == ("squat", "walk")
    assert annotations.keypoint_names == get_skeleton("coco17").keypoints
    assert {video.keypoints.dtype for video in annotations.annotations} == {np.dtype(np.float32)}
    assert (first.video, first.label, first.canvas) == ("squat/0", 0, (480, 640))
    assert [len(videos) for videos in annotations.splits.values()] == [18, 6]
    # Shares of each class.
    assert sorted(video.label for video in annotations.split("val")) == [0] * 3 + [1] * 3
    report = check_annotations("annotations.pkl", skeleton=get_skeleton("coco17"))
    assert report.findings == ()
    assert "next:\n  posec3d check annotations.pkl\n  posec3d train" in capsys.readouterr().out
    assert not Path("annotations.pkl.parts").exists()


def test_the_result_trains(poses):
    from posec3d.sources import training_videos
    from posec3d.training.own_data import experiment_for

    command("poses", "--canvas", 480, 640, "--splits", "train=0.75", "val=0.25")

    experiment = experiment_for(load_annotations("annotations.pkl"), kind="keypoint", size="small", epochs=1)

    assert [len(videos) for videos in training_videos(experiment)] == [18, 6]


def test_videos_are_looked_at_in_processes_of_their_own(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_video(tmp_path / "videos/fall/a.mp4", 3)
    write_video(tmp_path / "videos/walk/a.mp4", 2)

    command("videos")

    annotations = load_annotations("annotations.pkl")
    assert [(v.video, v.label, v.canvas, v.num_frames) for v in annotations.annotations] == [
        ("fall/a", 0, (48, 64), 3), ("walk/a", 1, (48, 64), 2),
    ]  # fmt: skip
    page = capsys.readouterr().out
    assert "this run            5 frames in " in page
    assert "in the file, but without anybody:\n  fall/a\n  walk/a\n" in page
    kinds = {finding.kind for finding in check_annotations("annotations.pkl").findings}
    assert kinds == {"nobody_seen", "nobody_anywhere"}


def test_a_person_in_a_video_is_found(shared, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    clip = min((shared / "data/jhmdb_videos/wave").glob("*.mp4"), key=lambda path: path.stat().st_size)

    command(clip)

    (video,) = load_annotations("annotations.pkl").annotations
    assert video.video == clip.stem
    assert (video.scores[0] > 0).any(-1).mean() > 0.9


def test_a_table_labels_and_splits(poses):
    rows = [f"{path},{'down' if 'squat' in path else 'up'},{'val' if '1' in path else 'train'}" for path in sorted(
        path.relative_to(poses).as_posix() for path in poses.rglob("*.npz")
    )]  # fmt: skip
    Path("table.csv").write_text("\n".join(["video,label,split", *rows]))

    command("poses", "--canvas", 480, 640, "--label-from", "table.csv", "--splits", "table.csv", "--out", "my.pkl.gz")

    annotations = load_annotations("my.pkl.gz")
    assert annotations.classes == ("down", "up")
    assert {video.label for video in annotations.annotations if video.video.startswith("walk")} == {1}
    assert set(annotations.splits["val"]) == {f"{c}/{n}" for c in ("squat", "walk") for n in (1, 10, 11)}


def test_labels_can_be_given_later(poses):
    command("poses", "--canvas", 480, 640, "--label-from", "none", "--out", "poses.pkl")
    Path("labels.csv").write_text("".join(f"{c}/{n},{c}\n" for c in ("squat", "walk") for n in range(12)))

    command("poses.pkl", "--label-from", "labels.csv", "--out", "labelled.pkl")

    before, after = load_annotations("poses.pkl"), load_annotations("labelled.pkl")
    assert {video.label for video in before.annotations} == {None}
    assert [video.video for video in after.annotations] == [video.video for video in before.annotations]
    assert after.classes == ("squat", "walk")
    np.testing.assert_array_equal(after.annotations[5].keypoints, before.annotations[5].keypoints)


def test_a_single_folder_has_no_classes_and_that_is_said(poses, caplog):
    caplog.set_level("INFO")

    command("poses/walk", "--canvas", 480, 640)

    assert load_annotations("annotations.pkl").annotations[0].label is None
    assert "labels: none; for training, say --label-from folder" in caplog.text


def test_a_failure_is_told_and_tried_again_alone(poses, capsys, caplog):
    (poses / "walk/3.npz").write_text("")

    command("poses", "--canvas", 480, 640)

    page = capsys.readouterr().out
    assert len(load_annotations("annotations.pkl").annotations) == 23
    assert "failed, and not in the file:\n  " in page
    assert "walk/3.npz: the file is empty" in page
    assert "the same command with --overwrite tries only these again" in caplog.text

    (poses / "walk/3.npz").write_bytes((poses / "walk/4.npz").read_bytes())
    command("poses", "--canvas", 480, 640, "--overwrite")

    assert len(load_annotations("annotations.pkl").annotations) == 24
    assert "24, 23 of them finished before" in capsys.readouterr().out
    assert not Path("annotations.pkl.parts").exists()


def test_no_video_at_all_is_an_error_and_writes_nothing(poses):
    for path in poses.rglob("*.npz"):
        path.write_text("")

    with pytest.raises(
        ValueError, match=r"nothing could be extracted from 24 sources; the first: .*0\.npz: the file is"
    ):
        command("poses")

    assert not Path("annotations.pkl").exists()


def test_an_interrupt_keeps_what_is_finished(poses, monkeypatch, capsys):
    from posec3d.runtime.progress import Progress

    count = iter(range(100))
    advance = Progress.advance

    def stop_at_five(self, number=1):
        advance(self, number)
        if next(count) == 4:
            raise KeyboardInterrupt

    monkeypatch.setattr(Progress, "advance", stop_at_five)
    with pytest.raises(KeyboardInterrupt, match="5 of 24 are finished, and the same command goes on from there"):
        command("poses", "--canvas", 480, 640)
    kept = len(list(Path("annotations.pkl.parts").glob("*.part")))
    monkeypatch.setattr(Progress, "advance", advance)
    command("poses", "--canvas", 480, 640)

    assert kept == 5
    assert "24, 5 of them finished before" in capsys.readouterr().out
    assert len(load_annotations("annotations.pkl").annotations) == 24


def test_an_annotation_file_is_not_replaced_by_accident(poses):
    Path("annotations.pkl").write_text("precious")

    with pytest.raises(ValueError, match="is there already; give another name, or --overwrite"):
        command("poses")

    assert Path("annotations.pkl").read_text() == "precious"


def test_the_output_of_an_earlier_run_is_no_source(poses):
    command("poses", "--canvas", 480, 640, "--out", "poses/all.pkl")

    command("poses", "--canvas", 480, 640, "--out", "poses/all.pkl", "--overwrite")

    assert len(load_annotations("poses/all.pkl").annotations) == 24


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "which videos"),
        (["poses", "rtsp://me:secret@camera/1"], "^rtsp://camera/1: a live source has no end"),
        (["0"], "0: a live source has no end"),
        (["nowhere.mp4"], "nowhere.mp4: no such file"),
        (["poses", "--out", "my.json"], "an annotation file ends in .pkl"),
        (["poses", "--workers", "0"], "--workers 0: give 1 or more"),
        (["poses/walk", "--classes", "labels.txt"], "goes with --label-from"),
        (["poses", "--skeleton", "coco71"], "did you mean 'coco17'"),
        (["poses", "--weights", "none.pt"], "--weights none.pt: no such file"),
        (
            ["poses", "--label-from", "folders"],
            "folders: no such table; give its path, or folder, or none",
        ),
        (["poses", "--out", "poses/walk/0.npz/a.pkl"], "is a file, so nothing can be below it"),
    ],
)
def test_what_makes_no_sense_is_refused(poses, words, message):
    with pytest.raises((ValueError, KeyError, OSError), match=message):
        command(*words, *([] if "--canvas" in words or not words else ["--canvas", 480, 640]))

    assert not Path("annotations.pkl").exists()


def test_a_slip_in_a_table_shows_before_any_work(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_video(tmp_path / "videos/fall/a.mp4")
    Path("labels.csv").write_text("b,fall\n")

    with pytest.raises(ValueError, match="has no label for 1 of 1 videos: 'a'"):
        command("videos", "--label-from", "labels.csv")

    assert not Path("annotations.pkl.parts").exists()


@pytest.fixture
def long_poses(tmp_path, monkeypatch, in_this_process):
    """Files a.npz to c.npz of 400 frames each, somebody who squats and walks in turns of 100."""
    monkeypatch.chdir(tmp_path)
    made_up = make_annotations(12, seed=0, motions=("squat", "walk"), max_people=1)
    videos = sorted(made_up.annotations, key=lambda video: video.label)
    for number, name in enumerate("abc"):
        turns = [videos[number], videos[6 + number], videos[3 + number], videos[9 + number]]
        size = np.array([[640 / video.canvas[1], 480 / video.canvas[0]] for video in turns])
        frames = np.arange(100)
        keypoints = [
            video.keypoints[:1, frames % video.num_frames] * scale for video, scale in zip(turns, size, strict=True)
        ]
        scores = [video.scores[:1, frames % video.num_frames] for video in turns]
        np.savez(f"{name}.npz", keypoints=np.concatenate(keypoints, 1), scores=np.concatenate(scores, 1))
    return tmp_path


SEGMENTS = """video,start,end,label
a,0,3.2,squat
a,0:04,6,walk
b,0,3.2,squat
b,4,6,walk
c,10,13.3,walk
"""


def test_long_videos_are_cut_into_segments_that_train(long_poses, caplog):
    from posec3d.sources import training_videos
    from posec3d.training.own_data import experiment_for

    Path("segments.csv").write_text(SEGMENTS)
    words = ["a.npz", "b.npz", "c.npz", "--label-from", "segments.csv", "--canvas", 480, 640]

    command(*words, "--background", "nothing", "--splits", "train=0.7", "val=0.3")

    cut = load_annotations("annotations.pkl")
    lengths = {video.video: video.num_frames for video in cut.annotations}
    assert cut.classes == ("nothing", "squat", "walk")
    assert (lengths["a@0-3.2"], lengths["a@4-6"], lengths["c@10-13.3"]) == (96, 60, 99)
    # A recording is on one side alone.
    recordings = [{name.split("@")[0] for name in videos} for videos in cut.splits.values()]
    assert [len(names) for names in recordings] == [2, 1]
    assert recordings[0].isdisjoint(recordings[1])
    assert {video.label for video in cut.annotations if video.video.startswith("c@")} == {0, 2}
    assert "a.npz: does not say how many frames a second: taken as 30" in caplog.text
    experiment = experiment_for(cut, kind="keypoint", size="small", epochs=1)
    assert sum(map(len, training_videos(experiment))) == len(cut.annotations)


def test_the_rate_of_poses_can_be_said(long_poses, caplog):
    Path("segments.csv").write_text(SEGMENTS)

    command("a.npz", "--label-from", "segments.csv", "--canvas", 480, 640, "--fps", 50)

    assert [video.num_frames for video in load_annotations("annotations.pkl").annotations] == [160, 100]
    assert "frames a second" not in caplog.text


def test_a_corrected_table_needs_no_other_look(long_poses, monkeypatch):
    Path("segments.csv").write_text(SEGMENTS.replace("10,13.3", "100,101"))
    words = ["a.npz", "b.npz", "c.npz", "--label-from", "segments.csv", "--canvas", 480, 640]
    with pytest.raises(
        ValueError, match=r"segments\.csv, line 6: from second 100 to 101 there is nothing of 'c', which ends at 13\.33"
    ):
        command(*words)
    monkeypatch.setattr(extraction_run, "load_pose_file", None)

    Path("segments.csv").write_text(SEGMENTS)
    command(*words)
    Path("segments.csv").write_text(SEGMENTS + "c,2,4,squat\n")
    command(*words, "--overwrite")

    assert len(load_annotations("annotations.pkl").annotations) == 6


def test_a_background_needs_segments(poses):
    with pytest.raises(ValueError, match=r"^--background rest: goes with --label-from FILE\.csv, of a table with"):
        command("poses", "--canvas", 480, 640, "--background", "rest")
