"""The second half of `posec3d demo`: made-up people are filmed, found again in the film, and recognised."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from posec3d.evaluation.pose_error import PoseError
    from posec3d.inference.segments import Segment
    from posec3d.people import PosedVideo

_LOGGER = logging.getLogger(__name__)
_FRAMES, _RATE = 60, 30.0


def recognize_films(motions: "Sequence[str]", checkpoint: Path, folder: Path, *, seed: int) -> None:
    """Film one person for each motion, find them, tell what they do, and draw it into the surest film.

    The true keypoints of a made-up person are known: they say how far the pose estimator is off.
    """
    from posec3d.inference.annotated_video import write_annotated
    from posec3d.inference.recognizer import ActionRecognizer
    from posec3d.people import end_of
    from posec3d.runtime.progress import Progress
    from posec3d.video.frames import open_frames
    from posec3d.video.movenet import MoveNet

    recognizer = ActionRecognizer.load(checkpoint)
    estimator = MoveNet()
    errors: list[PoseError] = []
    found: list[tuple[bool, float, Path, PosedVideo, list[Segment]]] = []
    with Progress(len(motions), "film", what="filming and recognising") as progress:
        for number, motion in enumerate(motions):
            path = folder / f"{motion}.mp4"
            video, error = _film_and_find(motion, path, estimator, seed=seed, number=number)
            segments = recognizer.recognize(video)
            errors.append(error)
            found.append((segments[0].action == motion, segments[0].score, path, video, segments))
            progress.advance()
    right = sum(is_right for is_right, *_ in found)
    print(f"\n{len(motions)} films of made-up people, {_FRAMES} frames each, poses found by MoveNet:")
    print(f"  {_mean_error(errors)}")
    print(f"  recognised: {right} of {len(motions)}")
    _, _, path, video, segments = max(found, key=lambda one: one[:2])
    annotated = folder.parent / "annotated.mp4"
    with open_frames(path) as pictures:
        write_annotated(annotated, pictures, video, segments, duration_seconds=end_of(video))
    print(f"  {path.stem} with what was seen in it: {annotated}")


def _film_and_find(
    motion: str, path: Path, estimator: "object", *, seed: int, number: int
) -> "tuple[PosedVideo, PoseError]":
    import numpy as np

    from posec3d.evaluation.pose_error import pose_error
    from posec3d.people import stack_people
    from posec3d.poses import Poses
    from posec3d.video.extraction import extract_poses
    from posec3d.video.pose_estimation import PoseEstimator
    from posec3d.video.scene import film
    from posec3d.video.writing import VideoWriter

    assert isinstance(estimator, PoseEstimator)
    rng = np.random.RandomState([seed, 1000 + number])
    pictures, truth = film(motion, rng=rng, num_frames=_FRAMES, frames_per_second=_RATE)
    with VideoWriter(path, frames_per_second=_RATE) as writer:
        for picture in pictures:
            writer.write(picture)
    video = extract_poses(path, estimator)
    poses, _ = stack_people(video.frames, truth.shape[2], video.canvas)
    known = Poses(truth, np.ones(truth.shape[:3], np.float32), video.canvas)
    return video, pose_error(poses, known)


def _mean_error(errors: "Sequence[PoseError]") -> str:
    import numpy as np

    pixels, found, pck = (
        float(np.mean([getattr(error, name) for error in errors])) for name in ("pixels", "found", "pck")
    )
    return f"pose error {pixels:.1f} px, PCK@0.2 of the torso {pck:.1%}, found in {found:.1%} of the frames"
