"""`posec3d recognize`: from a video, or from poses, to the action."""

import logging
import math
import os
import re
import sys
from contextlib import contextmanager
from itertools import count
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Annotated
from typing import Literal
from urllib.parse import urlsplit

import tyro

from posec3d.commands.options import Models
from posec3d.commands.options import OptionalName
from posec3d.commands.options import OptionalPath
from posec3d.commands.options import OptionalRate
from posec3d.commands.options import OptionalRuntime
from posec3d.commands.options import OptionalSeconds
from posec3d.commands.options import OptionalSize
from posec3d.video.sources import VIDEO_SUFFIXES
from posec3d.video.sources import is_url

if TYPE_CHECKING:
    from collections.abc import Iterator

    from posec3d.people import PosedVideo
    from posec3d.video.sources import Source

_LOGGER = logging.getLogger(__name__)


def recognize(
    sources: Annotated[
        tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="SOURCE ...", help_behavior_hint="")
    ],
    *,
    model: Models = (),
    people: Literal["scene", "each", "pairs"] = "scene",
    window: OptionalSeconds = None,
    stride: OptionalSeconds = None,
    shortest: float = 0.0,
    top: int = 5,
    threshold: float = 0.3,
    out: OptionalPath = None,
    json: OptionalPath = None,
    estimator: str = "movenet",
    skeleton: OptionalName = None,
    canvas: OptionalSize = None,
    fps: OptionalRate = None,
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto",
    runtime: OptionalRuntime = None,
    precision: Literal["fp32", "bf16"] = "fp32",
) -> None:
    """Recognise what people do in videos, pictures or pose files.

    One answer for the whole video:          posec3d recognize clip.mp4

    A timeline, drawn into the video:        posec3d recognize clip.mp4 --window 2 --out annotated.mp4

    Every person for themselves:             posec3d recognize clip.mp4 --people each --json people.json

    A published model (fetched once):        posec3d recognize clip.mp4 --model ntu60-keypoint

    Two together, as the paper fuses them:   posec3d recognize clip.mp4 --model ntu60-keypoint --model ntu60-limb

    Args:
        sources: Videos, folders, patterns such as 'frames/*.png', URLs of files; or pose files: annotations, JSON of
            COCO, OpenPose, AlphaPose and MMPose, .npz and .csv.
        model: A checkpoint file, a work directory of posec3d train, a published name (posec3d download lists them), or
            a file that posec3d export wrote; without it the two of the package. Given several times, such as for
            keypoints and for limbs, all are asked, and their probabilities averaged.
        people: One answer for everybody together (scene), for each person, or for every two people near each other.
        window: Look at so many seconds at a time and give a timeline; without it, one answer for the whole video.
        stride: Seconds from one window to the next; a quarter of the window without it.
        shortest: Seconds that an answer of the timeline lasts at least: shorter ones go to their neighbours, such that
            what is told agrees most with what the windows say.
        top: How many of the likeliest actions to tell.
        threshold: Below this probability of the likeliest action the answer is "unsure".
        out: Write the video with skeletons and answers, as .mp4 or .gif, or into this folder, a file each.
        json: Write frames, seconds, boxes and scores.
        estimator: What finds the people: movenet, or rtmlib, ultralytics[:WEIGHTS] and mediapipe:TASK if installed.
        skeleton: Of pose files that do not say it: coco17, openpose25, mediapipe33 and so on, or a .json file with
            keypoints and limbs, as train takes it.
        canvas: The size of the frames, height first, for pose files that do not say it.
        fps: Frames a second of pose files that do not say it, such as OpenPose's, 30 without it; and of pictures, 25.
        device: What the network computes on.
        runtime: What runs it: torch, or onnx or openvino, for which the model is exported, once; files that posec3d
            export wrote run on their own.
        precision: Arithmetic of the network; bf16 goes with openvino.
    """
    from posec3d.commands.answers import check_answers
    from posec3d.commands.answers import check_output
    from posec3d.commands.answers import load_recognizer
    from posec3d.commands.people_finder import PeopleFinder
    from posec3d.commands.people_finder import recorded_sources
    from posec3d.trained import weights_of
    from posec3d.video.sources import name_of
    from posec3d.video.sources import shown

    found = recorded_sources(sources)
    finder = PeopleFinder(estimator, skeleton, canvas, fps)
    finder.check(found)
    check_answers(top, threshold)
    _check_options(window, stride, shortest, out, json, several=len(found) > 1)
    read = [*found, *(weights for name in model for weights in weights_of(name))]
    check_output("--json", json, read)
    places = _Places(out)
    for source in found:
        check_output("--out", _Places(out).place(name_of(source)), read)

    # What needs PyTorch comes after what may be wrong at once.
    from posec3d.inference.annotated_video import annotate
    from posec3d.inference.model_choice import PACKAGED_MODELS
    from posec3d.inference.output import counted
    from posec3d.inference.output import recognized_as_dict
    from posec3d.inference.output import segment_line
    from posec3d.people import end_of
    from posec3d.pose_files.building import USUAL_RATE
    from posec3d.runtime.files import replacing
    from posec3d.video.frames import UNKNOWN_RATE
    from posec3d.video.sources import is_posed

    recognizer = load_recognizer(model, device, runtime, precision, people=people)
    videos: list[dict[str, object]] = []
    failures: list[dict[str, str]] = []

    def answer(source: "Source", video: "PosedVideo") -> None:
        video = recognizer.fitting(video)
        if len(video.frames) == 1:
            _LOGGER.warning("%s: one frame shows no movement, so the answer is a guess", video.name)
        segments = recognizer.recognize(
            video, people=people, window=window, stride=stride, shortest=shortest, threshold=threshold
        )
        lines = [f"{video.name}: {counted(len(video.frames), 'frame')}, {end_of(video):.1f} s"]
        lines += [segment_line(segment, top=top, timeline=window is not None) for segment in segments]
        _say("\n".join(lines if segments else [*lines, _NOBODY[people]]), files=out is not None or json is not None)
        if json is not None:
            videos.append(recognized_as_dict(str(shown(source)), video, segments, top=top))
        place = places.place(video.name)
        if place is not None:
            check_output("--out", place, read)
            annotate(place, source, video, segments, top=top)
            _LOGGER.info("written: %s", place)

    def keep() -> None:
        if json is None:
            return
        content = {"model": " + ".join(model or PACKAGED_MODELS), "videos": videos, "failed": failures}
        with replacing(json) as unfinished:
            # Names that are not UTF-8 become escapes, which readers of JSON turn back.
            unfinished.write_text(
                dumps(content, ensure_ascii=False) + "\n", encoding="utf-8", errors="backslashreplace"
            )
        _LOGGER.info("written: %s", json)

    num_videos = 0
    try:
        for source in found:
            # One bad video among many stops nothing; alone, it is the answer.
            with _noted(failures, source, alone=len(found) == 1):
                posed = finder.people_of(source)
                num_videos += len(posed)
                if not posed.rate_is_known:
                    rate = USUAL_RATE if is_posed(source) else UNKNOWN_RATE
                    said = f"taken as {rate:g} (--fps says another)"
                    _LOGGER.info("%s: does not say how many frames a second: %s", shown(source), said)
                if len(posed) > 1 and out is not None and _is_file(out):
                    raise ValueError(f"--out {out}: {shown(source)} has {len(posed)} videos; give the name of a folder")
                for place, name in enumerate(posed.names):
                    with _noted(failures, source, alone=len(found) == len(posed) == 1, name=name):
                        answer(source, posed[place])
    except KeyboardInterrupt as stop:
        if json is None or not videos:
            raise
        keep()
        raise KeyboardInterrupt(f"{json} holds the {counted(len(videos), 'video')} recognised until then") from stop
    keep()
    if not num_videos and not failures:
        raise ValueError(f"{shown(found[0])}: holds no video")
    if failures:
        # Of a source that could not be opened, nobody knows how many it holds: it counts as one.
        num_videos += sum("video" not in failure for failure in failures)
        raise ValueError(f"{len(failures)} of {num_videos} videos failed; beside each stands why")


@contextmanager
def _noted(
    failures: list[dict[str, str]], source: "Source", *, alone: bool, name: str | None = None
) -> "Iterator[None]":
    """Note what goes wrong in the block, whatever it is, and go on; unless there is nothing else to go on with."""
    from posec3d.video.extraction_run import failure_told
    from posec3d.video.sources import shown

    try:
        yield
    except BrokenPipeError:
        raise
    except Exception as error:
        if alone:
            raise
        video = {} if name is None else {"video": name}
        failures.append({"source": shown(source), **video, "error": failure_told(source, error)})
        _say(f"{name or shown(source)}: failed", files=True)
        _LOGGER.error("  %s", failures[-1]["error"])


def _say(text: str, *, files: bool) -> None:
    """Print; if whoever reads has gone, as `| head` does, go on without where there are still files to write."""
    try:
        print(text)
    except BrokenPipeError:
        if not files:
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


_NOBODY = {
    "scene": "  nobody is seen",
    "each": "  nobody is seen long enough",
    "pairs": "  no two people are near each other",
}


def _check_options(
    window: float | None, stride: float | None, shortest: float, out: Path | None, json: Path | None, *, several: bool
) -> None:
    """Complain before anything is computed."""
    from posec3d.inference.windows import Span

    if window is not None:
        Span(window, window / 4 if stride is None else stride)
    elif stride is not None:
        raise ValueError(f"--stride {stride:g} needs --window: without windows there is one answer for the whole video")
    elif shortest:
        raise ValueError(f"--shortest {shortest:g} needs --window: without windows there is one answer for all of it")
    if not 0 <= shortest < math.inf:
        raise ValueError(f"--shortest {shortest:g}: give seconds, 0 or more")
    if out is not None and not several and _is_file(out) and out.suffix.lower() not in (".mp4", ".gif"):
        raise ValueError(f"--out {out}: end it in .mp4 or .gif, or give a folder")
    if out is not None and several and _is_file(out):
        raise ValueError(f"--out {out}: several videos go into a folder; give its name")
    if json is not None and out is not None and json.resolve() == out.resolve():
        raise ValueError(f"--json {json}: is --out as well; give another name")
    if json is not None and json.suffix.lower() in VIDEO_SUFFIXES:
        raise ValueError(f"--json {json}: has the ending of a video; end it in .json, or say --out for the video")
    if json is not None and json.is_dir():
        raise ValueError(f"--json {json}: is a folder; give a file name such as {json}/recognized.json")


def _is_file(out: Path) -> bool:
    return bool(out.suffix) and not out.is_dir()


class _Places:
    """Where annotated videos go: the file of that name, or a file each in a folder; none over another."""

    def __init__(self, out: Path | None) -> None:
        self._out = out
        self._taken: set[Path] = set()

    def place(self, name: str) -> Path | None:
        """Return the place of the next video."""
        if self._out is None:
            return None
        path = self._out
        if not _is_file(path):
            name = _below(name)
            stem = str(Path(name).with_suffix("")) if Path(name).suffix.lower() in VIDEO_SUFFIXES else name
            numbers = count(2)
            path = self._out / f"{stem}.mp4"
            while path in self._taken:
                path = self._out / f"{stem}-{next(numbers)}.mp4"
        self._taken.add(path)
        return path


def _below(name: str) -> str:
    """Return the name of a video, which may be a path or an address that a file made up, as a path below a folder."""
    if is_url(name):
        address = urlsplit(name)
        name = address.path.rstrip("/").rpartition("/")[2] or address.netloc
    parts = (re.sub(r'[<>:"|?*\x00-\x1f]', "_", part) for part in re.split(r"[/\\]+", name))
    return "/".join(part for part in parts if part.strip(". ")) or "video"
