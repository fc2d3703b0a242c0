"""Which frames of a video are drawn, when they are shown, and their pictures."""

from collections.abc import Iterator
from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool
from jaxtyping import Int
from jaxtyping import Int64
from jaxtyping import UInt8

from posec3d.people import PosedVideo
from posec3d.video.frames import open_frames
from posec3d.video.sources import Source


def seen_moments(seen: Bool[np.ndarray, " T"], count: int) -> Int64[np.ndarray, " N"]:
    """Return at most `count` frames, spread evenly over those in which somebody is seen; over all if nobody ever is."""
    candidates = np.flatnonzero(seen) if seen.any() else np.arange(len(seen))
    middles = (np.arange(count) + 0.5) * len(candidates) / count
    return np.unique(candidates[middles.astype(int)]).astype(np.int64)


def thinned(num_frames: int, most: int) -> Int64[np.ndarray, " N"]:
    """Return every frame, or every second, third and so on: the most that are not more than `most`."""
    return np.arange(0, num_frames, max(1, -(-num_frames // most)), dtype=np.int64)


def times_of(video: PosedVideo, frames: Int[np.ndarray, " F"]) -> list[float]:
    """Return when frames are shown, in seconds: at their own time, or evenly where they are not in order (a loop)."""
    if (np.diff(frames) > 0).all():
        return [video.frames[frame].seconds for frame in frames.tolist()]
    return [place / video.frames_per_second for place in range(len(frames))]


def rate_of(times: Sequence[float], otherwise: float) -> float:
    """Return the mean number of pictures a second; `otherwise` for a single one."""
    return (len(times) - 1) / (times[-1] - times[0]) if len(times) > 1 else otherwise


def read_pictures(source: Source, frames: Int[np.ndarray, " F"]) -> Iterator[UInt8[np.ndarray, "H W 3"]]:
    """Yield the pictures of these frames in the order given; only if that is not the video's are they held in memory.

    A video that ends before them ends the pictures.
    """
    order = np.unique(frames)
    if len(order) == len(frames) and (order == frames).all():
        yield from _read_in_order(source, order.tolist())
        return
    held = dict(zip(order.tolist(), _read_in_order(source, order.tolist()), strict=False))
    yield from (held[frame] for frame in frames.tolist() if frame in held)


def _read_in_order(source: Source, frames: Sequence[int]) -> Iterator[UInt8[np.ndarray, "H W 3"]]:
    wanted = iter(frames)
    following = next(wanted, None)
    with open_frames(source) as video:
        for place, frame in enumerate(video):
            if place == following:
                yield frame.picture
                following = next(wanted, None)
            if following is None:
                return
