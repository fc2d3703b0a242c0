"""Video files, webcams and streams: opened with errors that say what to do, decoded past damage."""

import logging
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from posec3d.video.sources import Source
from posec3d.video.sources import is_live
from posec3d.video.sources import is_url
from posec3d.video.sources import is_webcam
from posec3d.video.sources import name_of
from posec3d.video.sources import shown

_LOGGER = logging.getLogger(__name__)


def open_container(source: Source, *, timeout_seconds: float) -> tuple[InputContainer, VideoStream]:
    """Open a file, webcam or URL and return it with its video; a server may be silent for `timeout_seconds`.

    Raises FileNotFoundError, ValueError for what is no video, TimeoutError, ConnectionError, and OSError for a webcam.
    """
    if is_webcam(source):
        container = _open_webcam(str(source))
    elif is_url(source):
        container = _open_url(str(source), timeout_seconds)
    else:
        container = _open_file(Path(source))
    try:
        stream = _video_of(container, shown(source))
    except ValueError:
        container.close()
        raise
    # Threads that share a frame hold none back; those with a frame each are faster.
    stream.thread_type = "SLICE" if is_live(source) else "AUTO"
    return container, stream


def decode(
    container: InputContainer, stream: VideoStream, source: Source
) -> Iterator[tuple[float | None, av.VideoFrame]]:
    """Yield the frames that can be decoded, each with the time its container gives it, if any.

    A log line says where damaged ones are skipped and where the video breaks off.
    """
    name, good, damaged, pending, interruption = name_of(source), 0, 0, 0, ""
    announced, reached, step = _announced_seconds(container, stream), 0.0, 1 / float(stream.average_rate or 25)
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except av.FFmpegError as error:
            interruption = _reason(error)
            break
        if packet is None:
            break
        try:
            frames = packet.decode()
        except av.FFmpegError:
            frames = []
            pending += 1
        for frame in frames:
            if frame.is_corrupt:
                pending += 1
                continue
            if pending and not damaged:
                _LOGGER.warning("%s: damaged after frame %d; skips what cannot be decoded", name, good)
            damaged, pending, good = damaged + pending, 0, good + 1
            seconds = _time_of(frame, container)
            length = float(frame.duration * frame.time_base) if frame.time_base is not None else 0.0
            reached = (reached if seconds is None else seconds) + (length or step)
            yield seconds, frame
    if good and (interruption or reached < announced - max(0.1, 2 * step)):
        reason = f" ({interruption})" if interruption else ""
        _LOGGER.warning("%s: breaks off after frame %d%s; goes on with what came before", name, good, reason)
    elif damaged + pending:
        _LOGGER.warning("%s: %d damaged frame(s) skipped in all", name, damaged + pending)


def _time_of(frame: av.VideoFrame, container: InputContainer) -> float | None:
    if container.format.name == "mpjpeg":
        # A camera that sends pictures one by one, without times: each counts from when it comes.
        return time.monotonic()
    # An .avi has no times to show at, just an order to decode in, and FFmpeg takes the one for the other.
    ticks = frame.dts if container.format.name == "avi" else frame.pts
    return None if ticks is None or frame.time_base is None else float(ticks * frame.time_base)


def _announced_seconds(container: InputContainer, stream: VideoStream) -> float:
    """Return the time at which the video should end by what its header says, or 0.0 if it does not."""
    if container.format.name == "avi" and stream.average_rate:
        # FFmpeg corrects the duration of one that breaks off.
        return float(stream.frames / stream.average_rate)
    if stream.duration is not None and stream.time_base is not None:
        return float((stream.duration + (stream.start_time or 0)) * stream.time_base)
    # Sound may last longer than pictures.
    if container.duration is not None and len(container.streams) == 1:
        return container.duration / av.time_base
    return 0.0


def _video_of(container: InputContainer, name: str) -> VideoStream:
    """Return the main video stream, not the picture of an album."""
    streams = [one for one in container.streams.video if not one.disposition & Disposition.attached_pic]
    if not streams:
        raise ValueError(f"{name}: has no video, only {_other_streams(container)}; give a file with pictures")
    best = container.streams.best("video")
    stream = next((one for one in streams if best is not None and one.index == best.index), streams[0])
    if stream.codec_context is None:
        raise ValueError(f"{name}: its video is in a format that FFmpeg does not know; convert it to H.264 in an .mp4")
    return stream


def _other_streams(container: InputContainer) -> str:
    return " and ".join(sorted({one.type for one in container.streams if one.type != "video"})) or "a cover picture"


def _open_file(path: Path) -> InputContainer:
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such video; correct the path")
    if path.stat().st_size == 0:
        raise ValueError(f"{path}: the file is empty; copy or record it again")
    try:
        # Absolute: FFmpeg takes a name such as "a:b.mp4" for a protocol.
        return av.open(str(path.absolute()), "r", metadata_errors="replace")
    except PermissionError as error:
        raise PermissionError(f"{path}: may not be read; allow reading it") from error
    except av.FFmpegError as error:
        raise ValueError(
            f"{path}: not a video, or one whose end is missing ({_reason(error)}); give another file, or copy "
            f"or record it again"
        ) from error


def _open_url(url: str, timeout_seconds: float) -> InputContainer:
    address, started = shown(url), time.monotonic()
    # A camera's pictures over UDP lose parts on a busy network.
    options = {"rtsp_flags": "prefer_tcp"} if url.lower().startswith("rtsp") else {}
    try:
        return av.open(url, "r", options=options, timeout=timeout_seconds, metadata_errors="replace")
    except av.FFmpegError as error:
        # Some protocols report an interrupted wait as invalid data.
        if time.monotonic() - started >= timeout_seconds:
            raise TimeoutError(
                f"{address}: no answer within {timeout_seconds:g} s; check the address and that its camera or server "
                f"is on, or allow more time"
            ) from error
        if isinstance(error, FileNotFoundError | av.HTTPNotFoundError):
            raise FileNotFoundError(f"{address}: the server has no such video; correct the address") from error
        if isinstance(error, av.InvalidDataError):
            raise ValueError(
                f"{address}: what comes from there is not a video, perhaps a web page around one; give the address of "
                f"the video itself, or download it first"
            ) from error
        raise ConnectionError(
            f"{address}: cannot be reached ({_reason(error)}); check the address, name and password"
        ) from error


def _open_webcam(number: str) -> InputContainer:
    try:
        file, kind, options = _webcam_address(number, sys.platform)
        return av.open(file, "r", format=kind, options=options)
    except (av.FFmpegError, LookupError) as error:
        raise OSError(
            f"webcam {number} cannot be opened ({_reason(error)}): plug it in, close other programs that use it, allow "
            f"this one to use cameras (on Linux: join the group 'video'), or give another number"
        ) from error


def _webcam_address(number: str, platform: str) -> tuple[str, str, dict[str, str]]:
    """Return file, format and options with which FFmpeg opens a webcam on a platform (a value of sys.platform)."""
    if platform == "darwin":
        # Without a rate AVFoundation is asked for 29.97, which most cameras refuse.
        return f"{number}:none", "avfoundation", {"framerate": "30"}
    if platform == "win32":
        cameras = [one for one in av.enumerate_input_devices("dshow") if "video" in one.media_types]
        return f"video={cameras[int(number)].name}", "dshow", {}
    return f"/dev/video{number}", "v4l2", {}


def _reason(error: Exception) -> str:
    if isinstance(error, av.ExitError):
        return "nothing came in time"
    return (error.strerror if isinstance(error, av.FFmpegError) else None) or str(error)
