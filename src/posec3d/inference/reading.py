"""From a source to its people: videos through a pose estimator, pose files and poses at hand as they are."""

import logging
import os
from itertools import pairwise

import numpy as np

from posec3d.annotations import Annotation
from posec3d.people import PosedVideo
from posec3d.people import PosedVideos
from posec3d.people import posed_videos
from posec3d.people import unstack_people
from posec3d.pose_files import load_pose_file
from posec3d.pose_files.building import USUAL_RATE
from posec3d.poses import HIGHEST_SCORE
from posec3d.poses import LARGEST_SHARE
from posec3d.poses import Poses
from posec3d.poses import mark_missing
from posec3d.runtime.progress import Progress
from posec3d.skeletons import SKELETONS
from posec3d.skeletons import Skeleton
from posec3d.video.extraction import extract_poses
from posec3d.video.frames import open_frames
from posec3d.video.pose_estimation import PoseEstimator
from posec3d.video.sources import Source
from posec3d.video.sources import find_sources
from posec3d.video.sources import is_posed
from posec3d.video.sources import pictures_of
from posec3d.video.sources import shown

_LOGGER = logging.getLogger(__name__)


def read_people(
    source: Source,
    estimator: PoseEstimator | None = None,
    *,
    skeleton: Skeleton | None = None,
    canvas: tuple[int, int] | None = None,
    frames_per_second: float | None = None,
) -> PosedVideos:
    """Return the people of a recorded video, or those of each video of a pose file.

    `estimator` finds the people of a video; MoveNet without one. `skeleton`, `canvas` and `frames_per_second` are for
    pose files that do not say them, the last for pictures as well.
    """
    if is_posed(source):
        return load_pose_file(source, skeleton=skeleton, canvas=canvas, frames_per_second=frames_per_second)
    if estimator is None:
        from posec3d.video.movenet import MoveNet

        estimator = MoveNet()
    with open_frames(source) as opened:
        total, name = opened.num_frames, opened.name
    with Progress(total, "frame", what=f"poses of {name}") as progress:
        video = extract_poses(source, estimator, frames_per_second=frames_per_second, advance=progress.advance)
    pictures = pictures_of(source) or []
    return posed_videos([video], rate_is_known=len(pictures) < 2 or frames_per_second is not None)


def read_one(source: str | os.PathLike[str], estimator: PoseEstimator | None) -> PosedVideo:
    """Return the people of what holds one video; ValueError for what holds several."""
    path = os.fspath(source)
    given, *others = find_sources([path])
    if others:
        raise ValueError(
            f"{path}: holds {1 + len(others)} videos; recognise one after the other, such as {shown(given)}"
        )
    videos = read_people(given, estimator)
    if len(videos) != 1:
        raise ValueError(
            f"{path}: holds {len(videos)} videos; recognise one after the other: "
            "for video in load_pose_file(path): recognizer.recognize(video)"
        )
    return videos[0]


def video_of(
    source: str | os.PathLike[str] | PosedVideo | Annotation | Poses, own: Skeleton, estimator: PoseEstimator | None
) -> PosedVideo:
    """Return the people of what is given to a model of skeleton `own`: a path as `read_one` reads it, or poses at hand.

    Raises TypeError for another kind of source; ValueError as `read_one` and `posed_by`, for frames that are not in
    order, and for coordinates that are no pixels. Warns of scores above 1.
    """
    if isinstance(source, PosedVideo):
        video = source
    elif isinstance(source, Annotation | Poses):
        video = posed_by(source, own)
    elif isinstance(source, str | os.PathLike):
        video = read_one(source, estimator)
    else:
        raise TypeError(
            f"{type(source).__name__}: give the path of a video or pose file, Annotation, Poses or PosedVideo; arrays "
            "of one video are Annotation(name, None, (height, width), keypoints, scores)"
        )
    _check_numbers(video)
    return video


def posed_by(given: Annotation | Poses, own: Skeleton) -> PosedVideo:
    """Return poses at hand as a video of 30 frames a second, of the skeleton `own`, or of a known one with as many.

    Raises ValueError where none has so many keypoints, and warns where several have.
    """
    poses = given.poses() if isinstance(given, Annotation) else given
    poses = Poses(*mark_missing(poses.keypoints, poses.scores), poses.canvas)
    name = given.video if isinstance(given, Annotation) else "poses"
    alike = [one for one in (own, *SKELETONS.values()) if one.num_keypoints == poses.num_keypoints]
    if not alike:
        raise ValueError(
            f"video {name!r} has {poses.num_keypoints} keypoints, but the network was trained on {own.name!r} with "
            f"{own.num_keypoints}: {', '.join(own.keypoints)}"
        )
    if alike[0] is not own and len({one.keypoints for one in alike}) > 1:
        others = " or ".join(one.name for one in alike[1:])
        _LOGGER.warning(
            "%s: %d keypoints are taken for %s; if they are %s, give a PosedVideo, which says so",
            *(name, poses.num_keypoints, alike[0].name, others),
        )
    return PosedVideo(name, poses.canvas, alike[0], USUAL_RATE, unstack_people(poses, frames_per_second=USUAL_RATE))


def _check_numbers(video: PosedVideo) -> None:
    """Raise ValueError for times that run back, and for coordinates that are no pixels; warn of scores above 1."""
    for before, after in pairwise(video.frames):
        if after.seconds < before.seconds:
            raise ValueError(
                f"{video.name}: a frame at {after.seconds:g} s follows one at {before.seconds:g} s; give them in order"
            )
    extent = max((_largest(frame.keypoints) for frame in video.frames), default=0.0)
    if 0 < extent <= LARGEST_SHARE < min(video.canvas):
        raise ValueError(
            f"{video.name}: coordinates are {extent:.3g} at most; give pixels of the canvas, not shares of it"
        )
    highest = max((_largest(frame.scores) for frame in video.frames), default=0.0)
    if highest > HIGHEST_SCORE:
        _LOGGER.warning("%s: scores of keypoints reach %.3g; they are to lie between 0 and 1", video.name, highest)


def _largest(values: np.ndarray) -> float:
    """Return the largest of the absolute values that are finite, 0 without any."""
    return float(np.abs(values).max(where=np.isfinite(values), initial=0))
