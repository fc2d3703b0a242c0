import os
import re
import signal
import socket
import subprocess
import sys

import numpy as np
import pytest
import requests

from posec3d import cli
from posec3d.synthetic import make_annotations


@pytest.fixture
def started(tmp_path):
    """Start `posec3d serve` as a user does; return the process and its address."""
    processes = []
    browser = tmp_path / "browser"
    browser.write_text(f"#!/bin/sh\necho $1 > {tmp_path}/shown\n")
    browser.chmod(0o755)

    def started(*words):
        process = subprocess.Popen(
            [sys.executable, "-m", "posec3d.cli", "serve", "--port", "0", *words],
            cwd=tmp_path,
            # Whoever opens the page: a program that keeps the address.
            env={**os.environ, "TMPDIR": str(tmp_path), "BROWSER": f"{browser} %s &"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        said = process.stdout.readline()
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+  a page to drop videos on; Ctrl-C ends it\n", said), said
        return process, said.split()[0]

    yield started
    for process in processes:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_server_answers_until_it_is_stopped_and_leaves_nothing(started, tmp_path, stop):
    process, url = started("--show")
    annotation = make_annotations(1, seed=0, motions=("walk",)).annotations[0]
    np.savez(tmp_path / "walk.npz", keypoints=annotation.keypoints, scores=annotation.scores, canvas=annotation.canvas)

    with (tmp_path / "walk.npz").open("rb") as file:
        answer = requests.post(f"{url}/recognize", files={"file": file}, timeout=60).json()
    assert answer["model"] == "packaged + packaged-coordinates"
    assert answer["segments"][0]["top"][0]["action"] in requests.get(f"{url}/model", timeout=10).json()["classes"]
    assert [path.name for path in tmp_path.glob("posec3d-*/*/upload/*")] == ["walk.npz"]

    assert (tmp_path / "shown").read_text() == f"{url}\n"

    # No HTTP is not worth a word in the log.
    with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), timeout=20) as stranger:
        stranger.sendall(b"POST /recognize HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\nx")
        assert b" 400 " in stranger.recv(100)

    process.send_signal(stop)
    _, told = process.communicate(timeout=20)

    assert process.returncode == 0, told
    assert "Traceback" not in told
    assert "Content-Length" not in told
    assert f"for programs: curl -F file=@clip.mp4 {url}/recognize" in told
    assert re.search(r"recognition, \d+\.\d s: done", told)
    assert not list(tmp_path.glob("posec3d-*"))


def test_a_port_that_is_taken_is_said(capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert cli.main(["serve", "--port", str(port)]) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith(f"posec3d: --host 127.0.0.1 --port {port}: cannot be served at (")
    assert "give another port, such as --port" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--port", "70000"), "--port 70000: give a number from 0 to 65535"),
        (("--largest", "0"), "--largest 0: take files of at least 1 megabyte"),
        (("--model", "nothing.pth"), "nothing.pth"),
        (("--precision", "bf16"), "--precision bf16: goes with --runtime openvino"),
        (("--host", "no such host"), "--host no such host --port 8000: cannot be served at"),
    ],
)
def test_what_cannot_be_served_is_said_in_a_sentence(words, said, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["serve", *words]) == 2
    assert said in capsys.readouterr().err.splitlines()[-1]
