import socket
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from http.server import ThreadingHTTPServer
from types import SimpleNamespace

import av
import cv2
import numpy as np
import pytest

from posec3d.video.containers import _webcam_address
from posec3d.video.frames import open_frames


def write(path, count=60, codec="libx264", *, damaged=None, **settings):
    """A video of noise that moves, whose frames take some space; one of them has zeros for its second half."""
    noise = np.random.default_rng(0).integers(0, 255, (60, 80, 3), np.uint8)
    with av.open(str(path), "w", **settings) as container:
        stream = container.add_stream(codec, rate=25, options={"bf": "0"} if damaged is not None else {})
        stream.height, stream.width, stream.pix_fmt = 60, 80, "yuvj420p" if codec == "mjpeg" else "yuv420p"
        frames = [av.VideoFrame.from_ndarray(np.roll(noise, index, 1)) for index in range(count)]
        for index, packet in enumerate(packet for frame in [*frames, None] for packet in stream.encode(frame)):
            if index == damaged:
                content = bytes(packet)
                packet.update(content[: len(content) // 2].ljust(len(content), b"\0"))
            container.mux(packet)
    return path


def write_sound(path, *, cover=False):
    with av.open(str(path), "w") as container:
        codec, samples = ("libmp3lame", "s16p") if cover else ("pcm_s16le", "s16")
        if cover:
            picture = container.add_stream("mjpeg", rate=1)
            picture.height, picture.width, picture.pix_fmt = 48, 64, "yuvj420p"
            picture.disposition = av.stream.Disposition.attached_pic
        sound = container.add_stream(codec, rate=8000, layout="mono")
        if cover:
            container.mux([*picture.encode(av.VideoFrame(64, 48, "yuvj420p")), *picture.encode()])
        silence = av.AudioFrame(samples, "mono", 8000)
        silence.sample_rate = 8000
        container.mux([*sound.encode(silence), *sound.encode()])
    return path


def read(source):
    with open_frames(source) as frames:
        return list(frames)


@pytest.mark.parametrize("ending", ["mp4", "mkv", "avi", "ts"])
def test_whole_videos_are_read_without_a_word(tmp_path, caplog, ending):
    assert (len(read(write(tmp_path / f"clip.{ending}"))), caplog.messages) == (60, [])


# One decoder refuses the packet, the other makes the best of it and says so.
@pytest.mark.parametrize("codec", ["libx264", "mpeg4"])
def test_a_damaged_frame_is_skipped_with_a_warning(tmp_path, caplog, codec):
    frames = read(write(tmp_path / "clip.mkv", codec=codec, damaged=30))

    assert len(frames) == 59
    assert frames[-1].seconds == pytest.approx(59 / 25)  # the rest keeps its times
    assert caplog.messages == [
        "clip.mkv: damaged after frame 30; skips what cannot be decoded",
        "clip.mkv: 1 damaged frame(s) skipped in all",
    ]


@pytest.mark.parametrize("tenths", [6, 9])
@pytest.mark.parametrize(
    ("ending", "codec"), [("mp4", "libx264"), ("mkv", "mpeg4"), ("avi", "mpeg4"), ("avi", "mjpeg")]
)
def test_a_video_that_breaks_off_gives_what_came_before(tmp_path, caplog, ending, codec, tenths):
    path = write(tmp_path / f"clip.{ending}", codec=codec, options={"movflags": "faststart"} if ending == "mp4" else {})
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * tenths // 10])

    frames = read(path)

    assert 5 < len(frames) < 60
    assert caplog.messages == [f"clip.{ending}: breaks off after frame {len(frames)}; goes on with what came before"]


def test_a_last_frame_that_stays_is_no_break(tmp_path, caplog):
    path = tmp_path / "slides.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"bf": "0"})
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
        packets = [packet for _ in range(25) for packet in stream.encode(av.VideoFrame(64, 48, "yuv420p"))]
        packets += stream.encode()
        packets[-1].duration = 250
        container.mux(packets)

    assert (len(read(path)), caplog.messages) == (25, [])


def test_what_is_no_video_is_said(tmp_path):
    def refused(path, match):
        with pytest.raises(ValueError, match=f"^{path}: .*{match}"):
            open_frames(path)

    whole = write(tmp_path / "whole.mp4", count=10).read_bytes()
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("a letter\n" * 50)
    (tmp_path / "index_missing.mp4").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "codec.mp4").write_bytes(whole.replace(b"avc1", b"zzzz"))

    refused(tmp_path / "empty.mp4", "the file is empty; copy or record it again")
    refused(tmp_path / "text.mp4", "not a video, or one whose end is missing")
    refused(tmp_path / "index_missing.mp4", "not a video, or one whose end is missing")
    refused(tmp_path / "codec.mp4", "its video is in a format that FFmpeg does not know; convert it")
    refused(write_sound(tmp_path / "sound.wav"), "has no video, only audio; give a file with pictures")
    refused(write_sound(tmp_path / "song.mp3", cover=True), "has no video, only audio")
    refused(tmp_path.parent, "no pictures here")
    with pytest.raises(FileNotFoundError, match=r"missing.mp4: no such video; correct the path"):
        open_frames(tmp_path / "missing.mp4")


def test_names_that_look_like_protocols(tmp_path, monkeypatch):
    write(tmp_path / "concat:a%03d|é.mp4", count=5)
    monkeypatch.chdir(tmp_path)

    assert len(read("concat:a%03d|é.mp4")) == 5


def test_a_webcam_that_is_not_there():
    with pytest.raises(OSError, match=r"webcam 97 cannot be opened .*: plug it in, close other programs"):
        open_frames("97")


def test_webcams_are_asked_for_as_each_system_does(monkeypatch):
    kinds = {"microphone": ["audio"], "first": ["video"], "second": ["video", "audio"]}
    devices = [SimpleNamespace(name=name, media_types=kind) for name, kind in kinds.items()]
    monkeypatch.setattr(av, "enumerate_input_devices", lambda kind: devices)

    assert _webcam_address("1", "linux") == ("/dev/video1", "v4l2", {})
    assert _webcam_address("1", "darwin") == ("1:none", "avfoundation", {"framerate": "30"})
    assert _webcam_address("1", "win32") == ("video=second", "dshow", {})


@pytest.fixture
def serve():
    """Start servers on this machine that answer each request with a function of the handler; return their address."""
    servers = []

    def start(answer: Callable[[BaseHTTPRequestHandler], None]) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                answer(self)

            def log_message(self, *_):
                pass

        servers.append(ThreadingHTTPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=servers[-1].serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return f"127.0.0.1:{servers[-1].server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def answer_with(content, status=200):
    def answer(handler):
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    return answer


def test_videos_are_read_over_http(tmp_path, serve, caplog):
    address = serve(answer_with(write(tmp_path / "a.mp4", options={"movflags": "faststart"}).read_bytes()))

    # The second name tells nothing, but the video has an end.
    for name in ("a.mp4", "watch"):
        with open_frames(f"http://me:secret@{address}/{name}", timeout_seconds=5.0) as frames:
            assert (frames.name, frames.live, frames.num_frames) == (f"http://{address}/{name}", False, 60)
            assert len(list(frames)) == 60
    assert caplog.messages == []


def test_a_camera_that_sends_pictures_is_timed_by_their_arrival(serve):
    def answer(handler):
        handler.send_response(200)
        handler.send_header("Content-Type", "multipart/x-mixed-replace;boundary=next")
        handler.end_headers()
        for index in range(8):
            picture = cv2.imencode(".jpg", np.full((48, 64, 3), 25 * index, np.uint8))[1].tobytes()
            head = f"--next\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
            handler.wfile.write(head.encode() + picture + b"\r\n")
            time.sleep(0.1)

    started = time.monotonic()
    with open_frames(f"http://{serve(answer)}/camera", timeout_seconds=5.0) as frames:
        assert (frames.live, frames.num_frames) == (True, None)
        seconds = [frame.seconds for frame in frames]

    assert len(seconds) == 8
    # The first few come together, once FFmpeg knows what they are.
    assert 0.3 < seconds[-1] < time.monotonic() - started


def test_servers_that_refuse(serve):
    page, nothing, secret = (serve(answer_with(b"<html>" * 400, status)) for status in (200, 404, 401))

    with pytest.raises(ValueError, match=rf"http://{page}/a.mp4: what comes from there is not a video, perhaps a web"):
        open_frames(f"http://{page}/a.mp4", timeout_seconds=5.0)
    with pytest.raises(FileNotFoundError, match="the server has no such video; correct the address"):
        open_frames(f"http://{nothing}/a.mp4", timeout_seconds=5.0)
    with pytest.raises(ConnectionError, match=r"cannot be reached \(.*401.*\); check the address, name and password"):
        open_frames(f"http://me:wrong@{secret}/a.mp4", timeout_seconds=5.0)
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(ConnectionError, match=rf"rtsp://127.0.0.1:{port}/a: cannot be reached \(Connection refused\)"):
        open_frames(f"rtsp://me:secret@127.0.0.1:{port}/a")


@pytest.mark.parametrize("protocol", ["http", "rtsp", "rtmp", "udp"])
def test_a_server_that_never_answers(protocol):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"{protocol}://127.0.0.1:{silent.getsockname()[1]}/live"
        started = time.monotonic()
        with pytest.raises(TimeoutError, match=f"{address}: no answer within 0.3 s; check the address"):
            open_frames(address, timeout_seconds=0.3)

    assert time.monotonic() - started < 3


def test_a_stream_that_falls_silent_ends_with_a_warning(tmp_path, serve, caplog):
    content, over = write(tmp_path / "a.ts", count=200).read_bytes(), threading.Event()

    def answer(handler):
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(content)
        over.wait(20)

    with open_frames(f"http://{serve(answer)}/live", timeout_seconds=1.0) as frames:
        assert frames.live
        count = len(list(frames))
    over.set()

    assert f"breaks off after frame {count} (nothing came in time)" in caplog.messages[-1]
