"""`posec3d visualize`: poses, the heatmaps that the network is given, and what made its decision."""

import logging
import re
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Annotated
from typing import Literal

import tyro

from posec3d.commands.options import Models
from posec3d.commands.options import OptionalName
from posec3d.commands.options import OptionalNumber
from posec3d.commands.options import OptionalPath
from posec3d.commands.options import OptionalRate
from posec3d.commands.options import OptionalSize

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from posec3d.inference.recognizer import ActionRecognizer
    from posec3d.people import PosedVideo
    from posec3d.people import PosedVideos
    from posec3d.video.sources import Source

_LOGGER = logging.getLogger(__name__)
What = Literal["pose", "keypoints", "limbs", "motion", "all", "decision"]
_SIZE, _SIGMA = 56, 0.6
# Frames of heatmaps that anybody can look at.
_LARGEST = 1024


def visualize(
    source: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="SOURCE")],
    *,
    what: What = "all",
    out: OptionalPath = None,
    video: OptionalName = None,
    black: bool = False,
    frames: OptionalNumber = None,
    size: int = _SIZE,
    sigma: float = _SIGMA,
    model: Models = (),
    action: OptionalName = None,
    estimator: str = "movenet",
    skeleton: OptionalName = None,
    canvas: OptionalSize = None,
    fps: OptionalRate = None,
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto",
) -> None:
    """Draw the poses of a video, the heatmaps that the network is given, or what made its decision.

    Poses and both kinds of heatmaps:       posec3d visualize clip.mp4 --out clip.gif

    Six moments on one sheet:               posec3d visualize clip.mp4 --what limbs --out limbs.png

    Why the network says what it says:      posec3d visualize clip.mp4 --what decision

    Why not something else:                 posec3d visualize clip.mp4 --what decision --action squat

    One video of an annotation file:        posec3d visualize ntu60.pkl --video S001C001P001R001A001

    Args:
        source: A video, a folder or pattern of pictures, the URL of a file, or a pose file.
        what: Poses on the frames (pose), heatmaps of keypoints or of limbs as the network is given them, these three
            side by side (all), where keypoints go and how fast, as --kind motion adds it (motion), or the joints and
            moments that speak for the action (decision).
        out: The file to write: .mp4, .gif (at most 300 frames) or .png (a sheet of moments). Without it
            SOURCE-WHAT.mp4 in the current folder.
        video: Which video of a pose file; the first one without it.
        black: Draw poses on black instead of the frames.
        frames: Take so many frames spread over the video, as the network does (48 in the paper), instead of all;
            motion is from one of them to the next.
        size: Rows and columns of a heatmap.
        sigma: Spread of keypoints and limbs, in pixels of a heatmap.
        model: Whose decision: a checkpoint file, a work directory of posec3d train or a published name; without it the
            two of the package together. Of several networks, what all say is explained by the one that is surest of it.
        action: Tell what speaks for this action instead of the likeliest.
        estimator: What finds the people: movenet, or rtmlib, ultralytics[:WEIGHTS] and mediapipe:TASK if installed.
        skeleton: Of pose files that do not say it: coco17, openpose25, mediapipe33 and so on, or a .json file with
            keypoints and limbs, as train takes it.
        canvas: The size of the frames, height first, for pose files that do not say it.
        fps: Frames a second of pose files that do not say it, such as OpenPose's, 30 without it; and of pictures, 25.
        device: What the network computes on.
    """
    from posec3d.commands.people_finder import PeopleFinder
    from posec3d.commands.people_finder import recorded_sources
    from posec3d.video.sources import is_posed
    from posec3d.video.sources import shown
    from posec3d.video.visualization import write_figures

    found = recorded_sources([source])
    if len(found) > 1:
        raise ValueError(f"{source}: {len(found)} videos; draw one at a time, such as {shown(found[0])}")
    _check_numbers(frames, size, sigma)
    _check_fitting(what, black=black, frames=frames, size=size, sigma=sigma, model=model, action=action)
    _check_out(out, found[0])
    if video is not None and not is_posed(found[0]):
        raise ValueError(f"--video {video} picks one of the videos of a pose file; {source} is none: leave it out")
    finder = PeopleFinder(estimator, skeleton, canvas, fps)
    finder.check(found)
    recognizer = _load(model, device) if what == "decision" else None
    label = None if recognizer is None or action is None else _label(recognizer, action)
    posed = _chosen(finder.people_of(found[0]), video, source)
    if recognizer is None:
        _check_drawable(posed, what)
    path = out or _default_path(found[0], posed, what)
    pictures = None if black or is_posed(found[0]) else found[0]
    if what == "decision":
        from posec3d.inference.decisions import write_decision

        assert recognizer is not None
        print(write_decision(path, recognizer, posed, label=label, source=pictures))
    else:
        write_figures(path, posed, what, source=pictures, clip_length=frames, size=size, sigma=sigma)
    _LOGGER.info("written: %s", path)


def _check_numbers(frames: int | None, size: int, sigma: float) -> None:
    if frames is not None and frames < 1:
        raise ValueError(f"--frames {frames}: take at least 1")
    if size < 8:
        raise ValueError(f"--size {size}: take at least 8 pixels; the network of the paper is given 56")
    if size > _LARGEST:
        raise ValueError(f"--size {size}: take at most {_LARGEST} pixels; the network of the paper is given 56")
    if not sigma > 0:
        raise ValueError(f"--sigma {sigma:g}: take more than 0; the paper has 0.6")


def _check_fitting(
    what: What, *, black: bool, frames: int | None, size: int, sigma: float, model: tuple[str, ...], action: str | None
) -> None:
    """Refuse options that would change nothing."""
    figures: tuple[What, ...] = ("pose", "keypoints", "limbs", "motion", "all")
    for option, is_given, kinds in (
        ("--black", black, ("pose", "all", "decision")),
        ("--frames", frames is not None, figures),
        ("--size", size != _SIZE, figures[1:]),
        ("--sigma", sigma != _SIGMA, figures[1:]),
        ("--model", bool(model), ("decision",)),
        ("--action", action is not None, ("decision",)),
    ):
        if is_given and what not in kinds:
            raise ValueError(f"{option} changes nothing in --what {what}; it goes with --what {', '.join(kinds)}")


def _check_out(out: Path | None, source: "Source") -> None:
    from posec3d.commands.answers import check_output
    from posec3d.video.visualization import FIGURE_SUFFIXES

    if out is None:
        check_output("--out", Path("figures.mp4"), ())
        return
    if out.suffix.lower() not in FIGURE_SUFFIXES:
        raise ValueError(f"--out {out}: end it in {', '.join(FIGURE_SUFFIXES[:-1])} or {FIGURE_SUFFIXES[-1]}")
    check_output("--out", out, [source])


def _load(models: tuple[str, ...], device: Literal["auto", "cpu", "cuda", "mps"]) -> "ActionRecognizer":
    from posec3d.export.description import target_of
    from posec3d.inference.recognizer import ActionRecognizer
    from posec3d.runtime.allocator import keep_freed_memory
    from posec3d.runtime.devices import choose_device

    exported = next((model for model in models if target_of(Path(model)) is not None), None)
    if exported is not None:
        raise ValueError(f"--model {exported}: an exported file only answers; give the checkpoint it was made of")
    keep_freed_memory()
    return ActionRecognizer.load(models, device=choose_device(device))


def _chosen(videos: "PosedVideos", name: str | None, source: str) -> "PosedVideo":
    """Return the video of this name; without one the first, with a word on it if there are others."""
    if not videos:
        raise ValueError(f"{source}: holds no video; give a file with poses")
    if name is None:
        if len(videos) > 1:
            _LOGGER.info("%s: %d videos; draws the first, --video %s", source, len(videos), videos.names[0])
        return videos[0]
    from posec3d.runtime.names import place_of

    return videos[place_of(name, videos.names, f"{source}: no video {name!r}")]


def _label(recognizer: "ActionRecognizer", action: str) -> int:
    from posec3d.runtime.names import place_of

    return place_of(action, recognizer.classes, f"the model knows no action {action!r}")


def _check_drawable(video: "PosedVideo", what: What) -> None:
    from posec3d.people import nobody_told

    if not any((frame.scores > 0).any() for frame in video.frames):
        raise ValueError(nobody_told(video))
    if what == "limbs" and not video.skeleton.limbs:
        raise ValueError(
            f"{video.name}: skeleton {video.skeleton.name!r} has no limbs; draw --what keypoints, or give the skeleton "
            "with --skeleton, by its name or as a .json file"
        )
    if what == "limbs" and not any(_shows_limbs(frame.scores, video.skeleton.limbs) for frame in video.frames):
        _LOGGER.warning("%s: in no frame are both ends of a limb seen, so nothing is drawn of limbs", video.name)


def _shows_limbs(scores: "np.ndarray", limbs: "Sequence[tuple[int, int]]") -> bool:
    return any(bool(((scores[:, start] > 0) & (scores[:, end] > 0)).any()) for start, end in limbs)


def _default_path(source: "Source", video: "PosedVideo", what: What) -> Path:
    """Return a file in the current folder: a film, or a picture of a single frame."""
    from posec3d.video.sources import is_posed

    name = video.name if is_posed(source) else Path(video.name).stem
    plain = re.sub(r"[^\w.-]+", "_", name).strip("_.") or "pictures"
    return Path(f"{plain}-{what}{'.mp4' if len(video.frames) > 1 else '.png'}")
