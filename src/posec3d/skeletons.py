"""What a body is: named keypoints, the limbs between them, and which side mirrors which."""

import difflib
import json
import operator
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from posec3d.runtime.names import first_misplaced

# A side as a whole word of the name: "left_wrist", "l_wrist", "wrist_left", "wrist_l".
_SIDE = re.compile(r"(?:^|(?<=_))(left|right|l|r)(?=_|$)")
_OTHER_SIDE = {"left": "right", "right": "left", "l": "r", "r": "l"}


def mirrored_name(keypoint: str) -> str:
    """Return the name of the same keypoint on the other side; a keypoint without a side is its own mirror."""
    return _SIDE.sub(lambda side: _OTHER_SIDE[side.group()], keypoint, count=1)


def side_of(keypoint: str) -> str | None:
    """Return "left" or "right" for a keypoint with a side in its name, however it is spelt, else None."""
    side = _SIDE.search(spelt_out(keypoint))
    return None if side is None else side.group()


def spelt_out(keypoint: str) -> str:
    """Return a keypoint's name as our skeletons spell it: small letters, words joined by _, the side first and in full.

    So "LEFT_WRIST", "l_wrist", "wrist_l", "LWrist" and "Left Wrist" are all "left_wrist".
    """
    words = re.findall(r"[A-Z]?[a-z]+\d*|[A-Z]+(?![a-z])\d*|\d+", keypoint)
    if not words or not keypoint.isascii():
        return keypoint.strip().lower()
    name = "_".join(words).lower()
    side = _SIDE.search(name)
    if side is None:
        return name
    rest = name.split("_")
    rest.remove(side.group())
    return "_".join([{"l": "left", "r": "right"}.get(side.group(), side.group()), *rest])


@dataclass(frozen=True)
class Skeleton:
    """Keypoints by name and limbs as pairs of keypoint indices; both orders are the channels of a network.

    Left and right partners follow from the names, however these spell the sides (see `spelt_out`), so a mirrored body
    needs no table. A keypoint whose partner is absent, or a limb whose mirror is, counts as its own mirror.

    Raises ValueError for a name that is there twice, if only by its meaning, and for a limb that leaves the keypoints.
    """

    name: str
    keypoints: tuple[str, ...]
    limbs: tuple[tuple[int, int], ...]

    def __post_init__(self) -> None:
        repeated = sorted({name for name in self.keypoints if self.keypoints.count(name) > 1})
        if repeated:
            raise ValueError(f"skeleton {self.name!r}: keypoint {repeated[0]!r} stands twice; give each its own name")
        meant: dict[str, str] = {}
        for name in self.keypoints:
            if meant.setdefault(spelt_out(name), name) != name:
                raise ValueError(
                    f"skeleton {self.name!r}: keypoints {meant[spelt_out(name)]!r} and {name!r} have one meaning; "
                    "give each its own name"
                )
        for limb in self.limbs:
            if len(set(limb)) != 2 or not all(0 <= end < len(self.keypoints) for end in limb):
                raise ValueError(
                    f"skeleton {self.name!r}: limb {tuple(limb)} must join two different keypoints of "
                    f"0..{len(self.keypoints) - 1}"
                )

    @property
    def num_keypoints(self) -> int:
        """Number of keypoints: V."""
        return len(self.keypoints)

    @property
    def num_limbs(self) -> int:
        """Number of limbs: L."""
        return len(self.limbs)

    @cached_property
    def mirrored_keypoints(self) -> tuple[int, ...]:
        """For each keypoint, the index of the keypoint that takes its place in a mirror."""
        names = [spelt_out(name) for name in self.keypoints]
        index = {name: i for i, name in enumerate(names)}
        return tuple(index.get(mirrored_name(name), i) for i, name in enumerate(names))

    @cached_property
    def mirrored_limbs(self) -> tuple[int, ...]:
        """For each limb, the index of the limb that takes its place in a mirror."""
        index = {frozenset(limb): i for i, limb in enumerate(self.limbs)}
        mirror = self.mirrored_keypoints
        return tuple(index.get(frozenset(mirror[end] for end in limb), i) for i, limb in enumerate(self.limbs))


def get_skeleton(name: str) -> Skeleton:
    """Return a skeleton of the table by its name; KeyError with the nearest names when there is none."""
    if name not in SKELETONS:
        near = difflib.get_close_matches(name, SKELETONS, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(sorted(SKELETONS))}"
        raise KeyError(f"unknown skeleton {name!r}; {hint}")
    return SKELETONS[name]


def named_skeleton(name: str) -> Skeleton:
    """Return a skeleton by its name, or from a .json file: {"keypoints": ["nose", ...], "limbs": [[0, 1], ...]}.

    Raises KeyError as `get_skeleton`, FileNotFoundError, and ValueError for a file that holds anything else.
    """
    if not name.endswith(".json"):
        return get_skeleton(name)
    if not Path(name).is_file():
        raise FileNotFoundError(f"{name}: no such skeleton file; correct the path")
    try:
        content = json.loads(Path(name).read_text(encoding="utf-8"))
        limbs = tuple((operator.index(a), operator.index(b)) for a, b in content["limbs"])
        keypoints = content["keypoints"]
        if not isinstance(keypoints, list) or not all(isinstance(keypoint, str) for keypoint in keypoints):
            raise TypeError("its keypoints are no list of names")
        return Skeleton(str(content.get("name", Path(name).stem)), tuple(keypoints), limbs)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f'{name}: not a skeleton ({error}); write {{"keypoints": ["nose", ...], "limbs": [[0, 1], ...]}}'
        ) from error


def skeleton_of_keypoints(names: Sequence[str]) -> Skeleton | None:
    """Return the skeleton of the table with exactly these keypoints in this order, however they are spelt, or None."""
    wanted = tuple(spelt_out(name) for name in names)
    return next((skeleton for skeleton in SKELETONS.values() if skeleton.keypoints == wanted), None)


def misplaced_keypoint(names: Sequence[str], skeleton: Skeleton) -> int | None:
    """Return the first keypoint of a file whose name is that of another one of a skeleton, however they are spelt."""
    return first_misplaced([spelt_out(name) for name in skeleton.keypoints], [spelt_out(name) for name in names])


def skeletons_of_number(num_keypoints: int) -> tuple[Skeleton, ...]:
    """Return the skeletons of the table with so many keypoints; those that differ in their limbs alone count once."""
    fitting: dict[tuple[str, ...], Skeleton] = {}
    for skeleton in SKELETONS.values():
        if skeleton.num_keypoints == num_keypoints:
            fitting.setdefault(skeleton.keypoints, skeleton)
    return tuple(fitting.values())


def skeleton_meant(fitting: Sequence[Skeleton]) -> Skeleton | None:
    """Return which of several a file means that does not name its keypoints: the only one, or coco17; None if open."""
    if len(fitting) == 1:
        return fitting[0]
    return next((skeleton for skeleton in fitting if skeleton.name == "coco17"), None)


def _skeleton(name: str, keypoints: str, limbs: str) -> Skeleton:
    """Build a row of the table: keypoints in one string, limbs as "a-b" by index; "L"/"R" before a name is its side."""
    sides = {"L": "left_", "R": "right_"}
    names = tuple(sides[word[0]] + word[1:] if word[0] in sides else word for word in keypoints.split())
    return Skeleton(name, names, tuple((int(a), int(b)) for a, b in (limb.split("-") for limb in limbs.split())))


_COCO17 = "nose Leye Reye Lear Rear Lshoulder Rshoulder Lelbow Relbow Lwrist Rwrist Lhip Rhip Lknee Rknee Lankle Rankle"

_TABLE = [
    # Limbs in the order of mmaction2's PoseC3D configs (0.24.1 and 1.x, `skeletons`): channels of published weights.
    _skeleton(
        "coco17",
        _COCO17,
        "0-5 0-6 5-7 7-9 6-8 8-10 5-11 11-13 13-15 6-12 12-14 14-16 0-1 0-2 1-3 2-4 11-12",
    ),
    # Same body, limbs in the default order of GeneratePoseTarget (mmaction2, pyskl): channels of pyskl's weights that
    # its NTU120 configs call "joint".
    _skeleton(
        "coco17_default_limbs",
        _COCO17,
        "0-1 0-2 1-3 2-4 0-5 5-7 7-9 0-6 6-8 8-10 5-11 11-13 13-15 6-12 12-14 14-16 11-12",
    ),
    # OpenPose, "Pose Output Format (COCO)".
    _skeleton(
        "openpose18",
        "nose neck Rshoulder Relbow Rwrist Lshoulder Lelbow Lwrist Rhip Rknee Rankle Lhip Lknee Lankle "
        "Reye Leye Rear Lear",
        "1-0 1-2 1-5 2-3 3-4 5-6 6-7 1-8 8-9 9-10 1-11 11-12 12-13 0-14 0-15 14-16 15-17",
    ),
    # OpenPose, "Pose Output Format (BODY_25)".
    _skeleton(
        "openpose25",
        "nose neck Rshoulder Relbow Rwrist Lshoulder Lelbow Lwrist mid_hip Rhip Rknee Rankle Lhip Lknee Lankle "
        "Reye Leye Rear Lear Lbig_toe Lsmall_toe Lheel Rbig_toe Rsmall_toe Rheel",
        "1-0 1-2 1-5 2-3 3-4 5-6 6-7 1-8 8-9 9-10 10-11 8-12 12-13 13-14 0-15 0-16 15-17 16-18 "
        "14-19 19-20 14-21 11-22 22-23 11-24",
    ),
    # NTU RGB+D (Kinect v2), arXiv 1604.02808, figure 1; zero-based.
    _skeleton(
        "ntu25",
        "spine_base spine_middle neck head Lshoulder Lelbow Lwrist Lhand Rshoulder Relbow Rwrist Rhand "
        "Lhip Lknee Lankle Lfoot Rhip Rknee Rankle Rfoot spine Lhand_tip Lthumb Rhand_tip Rthumb",
        "0-1 1-20 20-2 2-3 20-4 4-5 5-6 6-7 7-21 6-22 20-8 8-9 9-10 10-11 11-23 10-24 0-12 12-13 13-14 14-15 "
        "0-16 16-17 17-18 18-19",
    ),
    # MediaPipe Pose Landmarker, 33 landmarks and POSE_CONNECTIONS.
    _skeleton(
        "mediapipe33",
        "nose Leye_inner Leye Leye_outer Reye_inner Reye Reye_outer Lear Rear Lmouth Rmouth Lshoulder Rshoulder "
        "Lelbow Relbow Lwrist Rwrist Lpinky Rpinky Lindex Rindex Lthumb Rthumb Lhip Rhip Lknee Rknee Lankle Rankle "
        "Lheel Rheel Lfoot_index Rfoot_index",
        "0-1 1-2 2-3 3-7 0-4 4-5 5-6 6-8 9-10 11-12 11-13 13-15 15-17 15-19 15-21 17-19 12-14 14-16 16-18 16-20 "
        "16-22 18-20 11-23 12-24 23-24 23-25 24-26 25-27 26-28 27-29 28-30 29-31 30-32 27-31 28-32",
    ),
    # Halpe-FullBody, 26 body keypoints (AlphaPose).
    _skeleton(
        "halpe26",
        _COCO17 + " head neck mid_hip Lbig_toe Rbig_toe Lsmall_toe Rsmall_toe Lheel Rheel",
        "17-0 0-1 0-2 1-3 2-4 17-18 18-5 18-6 5-7 7-9 6-8 8-10 18-19 19-11 19-12 11-13 13-15 12-14 14-16 "
        "15-20 15-22 15-24 16-21 16-23 16-25",
    ),
    # Human3.6M as used by 2-D to 3-D lifting (17 of its joints).
    _skeleton(
        "h36m17",
        "mid_hip Rhip Rknee Rankle Lhip Lknee Lankle spine thorax neck head "
        "Lshoulder Lelbow Lwrist Rshoulder Relbow Rwrist",
        "0-1 1-2 2-3 0-4 4-5 5-6 0-7 7-8 8-9 9-10 8-11 11-12 12-13 8-14 14-15 15-16",
    ),
    # One hand, MediaPipe and COCO-WholeBody order.
    _skeleton(
        "hand21",
        "wrist thumb1 thumb2 thumb3 thumb4 index1 index2 index3 index4 middle1 middle2 middle3 middle4 "
        "ring1 ring2 ring3 ring4 pinky1 pinky2 pinky3 pinky4",
        "0-1 1-2 2-3 3-4 0-5 5-6 6-7 7-8 0-9 9-10 10-11 11-12 0-13 13-14 14-15 15-16 0-17 17-18 18-19 19-20",
    ),
    # JHMDB puppet joints (Jhuang et al., ICCV 2013), readme of joint_positions.
    _skeleton(
        "jhmdb15",
        "neck belly face Rshoulder Lshoulder Rhip Lhip Relbow Lelbow Rknee Lknee Rwrist Lwrist Rankle Lankle",
        "0-2 0-1 0-3 0-4 3-7 7-11 4-8 8-12 1-5 1-6 5-9 9-13 6-10 10-14",
    ),
    # Penn Action (Zhang et al., ICCV 2013).
    _skeleton(
        "penn13",
        "head Lshoulder Rshoulder Lelbow Relbow Lwrist Rwrist Lhip Rhip Lknee Rknee Lankle Rankle",
        "0-1 0-2 1-3 3-5 2-4 4-6 1-7 2-8 7-8 7-9 9-11 8-10 10-12",
    ),
]

SKELETONS: dict[str, Skeleton] = {skeleton.name: skeleton for skeleton in _TABLE}
