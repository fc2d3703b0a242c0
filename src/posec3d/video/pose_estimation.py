"""What a pose estimator is, and how one turns a video into people: frame by frame, each with an identity."""

from collections.abc import Iterable
from collections.abc import Iterator
from typing import Protocol
from typing import runtime_checkable

import numpy as np
from jaxtyping import Float32
from jaxtyping import UInt8

from posec3d.people import UNKNOWN
from posec3d.people import PeopleInFrame
from posec3d.skeletons import Skeleton
from posec3d.video.frames import Frame
from posec3d.video.tracking import PeopleTracker


@runtime_checkable
class PoseEstimator(Protocol):
    """Finds people in pictures. It may look at a video's earlier frames, and is told where a video begins."""

    @property
    def skeleton(self) -> Skeleton:
        """What the keypoints are."""

    def start(self) -> None:
        """Forget the frames seen so far: a video begins."""

    def estimate(
        self, picture: UInt8[np.ndarray, "H W 3"]
    ) -> tuple[Float32[np.ndarray, "M V 2"], Float32[np.ndarray, "M V"]]:
        """Return keypoints (x, y), in pixels of the RGB picture, and their scores, 0 to 1, for M people.

        The centre of the top left pixel is (0, 0). A score of 0 means missing, as (0, 0).
        """


def estimate_people(
    frames: Iterable[Frame], estimator: PoseEstimator, tracker: PeopleTracker | None = None
) -> Iterator[tuple[Frame, PeopleInFrame]]:
    """Yield each frame of one video with the people who show in it, and keep their ids from frame to frame."""
    tracker = tracker or PeopleTracker(estimator.skeleton)
    estimator.start()
    for frame in frames:
        keypoints, scores = estimator.estimate(frame.picture)
        ids = tracker.update(keypoints, scores, frame.seconds)
        seen = ids != UNKNOWN
        yield frame, PeopleInFrame(frame.seconds, keypoints[seen], scores[seen], ids[seen])
