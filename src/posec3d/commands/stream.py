"""`posec3d stream`: recognise while it happens."""

import logging
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import current_thread
from threading import main_thread
from typing import TYPE_CHECKING
from typing import Annotated
from typing import Literal
from typing import TextIO

import tyro

from posec3d.commands.options import Models
from posec3d.commands.options import OptionalPath
from posec3d.commands.options import OptionalRuntime
from posec3d.commands.options import OptionalSeconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from posec3d.commands.stream_output import Answers
    from posec3d.commands.stream_output import Pictures
    from posec3d.inference.segments import Segment
    from posec3d.inference.streaming import LiveRecognizer
    from posec3d.inference.streaming import StreamingRecognizer
    from posec3d.video.frames import Frame
    from posec3d.video.frames import VideoFrames
    from posec3d.video.live import LatestFrames
    from posec3d.video.live import Silence
    from posec3d.video.pose_estimation import PoseEstimator
    from posec3d.video.sources import Source

_LOGGER = logging.getLogger(__name__)


def stream(
    source: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="SOURCE")],
    *,
    model: Models = (),
    people: Literal["scene", "each", "pairs"] = "scene",
    window: float = 2.0,
    stride: OptionalSeconds = None,
    top: int = 5,
    threshold: float = 0.3,
    show: bool = False,
    out: OptionalPath = None,
    jsonl: OptionalPath = None,
    seconds: OptionalSeconds = None,
    estimator: str = "movenet",
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto",
    runtime: OptionalRuntime = None,
    precision: Literal["fp32", "bf16"] = "fp32",
) -> None:
    """Recognise what people do while it happens; Ctrl-C ends it, and what was written stays whole.

    A webcam:               posec3d stream 0 --people each

    A network camera:       posec3d stream rtsp://camera/stream --jsonl actions.jsonl

    A file:                 posec3d stream clip.mp4 --out annotated.mp4

    The answer for each moment comes one window after it began; a line is printed when it changes. If the computer is
    slower than the camera, frames are left out; a camera that breaks off is opened again. Of a file every frame is
    looked at, as fast as that goes, and with --show no faster than it plays.

    Args:
        source: The number of a webcam, the address of a camera (rtsp, http, rtmp, udp), or a video file.
        model: A checkpoint file, a work directory of posec3d train, a published name (posec3d download lists them), or
            a file that posec3d export wrote; without it the two of the package. Given several times, such as for
            keypoints and for limbs, all are asked, and their probabilities averaged.
        people: One answer for everybody together (scene), for each person, or for every two people near each other.
        window: Look at so many seconds at a time.
        stride: Seconds from one window to the next; a quarter of the window without it.
        top: How many of the likeliest actions to tell.
        threshold: Below this probability of the likeliest action the answer is "unsure".
        show: Open a page in the browser with the picture and the answers; only this computer sees it.
        out: Write the video, as .mp4, with skeletons and with the answers that were known when each frame came.
        jsonl: Append a line of JSON for each stride and whom it is about.
        seconds: End after so many seconds of the source.
        estimator: What finds the people: movenet, or rtmlib, ultralytics[:WEIGHTS] and mediapipe:TASK if installed.
        device: What the network computes on.
        runtime: What runs it: torch, or onnx or openvino, for which the model is exported, once; files that posec3d
            export wrote run on their own.
        precision: Arithmetic of the network; bf16 goes with openvino.
    """
    from posec3d.commands.answers import check_answers
    from posec3d.commands.answers import check_output
    from posec3d.commands.answers import load_recognizer
    from posec3d.commands.stream_output import Answers
    from posec3d.commands.stream_output import Pictures
    from posec3d.inference.streaming import LiveRecognizer
    from posec3d.inference.streaming import StreamingRecognizer
    from posec3d.trained import weights_of
    from posec3d.video.estimators import load_estimator
    from posec3d.video.live import LatestFrames
    from posec3d.video.live import open_latest
    from posec3d.video.sources import shown

    check_answers(top, threshold)
    _check_options(window, stride, seconds, out, jsonl)
    given = _one_source(source)
    read = [given, *(weights for name in model for weights in weights_of(name))]
    check_output("--out", out, read)
    check_output("--jsonl", jsonl, read)
    with ExitStack() as stack:
        video = open_latest(given)
        stack.enter_context(video)
        lines = None if jsonl is None else stack.enter_context(_open_lines(jsonl))
        finder = load_estimator(estimator)
        streaming = StreamingRecognizer(
            load_recognizer(model, device, runtime, precision, people=people),
            canvas=video.size,
            skeleton=finder.skeleton,
            name=video.name,
            window=window,
            stride=stride,
            people=people,
            threshold=threshold,
        )
        is_live = isinstance(video, LatestFrames)
        recognizer = stack.enter_context(LiveRecognizer(streaming)) if is_live else streaming
        answers = Answers(str(shown(given)), top=top, window=window, lines=lines)
        stop = stack.enter_context(_stop_when_asked())
        with Pictures(video, out=out, show=show, top=top) as pictures:
            frames = _frames(video, stop, limit=seconds, at_its_speed=show)
            _watch(video, frames, finder, recognizer, answers, pictures, window=window)
    for written in (out, jsonl):
        if written is not None:
            _LOGGER.info("written: %s", written)


def _check_options(
    window: float, stride: float | None, seconds: float | None, out: Path | None, jsonl: Path | None
) -> None:
    """Complain before anything is opened."""
    from posec3d.inference.windows import Span

    Span(window, window / 4 if stride is None else stride)
    if seconds is not None and not seconds > 0:
        raise ValueError(f"--seconds {seconds:g}: give more than 0, or leave it out to go on until Ctrl-C")
    if out is not None and out.suffix.lower() != ".mp4":
        raise ValueError(f"--out {out}: end it in .mp4")
    if jsonl is not None and out is not None and jsonl.resolve() == out.resolve():
        raise ValueError(f"--jsonl {jsonl}: is --out as well; give another name")
    if jsonl is not None and jsonl.is_dir():
        raise ValueError(f"--jsonl {jsonl}: is a folder; give a file name such as {jsonl}/actions.jsonl")


def _one_source(given: str) -> "Source":
    from posec3d.video.sources import find_sources
    from posec3d.video.sources import is_posed

    found = find_sources([given])
    if len(found) > 1:
        raise ValueError(f"{given}: stands for {len(found)} sources, such as {found[0]}; give one of them")
    if is_posed(found[0]):
        raise ValueError(f"{given}: holds poses, which are there already; use `posec3d recognize {given}`")
    return found[0]


def _open_lines(path: Path) -> TextIO:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Line by line, so that whoever follows the file sees each answer at once and never half of one.
    return path.open("a", encoding="utf-8", errors="backslashreplace", newline="\n", buffering=1)


@dataclass
class _Stop:
    """Whether somebody asked to stop. Not a threading.Event, whose lock a signal might find taken."""

    asked: bool = False


@contextmanager
def _stop_when_asked() -> Iterator[_Stop]:
    """Yield what Ctrl-C, or the signal to terminate, sets; a second one has its usual effect."""
    stop = _Stop()
    if current_thread() is not main_thread():
        # Signals only reach the main thread.
        yield stop
        return
    usual = {number: signal.getsignal(number) or signal.SIG_DFL for number in (signal.SIGINT, signal.SIGTERM)}

    def restore() -> None:
        for number, handler in usual.items():
            signal.signal(number, handler)

    def ask(*_: object) -> None:
        stop.asked = True
        restore()

    for number in usual:
        signal.signal(number, ask)
    try:
        yield stop
    finally:
        restore()


def _frames(
    video: "VideoFrames | LatestFrames", stop: _Stop, *, limit: float | None, at_its_speed: bool
) -> "Iterator[Frame | Silence]":
    """Yield frames until it is time to stop; those of a file `at_its_speed` no sooner than they are due."""
    begun = time.perf_counter()
    for frame in video:
        if limit is not None and frame.seconds >= limit:
            return
        if at_its_speed and not video.live:
            time.sleep(max(0.0, begun + frame.seconds - time.perf_counter()))
        yield frame
        if stop.asked:
            return


def _watch(
    video: "VideoFrames | LatestFrames",
    frames: "Iterator[Frame | Silence]",
    finder: "PoseEstimator",
    recognizer: "StreamingRecognizer | LiveRecognizer",
    answers: "Answers",
    pictures: "Pictures",
    *,
    window: float,
) -> None:
    """Tell and draw what people do in the frames, to the last moment."""
    import numpy as np

    from posec3d.commands.stream_output import Pace
    from posec3d.people import PeopleInFrame
    from posec3d.video.live import LatestFrames
    from posec3d.video.live import Silence
    from posec3d.video.pose_estimation import estimate_people

    shape, last = (0, finder.skeleton.num_keypoints), 0.0
    nobody = np.zeros((*shape, 2), np.float32), np.zeros(shape, np.float32), np.zeros(0, np.int64)

    def tell(segments: "Sequence[Segment]") -> None:
        answers.tell(segments, video.started if isinstance(video, LatestFrames) else None)

    def looked_at() -> "Iterator[Frame]":
        for frame in frames:
            if not isinstance(frame, Silence):
                yield frame
            elif frame.seconds > last + window:
                # What was seen before a break is told though no frame comes.
                tell(recognizer.update(PeopleInFrame(frame.seconds, *nobody)))

    with Pace(video) as pace:
        for frame, people in estimate_people(looked_at(), finder):
            last = frame.seconds
            tell(recognizer.update(people))
            pictures.add(frame, people, finder.skeleton, answers.known(last), pace.status)
            pace.count(frame)
        tell(recognizer.finish(last + 1 / video.frames_per_second))
    answers.end()
    _LOGGER.info("%s", pace.summary)
