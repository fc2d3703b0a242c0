import json
import os
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler
from http.server import ThreadingHTTPServer
from urllib.request import urlopen

import av
import cv2
import numpy as np
import pytest
import torch

from posec3d import cli
from posec3d.checkpoints import build_model
from posec3d.checkpoints import save_checkpoint
from posec3d.commands import stream as module
from posec3d.commands import stream_output
from posec3d.experiment import Clips
from posec3d.experiment import Heatmaps
from posec3d.experiment import ModelCard
from posec3d.experiment import Network
from posec3d.inference.recognizer import ActionRecognizer
from posec3d.inference.segments import Segment
from posec3d.inference.segments import joined
from posec3d.inference.streaming import StreamingRecognizer
from posec3d.skeletons import get_skeleton
from posec3d.video import estimators
from posec3d.video.frames import open_frames
from posec3d.video.pose_estimation import estimate_people
from posec3d.video.scene import film
from posec3d.video.writing import VideoWriter

NUM_FRAMES, RATE = 24, 15.0


class Seer:
    """Knows where the keypoints are in each frame of squat.mp4, which it is shown in order, again and again."""

    skeleton = get_skeleton("coco17")

    def __init__(self, keypoints):
        self._keypoints = keypoints

    def start(self):
        self._next = 0

    def estimate(self, picture):
        keypoints = self._keypoints[:, self._next % NUM_FRAMES]
        self._next += 1
        return keypoints, np.ones(keypoints.shape[:2], np.float32)


def squats():
    """Pictures and true keypoints."""
    return film("squat", rng=np.random.RandomState(0), num_frames=NUM_FRAMES, frames_per_second=RATE, size=(240, 320))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A video of somebody who squats, squat.mp4, and a network that says something of it, model.safetensors."""
    folder = tmp_path_factory.mktemp("stream")
    card = ModelCard(
        heatmaps=Heatmaps(),
        network=Network(base_channels=4, stage_blocks=(1, 1)),
        clips=Clips(length=8, test_canvas=16, test_clips=2),
        num_classes=3,
        classes=("squat", "walk", "wave"),
    )
    torch.manual_seed(0)
    model = build_model(card)
    # Answers that differ from window to window, by some percent.
    model.cls_head.fc_cls.weight.data *= 200
    save_checkpoint(folder / "model.safetensors", model.state_dict(), card)
    pictures, _ = squats()
    with VideoWriter(folder / "squat.mp4", frames_per_second=RATE) as writer:
        for picture in pictures:
            writer.write(picture)
    return folder


@pytest.fixture
def seer(monkeypatch):
    """Find people without MoveNet, which takes seconds for these videos."""
    seer = Seer(squats()[1])
    monkeypatch.setattr(estimators, "load_estimator", lambda name: seer)
    return seer


@pytest.fixture
def stream(folder, tmp_path, monkeypatch, capsys):
    """Run the command in this process, in an empty directory; return what it prints."""
    monkeypatch.chdir(tmp_path)

    def stream(*words, status=0):
        assert cli.main(["stream", *map(str, words), "--model", str(folder / "model.safetensors")]) == status
        return capsys.readouterr()

    return stream


def lines_of(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def frames_in(path):
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


@pytest.mark.parametrize("people", ["scene", "each"])
def test_of_a_file_the_answers_are_those_of_recognize(stream, folder, tmp_path, people, capsys):
    video, model = str(folder / "squat.mp4"), str(folder / "model.safetensors")
    same = ["--people", people, "--window", "0.4", "--stride", "0.15", "--top", "3"]

    said = stream(video, *same, "--jsonl", "new/stream.jsonl", "--out", "annotated.mp4")
    assert cli.main(["recognize", video, *same, "--model", model, "--json", "recognized.json"]) == 0

    expected = json.loads((tmp_path / "recognized.json").read_text())["videos"][0]["segments"]
    found = joined(as_segment(line) for line in lines_of(tmp_path / "new" / "stream.jsonl"))
    assert [one.action for one in found] == [one["action"] for one in expected]
    for one, other in zip(found, expected, strict=True):
        # What is written has three digits of time and four of probability.
        assert (one.start_seconds, one.end_seconds) == pytest.approx(
            (other["start_seconds"], other["end_seconds"]), abs=2e-3
        )
        assert dict(one.top(3)) == pytest.approx({two["action"]: two["score"] for two in other["top"]}, abs=2e-4)
    assert len({line["score"] for line in lines_of(tmp_path / "new" / "stream.jsonl")}) > 3
    # A line when the answer changes.
    assert len(said.out.splitlines()) == len(found)
    assert said.err.count("written: ") == 2
    assert frames_in(tmp_path / "annotated.mp4") == NUM_FRAMES


def as_segment(line):
    """Undo a line of JSON. Labels below the threshold are left as they are: `action` decides what is joined."""
    names = ("squat", "walk", "wave")
    scores = {one["action"]: one["score"] for one in line["top"]}
    people = None if line["people"] is None else tuple(line["people"])
    probabilities = np.array([scores[name] for name in names])
    return Segment(
        line["source"], line["start_seconds"], line["end_seconds"], people, probabilities, names, threshold=0.3
    )


def test_in_python_too(folder, seer):
    recognizer, path = ActionRecognizer.load(folder / "model.safetensors"), folder / "squat.mp4"
    with open_frames(path) as video:
        streaming = StreamingRecognizer(recognizer, canvas=video.size, name=video.name, window=0.5)
        segments = [
            segment for _, people in estimate_people(video, seer) for segment in streaming.update(people)
        ] + streaming.finish()

    expected = recognizer.recognize(path, window=0.5, estimator=seer)

    found = joined(segments)
    assert [(one.action, one.people) for one in found] == [(one.action, one.people) for one in expected]
    for one, other in zip(found, expected, strict=True):
        assert (one.start_seconds, one.end_seconds) == pytest.approx((other.start_seconds, other.end_seconds))
        np.testing.assert_allclose(one.probabilities, other.probabilities, atol=1e-5)


def test_a_line_is_printed_when_an_answer_changes(capsys):
    def said(start, who, *probabilities):
        return Segment("camera", start, start + 1.0, who, np.array(probabilities), ("walk", "wave"), threshold=0.6)

    answers = stream_output.Answers("camera", top=1, window=2.0, lines=None)
    answers.tell([said(0.0, (1,), 0.9, 0.1), said(0.0, (2,), 0.3, 0.7)])
    answers.tell([said(1.0, (1,), 0.8, 0.2), said(1.0, (2,), 0.9, 0.1)])
    answers.tell([said(2.0, (1,), 0.5, 0.5), said(2.0, (2,), 0.9, 0.1)])
    known = [(one.people, one.start_seconds) for one in answers.known(3.0)]
    # Gone for more than two windows, in which nobody else was there.
    later = answers.known(7.5)
    answers.tell([said(9.0, (2,), 0.9, 0.1)])

    assert capsys.readouterr().out.splitlines() == [
        "     0.0 s  person 1: walk 90%",
        "     0.0 s  person 2: wave 70%",
        "     1.0 s  person 2: walk 90%",
        "     2.0 s  person 1: unsure: walk 50%",
        "     9.0 s  person 2: walk 90%",
    ]
    assert known == [((1,), 2.0), ((2,), 2.0)]
    assert later == []
    assert [one.people for one in answers.known(9.0)] == [(2,)]


def test_lines_are_added_and_name_their_source(stream, seer, folder, tmp_path):
    for _ in range(2):
        stream(folder / "squat.mp4", "--window", "0.5", "--seconds", "0.5", "--jsonl", "all.jsonl")

    lines = lines_of(tmp_path / "all.jsonl")
    # Moments of an eighth of a second, of half a second, twice.
    assert [line["start_seconds"] for line in lines] == [0, 0.125, 0.25, 0.375] * 2
    assert {line["source"] for line in lines} == {str(folder / "squat.mp4")}
    # A file was not recorded while it was looked at.
    assert "time" not in lines[0]


def test_the_page_is_served_while_a_file_plays(stream, seer, folder, monkeypatch):
    pages = []

    def browse(url):
        def read():
            for part in ("", "answers"):
                with urlopen(url + part, timeout=5) as response:
                    pages.append(response.read().decode())

        thread = threading.Thread(target=read)
        thread.start()
        thread.join()

    monkeypatch.setattr(stream_output, "open_in_browser", browse)
    started = time.monotonic()

    said = stream(folder / "squat.mp4", "--window", "0.5", "--seconds", "1", "--show")

    # No faster than it plays.
    assert time.monotonic() - started > 0.9
    assert "squat.mp4</title>" in pages[0]
    assert json.loads(pages[1]) == {"status": "", "answers": []}
    assert "to be seen at http://127.0.0.1:" in said.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("98",), "webcam 98 cannot be opened"),
        (("http://127.0.0.1:9/camera",), "http://127.0.0.1:9/camera: cannot be reached"),
        (("missing.mp4",), "missing.mp4: no such file or folder; correct the path"),
        (("98", "--out", "a.gif"), "--out a.gif: end it in .mp4"),
        (("98", "--window", "0"), "window is 0 s; it must be more than 0"),
        (("98", "--stride", "3"), "stride is 3 s; it must be above 0 and at most the window, 2 s"),
        (("98", "--seconds", "0"), "--seconds 0: give more than 0, or leave it out to go on until Ctrl-C"),
        (("98", "--top", "0"), "--top 0: tell at least 1 action"),
        (("VIDEO", "--jsonl", "a.mp4", "--out", "a.mp4"), "--jsonl a.mp4: is --out as well; give another name"),
        (("VIDEO", "--jsonl", "."), "--jsonl .: is a folder; give a file name such as ./actions.jsonl"),
        (("VIDEO", "--estimator", "movnet"), "unknown pose estimator 'movnet'; did you mean 'movenet'?"),
        (("FOLDER",), "stands for 2 sources, such as "),
        (("poses.json",), "poses.json: holds poses, which are there already; use `posec3d recognize poses.json`"),
    ],
)
def test_mistakes_are_told_before_a_network_is_loaded(stream, folder, tmp_path, monkeypatch, words, message):
    monkeypatch.setattr(ActionRecognizer, "load", lambda *_, **__: pytest.fail("loaded"))
    (tmp_path / "poses.json").write_text('[{"image_id": 1, "keypoints": [], "score": 1.0, "category_id": 1}]')
    (tmp_path / "two").mkdir()
    for name in ("a.mp4", "b.mp4"):
        (tmp_path / "two" / name).touch()
    places = {"VIDEO": folder / "squat.mp4", "FOLDER": "two"}

    said = stream(*(places.get(word, word) for word in words), status=2)

    assert message in said.err
    assert said.err.count("\n") == 1
    assert said.out == ""


def test_moments_without_anybody_have_no_answer(stream, tmp_path, monkeypatch):
    blind = Seer(np.zeros((0, NUM_FRAMES, 17, 2), np.float32))
    monkeypatch.setattr(estimators, "load_estimator", lambda name: blind)
    with VideoWriter(tmp_path / "empty.mp4", frames_per_second=10.0) as writer:
        for _ in range(12):
            writer.write(np.full((96, 128, 3), 90, np.uint8))

    said = stream(tmp_path / "empty.mp4", "--window", "0.5", "--out", "annotated.mp4")

    assert said.out == "  no answer: nobody is seen, or not for long enough\n"
    assert frames_in(tmp_path / "annotated.mp4") == 12


@pytest.fixture
def camera(folder):
    """A camera on this machine that shows somebody squatting, again and again."""
    with open_frames(folder / "squat.mp4") as video:
        pictures = [cv2.imencode(".jpg", frame.picture[..., ::-1])[1].tobytes() for frame in video]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace;boundary=next")
            self.end_headers()
            try:
                while True:
                    for picture in pictures:
                        head = f"--next\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
                        self.wfile.write(head.encode() + picture + b"\r\n")
                        # As fast as a camera: a faster one would take the processor from who looks at it.
                        ended.wait(1 / RATE)
            except OSError:
                pass

        def log_message(self, *_):
            pass

    ended = threading.Event()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield f"http://me:secret@127.0.0.1:{server.server_port}/camera"
    ended.set()
    server.shutdown()
    server.server_close()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signals to send to one process")
@pytest.mark.parametrize("asked", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_it_and_what_was_written_stays_whole(folder, camera, tmp_path, asked):
    started = time.time()
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "posec3d.cli", "stream", camera, "--model", folder / "model.safetensors"),
            *("--window", "0.5", "--people", "each", "--out", "a.mp4", "--jsonl", "a.jsonl"),
        ],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    first = process.stdout.readline()
    written_by_then = lines_of(tmp_path / "a.jsonl")
    process.send_signal(asked)
    rest, said = process.communicate(timeout=60)

    assert process.returncode == 0, said
    assert "person 1: " in first
    # Each line is in the file as soon as it is decided.
    assert written_by_then
    lines = lines_of(tmp_path / "a.jsonl")
    assert len(lines) > len(written_by_then)
    assert {line["source"] for line in lines} == {camera.replace("me:secret@", "")}
    assert started - 1 < np.datetime64(lines[0]["time"][:23], "ms").astype(float) / 1000 < time.time() + 1
    assert frames_in(tmp_path / "a.mp4") > 0
    assert "left out" in said
    assert "Traceback" not in rest + said
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.jsonl", "a.mp4"]


def num_threads():
    """All but that of tqdm, which starts with the first progress bar of a process and stays."""
    return sum(thread.name != "tqdm_monitor" for thread in threading.enumerate())


def test_seconds_end_a_camera(stream, seer, camera, tmp_path):
    before = num_threads()

    said = stream(camera, "--window", "0.5", "--seconds", "1.2", "--jsonl", "a.jsonl")

    lines = lines_of(tmp_path / "a.jsonl")
    assert 0.5 < lines[-1]["end_seconds"] < 1.6
    assert said.out.splitlines()
    assert "camera: breaks off" not in said.err
    # All of its threads but the servers' answer, which ends when it finds nobody there.
    assert num_threads() <= before + 1


def test_signals_are_left_as_they_were():
    usual = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)

    with module._stop_when_asked() as stop:
        signal.raise_signal(signal.SIGINT)
        assert stop.asked
        # The second one is not caught.
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)

    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == usual


@pytest.mark.parametrize("option", ["--out", "--jsonl"])
def test_a_folder_that_stands_for_a_video_does_not_lose_it(stream, folder, tmp_path, option):
    kept = next(folder.glob("*.mp4")).read_bytes()
    (tmp_path / "one").mkdir()
    (tmp_path / "one/clip.mp4").write_bytes(kept)

    assert "is the source itself" in stream("one", option, "one/clip.mp4", status=2).err
    assert (tmp_path / "one/clip.mp4").read_bytes() == kept
