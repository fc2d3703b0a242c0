"""What `posec3d stream` gives out while it goes on: lines of text and JSON, pictures, and how it keeps up."""

import sys
import time
from collections import deque
from contextlib import ExitStack
from datetime import UTC
from datetime import datetime
from json import dumps
from typing import TYPE_CHECKING
from typing import TextIO

from tqdm import tqdm

from posec3d.inference.annotated_video import labels_beside
from posec3d.inference.annotated_video import top_shown
from posec3d.inference.output import segment_line
from posec3d.video.live import LatestFrames
from posec3d.video.live_view import LiveView
from posec3d.video.live_view import open_in_browser
from posec3d.video.overlay import draw_overlay
from posec3d.video.overlay import enlarge
from posec3d.video.writing import VideoWriter

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from types import TracebackType

    from posec3d.inference.segments import Segment
    from posec3d.people import PeopleInFrame
    from posec3d.skeletons import Skeleton
    from posec3d.video.frames import Frame
    from posec3d.video.frames import VideoFrames

# Who has not been judged for so many windows has gone.
_WINDOWS_REMEMBERED = 2.0
_STATUS_EVERY_SECONDS = 0.5


class Answers:
    """The last answer about everyone, told as it comes: every one as JSON, those that differ on standard output.

    `lines` is an open file for a line of JSON for each segment, if any.
    """

    def __init__(self, source: str, *, top: int, window: float, lines: TextIO | None) -> None:
        self._source, self._top, self._lines = source, top, lines
        self._remembered_seconds = _WINDOWS_REMEMBERED * window
        self._last: dict[tuple[int, ...] | None, Segment] = {}
        self._any = False

    def tell(self, segments: "Sequence[Segment]", started: float | None = None) -> None:
        """Take segments in order of time; a live source `started` at that time of the clock (seconds since 1970)."""
        for segment in segments:
            if self._lines is not None:
                self._lines.write(dumps(self._line(segment, started), ensure_ascii=False) + "\n")
            before = [one.action for one in self.known(segment.start_seconds) if one.people == segment.people]
            self._last[segment.people] = segment
            if before != [segment.action]:
                text = segment_line(segment, top=self._top, timeline=False)
                # Not print: the status line has to make way.
                tqdm.write(f"{segment.start_seconds:8.1f} s{text}", file=sys.stdout)
                sys.stdout.flush()
        if segments:
            self._any = True
            self._last = {one.people: one for one in self.known(segments[-1].end_seconds)}

    def known(self, seconds: float) -> "list[Segment]":
        """Return the last answer about everyone who is not long gone at this time."""
        return [one for one in self._last.values() if seconds - one.end_seconds <= self._remembered_seconds]

    def end(self) -> None:
        """Say so if there was nothing to tell."""
        if not self._any:
            tqdm.write("  no answer: nobody is seen, or not for long enough", file=sys.stdout)

    def _line(self, segment: "Segment", started: float | None) -> dict[str, object]:
        clock = None if started is None else datetime.fromtimestamp(started + segment.start_seconds, UTC).astimezone()
        return {
            "source": self._source,
            "start_seconds": round(segment.start_seconds, 3),
            "end_seconds": round(segment.end_seconds, 3),
            **({} if clock is None else {"time": clock.isoformat(timespec="milliseconds")}),
            "people": None if segment.people is None else list(segment.people),
            "action": segment.action,
            "score": round(segment.score, 4),
            "top": [{"action": name, "score": round(share, 4)} for name, share in segment.top(self._top)],
        }


class Pictures:
    """Draws what is known into the frames, for a video file and for a page in the browser, as far as asked for."""

    def __init__(self, video: "VideoFrames | LatestFrames", *, out: "Path | None", show: bool, top: int) -> None:
        self._top = top
        self._stack = ExitStack()
        self._writer = self._view = None
        if out is not None:
            self._writer = self._stack.enter_context(VideoWriter(out, frames_per_second=video.frames_per_second))
        if show:
            self._view = self._stack.enter_context(LiveView(video.name))
            tqdm.write(f"to be seen at {self._view.url}", file=sys.stderr)
            open_in_browser(self._view.url)

    def __enter__(self) -> "Pictures":
        return self

    def __exit__(
        self, kind: "type[BaseException] | None", error: BaseException | None, traceback: "TracebackType | None"
    ) -> None:
        # Whoever reads standard output may close it, as `| head` does: the video is whole as far as it goes.
        harmless = kind is not None and issubclass(kind, BrokenPipeError)
        self._stack.__exit__(*((None, None, None) if harmless else (kind, error, traceback)))

    def add(
        self, frame: "Frame", people: "PeopleInFrame", skeleton: "Skeleton", known: "Sequence[Segment]", status: str
    ) -> None:
        """Add the next frame with what is known so far: about the moment one window before it."""
        if self._view is not None:
            self._view.tell([(one.who, one.action, one.score) for one in known], status)
        if self._writer is None and (self._view is None or not self._view.is_watched):
            return
        enlarged, there = enlarge(frame.picture, people)
        of_everybody = next((top_shown(one, self._top) for one in known if one.people is None), ())
        drawn = draw_overlay(enlarged, there, skeleton, top=of_everybody, labels=labels_beside(known))
        if self._writer is not None:
            self._writer.write(drawn, frame.seconds)
        if self._view is not None:
            self._view.show(drawn)


class Pace:
    """How it keeps up with the source, as a line that stands on the terminal."""

    def __init__(self, video: "VideoFrames | LatestFrames") -> None:
        self._video = video
        self._num_frames, self._begun = 0, time.perf_counter()
        self._times: deque[float] = deque(maxlen=30)
        self._bar = tqdm(bar_format="{desc}", dynamic_ncols=True, disable=not sys.stderr.isatty(), leave=False)
        self._said = self._begun
        self.status = ""

    def __enter__(self) -> "Pace":
        return self

    def __exit__(
        self, kind: "type[BaseException] | None", error: BaseException | None, traceback: "TracebackType | None"
    ) -> None:
        self._bar.close()

    @property
    def summary(self) -> str:
        """How many frames there were in all."""
        seconds = time.perf_counter() - self._begun
        dropped = f"; {self._video.num_dropped:,} left out" if isinstance(self._video, LatestFrames) else ""
        return f"{self._num_frames:,} frames in {seconds:.1f} s, {self._num_frames / seconds:.1f} a second{dropped}"

    def count(self, frame: "Frame") -> None:
        """Take notice of a frame that has been dealt with."""
        now = time.perf_counter()
        self._times.append(now)
        self._num_frames += 1
        if now - self._said < _STATUS_EVERY_SECONDS:
            return
        self._said = now
        rate = (len(self._times) - 1) / max(now - self._times[0], 1e-9)
        self.status = f"{frame.seconds:.1f} s, {rate:.1f} frames a second"
        if isinstance(self._video, LatestFrames):
            late = self._video.seconds - frame.seconds
            self.status += f", {self._video.num_dropped:,} left out, {late:.2f} s behind"
        self._bar.set_description_str(self.status)
