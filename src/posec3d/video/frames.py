"""The frames of a video, of pictures, of a webcam or of a stream, one at a time: upright, with their true times."""

import logging
from collections.abc import Callable
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path
from types import TracebackType

import av
import cv2
import numpy as np
from av.buffer import Buffer
from av.container import InputContainer
from av.video.stream import VideoStream
from jaxtyping import UInt8

from posec3d.video.containers import decode
from posec3d.video.containers import open_container
from posec3d.video.sources import Source
from posec3d.video.sources import is_live
from posec3d.video.sources import name_of
from posec3d.video.sources import pictures_of
from posec3d.video.sources import shown

# Frames a second of pictures, and of videos that do not say.
UNKNOWN_RATE = 25.0
# Pixels more oblong than this are a mistake of the file.
_OBLONG = 4
# So many ticks a second, or more, are of a clock, if nothing else tells that they are frames.
_CLOCK = 1000
_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class Frame:
    """A picture (RGB, upright) and its time in seconds after the first frame of the source."""

    seconds: float
    picture: UInt8[np.ndarray, "H W 3"]


class VideoFrames:
    """The frames of one source, read while they are asked for; they can be gone through once.

    `size` is (height, width) of every picture. `frames_per_second` is the mean rate; 25.0 where nothing is known.
    `num_frames` is what the container says or what follows from its duration, thus not always exact; None without one.
    `live` sources go on without an end.
    """

    def __init__(
        self,
        *,
        name: str,
        size: tuple[int, int],
        frames_per_second: float,
        num_frames: int | None,
        live: bool,
        frames: Iterator[Frame],
        close: Callable[[], None] = lambda: None,
    ) -> None:
        self.name = name
        self.size = size
        self.frames_per_second = frames_per_second
        self.num_frames = num_frames
        self.live = live
        self._frames = frames
        self._close = close

    def __iter__(self) -> Iterator[Frame]:
        return self._frames

    def __enter__(self) -> "VideoFrames":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file, webcam or connection; no more frames come."""
        self._frames = iter(())
        self._close()


def open_frames(
    source: Source, *, frames_per_second: float | None = None, timeout_seconds: float = 10.0
) -> VideoFrames:
    """Open a source for reading: a video file, a folder, glob or file of pictures, a webcam "0", or a URL.

    `frames_per_second` is the rate of pictures, 25 without it; videos have their own. A server may be silent for
    `timeout_seconds`. Frames that are damaged are skipped with a warning, and a video that breaks off ends with one.

    Raises FileNotFoundError for what is not there, ValueError for what is not a video, and OSError, among them
    TimeoutError and ConnectionError, for webcams and servers that do not answer.
    """
    pictures = pictures_of(source)
    if pictures is not None:
        return _open_pictures(source, pictures, frames_per_second or UNKNOWN_RATE)
    container, stream = open_container(source, timeout_seconds=timeout_seconds)
    decoded = decode(container, stream, source)
    first = next(decoded, None)
    if first is None:
        container.close()
        raise ValueError(f"{shown(source)}: not one of its frames can be decoded; copy or record it again")
    rate = _rate(stream)
    to_picture = _Conversion(first[1], stream.sample_aspect_ratio)
    return VideoFrames(
        name=name_of(source),
        size=to_picture.size,
        frames_per_second=rate,
        num_frames=_number_of_frames(container, stream, rate),
        # A server may have a file under any name.
        live=is_live(source) and container.duration is None,
        frames=_timed(chain([first], decoded), to_picture, rate),
        close=container.close,
    )


class _Conversion:
    """Turns decoded frames to pictures like the first: of its size, with square pixels, and upright as it says.

    Pixels of DVDs and of DV and HDV cameras are not square: their `shape` is width by height of one.
    """

    def __init__(self, first: av.VideoFrame, shape: Fraction | None) -> None:
        self._width, self._height = first.width, first.height
        if shape is not None and 1 < shape < _OBLONG:
            self._width = round(first.width * shape)
        elif shape is not None and 1 / _OBLONG < shape < 1:
            self._height = round(first.height / shape)
        # Rows of the matrix: where a step to the right goes, and one down, each as (right, down) in units of 1/65536.
        matrix = first.side_data.get("DISPLAYMATRIX")
        turn = np.frombuffer(bytes(matrix), np.int32).reshape(3, 3) if isinstance(matrix, Buffer) else np.eye(3)
        self._transposed = abs(turn[0, 1]) > abs(turn[0, 0])
        to_right, to_bottom = (turn[1, 0], turn[0, 1]) if self._transposed else (turn[0, 0], turn[1, 1])
        self._step_right, self._step_down = (-1 if to_right < 0 else 1), (-1 if to_bottom < 0 else 1)

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the pictures."""
        return (self._width, self._height) if self._transposed else (self._height, self._width)

    def __call__(self, frame: av.VideoFrame) -> UInt8[np.ndarray, "H W 3"]:
        picture = frame.to_ndarray(format="rgb24", width=self._width, height=self._height)
        if self._transposed:
            picture = picture.swapaxes(0, 1)
        return np.ascontiguousarray(picture[:: self._step_down, :: self._step_right], np.uint8)


class _Clock:
    """Turns the times of a container to seconds after the first frame that never stand still nor run back."""

    def __init__(self, period: float) -> None:
        self._period = period
        self._start: float | None = None
        self._last: float | None = None

    def seconds(self, time: float | None) -> float:
        """Return the time of the next frame, for which the container says `time`, or nothing."""
        expected = 0.0 if self._last is None else self._last + self._period
        seconds = expected
        if time is not None:
            if self._start is None:
                self._start = time - expected
            seconds = time - self._start
            if self._last is not None and seconds <= self._last - 1:
                # Far back: the clock of the source began again.
                self._start, seconds = time - expected, expected
            elif self._last is not None and seconds <= self._last:
                # Hardly later, so that the frames to come are not late.
                seconds = self._last + self._period / 10
        self._last = seconds
        return seconds


def _timed(
    decoded: Iterator[tuple[float | None, av.VideoFrame]], to_picture: _Conversion, rate: float
) -> Iterator[Frame]:
    clock = _Clock(1 / rate)
    for time, frame in decoded:
        yield Frame(clock.seconds(time), to_picture(frame))


def _rate(stream: VideoStream) -> float:
    """Return frames a second; containers without a rate say none, or that of their clock, and then no number either."""
    rates = [float(rate) for rate in (stream.average_rate, stream.guessed_rate) if rate is not None]
    if stream.frames > 1 and stream.duration and stream.time_base:
        counted = float(stream.frames / (stream.duration * stream.time_base))
        rates = [rate if rate < _CLOCK else counted for rate in rates]
        return next((rate for rate in rates if rate > 0), counted)
    return next((rate for rate in rates if 0 < rate < _CLOCK), UNKNOWN_RATE)


def _number_of_frames(container: InputContainer, stream: VideoStream, rate: float) -> int | None:
    if stream.frames > 0 or container.duration is None:
        return stream.frames or None
    return max(1, round(container.duration / av.time_base * rate))


def _open_pictures(source: Source, paths: list[Path], rate: float) -> VideoFrames:
    readable = _readable_pictures(paths)
    first = next(readable, None)
    if first is None:
        raise ValueError(f"{source}: none of {len(paths)} pictures can be read; save them again as .png or .jpg")
    height, width = first[1].shape[:2]

    def frames() -> Iterator[Frame]:
        for index, picture in chain([first], readable):
            fitting = picture if picture.shape[:2] == (height, width) else cv2.resize(picture, (width, height))
            yield Frame(index / rate, fitting)

    return VideoFrames(
        name=name_of(source),
        size=(height, width),
        frames_per_second=rate,
        num_frames=len(paths),
        live=False,
        frames=frames(),
    )


def _readable_pictures(paths: list[Path]) -> Iterator[tuple[int, UInt8[np.ndarray, "H W 3"]]]:
    """Yield place and picture (RGB, turned as its EXIF says) of those that can be read, with a warning for others."""
    for index, path in enumerate(paths):
        # cv2.imread does not find files with letters beyond ASCII in their names on Windows.
        content = np.fromfile(path, np.uint8)
        picture = cv2.imdecode(content, cv2.IMREAD_COLOR) if len(content) else None
        if picture is None:
            _LOGGER.warning("%s: skips a picture that cannot be read", path)
        else:
            yield index, np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), np.uint8)
