"""Pictures written as a video: H.264 in .mp4, or an animated .gif. Pictures are uint8, (H, W, 3), RGB."""

import logging
from collections.abc import Sequence
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
import cv2
import numpy as np
from av.container import OutputContainer
from av.video.reformatter import Colorspace
from av.video.stream import VideoStream
from jaxtyping import UInt8
from PIL import Image

from posec3d.runtime.files import replacing

# Bounds of a .gif, whose pictures are held in memory, where the caller sets no size: about 400 MB at most.
_GIF_SIDE, _GIF_PICTURES = 480, 600
# Hundredths of a second: as long as a .gif can show a picture.
_LONGEST_OF_GIF = 65535
# x264 encodes no longer side.
MP4_SIDE = 16384
# Ticks a second of an .mp4: usual for video, a multiple of all usual rates.
_TICKS = 90000
_BT709 = 1
_LOGGER = logging.getLogger(__name__)


class VideoWriter:
    """A video file that grows by a picture at a time and is in its place once it is closed without an error.

    `path` ends in .mp4 or .gif. Pictures are scaled to `size` (height, width), else to that of the first one; an .mp4
    of odd height or width repeats its last row or column. A .gif without `size` is shrunk to 480 pixels on the longer
    side, and one of more than 600 pictures drops every second one as often as needed, with a warning.

    Raises ValueError for another ending, and on closing when there was no picture; OSError where the file cannot be
    written.
    """

    def __init__(self, path: str | Path, *, size: tuple[int, int] | None = None, frames_per_second: float) -> None:
        self._path = Path(path)
        kinds: dict[str, type[_Mp4] | type[_Gif]] = {".mp4": _Mp4, ".gif": _Gif}
        kind = kinds.get(self._path.suffix.lower())
        if kind is None:
            raise ValueError(f"{path}: cannot write videos that end in {self._path.suffix!r}; use .mp4 or .gif")
        self._kind = kind
        self._size = size
        self._period = 1 / frames_per_second
        self._first_seconds = 0.0
        self._next_seconds = 0.0
        self._file: _Mp4 | _Gif | None = None
        self._stack = ExitStack()

    def __enter__(self) -> "VideoWriter":
        return self

    def write(self, picture: UInt8[np.ndarray, "H W 3"], seconds: float | None = None) -> None:
        """Add a picture that is shown from `seconds` on, by the clock of the first one, or a period after the last."""
        if self._file is None:
            unfinished = self._stack.enter_context(replacing(self._path))
            size = self._size or self._kind.size_for(picture.shape[:2])
            file: _Mp4 | _Gif = self._kind(unfinished, size, self._period)
            self._stack.enter_context(file)
            self._file = file
            self._first_seconds = self._next_seconds = 0.0 if seconds is None else seconds
        begin = self._next_seconds if seconds is None else seconds
        self._next_seconds = begin + self._period
        self._file.write(picture, begin - self._first_seconds)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, traceback)
        if kind is None and self._file is None:
            raise ValueError(f"{self._path}: there is no picture to write; give a source with frames")


def save_gif(path: Path, pictures: Sequence[UInt8[np.ndarray, "H W 3"]], *, frames_per_second: float = 12) -> None:
    """Write pictures of one size as they are: an animation that repeats for ever."""
    times = [index / frames_per_second for index in range(len(pictures))]
    with replacing(path) as unfinished:
        _write_gif(unfinished, pictures, times, 1 / frames_per_second)


class _Mp4:
    """An .mp4 in the making, encoded picture by picture."""

    def __init__(self, path: Path, size: tuple[int, int], period: float) -> None:
        self._size = size
        self._path = path
        self._last = -1
        # The index in front: a browser shows the beginning while the rest is still coming.
        self._container: OutputContainer = av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"})
        self._stream: VideoStream = self._container.add_stream(
            "libx264",
            rate=Fraction(1 / period).limit_denominator(1001),
            # bf: frames in the order they are shown; otherwise the muxer gets the length of uneven times wrong.
            options={"crf": "20", "preset": "veryfast", "profile": "high", "bf": "0"},
        )
        self._stream.height, self._stream.width = (side + side % 2 for side in size)
        self._stream.thread_type = "AUTO"
        # Half the colours: all that browsers and QuickTime show.
        self._stream.pix_fmt = "yuv420p"
        self._stream.codec_context.time_base = Fraction(1, _TICKS)
        # Said outright, as players guess it from the size.
        context = self._stream.codec_context
        context.colorspace = context.color_primaries = context.color_trc = _BT709

    @staticmethod
    def size_for(size: tuple[int, int]) -> tuple[int, int]:
        if max(size) > MP4_SIDE:
            raise ValueError(
                f"a picture of {size[0]} x {size[1]} (height x width) is too large for .mp4: its sides are {MP4_SIDE} "
                "pixels at most; make the video smaller first"
            )
        return size

    def __enter__(self) -> "_Mp4":
        return self

    def write(self, picture: UInt8[np.ndarray, "H W 3"], seconds: float) -> None:
        even = np.pad(_scaled(picture, self._size), [(0, side % 2) for side in self._size] + [(0, 0)], mode="edge")
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(even), format="rgb24").reformat(
            format="yuv420p", dst_colorspace=Colorspace.ITU709
        )
        # Players need times that increase.
        self._last = frame.pts = max(self._last + 1, round(seconds * _TICKS))
        frame.time_base = Fraction(1, _TICKS)
        self._container.mux(self._stream.encode(frame))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._container.mux(self._stream.encode())
        finally:
            self._container.close()


class _Gif:
    """A .gif in the making: one palette for all pictures, thus none is written before the last has come."""

    def __init__(self, path: Path, size: tuple[int, int], period: float) -> None:
        self._path = path
        self._size = size
        self._period = period
        self._pictures: list[UInt8[np.ndarray, "H W 3"]] = []
        self._times: list[float] = []
        self._every = 1
        self._count = 0

    @staticmethod
    def size_for(size: tuple[int, int]) -> tuple[int, int]:
        share = min(1.0, _GIF_SIDE / max(size))
        return max(1, round(size[0] * share)), max(1, round(size[1] * share))

    def __enter__(self) -> "_Gif":
        return self

    def write(self, picture: UInt8[np.ndarray, "H W 3"], seconds: float) -> None:
        if self._count % self._every == 0:
            self._pictures.append(_scaled(picture, self._size).copy())
            self._times.append(seconds)
        self._count += 1
        if len(self._pictures) > _GIF_PICTURES:
            if self._every == 1:
                _LOGGER.warning("a .gif holds %d pictures; this one leaves some out, an .mp4 would not", _GIF_PICTURES)
            self._every *= 2
            self._pictures, self._times = self._pictures[::2], self._times[::2]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            _write_gif(self._path, self._pictures, self._times, self._period)


def _scaled(picture: UInt8[np.ndarray, "H W 3"], size: tuple[int, int]) -> UInt8[np.ndarray, "H2 W2 3"]:
    if picture.shape[:2] == size:
        return picture
    smaller = size[0] * size[1] < picture.shape[0] * picture.shape[1]
    interpolation = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, size[::-1], interpolation=interpolation), np.uint8)


def _write_gif(
    path: Path, pictures: Sequence[UInt8[np.ndarray, "H W 3"]], times: Sequence[float], period: float
) -> None:
    """Write pictures of one size, shown from `times` on, the last for a period."""
    # One palette from frames over the whole time: with one for each, the background flickers.
    sample = np.concatenate(pictures[:: max(1, len(pictures) // 6)])
    # Median cut alone turns what is small grey, such as limbs drawn in colour. k-means brings it back, and stops once
    # as few pixels as given change their colour.
    settled = max(1, sample.size // 3 // 500)
    palette = Image.fromarray(sample).quantize(256, kmeans=settled, dither=Image.Dither.NONE)
    # Browsers slow down pictures of less than two hundredths of a second; those that come too soon are left out.
    hundredths, kept = [round(times[0] * 100)], [0]
    for index, time in enumerate(times):
        if round(time * 100) >= hundredths[-1] + 2:
            hundredths.append(round(time * 100))
            kept.append(index)
    end = max(hundredths[-1] + 2, round((times[-1] + period) * 100))
    frames: list[Image.Image] = []
    starts: list[int] = []
    for index, start in zip(kept, hundredths, strict=True):
        frame = Image.fromarray(pictures[index]).quantize(palette=palette, dither=Image.Dither.NONE)
        # Pillow would merge pictures that are alike, and add up more time than the format has room for.
        if not frames or frame.tobytes() != frames[-1].tobytes():
            frames.append(frame)
            starts.append(start)
    frames[0].save(
        path,
        format="GIF",
        save_all=True,
        append_images=frames[1:],
        duration=[10 * min(int(ticks), _LONGEST_OF_GIF) for ticks in np.diff([*starts, end])],
        loop=0,
        optimize=False,
    )
