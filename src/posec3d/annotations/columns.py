"""What is asked of many videos at once: their labels, names and the like, without making each video of a store."""

from collections.abc import Iterator
from collections.abc import Sequence
from itertools import compress
from typing import Protocol
from typing import runtime_checkable

import numpy as np
from jaxtyping import Bool
from jaxtyping import Int64

from posec3d.annotations.annotation import Annotation


@runtime_checkable
class VideoColumns(Protocol):
    """Videos that know their columns, such as those of a store; the functions below say what each column is."""

    def labels(self) -> Int64[np.ndarray, " N"]: ...

    def names(self) -> list[str]: ...

    def keypoint_counts(self) -> Int64[np.ndarray, " N"]: ...

    def somebody_seen(self) -> Bool[np.ndarray, " N"]: ...

    def chosen(self, wanted: Bool[np.ndarray, " N"]) -> Sequence[Annotation]: ...


def labels_of(videos: Sequence[Annotation]) -> Int64[np.ndarray, " N"]:
    """Return the label of each video, -1 for one without."""
    if isinstance(videos, VideoColumns):
        return videos.labels()
    return np.array([-1 if video.label is None else video.label for video in videos], np.int64)


def names_of(videos: Sequence[Annotation]) -> list[str]:
    """Return the name of each video."""
    return videos.names() if isinstance(videos, VideoColumns) else [video.video for video in videos]


def keypoint_counts(videos: Sequence[Annotation]) -> Int64[np.ndarray, " N"]:
    """Return the number of keypoints a person of each video: V."""
    if isinstance(videos, VideoColumns):
        return videos.keypoint_counts()
    return np.array([video.keypoints.shape[2] for video in videos], np.int64)


def somebody_seen(videos: Sequence[Annotation]) -> Iterator[bool]:
    """Tell of each video, one after the other, whether it has a visible keypoint."""
    if isinstance(videos, VideoColumns):
        yield from videos.somebody_seen().tolist()
        return
    for video in videos:
        yield is_somebody_seen(video)


def is_somebody_seen(video: Annotation) -> bool:
    """Tell whether any keypoint of any frame is visible."""
    return bool((video.poses().scores > 0).any())


def choose(videos: Sequence[Annotation], wanted: Sequence[bool] | Bool[np.ndarray, " N"]) -> Sequence[Annotation]:
    """Return the videos that are wanted, in their order; those of a store are still read only when asked for."""
    if isinstance(videos, VideoColumns):
        return videos.chosen(np.asarray(wanted, np.bool_))
    return tuple(compress(videos, wanted))
