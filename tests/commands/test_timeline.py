import json

import numpy as np
import pytest
from PIL import Image

from posec3d.cli import main
from posec3d.commands.timeline import timeline
from posec3d.synthetic import make_annotations


def write_answers(path, videos):
    """Write answers as recognize does: of each source, its name, and segments of (action, start, end)."""
    content = []
    for source, segments in videos.items():
        told = [
            {"start_seconds": start, "end_seconds": end, "people": None, "action": action, "score": 0.9}
            for action, start, end in segments
        ]
        frames = [{"seconds": number / 10, "people": []} for number in range(100)]
        content.append(
            {"source": source, "video": source, "frames_per_second": 10.0, "segments": told, "frames": frames}
        )
    path.write_text(json.dumps({"model": "packaged", "videos": content, "failed": []}))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with answers about games/one.mp4 and two.mp4, ten seconds each, and a table of the first."""
    monkeypatch.chdir(tmp_path)
    one = [("serve", 0.0, 4.0), ("unsure", 4.0, 6.0), ("rest", 6.0, 10.0)]
    write_answers(tmp_path / "answers.json", {"games/one.mp4": one, "games/two.mp4": [("serve", 0.0, 10.0)]})
    (tmp_path / "segments.csv").write_text("video,start,end,label\none,0,5,serve\none,6,8,rest\nthree,0,1,serve\n")
    return tmp_path


def test_a_long_video_is_recognised_and_measured(run, tmp_path):
    videos = make_annotations(4, seed=1, motions=("squat", "walk"), max_people=1).annotations
    parts = [video.keypoints[:1] * [640 / video.canvas[1], 480 / video.canvas[0]] for video in videos]
    scores = np.concatenate([video.scores[:1] for video in videos], 1)
    np.savez(tmp_path / "long.npz", keypoints=np.concatenate(parts, 1), scores=scores)
    ends = np.cumsum([video.num_frames for video in videos]).tolist()
    lines = [f"long,{end - video.num_frames},{end},{('squat', 'walk')[video.label]}"
             for end, video in zip(ends, videos, strict=True)]  # fmt: skip
    (tmp_path / "segments.csv").write_text("\n".join(["video,start_frame,end_frame,label", *lines]))

    run("posec3d", "recognize", "long.npz", "--canvas", 480, 640, "--window", 2, "--json", "answers.json")
    done = run("posec3d", "timeline", "answers.json", "segments.csv", "--picture", "new/line.png", "--out", "f.json")

    assert "1 video, 4 segments labelled, " in done.stdout
    figures = json.loads((tmp_path / "f.json").read_text())
    assert figures["time"]["seconds"] == pytest.approx(ends[-1] / 30, abs=0.01)
    assert figures["time"]["labelled_seconds"] == pytest.approx(ends[-1] / 30, abs=0.01)
    # The package's models know both.
    assert figures["actions"]["walk"]["both"] > 0
    assert set(figures["f1"]) == {"0.1", "0.25", "0.5"}
    assert set(figures["map"]) == {"0.3", "0.5", "0.7"}
    with Image.open(tmp_path / "new/line.png") as picture:
        assert picture.format == "PNG"


def test_the_page_says_how_much_is_right(folder, capsys):
    assert main(["timeline", "answers.json", "segments.csv", "--background", "rest"]) == 0

    page, said = capsys.readouterr()
    assert "1 video, 1 segment labelled, 1 told" in page
    assert "time told rightly       90.0% of 10.0 s" in page  # all but 4 to 5 s
    assert "- of what is labelled   80.0% of 5.0 s" in page
    assert "F1 at 10, 25, 50 %      100.0%, 100.0%, 100.0%" in page
    assert "serve         5.0       4.0   80.0%            100.0%" in page
    assert "segments.csv: 1 of 3 lines name videos that answers.json does not have: 'three'" in said
    assert "segments.csv: names no segment of these, left out: 'two'" in said


def test_without_a_background_it_is_an_action(folder, capsys):
    assert main(["timeline", "answers.json", "segments.csv"]) == 0

    assert "1 video, 2 segments labelled, 2 told" in capsys.readouterr().out


def test_labels_that_no_answer_has_are_told(folder, caplog):
    (folder / "segments.csv").write_text("video,start,end,label\none,0,5,Serve\n")

    timeline(folder / "answers.json", folder / "segments.csv")

    assert "no answer is one of the labels of " in caplog.text


def each(folder):
    content = json.loads((folder / "answers.json").read_text())
    content["videos"][0]["segments"][0]["people"] = [1]
    (folder / "answers.json").write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("spoil", "words", "message"),
    [
        (lambda f: (f / "answers.json").unlink(), (), "answers.json: no such file; give a file that posec3d recognize"),
        (lambda f: (f / "answers.json").write_text("video,start"), (), "answers.json: is no JSON; give a file that"),
        (lambda f: (f / "answers.json").write_text('{"a": 1}'), (), "answers.json: holds no answers; give a file that"),
        (each, (), "answers.json: tells what each person does, which a table of segments does not; recognise with"),
        (lambda f: (f / "segments.csv").write_text("video,start,end,label\nthree,0,1,a\n"), (),
         "segments.csv: names none of the videos of answers.json: 'one', 'two'; correct it"),
        (lambda f: (f / "segments.csv").write_text("video,start,end,label\none,11,12,a\n"), (),
         "segments.csv, line 2: starts at 11, but 'one' has ended at 10 s; correct it"),
        (lambda f: (f / "segments.csv").write_text("video,label\none,a\n"), (),
         "segments.csv: has columns video, label, but none called 'start'"),
        (lambda f: (f / "segments.csv").write_text("video,start,end,label\none,1,2,rest\n"), ("--background", "rest"),
         "segments.csv: labels nothing but 'rest'; give another --background, or none"),
        (lambda _: None, ("--picture", "line.jpg"), "line.jpg: a picture of timelines is written as .png"),
        (lambda _: None, ("--out", "answers.json"), "--out answers.json: is the source itself; give another name"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_sentence(folder, capsys, spoil, words, message):
    spoil(folder)

    assert main(["timeline", "answers.json", "segments.csv", *words]) == 2

    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.out == ""


def test_segments_that_go_on_count_as_one(folder, caplog, capsys):
    table = folder / "segments.csv"
    table.write_text("video,start,end,label\none,0,2,serve\none,2,4,serve\none,6,10,rest\n")

    assert main(["timeline", "answers.json", "segments.csv"]) == 0

    printed = capsys.readouterr()
    assert "1 video, 2 segments labelled, 2 told" in printed.out
    assert "F1 at 10, 25, 50 %      100.0%, 100.0%, 100.0%" in printed.out
    assert "segments.csv: 1 segment begins where one of the same label ends, and counts as one with it" in printed.err
