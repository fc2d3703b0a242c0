"""Every request goes over a real socket, to a server on this machine that misbehaves on demand."""

import errno
import hashlib
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import field
from http.server import BaseHTTPRequestHandler
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from posec3d.runtime.download import fetch
from posec3d.runtime.download import part_of

CONTENT = bytes(range(256)) * 4096  # 1 MiB
HALF = len(CONTENT) // 2
CHUNK = 1 << 14  # as in the module
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@dataclass
class Behaviour:
    """What the server serves, and how badly; `cuts` are the bytes after which it hangs up, one for each answer."""

    content: bytes = CONTENT
    headers: dict[str, str] = field(default_factory=lambda: {"ETag": '"one"'})
    ranges: bool = True
    if_range: bool = True
    cuts: list[int] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    length: int | None = None
    silent: threading.Event | None = None
    slow: threading.Event | None = None
    asked: list[str | None] = field(default_factory=list)
    if_ranges: list[str | None] = field(default_factory=list)
    answered: list[int] = field(default_factory=list)


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        behaviour: Behaviour = self.server.behaviour
        behaviour.asked.append(self.headers.get("Range"))
        behaviour.if_ranges.append(self.headers.get("If-Range"))
        if behaviour.silent:
            behaviour.silent.wait(20)
            return
        if behaviour.statuses and (status := behaviour.statuses.pop(0)) != 200:
            self.send_error(status)
            return
        body = behaviour.content
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", "")) if behaviour.ranges else None
        versions = (behaviour.headers.get("ETag"), behaviour.headers.get("Last-Modified"))
        if wanted and behaviour.if_range and self.headers.get("If-Range") not in versions:
            wanted = None
        if wanted and int(wanted[1]) >= len(body):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(body)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        start = int(wanted[1]) if wanted else 0
        self.send_response(206 if wanted else 200)
        if wanted:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        self.send_header("Content-Length", str(behaviour.length or len(body) - start))
        for name, value in behaviour.headers.items():
            self.send_header(name, value)
        self.end_headers()
        end = start + behaviour.cuts.pop(0) if behaviour.cuts else len(body)
        self.wfile.write(body[start:end])
        if behaviour.slow:
            self.wfile.flush()
            behaviour.slow.wait(20)

    def log_request(self, code="-", size="-"):
        self.server.behaviour.answered.append(int(code))

    def log_message(self, *args):
        pass


@pytest.fixture
def server(monkeypatch) -> Iterator[ThreadingHTTPServer]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.behaviour = Behaviour()
    server.url = f"http://127.0.0.1:{server.server_port}/weights.pth"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def get(server, path: Path, **more) -> Path:
    return fetch(server.url, path, **{"wait_seconds": 0.001, "timeout_seconds": 5.0} | more)


def break_off(server, path: Path) -> None:
    """Leave the first half of the file, as broken connections do."""
    resumable = (
        not server.behaviour.headers.get("ETag", "W/").startswith("W/") or "Last-Modified" in server.behaviour.headers
    )
    server.behaviour.cuts = [HALF, 0, 0, 0, 0] if resumable else [HALF] * 5
    with pytest.raises(ConnectionError):
        get(server, path)
    server.behaviour.cuts = []
    server.behaviour.asked.clear()
    server.behaviour.if_ranges.clear()
    server.behaviour.answered.clear()
    assert part_of(path).read_bytes() == CONTENT[:HALF]


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_fetch_leaves_the_file_and_nothing_else(server, tmp_path):
    path = get(server, tmp_path / "new" / "folder" / "weights.pth", sha256_prefix=SHA256[:8])

    assert path.read_bytes() == CONTENT
    assert files_in(path.parent) == ["weights.pth"]


def test_file_that_is_there_is_not_fetched_again(server, tmp_path):
    path = tmp_path / "weights.pth"
    path.write_bytes(CONTENT)

    assert get(server, path, sha256_prefix=SHA256[:8]) == path
    assert server.behaviour.asked == []


def test_damaged_file_that_is_there_is_an_error_and_stays(server, tmp_path):
    path = tmp_path / "weights.pth"
    path.write_bytes(b"damaged")

    with pytest.raises(ValueError, match=rf"weights.pth.*should begin with {SHA256[:8]} but is [0-9a-f]+.*delete it"):
        get(server, path, sha256_prefix=SHA256[:8])
    assert path.read_bytes() == b"damaged"


def test_wrong_hash_deletes_the_part_and_tells_both(server, tmp_path):
    path = tmp_path / "weights.pth"

    with pytest.raises(ValueError, match=rf"should begin with 00000000 but is {SHA256[:16]}.*deleted"):
        get(server, path, sha256_prefix="00000000")
    assert files_in(tmp_path) == []


@pytest.mark.parametrize("headers", [{"ETag": '"one"'}, {"Last-Modified": "Wed, 21 Oct 2015 07:28:00 GMT"}])
def test_connection_cut_midway_goes_on_from_there(server, tmp_path, headers):
    server.behaviour.headers = headers
    server.behaviour.cuts = [CHUNK, HALF, 10]

    assert get(server, tmp_path / "weights.pth", sha256_prefix=SHA256).read_bytes() == CONTENT
    assert server.behaviour.asked == [
        None,
        f"bytes={CHUNK}-",
        f"bytes={CHUNK + HALF}-",
        f"bytes={CHUNK + HALF}-",  # a chunk that did not arrive whole is asked for again
    ]


def test_attempts_that_bring_something_are_not_counted(server, tmp_path):
    server.behaviour.cuts = [CHUNK] * 12

    assert get(server, tmp_path / "weights.pth").read_bytes() == CONTENT


def test_server_that_never_gets_further_is_given_up_and_the_part_kept(server, tmp_path):
    server.behaviour.ranges = False
    server.behaviour.cuts = [HALF] * 100

    with pytest.raises(ConnectionError, match=rf"broke off at {HALF:,} bytes 5 times.*run the same command again"):
        get(server, tmp_path / "weights.pth")
    assert len(server.behaviour.asked) == 5
    assert part_of(tmp_path / "weights.pth").read_bytes() == CONTENT[:HALF]
    assert not (tmp_path / "weights.pth").exists()


def test_second_call_goes_on_from_the_part(server, tmp_path, capfd):
    path = tmp_path / "weights.pth"
    break_off(server, path)
    capfd.readouterr()

    assert get(server, path, sha256_prefix=SHA256).read_bytes() == CONTENT
    assert (server.behaviour.asked, server.behaviour.answered) == ([f"bytes={HALF}-"], [206])
    assert server.behaviour.if_ranges == ['"one"']
    assert "100%" in capfd.readouterr().err
    assert files_in(tmp_path) == ["weights.pth"]


@pytest.mark.parametrize(
    ("headers", "if_range"),
    [
        ({"ETag": '"two"'}, True),  # the server answers the whole file
        ({"ETag": '"two"'}, False),  # it overlooks If-Range and answers the end of the other file
        ({"Last-Modified": "Thu, 22 Oct 2015 07:28:00 GMT"}, True),
    ],
)
def test_file_changed_on_the_server_starts_anew(server, tmp_path, headers, if_range):
    path = tmp_path / "weights.pth"
    break_off(server, path)
    server.behaviour.content, server.behaviour.headers = CONTENT[::-1], headers
    server.behaviour.if_range = if_range

    assert get(server, path).read_bytes() == CONTENT[::-1]


def test_file_shorter_than_the_part_starts_anew(server, tmp_path):
    path = tmp_path / "weights.pth"
    break_off(server, path)
    server.behaviour.content = b"short"

    assert get(server, path).read_bytes() == b"short"


@pytest.mark.parametrize("headers", [{}, {"ETag": 'W/"weak"'}])
def test_server_that_names_no_version_is_asked_for_the_whole_file(server, tmp_path, headers):
    path = tmp_path / "weights.pth"
    server.behaviour.headers = headers
    break_off(server, path)

    assert get(server, path).read_bytes() == CONTENT
    assert server.behaviour.asked == [None]


def test_server_that_ignores_ranges_starts_anew(server, tmp_path, capfd):
    path = tmp_path / "weights.pth"
    break_off(server, path)
    server.behaviour.ranges = False
    capfd.readouterr()

    assert get(server, path).read_bytes() == CONTENT
    assert server.behaviour.asked == [f"bytes={HALF}-"]
    assert "1.05M/1.05M" in capfd.readouterr().err


def test_part_that_is_whole_already_is_only_checked(server, tmp_path):
    path = tmp_path / "weights.pth"
    break_off(server, path)
    part_of(path).write_bytes(CONTENT)

    assert get(server, path, sha256_prefix=SHA256).read_bytes() == CONTENT
    assert server.behaviour.asked == [f"bytes={len(CONTENT)}-"]


def test_missing_file_is_said_at_once(server, tmp_path):
    server.behaviour.statuses = [404]

    with pytest.raises(
        FileNotFoundError, match=r"the server has no file http.*weights.pth \(404 Not Found\).*put it at"
    ):
        get(server, tmp_path / "weights.pth")
    assert len(server.behaviour.asked) == 1
    assert files_in(tmp_path) == []


def test_refusal_is_said_at_once(server, tmp_path):
    server.behaviour.statuses = [403]

    with pytest.raises(ConnectionError, match=r"refuses http.*\(403 Forbidden\).*by hand and put it at .*weights.pth"):
        get(server, tmp_path / "weights.pth")
    assert len(server.behaviour.asked) == 1


def test_overloaded_server_is_tried_again(server, tmp_path):
    server.behaviour.statuses = [503, 429, 500]

    assert get(server, tmp_path / "weights.pth").read_bytes() == CONTENT


def test_login_page_is_not_taken_for_the_file(server, tmp_path):
    server.behaviour.headers = {"Content-Type": "text/html; charset=utf-8"}

    with pytest.raises(ValueError, match="answered with a web page"):
        get(server, tmp_path / "weights.pth")
    assert files_in(tmp_path) == []


def test_silent_server_ends_in_a_timeout(server, tmp_path):
    server.behaviour.silent = threading.Event()

    with pytest.raises(ConnectionError, match=r"cannot reach host 127.0.0.1:\d+ \(no answer in time\)"):
        get(server, tmp_path / "weights.pth", timeout_seconds=0.05)
    server.behaviour.silent.set()


def test_server_that_falls_silent_midway_is_asked_for_the_rest(server, tmp_path):
    server.behaviour.cuts = [HALF]
    server.behaviour.slow = threading.Event()

    assert get(server, tmp_path / "weights.pth", timeout_seconds=0.2).read_bytes() == CONTENT
    assert server.behaviour.asked == [None, f"bytes={HALF}-"]
    server.behaviour.slow.set()


def test_unreachable_host_tells_what_to_do_by_hand(server, tmp_path):
    server.shutdown()
    server.server_close()

    with pytest.raises(ConnectionError) as caught:
        get(server, tmp_path / "weights.pth")
    assert str(caught.value) == (
        f"cannot reach host 127.0.0.1:{server.server_port} (Connection refused); "
        f"download {server.url} by hand and put it at {tmp_path}/weights.pth"
    )
    assert files_in(tmp_path) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, a disk that is always full")
def test_full_disk_is_said_with_the_file(server, tmp_path):
    path = tmp_path / "weights.pth"
    part_of(path).symlink_to("/dev/full")

    with pytest.raises(OSError, match=r"the disk is full.*weights.pth") as caught:
        get(server, path)
    assert caught.value.errno == errno.ENOSPC
    assert not path.exists()


def test_file_larger_than_the_disk_is_refused_before_it_fills_it(server, tmp_path):
    server.behaviour.length = 10**18

    with pytest.raises(OSError, match=r"bytes free, but 1,000,000,000,000,000,000 are to come") as caught:
        get(server, tmp_path / "weights.pth")
    assert caught.value.errno == errno.ENOSPC


def test_progress_goes_to_stderr(server, tmp_path, capfd):
    get(server, tmp_path / "weights.pth")

    shown = capfd.readouterr()
    assert shown.out == ""
    assert re.search(r"weights.pth: 100%.*1.05M/1.05M \[.*B/s\]", shown.err)


def in_another_process(server, path: Path) -> subprocess.Popen:
    code = (
        "import sys, pathlib; from posec3d.runtime.download import fetch; fetch(sys.argv[1], pathlib.Path(sys.argv[2]))"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code, server.url, str(path)],
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=obey_ctrl_c,
    )


def obey_ctrl_c() -> None:
    """Undo what shells do to jobs in the background."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def wait_for_part(process: subprocess.Popen, path: Path) -> None:
    pause = threading.Event()
    while not (part_of(path).exists() and part_of(path).stat().st_size) and process.poll() is None:
        pause.wait(0.01)


def test_killed_download_goes_on_from_its_part(server, tmp_path):
    path = tmp_path / "weights.pth"
    server.behaviour.cuts, server.behaviour.slow = [HALF], threading.Event()
    process = in_another_process(server, path)
    wait_for_part(process, path)
    process.kill()
    process.communicate()
    server.behaviour.slow.set()
    kept = part_of(path).stat().st_size

    assert not path.exists()
    assert get(server, path, sha256_prefix=SHA256).read_bytes() == CONTENT
    assert server.behaviour.asked == [None, f"bytes={kept}-"]


@pytest.mark.skipif(os.name != "posix", reason="only POSIX systems have the lock")
def test_two_processes_share_one_download(server, tmp_path):
    path = tmp_path / "weights.pth"
    server.behaviour.cuts, server.behaviour.slow = [HALF, HALF], threading.Event()
    first = in_another_process(server, path)
    wait_for_part(first, path)
    second = in_another_process(server, path)
    assert "another process is downloading" in second.stderr.readline()
    server.behaviour.slow.set()

    assert (first.wait(20), second.wait(20)) == (0, 0)
    assert path.read_bytes() == CONTENT
    assert server.behaviour.asked == [None, f"bytes={HALF}-"]


def test_ctrl_c_keeps_the_part(server, tmp_path):
    path = tmp_path / "weights.pth"
    server.behaviour.slow = threading.Event()
    server.behaviour.cuts = [HALF]
    process = in_another_process(server, path)
    wait_for_part(process, path)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)

    assert files_in(tmp_path) == ["weights.pth.part", "weights.pth.part.version"]
    server.behaviour.slow.set()
