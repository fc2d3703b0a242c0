"""From a source to its people: videos through a pose estimator, pose files as they are."""

import os

from posec3d.people import PosedVideo
from posec3d.people import PosedVideos
from posec3d.people import posed_videos
from posec3d.pose_files import load_pose_file
from posec3d.runtime.progress import Progress
from posec3d.skeletons import Skeleton
from posec3d.video.extraction import extract_poses
from posec3d.video.frames import open_frames
from posec3d.video.pose_estimation import PoseEstimator
from posec3d.video.sources import Source
from posec3d.video.sources import find_sources
from posec3d.video.sources import is_posed
from posec3d.video.sources import pictures_of
from posec3d.video.sources import shown


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
