"""What `posec3d recognize --json` has written, read again."""

import json
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from posec3d.evaluation.timelines import Interval

_USAGE = "give a file that posec3d recognize --window SECONDS --json wrote"


@dataclass(frozen=True)
class AnsweredVideo:
    """A video of a source: what was told of it, the time of each frame, and of its end, in seconds."""

    source: str
    video: str
    told: tuple[Interval, ...]
    frame_seconds: tuple[float, ...]
    duration: float


def read_answers(path: Path) -> list[AnsweredVideo]:
    """Return the videos of a file; where the answer was "unsure", an interval is called so.

    Raises FileNotFoundError, and ValueError for another file, or one that tells what each person does.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise FileNotFoundError(f"{path}: no such file; {_USAGE}") from None
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise ValueError(f"{path}: is no JSON; {_USAGE}") from None
    try:
        return [_video(video, path) for video in content["videos"]]
    except (KeyError, TypeError, IndexError):
        raise ValueError(f"{path}: holds no answers; {_USAGE}") from None


def _video(video: Mapping[str, Any], path: Path) -> AnsweredVideo:
    segments: Sequence[Mapping[str, Any]] = video["segments"]
    if any(segment["people"] is not None for segment in segments):
        raise ValueError(
            f"{path}: tells what each person does, which a table of segments does not; recognise with --people scene"
        )
    times = [float(frame["seconds"]) for frame in video["frames"]]
    told = [
        Interval(
            str(segment["action"]),
            float(segment["start_seconds"]),
            float(segment["end_seconds"]),
            float(segment["score"]),
        )
        for segment in segments
    ]
    duration = times[-1] + 1 / float(video["frames_per_second"])
    return AnsweredVideo(str(video["source"]), str(video["video"]), tuple(told), tuple(times), duration)
