"""Long videos in windows that overlap: cutting frames into windows, and averaging what windows say of each moment.

Window k looks at the time from k strides on, one window long. Moment k is its first stride; it is the last window to
see that moment, so what is known of the moment then is final: one window after it began.
"""

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from posec3d.inference.segments import Segment
from posec3d.people import PeopleInFrame
from posec3d.people import PosedVideo
from posec3d.people import end_of

# Who a segment is about: None for everybody.
Who = tuple[int, ...] | None
# Times are compared with this much patience: 0.1 * 3 is above 0.3.
_INSTANT = 1e-6
# Of a video: three days at four a second.
_MOST_WINDOWS = 1_000_000


@dataclass(frozen=True)
class Span:
    """How windows lie in time: `window` seconds long, one every `stride` seconds."""

    window: float
    stride: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.window) and self.window > 0):
            raise ValueError(f"window is {self.window:g} s; it must be more than 0")
        if not 0 < self.stride <= self.window:
            raise ValueError(
                f"stride is {self.stride:g} s; it must be above 0 and at most the window, {self.window:g} s"
            )

    @property
    def windows_a_moment(self) -> int:
        """How many windows look at each moment."""
        return math.ceil(self.window / self.stride - _INSTANT)


def check_span(span: Span, video: PosedVideo) -> None:
    """Raise ValueError for windows, or steps from one to the next, that are too short for a video."""
    rate, end = video.frames_per_second, end_of(video)
    lasts = f"one frame of {video.name} lasts {1 / rate:.3g} s"
    if span.window * rate < 1 - _INSTANT:
        raise ValueError(f"window={span.window:g}: {lasts}; look at some frames together, for half a second or more")
    # Without a stride of one's own it is a quarter of the window.
    if span.stride * rate < 0.25 - _INSTANT or end / span.stride > _MOST_WINDOWS:
        raise ValueError(
            f"stride={span.stride:g}: {lasts}, and all of it {end:.3g} s; look at it in steps of a frame or more"
        )


@dataclass(frozen=True)
class Window:
    """The frames of window number `number`, which starts at `start` seconds."""

    number: int
    start: float
    frames: tuple[PeopleInFrame, ...]


class WindowCutter:
    """Takes frames one by one and gives windows as soon as they are complete; holds the frames of one window."""

    def __init__(self, span: Span) -> None:
        self._span = span
        self._next = 0
        self._frames: deque[PeopleInFrame] = deque()

    def push(self, frame: PeopleInFrame) -> list[Window]:
        """Take the next frame, and return the windows that it ends, but for those without a frame."""
        if not self._frames:
            # The first of all; a clock may begin anywhere.
            self._next = math.floor(frame.seconds / self._span.stride + _INSTANT)
        complete = []
        while frame.seconds >= self._next * self._span.stride + self._span.window - _INSTANT:
            if not self._frames:
                # Windows without a frame are left out: for a long time there may be none.
                complete_before = (frame.seconds - self._span.window + _INSTANT) / self._span.stride
                self._next = max(self._next, math.floor(complete_before) + 1)
                break
            complete.append(self._cut())
        self._frames.append(frame)
        return complete

    def finish(self) -> list[Window]:
        """Return the windows that end after the last frame, as far as it takes to look at every frame."""
        incomplete = []
        while self._frames:
            window = self._cut()
            incomplete.append(window)
            if self._frames and self._frames[-1].seconds < window.start + self._span.window - _INSTANT:
                break
        return incomplete

    def _cut(self) -> Window:
        start = self._next * self._span.stride
        window = Window(self._next, start, tuple(self._frames))
        self._next += 1
        while self._frames and self._frames[0].seconds < start + self._span.stride - _INSTANT:
            self._frames.popleft()
        return window


class MomentAverager:
    """Takes what each window says of whom, and gives the segments of moments that no later window looks at."""

    def __init__(self, span: Span, video: str, classes: tuple[str, ...], threshold: float) -> None:
        self._span = span
        self._video, self._classes, self._threshold = video, classes, threshold
        self._said: deque[Mapping[Who, Float[np.ndarray, " K"]]] = deque(maxlen=span.windows_a_moment)
        self._last: Window | None = None

    def push(self, window: Window, said: Mapping[Who, Float[np.ndarray, " K"]], end: float = math.inf) -> list[Segment]:
        """Take the probabilities of one window, and return the segments of its first moment: one for each of whom.

        The moment ends with the video, at `end` seconds, where that is known.
        """
        left_out = 0 if self._last is None else window.number - self._last.number - 1
        self._said.extend([{}] * min(left_out, self._span.windows_a_moment))
        self._said.append(said)
        self._last = window
        return self._segments(window, window.start, min(window.start + self._span.stride, end))

    def finish(self, end: float) -> list[Segment]:
        """Return the segments of the moments after the last window's first; the video ends at `end` seconds."""
        segments: list[Segment] = []
        if self._last is None:
            return segments
        for moment in range(1, self._span.windows_a_moment):
            start = self._last.start + moment * self._span.stride
            if start >= min(end, self._last.start + self._span.window) - _INSTANT:
                break
            # The earliest window does not reach this moment.
            if len(self._said) > self._span.windows_a_moment - moment:
                self._said.popleft()
            segments += self._segments(self._last, start, min(start + self._span.stride, end))
        return segments

    def _segments(self, window: Window, start: float, end: float) -> list[Segment]:
        """Average over the windows at hand, for those who are there in the moment or, as everybody, if anyone is."""
        there = {
            identity
            for frame in window.frames
            if start - _INSTANT <= frame.seconds < end - _INSTANT
            for identity in frame.ids.tolist()
        }
        whom = dict.fromkeys(who for said in self._said for who in said)
        present = [who for who in whom if (there if who is None else there.issuperset(who))]
        return [
            Segment(
                video=self._video,
                start_seconds=start,
                end_seconds=end,
                people=who,
                probabilities=np.mean([said[who] for said in self._said if who in said], axis=0),
                classes=self._classes,
                threshold=self._threshold,
            )
            for who in sorted(present, key=lambda who: who or ())
        ]
