import json
import queue
import socket
import threading
import time
import webbrowser
from urllib.error import HTTPError
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import urlopen

import cv2
import numpy as np
import pytest

from posec3d.video.live_view import LiveView
from posec3d.video.live_view import open_in_browser


@pytest.fixture
def view():
    with LiveView("webcam <0>") as view:
        yield view


def plain(colour, size=(48, 64)):
    return np.full((*size, 3), colour, np.uint8)


def next_picture(response):
    """Read one part of a multipart/x-mixed-replace response, to its boundary."""
    assert response.readline() == b"--picture\r\n" if response.fresh else True
    response.fresh = False
    head = {}
    while (line := response.readline().strip()) != b"":
        name, value = line.decode().split(": ")
        head[name] = value
    assert head["Content-Type"] == "image/jpeg"
    content = response.read(int(head["Content-Length"]))
    assert response.readline() == b"\r\n"
    assert response.readline() == b"--picture\r\n"
    return cv2.cvtColor(cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def open_pictures(view):
    response = urlopen(f"{view.url}pictures", timeout=5)
    response.fresh = True
    return response


def test_the_page_shows_pictures_and_answers(view):
    with urlopen(view.url, timeout=5) as response:
        page = response.read().decode()

    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "<title>webcam &lt;0&gt;</title>" in page
    assert 'src="pictures"' in page
    assert 'fetch("answers"' in page
    # The placeholders of the template have been filled.
    assert "height: 100%;" in page


def test_answers_are_the_latest(view):
    view.tell([("person 1", "wave", 0.5)])
    view.tell([("person 1", "walk", 0.9), ("person 2", "größe", 0.25)], "30 frames a second")

    with urlopen(f"{view.url}answers", timeout=5) as response:
        assert json.load(response) == {
            "status": "30 frames a second",
            "answers": [["person 1", "walk", 0.9], ["person 2", "größe", 0.25]],
        }


def test_every_browser_sees_the_pictures(view):
    view.show(plain((200, 100, 50)))
    with open_pictures(view) as first, open_pictures(view) as second:
        assert first.headers["Content-Type"] == "multipart/x-mixed-replace; boundary=picture"
        for response in (first, second):
            # A JPEG is coded with loss.
            np.testing.assert_allclose(next_picture(response), plain((200, 100, 50)), atol=6)
        view.show(plain((0, 0, 250), size=(24, 32)))
        for response in (first, second):
            np.testing.assert_allclose(next_picture(response), plain((0, 0, 250), size=(24, 32)), atol=6)
        assert view.is_watched


def test_who_has_gone_does_not_watch(view):
    before = view.is_watched
    view.show(plain((1, 2, 3)))
    with open_pictures(view) as response:
        next_picture(response)
        during = view.is_watched

    # It is found out when the next pictures are sent.
    deadline = time.monotonic() + 10
    while view.is_watched and time.monotonic() < deadline:
        view.show(plain((1, 2, 3)))

    assert (before, during, view.is_watched) == (False, True, False)


def test_a_browser_that_takes_nothing_holds_nobody_up(view):
    noise = np.random.default_rng(0).integers(0, 255, (480, 640, 3), np.uint8)
    address = urlsplit(view.url)
    with socket.create_connection((address.hostname, address.port)) as lazy:
        lazy.sendall(f"GET {address.path}pictures HTTP/1.0\r\n\r\n".encode())
        # 200 such pictures are 60 MB as JPEG: more than the buffers between two programs take.
        for index in range(200):
            view.show(np.roll(noise, index))
        view.show(plain((10, 20, 30)))

        with open_pictures(view) as response:
            np.testing.assert_allclose(next_picture(response), plain((10, 20, 30)), atol=6)


def test_only_who_knows_the_address_is_let_in(view):
    host = f"http://{urlsplit(view.url).netloc}"

    assert host.startswith("http://127.0.0.1:")
    for path in ("/", "/pictures", "/answers", "/guess/pictures", "//pictures"):
        with pytest.raises(HTTPError, match="404"):
            urlopen(host + path, timeout=5)


def test_closing_ends_everything():
    before = threading.active_count()
    with LiveView("clip") as view:
        view.show(plain((1, 2, 3)))
        response = open_pictures(view)
        next_picture(response)

    # Closing leaves the answering thread to end by itself.
    assert response.read() == b""
    response.close()
    with pytest.raises(URLError):
        urlopen(view.url, timeout=5)
    for thread in threading.enumerate()[before:]:
        thread.join(5)
    assert threading.active_count() <= before


def test_browsers_that_fill_the_terminal_are_left_alone(monkeypatch):
    opened = queue.SimpleQueue()

    class Windows(webbrowser.BackgroundBrowser):
        def open(self, url, *_):
            opened.put((self.name, url))

    class Terminal(webbrowser.GenericBrowser):
        open = Windows.open

    for browser in (Terminal("w3m"), Windows("firefox")):
        monkeypatch.setattr(webbrowser, "get", lambda browser=browser: browser)
        open_in_browser("http://127.0.0.1:1/")

    assert opened.get(timeout=5) == ("firefox", "http://127.0.0.1:1/")
    assert opened.empty()


def test_no_browser_is_no_error(monkeypatch):
    def none():
        raise webbrowser.Error("could not locate runnable browser")

    monkeypatch.setattr(webbrowser, "get", none)

    open_in_browser("http://127.0.0.1:1/")
