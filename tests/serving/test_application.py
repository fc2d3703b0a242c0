import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import av
import numpy as np
import pytest
import requests

from posec3d.annotations import save_annotations
from posec3d.inference.output import recognized_as_dict
from posec3d.inference.reading import read_people
from posec3d.serving import application
from posec3d.serving.application import is_loopback
from posec3d.serving.application import safe_name
from posec3d.serving.recognitions import Recognition
from posec3d.synthetic import make_annotations

from .conftest import NUM_FRAMES
from .conftest import served


def send(url, path, /, to="recognize", name=None, **fields):
    with Path(path).open("rb") as file:
        return requests.post(f"{url}/{to}", files={"file": (name or Path(path).name, file)}, data=fields, timeout=60)


def ended(url, job):
    """Wait for a job; return how it stands then."""
    while (told := requests.get(f"{url}/jobs/{job['id']}", timeout=10).json())["state"] in ("waiting", "running"):
        time.sleep(0.02)
    return told


def answer_of(url, told):
    return requests.get(url + told["files"]["answer"], timeout=10).json()


@pytest.mark.parametrize(
    "fields",
    [{}, {"window": "0.8", "stride": "0.4"}, {"window": "0.4", "shortest": "1"}, {"people": "each", "top": "2"}],
)
def test_one_request_answers_as_recognize_does(server, model, poses, fields):
    told = send(server, poses, threshold="0.4", **fields)

    assert told.status_code == 200
    video = model.recognizer.fitting(read_people(poses)[0])
    numbers = {name: float(fields[name]) for name in ("window", "stride", "shortest") if name in fields}
    people = fields.get("people", "scene")
    segments = model.recognizer.recognize(video, people=people, threshold=0.4, **numbers)
    expected = recognized_as_dict("two.npz", video, segments, top=int(fields.get("top", 5)))
    answer = told.json()
    assert list(answer.pop("files")) == ["answer"]
    assert answer == {"model": "mine", **json.loads(json.dumps(expected))}


def test_a_video_is_recognised_drawn_and_explained(server, video):
    job = send(server, video, to="jobs", window="1", film="true")
    assert job.status_code == 202
    told = ended(server, job.json())

    assert told["error"] is None
    assert told["state"] == "done"
    answer = answer_of(server, told)
    assert answer["video"] == "squat.mp4"
    assert answer["num_frames"] == NUM_FRAMES
    assert frames_of(server + told["files"]["film"]) == NUM_FRAMES
    kept = requests.get(server + told["files"]["answer"], timeout=10)
    assert kept.headers["Content-Disposition"] == 'attachment; filename="squat.json"'

    last = len(answer["segments"]) - 1
    asked = requests.post(f"{server}/jobs/{told['id']}/decisions/{last}", timeout=10)
    why = ended(server, asked.json())
    assert why["error"] is None
    said = answer["segments"][last]["top"][0]["action"]
    assert answer_of(server, why)["said"].startswith(f"squat.mp4: {said} (")
    assert frames_of(server + why["files"]["film"]) > 0


def test_a_video_called_as_the_film_is_stays_as_it_was_sent(server, video, tmp_path):
    told = ended(server, send(server, video, to="jobs", name="film.mp4", film="true").json())
    assert told["error"] is None
    (sent,) = tmp_path.glob("*/upload/film.mp4")
    assert sent.read_bytes() == video.read_bytes()
    assert requests.get(server + told["files"]["film"], timeout=10).content != sent.read_bytes()


def test_the_film_of_one_request_is_where_the_answer_says(server, poses):
    told = send(server, poses, film="true").json()
    assert frames_of(server + told["files"]["film"]) == 40


def frames_of(url):
    with av.open(url) as container:
        return sum(1 for _ in container.decode(video=0))


def test_the_people_of_an_answer_alone_are_explained(server, poses):
    told = ended(server, send(server, poses, to="jobs", people="each").json())
    assert [segment["people"] for segment in answer_of(server, told)["segments"]] == [[0], [1]]
    why = ended(server, requests.post(f"{server}/jobs/{told['id']}/decisions/1", timeout=10).json())
    assert why["state"] == "done"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"window": "soon"}, "window: input should be a valid number"),
        ({"window": "-1"}, "window: input should be greater than 0 (given '-1')"),
        ({"window": "nan"}, "window"),
        ({"people": "nobody"}, "people: input should be 'scene', 'each' or 'pairs' (given 'nobody')"),
        ({"stride": "1"}, "stride: needs window"),
        ({"shortest": "1"}, "shortest: needs window"),
        ({"window": "1", "shortest": "inf"}, "shortest: input should be a finite number"),
        ({"treshold": "1"}, "treshold: no such field; there are file, people, window"),
        ({"threshold": "2"}, "threshold: input should be less than or equal to 1"),
        ({"skeleton": "coco18"}, "coco18"),
        ({"canvas": "480"}, "canvas: give height and width in pixels as two numbers, such as 1080 1920 (given '480')"),
        ({"canvas": "480x640"}, "canvas: give height and width in pixels as two numbers, such as 1080 1920"),
        ({"window": "x" * 2000}, "window: longer than 1000 characters"),
        ({"window": "1", "stride": "1e-9"}, "stride=1e-09: one frame of two lasts 0.0667 s"),
        ({"window": "0.01"}, "one frame of two lasts 0.0667 s"),
    ],
)
def test_what_cannot_be_asked_is_answered_in_a_sentence(server, poses, fields, said):
    answer = send(server, poses, **fields)
    assert answer.status_code == 400
    assert said in answer.json()["error"]
    assert "/" not in answer.json()["error"].replace("and/or", "")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("clip.mp4", b"", "clip.mp4: the file is empty"),
        ("clip.mp4", b"no video at all" * 100, "clip.mp4: not a video"),
        ("poses.json", b"{", "poses.json: "),
        ("poses.npz", b"zip?", "poses.npz: "),
        ("poses.csv", b"a,b\n1,2\n", "poses.csv: "),
        ("my.pkl", b"cos\nsystem\n(S'true'\ntR.", "my.pkl: "),
        ("picture.png", b"no picture", "picture.png: "),
    ],
)
def test_a_file_that_cannot_be_read_is_named_as_it_was_sent(server, tmp_path, name, content, said):
    (tmp_path / "given").write_bytes(content)
    answer = send(server, tmp_path / "given", name=name)
    assert answer.status_code == 400
    assert said in answer.json()["error"]
    assert str(tmp_path) not in answer.json()["error"]


def test_several_videos_in_a_file_are_too_many(server, tmp_path):
    save_annotations(tmp_path / "my.pkl", make_annotations(3, seed=0))
    answer = send(server, tmp_path / "my.pkl")
    assert answer.json() == {"error": "my.pkl: holds 3 videos; send one at a time"}


@pytest.mark.parametrize("field", ["skeleton", "canvas", "fps"])
def test_what_is_for_pose_files_is_refused_with_a_video(server, video, field):
    answer = send(server, video, **{field: {"skeleton": "coco17", "canvas": "240 320", "fps": "15"}[field]})
    assert answer.status_code == 400
    assert f"{field} is for pose files" in answer.json()["error"]


def test_what_a_pose_file_does_not_say_the_form_does(server, tmp_path):
    annotation = make_annotations(1, seed=0, max_people=1).annotations[0]
    np.savez(tmp_path / "bare.npz", keypoints=annotation.keypoints, scores=annotation.scores)
    answer = send(server, tmp_path / "bare.npz", canvas="480 640", fps="10", skeleton="coco17").json()
    assert (answer["height"], answer["width"], answer["frames_per_second"]) == (480, 640, 10.0)


def test_forms_without_a_file_or_with_two_are_refused(server, poses):
    form = {"Content-Type": "multipart/form-data; boundary=x"}
    files = [("file", ("a.npz", poses.read_bytes())), ("file", ("b.npz", poses.read_bytes()))]
    for given, status, said in (
        ({"files": files}, 400, "two files"),
        ({"files": {"window": (None, "1")}}, 400, "has no file"),
        (
            {"files": [files[0], *[("window", (None, value)) for value in "12"]]},
            400,
            "window: stands in the form twice",
        ),
        ({"files": {f"field{n}": (None, "1") for n in range(60)}}, 400, "more than 50 fields"),
        (
            {"files": {"video": ("a.npz", poses.read_bytes())}},
            400,
            "video: longer than 1000 characters; send the file as file",
        ),
        ({"data": poses.read_bytes()}, 415, "send a form with the file, such as curl -F file=@clip.mp4 does"),
        ({"json": {"file": 1}}, 415, "send a form"),
        ({"data": b"--x\r\nno head\r\n--x--", "headers": form}, 400, "the form cannot be read: Invalid HTTP header"),
        ({"data": b"no boundary", "headers": form}, 400, "starting boundary"),
        ({"data": b"x", "headers": {"Content-Type": "multipart/form-data"}}, 400, "boundary missed"),
    ):
        answer = requests.post(f"{server}/recognize", timeout=10, **given)
        assert (answer.status_code, said in answer.json()["error"]) == (status, True), answer.text


def test_a_file_that_is_too_large_is_not_taken_whether_its_size_is_said_or_not(model, tmp_path):
    def parts():
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.npz"\r\n\r\n'
        for _ in range(100):
            yield bytes(1000)
        yield b"\r\n--x--\r\n"

    with served(model, tmp_path, largest_bytes=50_000) as (url, _):
        said = requests.post(f"{url}/recognize", files={"file": ("a.npz", bytes(100_000))}, timeout=10)
        headers = {"Content-Type": "multipart/form-data; boundary=x"}
        unsaid = requests.post(f"{url}/recognize", data=parts(), headers=headers, timeout=10)
        assert [answer.status_code for answer in (said, unsaid)] == [413, 413]
        assert "larger than the 0 MB" in said.json()["error"]
        assert not list(tmp_path.iterdir())


def test_a_play_list_opens_no_other_file_of_this_computer(server, tmp_path, video):
    # Under the name of a video FFmpeg would follow it to the film, and show it to whoever sent the list.
    for kind, content in (
        ("m3u8", f"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n{video}\n#EXT-X-ENDLIST\n"),
        ("ffconcat", f"ffconcat version 1.0\nfile '{video}'\n"),
    ):
        (tmp_path / f"list.{kind}").write_text(content)
        for name in ("clip.mp4", f"clip.{kind}", "clip.ts"):
            answer = send(server, tmp_path / f"list.{kind}", name=name)
            assert answer.status_code == 400
            assert "not a video of a kind that is taken here" in answer.json()["error"]


def test_names_of_files_lead_nowhere_else(server, tmp_path, poses):
    (tmp_path / "outside.npz").touch()
    for given, name in (
        ("../../outside.npz", "outside.npz"),
        ("C:\\films\\two.npz", "two.npz"),
        (".hidden.npz", "hidden.npz"),
        ("a*[b]?.npz", "a__b__.npz"),
        ("x" * 300 + ".npz", "x" * 96 + ".npz"),
        ("..", "upload"),
        ("", "upload"),
        ("größer 2.npz", "größer 2.npz"),
        ('a".npz', "a_.npz"),
    ):
        assert safe_name(given) == name
    assert send(server, poses, name="../../outside.npz").json()["source"] == "outside.npz"
    assert (tmp_path / "outside.npz").stat().st_size == 0


def test_web_pages_of_others_may_not_ask(server, poses):
    # A page under a name that was made to lead here, and a form of another page.
    renamed = requests.get(f"{server}/model", headers={"Host": "evil.example"}, timeout=10)
    assert renamed.status_code == 403
    with poses.open("rb") as file:
        foreign = requests.post(
            f"{server}/recognize", files={"file": file}, headers={"Sec-Fetch-Site": "cross-site"}, timeout=10
        )
    assert foreign.status_code == 403
    for origin, status in (("http://evil.example", 403), ("null", 403), (server, 200)):
        with poses.open("rb") as file:
            asked = requests.post(f"{server}/recognize", files={"file": file}, headers={"Origin": origin}, timeout=60)
        assert asked.status_code == status
    for host in ("localhost", "127.0.0.1", "[::1]:8000"):
        assert requests.get(f"{server}/model", headers={"Host": host}, timeout=10).status_code == 200


def test_a_server_for_the_network_is_reached_by_any_name(model, tmp_path):
    with served(model, tmp_path, host="0.0.0.0") as (url, _):
        assert requests.get(f"{url}/model", headers={"Host": "lab-pc"}, timeout=10).status_code == 200


def test_which_hosts_are_this_computer_alone():
    assert [is_loopback(host) for host in ("127.0.0.1", "127.1.2.3", "::1", "localhost")] == [True] * 4
    assert [is_loopback(host) for host in ("0.0.0.0", "::", "192.168.0.2", "localhost.evil", "")] == [False] * 5


def test_the_page_comes_from_here_alone(server):
    page = requests.get(server, timeout=10)
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    for name in ("", "page.css", "page.js"):
        content = requests.get(f"{server}/{name}", timeout=10)
        assert content.status_code == 200
        assert "://" not in content.text


def test_what_is_not_there_is_said(server, poses):
    told = ended(server, send(server, poses, to="jobs").json())
    for method, path, status in (
        ("GET", "/nothing", 404),
        ("GET", "/recognize", 405),
        ("GET", "/jobs/unknown", 404),
        ("GET", f"/jobs/{told['id']}/film.mp4", 404),
        ("GET", f"/jobs/{told['id']}/two.npz", 404),
        ("POST", f"/jobs/{told['id']}/decisions/1", 404),
        ("POST", f"/jobs/{told['id']}/decisions/first", 404),
        ("POST", f"/jobs/{told['id']}/decisions/{'9' * 5000}", 404),
    ):
        answer = requests.request(method, server + path, timeout=10)
        assert (answer.status_code, "error" in answer.json()) == (status, True), path


def test_a_job_can_be_stopped(server, video):
    job = send(server, video, to="jobs").json()
    requests.delete(f"{server}/jobs/{job['id']}", timeout=10)
    told = ended(server, job)
    assert (told["state"], told["files"]) == ("cancelled", {})
    assert requests.get(f"{server}/jobs/{job['id']}/answer.json", timeout=10).status_code == 404


def test_whoever_hangs_up_is_not_worked_for(model, tmp_path, video):
    with served(model, tmp_path) as (url, jobs):
        body = requests.Request("POST", f"{url}/recognize", files={"file": ("a.mp4", video.read_bytes())}).prepare()
        host, port = url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as connection:
            head = f"POST /recognize HTTP/1.1\r\nHost: {host}\r\n"
            head += "".join(f"{name}: {value}\r\n" for name, value in body.headers.items())
            connection.sendall(head.encode() + b"\r\n" + body.body)
            while not jobs._known:
                time.sleep(0.01)
        (job,) = jobs._known.values()
        job.finished.result(30)
        assert job.state == "cancelled"


def test_when_too_much_waits_others_are_sent_away(model, tmp_path, video, poses):
    with served(model, tmp_path, most_waiting=1) as (url, _):
        first = send(url, video, to="jobs").json()
        while requests.get(f"{url}/jobs/{first['id']}", timeout=10).json()["state"] == "waiting":
            time.sleep(0.01)
        second = send(url, poses, to="jobs").json()
        assert second["jobs_before"] == 1
        third = send(url, poses)
        assert third.status_code == 503
        assert "come back" in third.json()["error"]
        stopped = requests.delete(f"{url}/jobs/{second['id']}", timeout=10).json()
        assert (stopped["state"], stopped["jobs_before"]) == ("cancelled", 0)
        assert send(url, poses, to="jobs").status_code == 202


@contextmanager
def slow_upload(url):
    """Begin to send a file, and yield the connection."""
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as slow:
        head = "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 5000\r\n"
        part = '--x\r\nContent-Disposition: form-data; name="file"; filename="a.mp4"\r\n\r\n'
        slow.sendall(f"POST /recognize HTTP/1.1\r\nHost: {host}\r\n{head}\r\n{part}".encode())
        yield slow


def wait_until(done):
    while not done():
        time.sleep(0.01)


def test_files_that_still_come_leave_room_for_others_up_to_a_number(model, tmp_path, poses):
    with served(model, tmp_path, most_waiting=1, most_coming=2) as (url, _):
        with slow_upload(url):
            wait_until(lambda: len(list(tmp_path.iterdir())) == 1)
            assert send(url, poses).status_code == 200
            with slow_upload(url):
                wait_until(lambda: len(list(tmp_path.iterdir())) == 3)
                assert send(url, poses).status_code == 503
        wait_until(lambda: len(list(tmp_path.iterdir())) == 1)
        assert send(url, poses).status_code == 200


def test_an_upload_of_which_nothing_comes_is_given_up(model, tmp_path, poses, monkeypatch):
    monkeypatch.setattr(application, "PATIENCE_SECONDS", 3.0)
    with served(model, tmp_path) as (url, _), slow_upload(url) as slow:
        # As long as anything comes, it is waited for.
        for _ in range(12):
            time.sleep(0.3)
            slow.sendall(b"some" * 100)
        slow.setblocking(False)
        with pytest.raises(BlockingIOError):
            slow.recv(1)
        slow.settimeout(20)
        answer = b""
        while piece := slow.recv(10_000):
            answer += piece

        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b'{"error": "nothing came for 3 seconds; send the file again"}' in answer
        wait_until(lambda: not list(tmp_path.iterdir()))


def test_who_waits_when_the_server_ends_is_told(model, tmp_path, poses, endless):
    endless(Recognition)
    with ThreadPoolExecutor() as others, served(model, tmp_path) as (url, jobs):
        answers = [others.submit(send, url, poses) for _ in range(2)]
        while len(jobs._known) < 2:
            time.sleep(0.01)
    assert [(answer.result().status_code, answer.result().json()) for answer in answers] == [
        (503, {"error": "the server ends"})
    ] * 2


def test_a_full_disk_is_said(server, poses, monkeypatch):
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    monkeypatch.setattr("posec3d.serving.application.safe_name", lambda name: "/dev/full")
    answer = send(server, poses)
    assert (answer.status_code, answer.json()) == (507, {"error": "the disk of the server is full; try a smaller file"})


def test_the_model_says_what_it_is(server, model):
    assert requests.get(f"{server}/model", timeout=10).json() == {
        "model": "mine",
        "classes": list(model.recognizer.classes),
        "skeleton": model.recognizer.card.heatmaps.skeleton.name,
        "device": "cpu",
        "most_people": 1,
        "largest_bytes": 50_000_000,
    }
