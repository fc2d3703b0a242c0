"""Recognition while frames still come: the answer for each moment, one window after it began."""

import logging
import math
from collections import deque
from concurrent.futures import Future
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType

import numpy as np
from jaxtyping import Float

from posec3d.inference.recognizer import ActionRecognizer
from posec3d.inference.recognizer import check_asked
from posec3d.inference.segments import Segment
from posec3d.inference.subjects import People
from posec3d.inference.windows import MomentAverager
from posec3d.inference.windows import Span
from posec3d.inference.windows import Who
from posec3d.inference.windows import Window
from posec3d.inference.windows import WindowCutter
from posec3d.mapping import map_keypoints
from posec3d.people import PeopleInFrame
from posec3d.people import without_strange_numbers
from posec3d.skeletons import Skeleton
from posec3d.skeletons import get_skeleton

_LOGGER = logging.getLogger(__name__)


class StreamingRecognizer:
    """Takes the people of one frame after the other, and says what they do.

    Its segments, `joined`, are those of `ActionRecognizer.recognize` with the same window, stride and people. It holds
    the frames of one window, however long the stream is. Several moments end with one frame where frames are missing,
    hence lists. `canvas` is the (height, width) of frames, `skeleton` that of their people or its name, the model's if
    None. Times are seconds of any clock that does not run back.
    """

    def __init__(
        self,
        recognizer: ActionRecognizer,
        *,
        canvas: tuple[int, int],
        skeleton: Skeleton | str | None = None,
        name: str = "stream",
        window: float = 2.0,
        stride: float | None = None,
        people: People = "scene",
        threshold: float = 0.0,
    ) -> None:
        span = Span(window, window / 4 if stride is None else stride)
        check_asked(people, threshold)
        height, width = canvas
        if min(height, width) < 1:
            raise ValueError(f"canvas={canvas}: give (height, width) in pixels")
        self._recognizer, self._canvas, self._people = recognizer, canvas, people
        named = get_skeleton(skeleton) if isinstance(skeleton, str) else skeleton
        self._skeleton = named or recognizer.card.heatmaps.skeleton
        self._cutter = WindowCutter(span)
        self._averager = MomentAverager(span, name, recognizer.classes, threshold)
        self._last_seconds = (-math.inf, -math.inf)
        self._has_ended = False

    def update(self, people: PeopleInFrame) -> list[Segment]:
        """Take the people of the next frame, told apart by ids, and return the segments of moments that it decides.

        A frame without people counts too: without it, time stands still.
        """
        return [segment for window in self.cut(people) for segment in self.settle(window, self.judge(window))]

    def finish(self, end_seconds: float | None = None) -> list[Segment]:
        """Return the segments of the moments that are still open, when no frame comes any more.

        `end_seconds` is when the last frame ends; without it, the last frame is as long as the one before. A stream
        ends once: after that there is nothing more to return, and no frame to take.
        """
        if self._has_ended:
            return []
        self._has_ended = True
        before, last = self._last_seconds
        # How long a single frame lasts is not known: infinitely, as nothing was before it.
        end = 2 * last - before if end_seconds is None else end_seconds
        known_end = end if end > last else math.inf
        segments = [
            segment
            for window in self._cutter.finish()
            for segment in self._averager.push(window, self.judge(window), known_end)
        ]
        return segments + self._averager.finish(end)

    def cut(self, people: PeopleInFrame) -> list[Window]:
        """Do the first third of `update`: return the windows that this frame ends."""
        if self._has_ended:
            raise ValueError("the stream has ended, as finish was called; make another StreamingRecognizer for more")
        if not people.seconds >= self._last_seconds[1]:
            raise ValueError(
                f"a frame at {people.seconds:g} s follows one at {self._last_seconds[1]:g} s; give frames in order"
            )
        self._last_seconds = (self._last_seconds[1], people.seconds)
        if people.scores.shape[-1] != self._skeleton.num_keypoints:
            raise ValueError(
                f"people have {people.scores.shape[-1]} keypoints, but skeleton {self._skeleton.name!r} has "
                f"{self._skeleton.num_keypoints}; say theirs, such as skeleton=get_skeleton('coco17')"
            )
        people = without_strange_numbers(people)
        own = self._recognizer.card.heatmaps.skeleton
        if self._skeleton.keypoints != own.keypoints:
            keypoints, scores = map_keypoints(people.keypoints, people.scores, self._skeleton, own)
            people = PeopleInFrame(people.seconds, keypoints, scores, people.ids)
        return self._cutter.push(people)

    def judge(self, window: Window) -> dict[Who, Float[np.ndarray, " K"]]:
        """Do the second, which takes long and may run in a thread of its own: ask the network about a window."""
        return self._recognizer.window_probabilities(window.frames, self._people, self._canvas)

    def settle(self, window: Window, said: dict[Who, Float[np.ndarray, " K"]]) -> list[Segment]:
        """Do the third: return the segments of the moment that this window, next in order, is the last to see."""
        return self._averager.push(window, said)


class LiveRecognizer:
    """A StreamingRecognizer for sources that do not wait: the network runs in a thread, and frames go on meanwhile.

    Windows that are complete while the network is still busy with an earlier one are left out, and counted in
    `num_skipped`; moments that they see are judged by the other windows that see them. Without such windows the
    segments are the same as those of the StreamingRecognizer, if later by the time that the network takes.
    """

    def __init__(self, streaming: StreamingRecognizer) -> None:
        self.num_skipped = 0
        self._streaming = streaming
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="recognition")
        # In order of time; without a future where the window is left out.
        self._pending: deque[tuple[Window, Future[dict[Who, Float[np.ndarray, " K"]]] | None]] = deque()

    def __enter__(self) -> "LiveRecognizer":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._thread.shutdown(cancel_futures=True)

    def update(self, people: PeopleInFrame) -> list[Segment]:
        """Take the people of the next frame, and return the segments that have been decided since the last one."""
        for window in self._streaming.cut(people):
            busy = any(future is not None and not future.done() for _, future in self._pending)
            self.num_skipped += busy
            self._pending.append((window, None if busy else self._thread.submit(self._streaming.judge, window)))
        return self._decided(wait=False)

    def finish(self, end_seconds: float | None = None) -> list[Segment]:
        """Return the segments that are still open, like `StreamingRecognizer.finish`, with a warning about windows."""
        if self.num_skipped:
            _LOGGER.warning(
                "%d windows are left out, as the network was still busy with others; a longer stride is easier to keep",
                self.num_skipped,
            )
        return self._decided(wait=True) + self._streaming.finish(end_seconds)

    def _decided(self, *, wait: bool) -> list[Segment]:
        segments: list[Segment] = []
        while self._pending:
            window, future = self._pending[0]
            if future is not None and not wait and not future.done():
                break
            self._pending.popleft()
            segments += self._streaming.settle(window, {} if future is None else future.result())
        return segments
