"""From the sources of a command to the people in them."""

import math
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from posec3d.people import PosedVideos
    from posec3d.skeletons import Skeleton
    from posec3d.video.pose_estimation import PoseEstimator
    from posec3d.video.sources import Source


class PeopleFinder:
    """Reads videos and pose files; the pose estimator is loaded when the first video comes."""

    def __init__(
        self,
        estimator: str,
        skeleton: str | None = None,
        canvas: tuple[int, int] | None = None,
        frames_per_second: float | None = None,
    ) -> None:
        from posec3d.skeletons import named_skeleton

        self._name, self._canvas, self._rate = estimator, canvas, frames_per_second
        self._skeleton: Skeleton | None = None if skeleton is None else named_skeleton(skeleton)

    def check(self, sources: "Sequence[Source]") -> None:
        """Raise ValueError for a canvas or rate that is none, and for what only other kinds of sources need."""
        from posec3d.video.sources import is_posed
        from posec3d.video.sources import pictures_of

        if self._canvas is not None and min(self._canvas) < 1:
            raise ValueError(
                f"--canvas {self._canvas[0]} {self._canvas[1]}: give height and width in pixels, from 1 on"
            )
        if self._rate is not None and not 0 < self._rate < math.inf:
            raise ValueError(f"--fps {self._rate:g}: give frames a second, above 0")
        if not sources or any(is_posed(source) for source in sources):
            return
        for option, value in (("--skeleton", self._skeleton), ("--canvas", self._canvas)):
            if value is not None:
                raise ValueError(f"{option} is for pose files, and there is none; leave it out")
        if self._rate is not None and all(pictures_of(source) is None for source in sources):
            raise ValueError("--fps is for pose files and pictures, and there is none; videos say theirs; leave it out")

    @cached_property
    def estimator(self) -> "PoseEstimator":
        """What finds the people of videos."""
        from posec3d.video.estimators import load_estimator

        return load_estimator(self._name)

    def people_of(self, source: "Source") -> "PosedVideos":
        """Return the people of a video, or of each video in a pose file."""
        from posec3d.inference.reading import read_people
        from posec3d.video.sources import is_posed

        return read_people(
            source,
            None if is_posed(source) else self.estimator,
            skeleton=self._skeleton,
            canvas=self._canvas,
            frames_per_second=self._rate,
        )


def recorded_sources(given: "Sequence[str]") -> "list[Source]":
    """Return the sources that are meant; ValueError for none and for webcams, which have no end."""
    from posec3d.video.sources import find_sources
    from posec3d.video.sources import is_webcam
    from posec3d.video.sources import shown

    if not given:
        raise ValueError("which video? Give a file, a folder, a pattern or a pose file, such as clip.mp4")
    found = find_sources(given)
    for source in found:
        if is_webcam(source):
            raise ValueError(f"webcam {shown(source)} has no end; use `posec3d stream {shown(source)}`")
    return found
