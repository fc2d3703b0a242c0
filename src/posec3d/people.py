"""Who is seen in each frame of a video, before frames are put together to clips: what estimators and files deliver."""

import math
from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace
from typing import overload

import numpy as np
from jaxtyping import Float32
from jaxtyping import Int64

from posec3d.poses import Poses
from posec3d.poses import mark_missing
from posec3d.runtime.values import ByValue
from posec3d.skeletons import Skeleton

# The identity of people whom nobody has told apart over time.
UNKNOWN = -1


@dataclass(frozen=True, eq=False)
class PeopleInFrame(ByValue):
    """The M people of one frame, `seconds` after the start of the video.

    `keypoints` are (x, y) in pixels of the frame, the centre of the top left pixel at (0, 0). `scores` are
    confidences, 0 to 1; 0 means missing. `ids` say who it is: the same number in every frame, and once a frame; or
    UNKNOWN for all as long as nobody has told them apart.
    """

    seconds: float
    keypoints: Float32[np.ndarray, "M V 2"]
    scores: Float32[np.ndarray, "M V"]
    ids: Int64[np.ndarray, " M"]

    def __post_init__(self) -> None:
        shape = np.shape(self.scores)
        if len(shape) != 2 or np.shape(self.keypoints) != (*shape, 2) or np.shape(self.ids) != shape[:1]:
            raise ValueError(
                f"the people of a frame have keypoints {np.shape(self.keypoints)}, scores {shape} and ids "
                f"{np.shape(self.ids)}; give (people, keypoints, 2), (people, keypoints) and (people,)"
            )

    @property
    def num_people(self) -> int:
        """Number of people: M."""
        return len(self.ids)


@dataclass(frozen=True, eq=False)
class PosedVideo(ByValue):
    """A video of which only the people are left, on frames of `canvas` (height, width) pixels.

    `frames_per_second` is the mean rate; each frame says its own time.
    """

    name: str
    canvas: tuple[int, int]
    skeleton: Skeleton
    frames_per_second: float
    frames: Sequence[PeopleInFrame]

    def __post_init__(self) -> None:
        if not 0 < self.frames_per_second < math.inf:
            raise ValueError(f"{self.name}: {self.frames_per_second:g} frames a second; give a number above 0")
        for frame in self.frames:
            if frame.scores.shape[1] != self.skeleton.num_keypoints:
                raise ValueError(
                    f"{self.name}: people have {frame.scores.shape[1]} keypoints, but skeleton {self.skeleton.name!r} "
                    f"has {self.skeleton.num_keypoints}; name the one that they were found in"
                )


def end_of(video: PosedVideo) -> float:
    """Return when the last frame ends, in seconds."""
    return video.frames[-1].seconds + 1 / video.frames_per_second if video.frames else 0.0


def nobody_told(video: PosedVideo) -> str:
    """Return what is said of a video without anybody, and what would help."""
    return (
        f"{video.name}: nobody is found in any of {len(video.frames)} frames; a video has to show people at least a "
        "tenth of the frame high, and poses need coordinates that are numbers, with scores above 0"
    )


class PosedVideos:
    """Videos in a row with their names, each made when it is asked for: of many, one need be in memory at a time.

    `rate_is_known` is False where the frames a second of any are an assumption.
    """

    def __init__(self, names: Sequence[str], make: Callable[[int], PosedVideo], *, rate_is_known: bool = True) -> None:
        self.names = names
        self.rate_is_known = rate_is_known
        self._make = make

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[PosedVideo]:
        return map(self._make, range(len(self.names)))

    @overload
    def __getitem__(self, place: int) -> PosedVideo: ...

    @overload
    def __getitem__(self, place: slice) -> "PosedVideos": ...

    def __getitem__(self, place: int | slice) -> "PosedVideo | PosedVideos":
        places = range(len(self.names))[place]
        if isinstance(places, int):
            return self._make(places)
        return PosedVideos(
            self.names[place], lambda number: self._make(places[number]), rate_is_known=self.rate_is_known
        )


def posed_videos(videos: Sequence[PosedVideo], *, rate_is_known: bool = True) -> PosedVideos:
    """Return videos that are there already."""
    return PosedVideos([video.name for video in videos], videos.__getitem__, rate_is_known=rate_is_known)


def without_strange_numbers(people: PeopleInFrame) -> PeopleInFrame:
    """Return the frame with those keypoints missing whose place or score is not a finite number."""
    keypoints, scores = mark_missing(people.keypoints, people.scores)
    return replace(people, keypoints=keypoints, scores=scores)


def stack_people(
    frames: Sequence[PeopleInFrame], num_keypoints: int, canvas: tuple[int, int]
) -> tuple[Poses, Int64[np.ndarray, " M"]]:
    """Put frames together: a row for each person of any frame, in the order of their first appearance, and their ids.

    People who were never told apart (UNKNOWN) fill rows in the order of each frame.
    """
    rows: dict[int, int] = {}
    places = []
    for frame in frames:
        known = (int(i) if i != UNKNOWN else -2 - place for place, i in enumerate(frame.ids))
        places.append([rows.setdefault(identity, len(rows)) for identity in known])
    keypoints = np.zeros((len(rows), len(frames), num_keypoints, 2), np.float32)
    scores = np.zeros((len(rows), len(frames), num_keypoints), np.float32)
    for time, (frame, place) in enumerate(zip(frames, places, strict=True)):
        keypoints[place, time], scores[place, time] = frame.keypoints, frame.scores
    ids = np.array([identity if identity >= 0 else UNKNOWN for identity in rows], np.int64)
    return Poses(keypoints, scores, canvas), ids


def share_identities(frames: Sequence[PeopleInFrame], kept: Collection[int]) -> list[PeopleInFrame]:
    """Return the frames with people of these identities alone, and new identities: as few as people are there at once.

    Two have one identity only if one of them is last there before the other is first. Everybody must have been told
    apart.
    """
    last_frames = {identity: index for index, frame in enumerate(frames) for identity in frame.ids.tolist()}
    shared: dict[int, int] = {}
    free: list[int] = []
    num_shared = 0
    renamed = []
    for index, frame in enumerate(frames):
        stay = np.array([identity in kept for identity in frame.ids.tolist()], bool)
        for identity in frame.ids[stay].tolist():
            if identity in shared:
                continue
            if not free:
                free.append(num_shared)
                num_shared += 1
            shared[identity] = free.pop()
        ids = np.array([shared[identity] for identity in frame.ids[stay].tolist()], np.int64)
        renamed.append(PeopleInFrame(frame.seconds, frame.keypoints[stay], frame.scores[stay], ids))
        free += [shared[identity] for identity in frame.ids[stay].tolist() if last_frames[identity] == index]
    return renamed


def unstack_people(poses: Poses, *, frames_per_second: float) -> list[PeopleInFrame]:
    """Take poses apart into frames: each row is a person, whose id is the row; who is absent from a frame is left out.

    The reverse of `stack_people`, at an even rate.
    """
    present = np.any(poses.scores > 0, axis=-1)
    return [
        PeopleInFrame(
            time / frames_per_second,
            poses.keypoints[present[:, time], time],
            poses.scores[present[:, time], time],
            np.flatnonzero(present[:, time]).astype(np.int64),
        )
        for time in range(poses.num_frames)
    ]
