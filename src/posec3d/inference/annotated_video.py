"""A video with what was recognised drawn into it."""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from posec3d.inference.segments import UNSURE
from posec3d.inference.segments import Segment
from posec3d.people import PosedVideo
from posec3d.people import end_of
from posec3d.runtime.progress import Progress
from posec3d.video.frames import Frame
from posec3d.video.frames import open_frames
from posec3d.video.overlay import TimelineBar
from posec3d.video.overlay import draw_overlay
from posec3d.video.overlay import enlarge
from posec3d.video.sources import Source
from posec3d.video.sources import is_posed
from posec3d.video.writing import VideoWriter


def annotate(path: Path, source: Source, video: PosedVideo, segments: Sequence[Segment], *, top: int = 5) -> None:
    """Write `source` once more, with the answers of `write_annotated` in it; a pose file is drawn on black."""
    with (
        nullcontext() if is_posed(source) else open_frames(source) as pictures,
        Progress(len(video.frames), "frame", what=f"drawing {path.name}") as progress,
    ):
        write_annotated(
            path, pictures, video, segments, top=top, duration_seconds=end_of(video), advance=progress.advance
        )


def write_annotated(
    path: Path,
    pictures: Iterable[Frame] | None,
    video: PosedVideo,
    segments: Sequence[Segment],
    *,
    top: int = 5,
    duration_seconds: float,
    advance: Callable[[int], object] = lambda _: None,
) -> None:
    """Write a video (.mp4 or .gif) with skeletons, ids, the likeliest actions and the timeline.

    `pictures` are the frames that `video` was made of; without them it is drawn on black. Labels of single people and
    pairs stand beside them; those of everybody in a panel, with a timeline if there are several.
    """
    bars = _bars(segments)
    with VideoWriter(path, frames_per_second=video.frames_per_second) as writer:
        for picture, people in zip(_pictures(pictures, video), video.frames, strict=False):
            enlarged, there = enlarge(picture, people)
            present = [segment for segment in segments if _covers(segment, people.seconds)]
            drawn = draw_overlay(
                enlarged,
                there,
                video.skeleton,
                top=next((top_shown(segment, top) for segment in present if segment.people is None), ()),
                labels=labels_beside(present),
                timeline=bars,
                duration_seconds=duration_seconds if bars else None,
            )
            writer.write(drawn, people.seconds)
            advance(1)


def _pictures(frames: Iterable[Frame] | None, video: PosedVideo) -> Iterator[UInt8[np.ndarray, "H W 3"]]:
    if frames is None:
        black = np.zeros((*video.canvas, 3), np.uint8)
        return (black for _ in video.frames)
    return (frame.picture for frame in frames)


def _covers(segment: Segment, seconds: float) -> bool:
    return segment.start_seconds - 1e-6 <= seconds < segment.end_seconds - 1e-6


def top_shown(segment: Segment, count: int) -> list[tuple[str, float]]:
    """Return the likeliest actions as the panel shows them: the first one marked where the answer is "unsure"."""
    best = segment.top(count)
    return [(f"{UNSURE}: {best[0][0]}", best[0][1]), *best[1:]] if segment.action == UNSURE else best


def labels_beside(segments: Sequence[Segment]) -> dict[int, str]:
    """Return what stands beside each person: of several pairs with one person, the surest."""
    labels: dict[int, tuple[float, str]] = {}
    for segment in segments:
        for one in segment.people or ():
            others = [other for other in segment.people or () if other != one]
            partner = f" with {others[0]}" if others else ""
            sure = "" if segment.action == UNSURE else f" {segment.score:.0%}"
            said = (segment.score, f"{segment.action}{partner}{sure}")
            labels[one] = max(labels.get(one, said), said)
    return {one: text for one, (_, text) in labels.items()}


def _bars(segments: Sequence[Segment]) -> list[TimelineBar]:
    bars = [
        TimelineBar(
            segment.start_seconds, segment.end_seconds, segment.action, segment.score, is_sure=segment.action != UNSURE
        )
        for segment in segments
        if segment.people is None
    ]
    return bars if len(bars) > 1 else []
