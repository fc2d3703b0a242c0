"""The page in a real browser, which shows what a real server made of a real film."""

import re
import shutil

import av
import pytest

from posec3d.serving.recognitions import Decision
from posec3d.serving.recognitions import Recognition

from .conftest import NUM_FRAMES
from .conftest import served

sync_api = pytest.importorskip("playwright.sync_api", reason="needs the package playwright")
_CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(_CHROMIUM is None, reason="needs the browser chromium")
_PATIENCE = 60_000


@pytest.fixture(scope="module")
def browser(video, tmp_path_factory):
    """A browser whose camera shows the film, again and again, and who lets every page use it."""
    camera = tmp_path_factory.mktemp("camera") / "camera.y4m"
    with av.open(str(video)) as film, camera.open("wb") as file:
        for place, frame in enumerate(film.decode(video=0)):
            if not place:
                file.write(f"YUV4MPEG2 W{frame.width} H{frame.height} F15:1 Ip A1:1 C420\n".encode())
            file.write(b"FRAME\n" + frame.to_ndarray(format="yuv420p").tobytes())
    switches = ("no-sandbox", "disable-gpu", "disable-background-networking", "disable-component-update")
    fake = ("use-fake-ui-for-media-stream", "use-fake-device-for-media-stream")
    arguments = [f"--{name}" for name in (*switches, *fake, f"use-file-for-fake-video-capture={camera}")]
    with sync_api.sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=_CHROMIUM, args=arguments)


@pytest.fixture
def open_page(browser):
    """Open the page of a server; what its script complains of, and what it fetches elsewhere, is an error."""
    troubles = []
    context = browser.new_context()

    def open_page(url):
        page = context.new_page()
        page.set_default_timeout(_PATIENCE)
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("request", lambda asked: None if asked.url.startswith((url, "blob:")) else troubles.append(asked.url))
        page.goto(url)
        page.wait_for_selector("#known summary:not(:empty)")
        return page

    yield open_page
    context.close()
    assert troubles == []


def wait_until_played(page, name):
    # Without wait_for_function: what it runs is what the page's policy forbids.
    for _ in range(_PATIENCE // 50):
        if page.evaluate(f"document.getElementById('{name}').currentTime") > 0:
            return
        page.wait_for_timeout(50)
    pytest.fail(f"{name} does not play")


def test_a_chosen_video_is_answered_shown_and_explained(open_page, server, video):
    page = open_page(server)
    assert page.inner_text("#model") == "model: mine, on cpu"
    assert page.inner_text("#known summary") == "knows 33 actions"
    page.select_option("#window", "1")

    page.set_input_files("#file", video)
    page.wait_for_selector("#film:not([hidden])")

    assert page.inner_text("#title") == f"squat.mp4: {NUM_FRAMES} frames, 2.4 s"
    wait_until_played(page, "film")
    assert page.evaluate("document.getElementById('film').videoWidth") == 640
    answers = page.locator("#answers li")
    stretches = page.locator(".stretch")
    assert answers.count() == stretches.count() > 1
    first = answers.nth(0).inner_text()
    assert re.match(r"0.0 s to \d\.\d s, everybody\s+Why\?\s+(unsure: )?\w+\s+\d+ %", first), first
    stretches.last.click()
    assert page.evaluate("document.getElementById('film').currentTime") > 1

    answers.last.get_by_role("button", name="Why?").click()
    page.wait_for_selector("#why:not([hidden])")
    assert page.inner_text("#said").startswith("squat.mp4: ")
    wait_until_played(page, "decision")
    assert not page.is_visible("#error")


def test_each_person_has_a_row_of_time(open_page, server, poses):
    page = open_page(server)
    page.select_option("#people", "each")
    page.select_option("#window", "1")
    page.set_input_files("#file", poses)
    page.wait_for_selector("#film:not([hidden])")
    assert page.locator("#timeline .who").all_inner_texts() == ["person 0", "person 1", ""]


def test_what_is_wrong_is_said_and_the_next_file_is_taken(open_page, server, tmp_path, poses):
    (tmp_path / "clip.mp4").write_text("no video")
    page = open_page(server)
    page.set_input_files("#file", tmp_path / "clip.mp4")
    page.wait_for_selector("#error:not([hidden])")
    assert page.inner_text("#error").startswith("clip.mp4: not a video")
    assert not page.is_visible("#progress")

    page.set_input_files("#file", poses)
    page.wait_for_selector("#result:not([hidden])")
    assert not page.is_visible("#error")


def test_a_file_can_be_dropped_anywhere_and_what_comes_back_is_only_text(open_page, server, poses, model, monkeypatch):
    # Whoever trained a model chose the names of its classes.
    bold = tuple(f"<b>{name}</b>" for name in model.recognizer.classes)
    monkeypatch.setattr(model.recognizer, "classes", bold)
    drop = """async ([name, bytes]) => {
        const dropped = new DataTransfer();
        dropped.items.add(new File([new Uint8Array(bytes)], name));
        document.body.dispatchEvent(new DragEvent("drop", {dataTransfer: dropped, bubbles: true, cancelable: true}));
    }"""
    page = open_page(server)
    page.evaluate(drop, [poses.name, list(poses.read_bytes())])
    page.wait_for_selector("#result:not([hidden])")
    assert page.locator(".best span").first.inner_text().removeprefix("unsure: ") in bold


def test_a_recognition_can_be_stopped(open_page, server, video):
    page = open_page(server)
    page.set_input_files("#file", video)
    page.click("#stop")
    page.wait_for_selector("#progress", state="hidden")
    assert not page.is_visible("#error")
    assert not page.is_visible("#film")


def test_a_reason_can_be_stopped_and_the_answers_stay(open_page, server, poses, endless):
    endless(Decision)
    page = open_page(server)
    page.set_input_files("#file", poses)
    page.wait_for_selector("#film:not([hidden])")
    page.get_by_role("button", name="Why?").click()
    page.wait_for_selector("#progress:not([hidden])")
    page.click("#stop")
    page.wait_for_selector("#progress", state="hidden")
    assert page.is_visible("#film")
    assert not page.is_visible("#why")


def test_what_a_page_that_is_closed_asked_for_ends(open_page, model, tmp_path, poses, endless):
    endless(Recognition)
    with served(model, tmp_path) as (url, jobs):
        page = open_page(url)
        page.set_input_files("#file", poses)
        page.get_by_text("working 1").wait_for()
        page.close(run_before_unload=True)
        (job,) = jobs._known.values()
        job.finished.result(20)
        assert job.state == "cancelled"


def test_files_that_are_too_large_are_not_even_sent(open_page, model, tmp_path, poses):
    with served(model, tmp_path, largest_bytes=1000) as (url, _):
        page = open_page(url)
        sent = []
        page.on("request", lambda asked: sent.append(asked.url))
        page.set_input_files("#file", poses)
        page.wait_for_selector("#error:not([hidden])")
        assert "larger than the" in page.inner_text("#error")
        assert sent == []


def test_a_server_that_has_ended_is_told(open_page, model, tmp_path, poses):
    with served(model, tmp_path) as (url, _):
        page = open_page(url)
    page.set_input_files("#file", poses)
    page.wait_for_selector("#error:not([hidden])")
    assert page.inner_text("#error") == "The server does not answer. Is posec3d serve still running?"


def test_the_webcam_is_recorded_and_recognised(open_page, server):
    page = open_page(server)
    page.click("#record")
    page.wait_for_selector("#camera:not([hidden])")
    page.wait_for_selector("#film:not([hidden])")
    title = page.inner_text("#title")
    length = re.fullmatch(r"webcam\.(?:webm|mp4): \d+ frames, (\d\.\d) s", title)
    assert length, title
    assert 3 < float(length.group(1)) < 5
    assert page.locator("#answers li").count() == 1


def test_of_a_single_picture_the_answer_is_said_to_be_a_guess(open_page, server, video, tmp_path):
    with av.open(str(video)) as film:
        next(film.decode(video=0)).to_image().save(tmp_path / "one.png")
    page = open_page(server)
    page.set_input_files("#file", tmp_path / "one.png")
    page.wait_for_selector("#result:not([hidden])")
    assert page.inner_text("#title") == "one.png: one frame, which shows no movement: the answer is a guess"
    assert "by the one who is seen best" in page.inner_text("#people")


def test_on_a_phone_nothing_is_wider_than_the_page(open_page, server, poses):
    page = open_page(server)
    page.set_viewport_size({"width": 390, "height": 800})
    page.select_option("#window", "1")
    page.select_option("#people", "pairs")
    page.set_input_files("#file", poses)
    page.wait_for_selector("#film:not([hidden])")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
