import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from posec3d.annotations import AnnotationSet
from posec3d.annotations import save_annotations
from posec3d.cli import main
from posec3d.inference.recognizer import ActionRecognizer
from posec3d.synthetic import make_annotations
from posec3d.video.frames import open_frames
from posec3d.video.scene import film
from posec3d.video.writing import VideoWriter


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    folder = tmp_path_factory.mktemp("films")
    for number, motion in enumerate(("wave", "squat")):
        pictures, _ = film(motion, rng=np.random.RandomState(number), num_frames=36, size=(240, 320))
        with VideoWriter(folder / f"{motion}.mp4", frames_per_second=24.0) as writer:
            for picture in pictures:
                writer.write(picture)
    return folder


def test_a_video_gets_its_actions_with_their_probabilities(run, films):
    done = run("posec3d", "recognize", films / "wave.mp4", "--top", "2", "--threshold", "0")

    head, answer = done.stdout.splitlines()
    assert head == "wave.mp4: 36 frames, 1.5 s"
    assert answer.count("%") == 2
    assert "the package's models know 33 actions" in done.stderr


@pytest.mark.parametrize(("people", "warned"), [("pairs", True), ("each", False)])
def test_pairs_are_asked_of_models_that_look_at_one_person(films, capsys, people, warned):
    assert main(["recognize", str(films / "wave.mp4"), "--people", people]) == 0

    assert ("--people pairs: the model looks at one person" in capsys.readouterr().err) == warned


def test_two_models_are_asked_and_named(films, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    words = ["recognize", str(films / "wave.mp4"), "--json", "out.json", "--model", "packaged"]

    assert main(words) == 0
    alone = capsys.readouterr().out
    assert main([*words, "--model", "packaged"]) == 0

    assert capsys.readouterr().out == alone
    assert json.loads((tmp_path / "out.json").read_text())["model"] == "packaged + packaged"
    assert main([*words, "--model", "missing.safetensors"]) == 2
    assert "no model 'missing.safetensors'" in capsys.readouterr().err


def test_windows_give_a_timeline_an_annotated_video_and_json(run, films, tmp_path):
    done = run(
        *("posec3d", "recognize", films / "wave.mp4", "--window", "0.5", "--out", "out.mp4", "--json", "out.json"),
    )

    (video,) = json.loads((tmp_path / "out.json").read_text())["videos"]
    assert (video["num_frames"], video["height"], video["width"]) == (36, 240, 320)
    assert video["frames_per_second"] == pytest.approx(24, abs=0.1)
    assert video["segments"][0]["start_frame"] == 0
    assert video["segments"][-1]["end_frame"] == 36
    assert len(done.stdout.splitlines()) == 1 + len(video["segments"])
    assert [frame["seconds"] for frame in video["frames"][:2]] == [0, pytest.approx(1 / 24, abs=1e-3)]
    left, top, right, bottom = video["frames"][10]["people"][0]["box"]
    assert 0 <= left < right < 320
    assert 120 < bottom - top < 240
    with open_frames(tmp_path / "out.mp4") as annotated:
        assert annotated.size == (480, 640)
        assert sum(1 for _ in annotated) == 36


def test_each_person_of_a_pose_file_gets_a_label_and_is_drawn_on_black(run, tmp_path):
    video = make_annotations(40, seed=5).annotations[7]
    keypoints = np.concatenate([video.keypoints[:1], video.keypoints[:1] + np.float32([300, 0])])
    scores = np.repeat(video.scores[:1], 2, axis=0)
    np.savez(tmp_path / "two.npz", keypoints=keypoints, scores=scores, canvas=np.array([480, 900]))

    done = run("posec3d", "recognize", "two.npz", "--people", "each", "--out", "two.gif", "--json", "two.json")

    assert done.stdout.count("person ") == 2
    (content,) = json.loads((tmp_path / "two.json").read_text())["videos"]
    assert [segment["people"] for segment in content["segments"]] == [[0], [1]]
    with open_frames(tmp_path / "two.gif") as drawn:
        assert next(iter(drawn)).picture.max() > 100


def test_videos_of_one_name_and_of_one_file_are_written_beside_each_other(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    save_annotations("two.pkl", make_annotations(2, motions=("squat", "wave")))
    for folder in ("a", "b"):
        keypoints = make_annotations(1).annotations[0].keypoints[:, :4]
        (tmp_path / folder).mkdir()
        np.savez(tmp_path / folder / "same.npz", keypoints=keypoints, canvas=np.array([480, 640]))

    assert main(["recognize", "a/same.npz", "b/same.npz", "two.pkl", "--out", "drawn"]) == 0
    assert main(["recognize", "two.pkl", "--out", "one.gif"]) == 2

    assert sorted(path.name for path in (tmp_path / "drawn").iterdir()) == [
        *("same-2.mp4", "same.mp4", "squat_000000.mp4", "wave_000001.mp4"),
    ]
    said = capsys.readouterr()
    assert "--out one.gif: two.pkl has 2 videos; give the name of a folder" in said.err
    # Before anything was recognised.
    assert said.out.count("frames,") == 4
    assert not Path("one.gif").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("recognize", "--skeleton", "openpose25"), "--skeleton is for pose files, and there is none; leave it out"),
        (("visualize", "--skeleton", "openpose25"), "--skeleton is for pose files, and there is none; leave it out"),
        (("recognize", "--canvas", "480", "640"), "--canvas is for pose files, and there is none; leave it out"),
        (("recognize", "--canvas", "0", "-5"), "--canvas 0 -5: give height and width in pixels, from 1 on"),
        (("recognize", "--fps", "25"), "--fps is for pose files and pictures, and there is none"),
        (("visualize", "--fps", "25"), "--fps is for pose files and pictures, and there is none"),
        (("recognize", "--fps", "0"), "--fps 0: give frames a second, above 0"),
        (("recognize", "--fps", "nan"), "--fps nan: give frames a second, above 0"),
    ],
)
def test_what_only_pose_files_need_is_refused_with_videos(tmp_path, words, message, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("clip.mp4").write_bytes(b"not looked at")

    assert main([words[0], "clip.mp4", *words[1:]]) == 2
    assert message in capsys.readouterr().err


def openpose_folder(folder, num_frames=50):
    """Somebody of 25 keypoints, as OpenPose writes frames; which says neither how large nor how many a second."""
    body = np.column_stack([np.linspace(10, 60, 25), np.linspace(20, 90, 25), np.full(25, 0.5)]).ravel().tolist()
    folder.mkdir()
    for frame in range(num_frames):
        path = folder / f"clip_{frame:012}_keypoints.json"
        path.write_text(json.dumps({"version": 1.3, "people": [{"pose_keypoints_2d": body}]}))


@pytest.mark.parametrize(
    ("options", "seconds", "logged"),
    [
        ((), "1.7 s", "clip: does not say how many frames a second: taken as 30 (--fps says another)"),
        (("--fps", "25"), "2.0 s", ""),
    ],
)
def test_the_rate_of_a_pose_file_is_given_or_told(tmp_path, monkeypatch, capsys, options, seconds, logged):
    monkeypatch.chdir(tmp_path)
    openpose_folder(tmp_path / "clip")

    assert main(["recognize", "clip", "--canvas", "100", "100", *options]) == 0

    said = capsys.readouterr()
    assert f"clip: 50 frames, {seconds}" in said.out
    assert logged in said.err
    assert said.err.count("frames a second") == bool(logged)


@pytest.mark.parametrize(("num_frames", "warned"), [(1, True), (2, False)])
def test_an_answer_for_one_frame_is_said_to_be_a_guess(tmp_path, monkeypatch, capsys, num_frames, warned):
    monkeypatch.chdir(tmp_path)
    video = make_annotations(1, motions=("wave",)).annotations[0]
    short = replace(video, keypoints=video.keypoints[:, :num_frames], scores=video.scores[:, :num_frames])
    save_annotations("short.pkl", AnnotationSet((short,)))

    assert main(["recognize", "short.pkl"]) == 0

    assert ("one frame shows no movement, so the answer is a guess" in capsys.readouterr().err) is warned


@pytest.mark.parametrize(
    ("options", "seconds", "logged"),
    [
        ((), "1.2 s", "pictures: does not say how many frames a second: taken as 25 (--fps says another)"),
        (("--fps", "10"), "3.0 s", ""),
    ],
)
def test_the_rate_of_pictures_is_given_or_told(films, tmp_path, monkeypatch, capsys, options, seconds, logged):
    monkeypatch.chdir(tmp_path)
    Path("pictures").mkdir()
    with open_frames(films / "wave.mp4") as video:
        for number, frame in zip(range(30), video, strict=False):
            cv2.imwrite(f"pictures/{number}.png", frame.picture[..., ::-1])

    assert main(["recognize", "pictures", "--out", "drawn.mp4", *options]) == 0

    said = capsys.readouterr()
    assert f"pictures: 30 frames, {seconds}" in said.out
    assert logged in said.err
    assert said.err.count("frames a second") == bool(logged)
    with open_frames("drawn.mp4") as drawn:
        assert drawn.frames_per_second == pytest.approx(10 if options else 25)


def test_a_rate_beside_that_of_the_file_is_refused(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    keypoints = make_annotations(1).annotations[0].keypoints
    np.savez("poses.npz", keypoints=keypoints, canvas=np.array([480, 640]), fps=50)

    assert main(["recognize", "poses.npz", "--fps", "25"]) == 2
    assert "poses.npz: video 'poses': the file says 50 frames a second, not 25; leave the rate out" in (
        capsys.readouterr().err
    )
    assert main(["recognize", "poses.npz"]) == 0
    assert "frames a second" not in capsys.readouterr().err


def test_a_folder_is_recognised_video_by_video_and_one_bad_video_stops_nothing(run, films, tmp_path):
    (tmp_path / "many").mkdir()
    for name in ("squat.mp4", "wave.mp4"):
        (tmp_path / "many" / name).write_bytes((films / name).read_bytes())
    (tmp_path / "many" / "broken.mp4").write_bytes(b"not a video")

    done = run("posec3d", "recognize", "many", "--json", "all.json", status=2)

    assert [line.split(":")[0] for line in done.stdout.splitlines()[::2]] != []
    assert "1 of 3 videos failed; beside each stands why" in done.stderr
    assert "  many/broken.mp4: " in done.stderr
    content = json.loads((tmp_path / "all.json").read_text())
    assert len(content["videos"]) == 2
    assert [Path(one["source"]).name for one in content["failed"]] == ["broken.mp4"]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ([], "which video? Give a file"),
        (["gone.mp4"], "gone.mp4"),
        (["text.mp4"], "text.mp4"),
        (["black.mp4"], "nobody is found in any of 5 frames"),
        (["0"], "webcam 0 has no end; use `posec3d stream 0`"),
        (["black.mp4", "--stride", "1"], "--stride 1 needs --window"),
        (["black.mp4", "--shortest", "1"], "--shortest 1 needs --window"),
        (["black.mp4", "--window", "1", "--shortest", "-1"], "--shortest -1: give seconds, 0 or more"),
        (["black.mp4", "--window", "1", "--shortest", "nan"], "--shortest nan: give seconds, 0 or more"),
        (["black.mp4", "--window", "-1"], "window is -1 s"),
        (["black.mp4", "--out", "x.avi"], "end it in .mp4 or .gif"),
        (["black.mp4", "--out", "black.mp4"], "is the source itself; give another name"),
        (["hands.npz", "--json", "hands.npz"], "is the source itself; give another name"),
        (["black.mp4", "--json", "x.mp4", "--out", "x.mp4"], "--json x.mp4: is --out as well; give another name"),
        (["black.mp4", "--json", "x.mp4"], "--json x.mp4: has the ending of a video; end it in .json"),
        (["same", "--out", "same"], "is the source itself; give another name"),
        (["black.mp4", "--top", "0"], "--top 0: tell at least 1 action"),
        (["black.mp4", "--threshold", "30"], "--threshold 30: a probability lies between 0 and 1; 30 % is 0.3"),
        (["black.mp4", "--model", "ntu60-keypont"], "did you mean 'ntu60-keypoint'"),
        (["black.mp4", "--estimator", "movnet"], "did you mean 'movenet'"),
        (["hands.npz"], "lack"),
    ],
)
def test_mistakes_get_one_sentence_and_leave_nothing_behind(tmp_path, monkeypatch, capsys, words, complaint):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.mp4").write_text("hello")
    with VideoWriter(tmp_path / "black.mp4", frames_per_second=10.0) as writer:
        for _ in range(5):
            writer.write(np.zeros((64, 64, 3), np.uint8))
    np.savez(tmp_path / "hands.npz", keypoints=np.random.rand(4, 21, 2) * 100, canvas=np.array([100, 100]))
    (tmp_path / "same").mkdir()
    for name in ("a.mp4", "b.mp4"):
        (tmp_path / "same" / name).write_bytes((tmp_path / "black.mp4").read_bytes())
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    status = main(["recognize", *words])

    assert status == 2
    # The model of the package introduces itself in a line of its own.
    *_, sentence = capsys.readouterr().err.strip().splitlines()
    assert complaint in sentence
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def three_videos():
    """A pose file of three videos; nobody is seen in the second."""
    made_up = make_annotations(3, motions=("squat", "wave", "walk"))
    first, second, third = made_up.annotations
    empty = replace(second, scores=np.zeros_like(second.scores))
    return AnnotationSet((first, empty, third))


def test_one_bad_video_of_a_pose_file_stops_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    videos = three_videos()
    save_annotations("three.pkl", videos)

    assert main(["recognize", "three.pkl", "--json", "three.json"]) == 2

    names = [video.video for video in videos.annotations]
    said = capsys.readouterr()
    assert "1 of 3 videos failed" in said.err
    assert f"{names[1]}: failed" in said.out
    content = json.loads((tmp_path / "three.json").read_text())
    assert [(one["source"], one["video"]) for one in content["videos"]] == [
        *(("three.pkl", names[0]), ("three.pkl", names[2]))
    ]
    assert [one["video"] for one in content["failed"]] == [names[1]]


def test_what_was_recognised_is_kept_when_it_is_stopped(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    save_annotations("three.pkl", make_annotations(3, motions=("squat", "wave", "walk")))
    recognize, calls = ActionRecognizer.recognize, []

    def stop_at_third(*given, **options):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return recognize(*given, **options)

    monkeypatch.setattr(ActionRecognizer, "recognize", stop_at_third)

    assert main(["recognize", "three.pkl", "--json", "three.json"]) == 130

    assert "posec3d: stopped; three.json holds the 2 videos recognised until then" in capsys.readouterr().err
    assert len(json.loads((tmp_path / "three.json").read_text())["videos"]) == 2


def test_a_source_that_cannot_be_opened_counts_as_one_that_failed(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    save_annotations("three.pkl", three_videos())
    (tmp_path / "broken.mp4").write_bytes(b"no film")

    assert main(["recognize", "three.pkl", "broken.mp4"]) == 2

    assert "posec3d: 2 of 4 videos failed" in capsys.readouterr().err


def test_scores_too_low_to_follow_anybody_are_named(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    rows = [f"{frame},{place},{100 + place},{50 + place},0.04" for frame in range(3) for place in range(17)]
    (tmp_path / "low.csv").write_text("\n".join(["frame,keypoint,x,y,score", *rows, ""]))

    for words in (["recognize", "low.csv"], ["visualize", "low.csv", "--what", "decision", "--out", "low.png"]):
        assert main([*words, "--canvas", "120", "160"]) == 2
        assert "low: scores of keypoints are 0.04 at most, too low to follow anybody by" in capsys.readouterr().err


def test_a_video_that_cannot_be_read_as_poses_stops_no_other_of_its_file(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    first, second, third = make_annotations(3, motions=("squat", "wave", "walk")).annotations
    # 25 keypoints may be of two skeletons.
    other = replace(second, keypoints=second.keypoints[:, :, [0] * 25], scores=second.scores[:, :, [0] * 25])
    save_annotations("three.pkl", AnnotationSet((first, other, third)))

    assert main(["recognize", "three.pkl"]) == 2

    said = capsys.readouterr()
    assert "1 of 3 videos failed" in said.err
    assert f"{second.video}: failed" in said.out
    assert said.out.count("frames,") == 2


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("{folder}/mine/clip.mp4", "clip.mp4"),
        ("../../mine/clip.mp4", "mine/clip.mp4"),
        ("..", "video.mp4"),
        ("C:\\films\\a?.avi", "C_/films/a_.mp4"),
        ("http://camera/films/clip.mp4?token=1", "clip.mp4"),
    ],
)
def test_annotated_videos_stay_below_their_folder_whatever_their_names(tmp_path, monkeypatch, name, expected):
    monkeypatch.chdir(tmp_path)
    mine = tmp_path / "mine/clip.mp4"
    mine.parent.mkdir()
    mine.write_bytes(b"mine")
    (video,) = make_annotations(1).annotations
    save_annotations("one.pkl", AnnotationSet((replace(video, video=name.format(folder=tmp_path)),)))

    assert main(["recognize", "one.pkl", "--out", "run.1/drawn"]) == 0

    assert mine.read_bytes() == b"mine"
    (written,) = (path.relative_to(tmp_path / "run.1/drawn") for path in tmp_path.glob("run.1/drawn/**/*.mp4"))
    assert str(written).endswith(expected)


def test_an_existing_folder_may_have_a_dot_in_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_annotations("one.pkl", make_annotations(1))
    (tmp_path / "run.1").mkdir()
    assert main(["recognize", "one.pkl", "--out", "run.1"]) == 0
    assert len([*tmp_path.glob("run.1/*.mp4")]) == 1


def test_a_name_that_is_not_utf_8_comes_back_from_json(films, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    name = os.fsdecode(b"caf\xe9.mp4")
    (tmp_path / name).write_bytes((films / "wave.mp4").read_bytes())
    assert main(["recognize", name, "--json", "out.json"]) == 0
    (video,) = json.loads((tmp_path / "out.json").read_text())["videos"]
    assert video["source"] == name


def test_who_reads_may_go_and_the_json_is_written_all_the_same(run, tmp_path):
    save_annotations(tmp_path / "three.pkl", make_annotations(3))
    reader, writer = os.pipe()
    os.close(reader)
    words = [sys.executable, "-m", "posec3d.cli", "recognize", "three.pkl", "--json", "out.json"]
    subprocess.run(words, cwd=tmp_path, stdout=writer, check=False, env={**os.environ, "PYTHONUNBUFFERED": "1"})
    os.close(writer)
    assert len(json.loads((tmp_path / "out.json").read_text())["videos"]) == 3


@pytest.mark.parametrize("words", [["recognize", "x.mp4", "--window", "abc"], ["train", "--epochs", "abc"]])
def test_what_is_no_number_is_said_to_be_none(words, capsys):
    with pytest.raises(SystemExit) as stop:
        main(words)
    assert stop.value.code == 2
    said = capsys.readouterr().err
    assert "'abc' is not a" in said
    assert "NoneType" not in said
