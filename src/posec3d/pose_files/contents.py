"""What every format of pose files comes down to: who stands where in which frame, as the file has it."""

import operator
import re
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64

# Nine hours at 30 frames a second: beyond, a number in a file is a time or a key rather than a frame.
_MOST_FRAMES = 1_000_000


@dataclass(frozen=True)
class Person:
    """One person of one frame; `place` says where in the file.

    Coordinates and scores are as stored: NaN where the file has none. `identity` is the file's own word for who it is,
    None if it does not say.
    """

    keypoints: Float64[np.ndarray, "V 2"]
    scores: Float64[np.ndarray, " V"]
    identity: int | str | None
    place: str


@dataclass(frozen=True)
class FileVideo:
    """One video of a pose file, before anything has been decided that the file leaves open.

    `frames` maps the number of a frame to its people; time 0 is frame `first`. `keypoints` are their names and
    `limbs` pairs of their indices if the file has them; without names, `skeletons` are those that the format may mean,
    None for any.
    """

    name: str
    frames: Mapping[int, Sequence[Person]]
    first: int = 0
    canvas: tuple[int, int] | None = None
    frames_per_second: float | None = None
    skeletons: Sequence[str] | None = None
    keypoints: Sequence[str] | None = None
    limbs: Sequence[tuple[int, int]] = field(default=())


def person_of(numbers: Any, source: str, place: str, identity: Any = None) -> Person:
    """Read x, y and score of each keypoint from one flat list of numbers, or from a list of triples.

    Raises ValueError for what is neither.
    """
    values = floats_of(numbers, source, place)
    if values.ndim == 2 and values.shape[1] == 3:
        values = values.ravel()
    if values.ndim != 1 or values.size == 0 or values.size % 3:
        count = f"{values.size} numbers" if values.ndim == 1 else f"an array of shape {values.shape}"
        raise ValueError(
            f"{source}: {place}: its keypoints are {count}, which is not three (x, y, score) a keypoint; "
            "write them as x1, y1, score1, x2, ..."
        )
    triples = values.reshape(-1, 3)
    return Person(triples[:, :2], triples[:, 2], identity_of(identity), place)


def floats_of(numbers: Any, source: str, place: str) -> np.ndarray:
    """Return numbers as an array of float64, null as NaN; ValueError for what is none."""
    try:
        return np.asarray(numbers, np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{source}: {place}: its keypoints are not a list of numbers ({error}); correct it") from None


def identity_of(value: Any) -> int | str | None:
    """Return the identity that a value is: a whole number of 0 or more, a text, or the first of a list of such.

    Programs write [3], 3.0 and "3" for 3, and -1 or null for nobody known.
    """
    while isinstance(value, list | tuple) and value:
        value = value[0]
    if isinstance(value, str):
        value = value.strip()
        return value if not value.isdecimal() else int(value)
    if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0 and float(value).is_integer():
        return int(value)
    return None


def whole_number_of(value: Any, source: str, place: str, name: str) -> int:
    """Return a number of the file that counts something; ValueError if it is not whole."""
    try:
        return int(value) if isinstance(value, float) and value.is_integer() else operator.index(value)
    except TypeError:
        raise ValueError(f"{source}: {place}: {name} is {value!r}, which is no whole number; correct it") from None


def last_number(name: str) -> int | None:
    """Return the last number in a file name without its ending: 12 of "clip1_000012.jpg"."""
    stem = re.sub(r"\.[A-Za-z]\w*$", "", name)
    numbers = re.findall(r"\d+", stem)
    return int(numbers[-1]) if numbers else None


def natural_key(name: str) -> list[tuple[int, str]]:
    """Return a key by which names sort as people count: frame2 before frame10."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)]


def without_gaps(frames: Mapping[int, Sequence[Person]], first: int, source: str) -> Mapping[int, Sequence[Person]]:
    """Return all frames from `first` to the last: those that the file passes over have nobody in them.

    Raises ValueError where that is a million frames.
    """
    last = max(frames, default=first)
    if last - first >= _MOST_FRAMES:
        raise ValueError(
            f"{source}: its frames are numbered {first} to {last}, more than {_MOST_FRAMES:,} frames; "
            "give each video a file of its own, with frames counted from 0"
        )
    return {number: frames.get(number, ()) for number in range(first, last + 1)}


def stem_of(path: Path) -> str:
    """Return what a video is called after its file: the name without endings."""
    return path.name.split(".")[0] or path.name
