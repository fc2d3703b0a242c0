"""`posec3d timeline`: what was told of long videos, against what happens in them."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Annotated
from typing import Any

import tyro

from posec3d.commands.options import OptionalName
from posec3d.commands.options import OptionalPath

if TYPE_CHECKING:
    from collections.abc import Sequence

    from posec3d.annotations.segment_tables import LabelledSegment
    from posec3d.annotations.video_lists import NamedVideo
    from posec3d.annotations.video_lists import VideoPlace
    from posec3d.evaluation.answer_files import AnsweredVideo
    from posec3d.evaluation.timelines import Timeline

_LOGGER = logging.getLogger(__name__)
# As the literature has them: of segmentation (F1@k), and of detection (mAP@tIoU).
_F1_OVERLAPS, _DETECTION_OVERLAPS = (0.1, 0.25, 0.5), (0.3, 0.5, 0.7)


def timeline(
    answers: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="ANSWERS")],
    segments: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="SEGMENTS")],
    *,
    background: OptionalName = None,
    picture: OptionalPath = None,
    out: OptionalPath = None,
) -> None:
    """Measure a timeline: what was told of long videos, against a table of what happens in them and when.

    posec3d recognize games/*.mp4 --model work_dirs/my --window 2 --json answers.json

    posec3d timeline answers.json segments.csv --picture timeline.png

    It says in how much of the time the answer is right; F1 at 10, 25 and 50 % overlap, as of temporal action
    segmentation; mAP at 0.3, 0.5 and 0.7, as of temporal action detection; and the times of each action.

    Args:
        answers: What posec3d recognize --json wrote of the videos.
        segments: A table with columns video, start, end and label, or start_frame and end_frame, as extract takes it.
        background: The class that means nothing in particular, in both; "unsure" does anyway.
        picture: A .png with what happens in each video, and below it what was told.
        out: A .json with all these numbers.
    """
    import json

    from posec3d.annotations.segment_tables import read_segments
    from posec3d.annotations.video_lists import all_lines_of_videos
    from posec3d.annotations.video_lists import name_videos
    from posec3d.annotations.video_lists import some
    from posec3d.commands.answers import check_output
    from posec3d.commands.tested import check_picture_path
    from posec3d.evaluation.answer_files import read_answers
    from posec3d.evaluation.timelines import joined
    from posec3d.evaluation.timelines import without
    from posec3d.inference.output import counted
    from posec3d.inference.segments import UNSURE
    from posec3d.runtime.files import replacing

    for option, path in (("--out", out), ("--picture", picture)):
        check_output(option, path, [answers, segments])
    if picture is not None:
        check_picture_path(picture, "a picture of timelines")
    answered = read_answers(answers)
    table = read_segments(segments)
    videos = name_videos(_places(answered))
    found, absent = all_lines_of_videos(table.segments, videos)
    if not found:
        raise ValueError(
            f"{segments}: names none of the videos of {answers}: {some([video.name for video in videos])}; correct it"
        )
    for told, names in (
        (
            f"{segments}: {len(absent)} of {len(table.segments)} lines name videos that {answers} does not have",
            [line.video for line in absent],
        ),
        (f"{segments}: names no segment of these, left out", [one.name for one in videos if one.name not in found]),
    ):
        if names:
            _LOGGER.warning("%s: %s", told, some(names))
    whole = [
        _timeline(video, named, found[named.name], in_frames=table.in_frames)
        for video, named in zip(answered, videos, strict=True)
        if named.name in found
    ]
    if {line.value for line in table.segments}.isdisjoint(one.action for line in whole for one in line.told):
        _LOGGER.warning("%s: no answer is one of the labels of %s; are they called otherwise?", answers, segments)
    separate = without(whole, {UNSURE} | ({background} if background is not None else set()))
    timelines = joined(separate)
    num_joined = sum(len(one.labelled) for one in separate) - sum(len(one.labelled) for one in timelines)
    if num_joined:
        verbs = ("begins", "counts") if num_joined == 1 else ("begin", "count")
        told = "%s: %s %s where one of the same label ends, and %s as one with it: so answers tell them"
        _LOGGER.info(told, segments, counted(num_joined, "segment"), *verbs)
    if not any(line.labelled for line in timelines):
        raise ValueError(f"{segments}: labels nothing but {background!r}; give another --background, or none")
    figures = _figures(timelines)
    print(_report(timelines, figures))
    if out is not None:
        with replacing(out) as unfinished:
            unfinished.write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        _LOGGER.info("figures written to %s", out)
    if picture is not None:
        from posec3d.evaluation.timeline_chart import save_timelines

        save_timelines(picture, timelines)
        _LOGGER.info("picture written to %s", picture)


def _places(answered: "Sequence[AnsweredVideo]") -> "list[VideoPlace]":
    from collections import Counter

    from posec3d.video.extraction_set import place_of

    count = Counter(video.source for video in answered)
    return [place_of(video.source, video.video if count[video.source] > 1 else None) for video in answered]


def _timeline(
    answered: "AnsweredVideo", named: "NamedVideo", lines: "Sequence[LabelledSegment]", *, in_frames: bool
) -> "Timeline":
    """Return what happens in a video and what was told of it, where its segments may be told by their frames."""
    from posec3d.evaluation.timelines import Interval
    from posec3d.evaluation.timelines import Timeline

    def seconds(time: float) -> float:
        if not in_frames:
            return time
        return answered.frame_seconds[int(time)] if time < len(answered.frame_seconds) else answered.duration

    labelled = []
    for line in lines:
        start, end = seconds(line.start), min(seconds(line.end), answered.duration)
        if start >= end:
            raise ValueError(
                f"{line.line}: starts at {line.start:g}, but {named.name!r} has ended at {answered.duration:.4g} s"
                "; correct it"
            )
        labelled.append(Interval(line.value, start, end))
    return Timeline(named.name, answered.duration, tuple(labelled), answered.told)


def _figures(timelines: "Sequence[Timeline]") -> dict[str, Any]:
    from dataclasses import asdict

    from posec3d.evaluation.timelines import mean_average_precision
    from posec3d.evaluation.timelines import segmental_f1
    from posec3d.evaluation.timelines import time_shares
    from posec3d.evaluation.timelines import times_of_actions

    return {
        "time": asdict(time_shares(timelines)),
        "f1": {f"{overlap:g}": segmental_f1(timelines, overlap) for overlap in _F1_OVERLAPS},
        "map": {f"{overlap:g}": mean_average_precision(timelines, overlap) for overlap in _DETECTION_OVERLAPS},
        "actions": {name: asdict(times) for name, times in times_of_actions(timelines).items()},
    }


def _report(timelines: "Sequence[Timeline]", figures: dict[str, Any]) -> str:
    """Return the page."""
    from posec3d.inference.output import counted

    time = figures["time"]
    labelled, told = sum(len(line.labelled) for line in timelines), sum(len(line.told) for line in timelines)
    f1, detection = (", ".join(f"{value:.1%}" for value in figures[key].values()) for key in ("f1", "map"))
    width = max(len(name) for name in figures["actions"])
    lines = [
        f"{counted(len(timelines), 'video')}, {counted(labelled, 'segment')} labelled, {told:,} told",
        "",
        f"  time told rightly       {_share(time['right'], time['seconds'])} of {time['seconds']:,.1f} s",
        f"  - of what is labelled   {_share(time['labelled_right'], time['labelled_seconds'])} of "
        f"{time['labelled_seconds']:,.1f} s",
        f"  F1 at 10, 25, 50 %      {f1}",
        f"  mAP at 0.3, 0.5, 0.7    {detection}",
        "",
        f"  {'action':{width}}  labelled s    told s   found   right when told",
    ]
    for name, times in figures["actions"].items():
        lines.append(
            f"  {name:{width}}  {times['labelled']:10,.1f}{times['told']:10,.1f}"
            f"  {_share(times['both'], times['labelled']):>6}  {_share(times['both'], times['told']):>16}"
        )
    return "\n".join(lines)


def _share(part: float, whole: float) -> str:
    return f"{part / whole:.1%}" if whole else "-"
