"""What has been recognised, for other programs (JSON) and for people (lines of text)."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from posec3d.inference.segments import Segment
from posec3d.inference.subjects import spans_of
from posec3d.people import PeopleInFrame
from posec3d.people import PosedVideo


def recognized_as_dict(source: str, video: PosedVideo, segments: Sequence[Segment], *, top: int) -> dict[str, Any]:
    """Return one video's people and segments as JSON has it: a source may hold several videos.

    Times are in seconds, frames count from 0 and end before `end_frame`, boxes are [left, top, right, bottom] in
    pixels around the visible keypoints.
    """
    seconds = np.array([frame.seconds for frame in video.frames])
    return {
        "source": source,
        "video": video.name,
        "frames_per_second": round(video.frames_per_second, 3),
        "num_frames": len(video.frames),
        "height": video.canvas[0],
        "width": video.canvas[1],
        "segments": [_segment(segment, seconds, top) for segment in segments],
        "people": [
            {"id": identity, "first_frame": first, "end_frame": end}
            for identity, (first, end) in sorted(spans_of(video.frames).items())
        ],
        "frames": [_frame(frame) for frame in video.frames],
    }


def counted(number: int, unit: str) -> str:
    """Return a number of things in words: "1 frame", "1,200 frames"."""
    return f"{number:,} {unit}{'s' * (number != 1)}"


def segment_line(segment: Segment, *, top: int, timeline: bool) -> str:
    """Return one line of text: when, who, what, and what else it may be."""
    best = segment.top(top)
    said = segment.action if segment.action == best[0][0] else f"{segment.action}: {best[0][0]}"
    # 0 % and less is no other answer.
    others = ", ".join(f"{name} {share:.0%}" for name, share in best[1:] if share >= 0.005)
    # A tenth of a second cannot tell short windows apart.
    digits = 1 if segment.end_seconds - segment.start_seconds >= 0.2 else 2
    time = f"{segment.start_seconds:6.{digits}f} - {segment.end_seconds:.{digits}f} s  " if timeline else ""
    who = "" if segment.people is None else f"{segment.who}: "
    return f"  {time}{who}{said} {best[0][1]:.0%}" + (f"  ({others})" if others else "")


def _segment(segment: Segment, seconds: np.ndarray, top: int) -> dict[str, Any]:
    return {
        "start_seconds": round(segment.start_seconds, 3),
        "end_seconds": round(segment.end_seconds, 3),
        "start_frame": int(np.searchsorted(seconds, segment.start_seconds - 1e-6)),
        "end_frame": int(np.searchsorted(seconds, segment.end_seconds - 1e-6)),
        "people": None if segment.people is None else list(segment.people),
        "action": segment.action,
        "score": round(segment.score, 4),
        "top": [{"action": name, "score": round(share, 4)} for name, share in segment.top(top)],
    }


def _frame(frame: PeopleInFrame) -> dict[str, Any]:
    people = []
    for identity, keypoints, scores in zip(frame.ids.tolist(), frame.keypoints, frame.scores, strict=True):
        seen = keypoints[scores > 0]
        if len(seen):
            box = [round(float(edge), 1) for edge in (*seen.min(0), *seen.max(0))]
            people.append({"id": identity, "box": box, "score": round(float(scores.mean()), 3)})
    return {"seconds": round(frame.seconds, 3), "people": people}
