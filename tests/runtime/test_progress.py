import io
import sys

import pytest

from posec3d.runtime import progress as module
from posec3d.runtime.progress import Progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def clock(monkeypatch):
    """Time that passes when the test says so."""

    class Clock:
        seconds = 100.0

    monkeypatch.setattr(module.time, "monotonic", lambda: Clock.seconds)
    return Clock


def test_a_log_gets_a_line_every_half_minute_with_the_time_left(clock, caplog, monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    caplog.set_level("INFO")

    with Progress(1200, "video", what="extracting") as progress:
        for _ in range(9):
            clock.seconds += 10
            progress.advance(100)

    assert [record.message for record in caplog.records] == [
        "extracting: 300 of 1,200 videos, 01:30 left",
        "extracting: 600 of 1,200 videos, 01:00 left",
        "extracting: 900 of 1,200 videos, 00:30 left",
    ]
    assert sys.stderr.getvalue() == ""


def test_without_a_total_the_line_says_how_long_it_has_taken(clock, caplog, monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    caplog.set_level("INFO")

    with Progress(None, "frame") as progress:
        clock.seconds += 75
        progress.advance(2000)

    assert [record.message for record in caplog.records] == ["2,000 frames, 01:15"]


def test_more_than_the_total_leaves_no_time(clock, caplog, monkeypatch):
    # What a container says of its number of frames is not always exact.
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    caplog.set_level("INFO")

    with Progress(10, "frame") as progress:
        clock.seconds += 60
        progress.advance(12)

    assert [record.message for record in caplog.records] == ["12 of 10 frames, 00:00 left"]


def test_a_terminal_gets_a_bar_and_no_lines(clock, caplog, monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    caplog.set_level("INFO")

    with Progress(4, "video", what="extracting") as progress:
        clock.seconds += 60
        progress.advance(3)
        progress._bar.refresh()

    assert "extracting:  75%" in sys.stderr.getvalue()
    assert caplog.records == []
