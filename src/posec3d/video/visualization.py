"""The figures of one video, written as a film or as a sheet of moments."""

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Bool
from jaxtyping import Int64
from jaxtyping import UInt8
from PIL import Image

from posec3d.clips.geometry import center_crop
from posec3d.clips.geometry import crop_to_people
from posec3d.clips.geometry import resize_short_side
from posec3d.clips.sampling import fixed_frames
from posec3d.people import PosedVideo
from posec3d.poses import Poses
from posec3d.runtime.files import replacing
from posec3d.runtime.progress import Progress
from posec3d.video.crops import Crop
from posec3d.video.crops import people_crop
from posec3d.video.crops import whole_frame
from posec3d.video.extraction import annotation_of
from posec3d.video.extraction import told_apart
from posec3d.video.figures import MOTION_CAPTION
from posec3d.video.figures import caption_of
from posec3d.video.figures import heatmap_pictures
from posec3d.video.figures import kinds_of
from posec3d.video.figures import motion_pictures
from posec3d.video.figures import pose_pictures
from posec3d.video.framing import SheetRow
from posec3d.video.framing import beside
from posec3d.video.framing import sheet
from posec3d.video.moments import rate_of
from posec3d.video.moments import read_pictures
from posec3d.video.moments import seen_moments
from posec3d.video.moments import thinned
from posec3d.video.moments import times_of
from posec3d.video.overlay import scaled_up
from posec3d.video.sources import Source
from posec3d.video.writing import VideoWriter

Figure = Literal["pose", "keypoints", "limbs", "motion", "all"]
FIGURE_SUFFIXES = (".mp4", ".gif", ".png")
MOST_GIF_FRAMES = 300
_NUM_MOMENTS, _IN_ROW = 6, 3
# About how many pixels the side of a panel has, by whether it stands among others; and a row of a sheet.
_SIDES = {(".mp4", False): 640, (".mp4", True): 400, (".gif", False): 480, (".gif", True): 280}
_ROW, _LONGEST_IN_ROW = 1800, 720
_Row = tuple[UInt8[np.ndarray, "H W 3"], ...]


def write_figures(
    path: Path,
    video: PosedVideo,
    what: Figure,
    *,
    source: Source | None = None,
    clip_length: int | None = None,
    size: int = 56,
    sigma: float = 0.6,
) -> None:
    """Write the poses of a video on its frames, or heatmaps as the network is given them, or both side by side.

    `path` ends in .mp4, .gif (every frame up to 300, else every second and so on) or .png (six moments). `source` is
    where the frames are read from once more; without it poses are on black. Heatmaps are `size` pixels square, and
    with "all" poses are cropped like them. `clip_length` takes that many frames as the network does, instead of all.
    """
    numbers = np.arange(len(video.frames)) if clip_length is None else fixed_frames(len(video.frames), clip_length)[0]
    poses = annotation_of(told_apart(video)).poses(numbers)
    places = _places(path, np.asarray((poses.scores > 0).any((0, 2))))
    # A whole number of pixels for each of a heatmap, or some would be larger than others.
    side = size * max(1, round(_target(path, what, len(places)) / size))
    panels = {}
    if what in ("pose", "all"):
        crop = people_crop(poses) if what == "all" else whole_frame(video.canvas)
        shape = (side, side) if what == "all" else _size_of_frames(path, crop, len(places))
        chosen = numbers[places]
        people = ((video.frames[frame].keypoints, video.frames[frame].scores) for frame in chosen.tolist())
        pictures = None if source is None else read_pictures(source, chosen)
        width = _limb_width(video, shape[0] / crop.size[0], shape)
        panels["pose estimation"] = pose_pictures(people, video.skeleton, crop, shape, pictures, width=width)
    given = center_crop(resize_short_side(crop_to_people(poses), size), size)
    shown = Poses(given.keypoints[:, places], given.scores[:, places], given.canvas)
    for kind in kinds_of(video.skeleton):
        if what in (kind, "all"):
            caption = f"{caption_of(kind, video.skeleton)}, {size} × {size}"
            panels[caption] = heatmap_pictures(shown, video.skeleton, kind, sigma=sigma, size=(side, side))
    if what == "motion":
        panels[MOTION_CAPTION] = motion_pictures(given, places, sigma=sigma, size=(side, side))
    times = times_of(video, numbers)
    _write_panels(path, panels, [times[place] for place in places.tolist()], video)


def write_film(
    path: Path, pictures: Iterable[UInt8[np.ndarray, "H W 3"]], times: Sequence[float], frames_per_second: float
) -> None:
    """Write pictures of one size, each shown from its time in seconds on, as .mp4 or .gif of that size."""
    remaining = iter(pictures)
    first = next(remaining)
    with VideoWriter(path, size=first.shape[:2], frames_per_second=frames_per_second) as writer:
        writer.write(first, times[0])
        for picture, time in zip(remaining, times[1:], strict=False):
            writer.write(picture, time)


def write_picture(path: Path, picture: UInt8[np.ndarray, "H W 3"]) -> None:
    """Write a picture as .png."""
    with replacing(path) as unfinished:
        Image.fromarray(picture).save(unfinished, format="PNG", optimize=True)


def _places(path: Path, seen: Bool[np.ndarray, " T"]) -> Int64[np.ndarray, " P"]:
    """Return which frames are drawn, of those in which somebody is `seen` or not."""
    if path.suffix.lower() == ".png":
        return seen_moments(seen, _NUM_MOMENTS)
    return thinned(len(seen), MOST_GIF_FRAMES if path.suffix.lower() == ".gif" else len(seen))


def _target(path: Path, what: Figure, num_moments: int) -> int:
    """Return about how many pixels the longer side of a panel shall have."""
    if path.suffix.lower() == ".png":
        return min(_LONGEST_IN_ROW, _ROW // (num_moments if what == "all" else min(num_moments, _IN_ROW)))
    return _SIDES[path.suffix.lower(), what == "all"]


def _size_of_frames(path: Path, crop: Crop, num_moments: int) -> tuple[int, int]:
    """Return the (height, width) at which whole frames are shown: in an .mp4 never smaller than they are."""
    if path.suffix.lower() == ".mp4":
        return scaled_up(crop.size)
    return crop.scaled_to(_target(path, "pose", num_moments))


def _limb_width(video: PosedVideo, factor: float, size: tuple[int, int]) -> int:
    """Return a width that does not hide people who are small on a picture of `size`, enlarged by `factor`."""
    heights = [
        float(np.ptp(keypoints[scores > 0, 1]))
        for frame in video.frames
        for keypoints, scores in zip(frame.keypoints, frame.scores, strict=True)
        if (scores > 0).any()
    ]
    largest = min(size) / 110
    return max(1, round(min(largest, float(np.median(heights)) * factor / 80 if heights else largest)))


def _write_panels(
    path: Path,
    panels: Mapping[str, Iterator[UInt8[np.ndarray, "H W 3"]]],
    times: Sequence[float],
    video: PosedVideo,
) -> None:
    with Progress(len(times), "frame", what=f"drawing {path.name}") as progress:
        # A video may be shorter when it is read once more.
        together = _counted(zip(*panels.values(), strict=False), progress)
        if path.suffix.lower() == ".png" and len(times) == 1:
            write_picture(path, beside(next(together), list(panels), title=video.name, note=f"{times[0]:.2f} s"))
        elif path.suffix.lower() == ".png":
            rows = _rows(list(panels), list(zip(*together, strict=True)), [f"{time:.2f} s" for time in times])
            write_picture(path, sheet(rows, title=video.name))
        else:
            pictures = (
                beside(row, list(panels), title=video.name, note=f"{time:.2f} s")
                for row, time in zip(together, times, strict=False)
            )
            write_film(path, pictures, times, rate_of(times, video.frames_per_second))


def _rows(
    captions: Sequence[str], panels: Sequence[Sequence[UInt8[np.ndarray, "H W 3"]]], notes: Sequence[str]
) -> list[SheetRow]:
    """Return a row for each kind of panel, with times beneath the last; a single kind is larger, three in a row."""
    if len(captions) > 1:
        last = len(captions) - 1
        return [SheetRow(captions[kind], panels[kind], notes if kind == last else ()) for kind in range(len(captions))]
    return [
        SheetRow("" if start else captions[0], panels[0][start : start + _IN_ROW], notes[start : start + _IN_ROW])
        for start in range(0, len(panels[0]), _IN_ROW)
    ]


def _counted(rows: Iterable[_Row], progress: Progress) -> Iterator[_Row]:
    for row in rows:
        yield row
        progress.advance()
