"""Annotation files of our own, mmaction2 and pyskl: poses that somebody has extracted already."""

from collections.abc import Callable
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from posec3d.annotations import Annotation
from posec3d.annotations import load_annotations
from posec3d.annotations.columns import names_of
from posec3d.pose_files.contents import FileVideo
from posec3d.pose_files.contents import Person

# No video has this size: it marks those whose size the file does not say.
_UNSAID = (0, 0)


def annotated_videos(path: Path) -> tuple[Sequence[str], Callable[[int], FileVideo]]:
    """Return the names of the videos of an annotation file, or of a folder with a file each, and what reads one.

    Who is who is told by the rows. As Python objects a video takes 15 times as much memory as its arrays, so that
    videos are read one by one.
    """
    stored = load_annotations(path, canvas=_UNSAID)
    return names_of(stored.annotations), lambda place: _video(stored.annotations[place], stored.keypoint_names)


def _video(annotation: Annotation, names: Sequence[str] | None) -> FileVideo:
    poses = annotation.poses()
    keypoints, scores = poses.keypoints.astype(np.float64), poses.scores.astype(np.float64)
    frames = {
        time: [
            Person(keypoints[row, time], scores[row, time], row, f"video {annotation.video!r}")
            for row in range(poses.num_people)
        ]
        for time in range(poses.num_frames)
    }
    canvas = None if annotation.canvas == _UNSAID else annotation.canvas
    return FileVideo(annotation.video, frames, canvas=canvas, keypoints=names)
