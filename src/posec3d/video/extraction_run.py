"""Many sources, one after the other or side by side: each to a part of its own, and those that fail told at the end."""

import logging
import time
from collections.abc import Callable
from collections.abc import Generator
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2

from posec3d.people import PosedVideos
from posec3d.people import posed_videos
from posec3d.pose_files import load_pose_file
from posec3d.runtime.processes import Crash
from posec3d.runtime.processes import done_in_processes
from posec3d.runtime.progress import Progress
from posec3d.skeletons import Skeleton
from posec3d.video.extraction import extract_poses
from posec3d.video.extraction import told_apart
from posec3d.video.extraction_parts import save_part
from posec3d.video.pose_estimation import PoseEstimator
from posec3d.video.sources import Source
from posec3d.video.sources import is_posed
from posec3d.video.sources import pictures_of
from posec3d.video.sources import shown

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class ExtractionRun:
    """What came of it: the reason of each source that failed, and how many were finished before and in this run."""

    failures: Mapping[Source, str]
    num_resumed: int
    num_extracted: int
    num_frames: int
    seconds: float


@dataclass(frozen=True)
class PoseFileReading:
    """What pose files may leave open: their skeleton, the (height, width) of frames, and, as pictures, their rate."""

    skeleton: Skeleton | None = None
    canvas: tuple[int, int] | None = None
    frames_per_second: float | None = None


def extract_to_parts(
    parts: Mapping[Source, Path],
    make_estimator: Callable[[int | None], PoseEstimator],
    *,
    reading: PoseFileReading,
    workers: int,
) -> ExtractionRun:
    """Make the part of each source that has none yet, in `workers` processes.

    `make_estimator` takes a number of threads: 1 where processes share the cores, None for all of them where there is
    a single source. A source that cannot be read, or over which its process crashes, is a failure and does not stop
    the others; a part that cannot be written does.
    """
    todo = {source: path for source, path in parts.items() if not path.exists()}
    failures: dict[Source, str] = {}
    num_frames = 0
    began = time.monotonic()
    if any(not is_posed(source) for source in todo):
        # Once here: what is missing is said before anything begins, and fetched by one process alone.
        make_estimator(1)
    with (
        Progress(len(todo), "video") as progress,
        closing(_outcomes(todo, make_estimator, reading, workers)) as outcomes,
    ):
        for source, outcome in outcomes:
            if isinstance(outcome, int):
                num_frames += outcome
            else:
                failures[source] = _crash_told(source, outcome) if isinstance(outcome, Crash) else outcome
                _LOGGER.warning("failed: %s", failures[source])
            progress.advance()
    return ExtractionRun(
        failures={source: failures[source] for source in parts if source in failures},
        num_resumed=len(parts) - len(todo),
        num_extracted=len(todo) - len(failures),
        num_frames=num_frames,
        seconds=time.monotonic() - began,
    )


def extract_videos(source: Source, estimator: PoseEstimator | None, reading: PoseFileReading) -> PosedVideos:
    """Return the videos of one source, of one skeleton, their people told apart; one of poses needs no estimator.

    Raises ValueError, FileNotFoundError and OSError for what cannot be read.
    """
    if estimator is None:
        stored = load_pose_file(
            Path(source),
            skeleton=reading.skeleton,
            canvas=reading.canvas,
            frames_per_second=reading.frames_per_second,
        )
        videos, rate_is_known = [told_apart(video) for video in stored], stored.rate_is_known
    else:
        videos = [extract_poses(source, estimator, frames_per_second=reading.frames_per_second)]
        rate_is_known = pictures_of(source) is None or reading.frames_per_second is not None
    if not any(video.frames for video in videos):
        raise ValueError(f"{shown(source)}: has no frames; give another file")
    names = {video.skeleton.keypoints for video in videos}
    if len(names) > 1:
        raise ValueError(f"{shown(source)}: its videos have different keypoints; give those of each skeleton a file")
    return posed_videos([video for video in videos if video.frames], rate_is_known=rate_is_known)


def _outcomes(
    todo: Mapping[Source, Path],
    make_estimator: Callable[[int | None], PoseEstimator],
    reading: PoseFileReading,
    workers: int,
) -> Generator[tuple[Source, int | str | Crash]]:
    """Yield each source, as they are done, with the number of its frames or what went wrong."""
    prepare = partial(_prepared, make_estimator, 1 if len(todo) > 1 else None, reading)
    if len(todo) == 1:
        ((source, path),) = todo.items()
        yield source, prepare()((source, path))
        return
    with closing(done_in_processes(prepare, list(todo.items()), min(workers, len(todo)))) as done:
        for (source, _), outcome in done:
            yield source, outcome


def _prepared(
    make_estimator: Callable[[int | None], PoseEstimator], num_threads: int | None, reading: PoseFileReading
) -> Callable[[tuple[Source, Path]], int | str]:
    """Return what makes a part, in the process that is to do it."""
    if num_threads is not None:
        cv2.setNumThreads(num_threads)
    return _PartMaker(make_estimator, num_threads, reading)


class _PartMaker:
    """Makes parts, with an estimator that is there from the first video on."""

    def __init__(
        self,
        make_estimator: Callable[[int | None], PoseEstimator],
        num_threads: int | None,
        reading: PoseFileReading,
    ) -> None:
        self._make_estimator = partial(make_estimator, num_threads)
        self._reading = reading
        self._estimator: PoseEstimator | None = None

    def __call__(self, job: tuple[Source, Path]) -> int | str:
        """Write the part and return its number of frames; or the reason why there is none."""
        source, path = job
        if self._estimator is None and not is_posed(source):
            self._estimator = self._make_estimator()
        try:
            estimator = None if is_posed(source) else self._estimator
            videos = extract_videos(source, estimator, self._reading)
        # Whatever is wrong with one video, the others are worth having.
        except Exception as error:
            return failure_told(source, error)
        save_part(path, videos)
        return sum(len(video.frames) for video in videos)


def failure_told(source: Source, error: Exception) -> str:
    """Return one line that says what is wrong with a source, and names it."""
    if isinstance(error, OSError) and error.filename:
        told = f"{error.filename}: {error.strerror or 'cannot be read'}"
    else:
        told = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    if not isinstance(error, ValueError | OSError | KeyError):
        told = f"{type(error).__name__}: {told}"
    told = " ".join(told.split())
    return told if shown(source) in told else f"{shown(source)}: {told}"


def _crash_told(source: Source, crash: Crash) -> str:
    return f"{shown(source)}: {crash}; convert it to H.264 in an .mp4, or use fewer --workers if memory is short"
