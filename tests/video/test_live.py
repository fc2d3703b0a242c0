import logging
import queue
import threading
from http.server import BaseHTTPRequestHandler
from http.server import ThreadingHTTPServer
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from posec3d.video import live
from posec3d.video.frames import Frame
from posec3d.video.frames import VideoFrames
from posec3d.video.live import LatestFrames
from posec3d.video.live import Silence
from posec3d.video.live import open_latest
from posec3d.video.writing import VideoWriter


class Camera:
    """A live source that gives what is put into it; it breaks off at None."""

    def __init__(self, size=(4, 6)):
        self.size = size
        self.closed = threading.Event()
        self._given = queue.Queue()

    def send(self, *shades, seconds=None):
        """Send plain pictures, None to break off, and return when all but a break have been taken."""
        for shade in shades:
            picture = None if shade is None else np.full((*self.size, 3), shade, np.uint8)
            self._given.put(None if picture is None else Frame(float(shade) if seconds is None else seconds, picture))
        if None not in shades:
            self._given.join()

    def open(self):
        def close():
            self.closed.set()

        return VideoFrames(
            name="camera",
            size=self.size,
            frames_per_second=25.0,
            num_frames=None,
            live=True,
            frames=self._frames(),
            close=close,
        )

    def _frames(self):
        while (frame := self._given.get()) is not None:
            yield frame
            # Asked for the next: this one has been taken.
            self._given.task_done()


@pytest.fixture
def camera():
    return Camera()


@pytest.fixture
def watch():
    """Watch a camera, and cameras that it is opened again as; exceptions among them are raised instead."""
    watching = []

    def start(camera, *others, **options):
        rest = iter(others)

        def reopen():
            other = next(rest)
            if isinstance(other, Exception):
                raise other
            return other.open()

        watching.append((camera, others, LatestFrames(camera.open(), reopen, **{"patience_seconds": 5.0, **options})))
        return watching[-1][2]

    yield start
    for camera, others, frames in watching:
        for one in (camera, *others):
            if isinstance(one, Camera):
                one._given.put(None)
        frames.close()
        assert not frames._thread.is_alive()


def shade(frame):
    return int(frame.picture[0, 0, 0])


def test_only_the_newest_frame_is_handed_out(camera, watch):
    frames = watch(camera)
    newest = iter(frames)
    camera.send(1)

    seen = [shade(next(newest))]
    camera.send(2, 3, 4)
    seen.append(shade(next(newest)))
    camera.send(5)
    seen.append(shade(next(newest)))

    assert seen == [1, 4, 5]
    assert frames.num_dropped == 2


def test_what_comes_before_anybody_looks_is_not_counted(camera, watch):
    frames = watch(camera)
    camera.send(1, 2, 3)

    assert shade(next(iter(frames))) == 3
    assert frames.num_dropped == 0


def test_frames_are_timed_by_when_they_arrive(camera, watch, monkeypatch):
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr(
        live, "time", SimpleNamespace(perf_counter=lambda: clock.now, time=lambda: 1_700_000_000 + clock.now)
    )
    frames = watch(camera)
    seconds = []

    # The camera's own clock stands still.
    for clock.now in (100.0, 100.5, 102.25):
        camera.send(9, seconds=7.0)
        seconds.append(next(iter(frames)).seconds)
    clock.now = 103.0

    assert seconds == [0.0, 0.5, 2.25]
    assert frames.seconds == 3.0
    assert frames.started == 1_700_000_100


def test_a_camera_that_breaks_off_is_opened_again(camera, watch, caplog):
    larger = Camera(size=(8, 12))
    gone = ConnectionError("camera: cannot be reached")
    with caplog.at_level(logging.INFO):
        frames = watch(camera, gone, gone, gone, larger, pauses=(0.0, 0.001, 0.002))
        camera.send(1)
        first = next(iter(frames))

        camera.send(None)
        larger.send(2)
        second = next(iter(frames))

    assert camera.closed.is_set()
    assert (shade(first), shade(second)) == (1, 2)
    assert second.seconds > first.seconds
    assert second.picture.shape == first.picture.shape == (4, 6, 3)
    assert caplog.messages == [
        "camera: breaks off; tries again in 0 s",
        "camera: cannot be reached; tries again in 0.001 s",
        "camera: cannot be reached; tries again in 0.002 s",
        "camera: cannot be reached; tries again in 0.002 s",
        "camera: is back",
    ]


def test_silence_is_told_with_its_time(camera, watch):
    frames = watch(camera, patience_seconds=0.01)
    camera.send(1)

    first, second, third = (next(iter(frames)) for _ in range(3))

    assert isinstance(first, Frame)
    assert isinstance(second, Silence)
    assert first.seconds < second.seconds < third.seconds


def test_closing_ends_the_thread_and_the_source(camera):
    frames = LatestFrames(camera.open(), camera.open)
    camera.send(1)
    waiting = iter(frames)
    next(waiting)
    # The thread waits for the camera until this one.
    camera._given.put(Frame(2.0, np.zeros((4, 6, 3), np.uint8)))

    frames.close()

    assert camera.closed.is_set()
    assert not frames._thread.is_alive()
    assert list(frames) == list(waiting) == []


def test_closing_does_not_wait_for_a_camera_to_come_back(camera):
    frames = LatestFrames(camera.open(), camera.open, pauses=(1000.0,))
    camera.send(None)
    assert camera.closed.wait(5)

    frames.close()

    assert not frames._thread.is_alive()


def test_a_mistake_in_the_thread_comes_to_light(camera, watch):
    frames = watch(camera, ZeroDivisionError("a mistake"), pauses=(0.0,))
    camera.send(None)

    with pytest.raises(ZeroDivisionError, match="a mistake"):
        next(iter(frames))


def test_a_stream_in_pieces_is_played_at_its_speed(camera, watch, monkeypatch):
    clock, waits = SimpleNamespace(now=50.0), []
    monkeypatch.setattr(live, "time", SimpleNamespace(perf_counter=lambda: clock.now, time=lambda: 0.0))
    frames = watch(camera, in_pieces=True)
    # Instead of waiting: here time stands still.
    monkeypatch.setattr(frames._closing, "wait", waits.append)

    for clock.now, seconds in [
        (50.0, 0.0),
        (50.0, 2.0),  # in the same piece
        (50.0, 3.0),
        (56.0, 4.0),  # the next piece is late by two seconds, and what follows too
        (56.0, 5.0),
    ]:
        camera.send(1, seconds=seconds)

    assert waits == [0.0, 2.0, 3.0, 0.0, 1.0]


@pytest.fixture
def pictures_over_http():
    """A camera that sends twenty pictures for each request, then hangs up; with a list of the requests."""
    requests = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            requests.append(self.path)
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace;boundary=next")
            self.end_headers()
            picture = cv2.imencode(".jpg", np.full((48, 64, 3), 40 * len(requests), np.uint8))[1].tobytes()
            head = f"--next\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
            for _ in range(20):
                self.wfile.write(head.encode() + picture + b"\r\n")

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/camera", requests
    server.shutdown()
    server.server_close()


def test_a_real_stream_is_opened_again(pictures_over_http):
    address, requests = pictures_over_http
    shades = []

    with open_latest(address, timeout_seconds=5.0, pauses=(0.0,)) as frames:
        assert isinstance(frames, LatestFrames)
        assert frames.size == (48, 64)
        for frame in frames:
            if isinstance(frame, Frame):
                shades.append(shade(frame))
            if len(set(shades)) == 3:
                break

    assert len(requests) >= 3
    # The first picture may have been replaced before anybody looked.
    assert sorted(shades) == shades
    assert {round(value / 40) for value in shades} <= set(range(1, 1 + len(requests)))


def test_recorded_videos_are_read_whole(tmp_path):
    with VideoWriter(tmp_path / "clip.mp4", frames_per_second=25.0) as writer:
        for index in range(10):
            writer.write(np.full((48, 64, 3), 20 * index, np.uint8))

    with open_latest(tmp_path / "clip.mp4") as frames:
        assert not frames.live
        assert len(list(frames)) == 10


def test_what_is_not_there_at_first_is_refused():
    with pytest.raises(OSError, match="webcam 98 cannot be opened"):
        open_latest("98")
    with pytest.raises(ConnectionError, match=r"http://127.0.0.1:9/camera: cannot be reached"):
        open_latest("http://127.0.0.1:9/camera", timeout_seconds=5.0)
