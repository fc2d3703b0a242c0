"""The frames of cameras and streams while they go on: always the newest one, and past every break."""

import logging
import math
import threading
import time
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from itertools import repeat
from pathlib import PurePosixPath
from types import TracebackType
from urllib.parse import urlsplit

import cv2
import numpy as np
from jaxtyping import UInt8

from posec3d.video.frames import Frame
from posec3d.video.frames import VideoFrames
from posec3d.video.frames import open_frames
from posec3d.video.sources import Source

_PAUSES = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
# Streams that come as files of some seconds each: HLS and DASH.
_PLAYLISTS = frozenset({".m3u8", ".mpd"})
# A thread that waits for a silent server ends by itself, when the server's time is over.
_LONGEST_FAREWELL_SECONDS = 2.0
_LOGGER = logging.getLogger(__name__)


def open_latest(
    source: Source, *, timeout_seconds: float = 10.0, pauses: Sequence[float] = _PAUSES
) -> "VideoFrames | LatestFrames":
    """Open a source: a live one as its latest frames, a recorded one as all of them.

    A live source that breaks off, or is silent for `timeout_seconds`, is opened again after each of `pauses` (seconds),
    and then after the last one, until it is there. Raises what `open_frames` raises if it is not there at first.
    """

    def open_source() -> VideoFrames:
        return open_frames(source, timeout_seconds=timeout_seconds)

    video = open_source()
    in_pieces = PurePosixPath(urlsplit(str(source)).path).suffix.lower() in _PLAYLISTS
    return LatestFrames(video, open_source, pauses=pauses, in_pieces=in_pieces) if video.live else video


@dataclass(frozen=True)
class Silence:
    """That no frame has come for a while, up to `seconds` after the first frame."""

    seconds: float


class LatestFrames:
    """The newest frame of a live source whenever one is asked for; those in between are dropped.

    A thread reads `first` and, when that breaks off, what `reopen` opens. Frames are timed by when they arrive, in
    seconds of this computer's clock since the first one that was handed out: the clocks of cameras run differently,
    and stop with them. Pictures have the `size` of the first one.

    Iterating gives a Silence after every `patience_seconds` without a frame, and ends when it is closed. Frames of a
    stream that comes `in_pieces` are held back until they are due. `started` is when the first frame arrived, in
    seconds since 1970, and `num_dropped` counts from then on.
    """

    live = True

    def __init__(
        self,
        first: VideoFrames,
        reopen: Callable[[], VideoFrames],
        *,
        pauses: Sequence[float] = _PAUSES,
        patience_seconds: float = 0.5,
        in_pieces: bool = False,
    ) -> None:
        self.name, self.size, self.frames_per_second = first.name, first.size, first.frames_per_second
        self.num_dropped = 0
        self._reopen, self._pauses = reopen, pauses
        self._patience, self._in_pieces = patience_seconds, in_pieces
        self.started: float | None = None
        self._origin = 0.0
        self._newest: tuple[float, UInt8[np.ndarray, "H W 3"]] | None = None
        self._failure: BaseException | None = None
        self._changed = threading.Condition()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(first,), name=f"reading {self.name}", daemon=True)
        self._thread.start()

    @property
    def seconds(self) -> float:
        """The time that it is by the clock of the frames; 0.0 before the first one is handed out."""
        return 0.0 if self.started is None else time.perf_counter() - self._origin

    def __iter__(self) -> Iterator[Frame | Silence]:
        while not self._closing.is_set():
            yield self._take()

    def __enter__(self) -> "LatestFrames":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the thread, which closes the source; no more frames come."""
        with self._changed:
            self._closing.set()
            self._newest = None
            self._changed.notify_all()
        self._thread.join(_LONGEST_FAREWELL_SECONDS)

    def _take(self) -> Frame | Silence:
        with self._changed:
            self._changed.wait_for(
                lambda: self._newest is not None or self._failure is not None or self._closing.is_set(), self._patience
            )
            if self._failure is not None:
                raise self._failure
            if self._newest is None:
                # Read under the lock, as frames are timed under it: the next one is later.
                return Silence(self.seconds)
            arrived, picture = self._newest
            self._newest = None
            if self.started is None:
                # What came while nobody looked yet is not missed.
                self._origin, self.num_dropped = arrived, 0
                self.started = time.time() - (time.perf_counter() - arrived)
        return Frame(arrived - self._origin, picture)

    def _run(self, first: VideoFrames) -> None:
        try:
            video: VideoFrames | None = first
            while video is not None:
                with video:
                    self._read(video)
                video = self._opened_again()
        except BaseException as error:
            with self._changed:
                self._failure = error
                self._changed.notify_all()

    def _read(self, video: VideoFrames) -> None:
        begun = -math.inf
        for frame in video:
            if self._in_pieces:
                now = time.perf_counter()
                # Who is late once will be late again, by as much: what follows waits for it.
                begun = max(begun, now - frame.seconds)
                self._closing.wait(begun + frame.seconds - now)
            if self._closing.is_set():
                return
            picture = frame.picture
            if picture.shape[:2] != self.size:
                picture = np.asarray(cv2.resize(picture, self.size[::-1]), np.uint8)
            with self._changed:
                self.num_dropped += self._newest is not None
                self._newest = (time.perf_counter(), picture)
                self._changed.notify_all()

    def _opened_again(self) -> VideoFrames | None:
        """Return the source when it is there again; None if it is closed before that."""
        said = f"{self.name}: breaks off"
        for pause in chain(self._pauses, repeat(self._pauses[-1])):
            if self._closing.is_set():
                break
            _LOGGER.warning("%s; tries again in %g s", said, pause)
            if self._closing.wait(pause):
                break
            try:
                video = self._reopen()
            except (OSError, ValueError) as error:
                said = str(error)
            else:
                _LOGGER.info("%s: is back", self.name)
                return video
        return None
