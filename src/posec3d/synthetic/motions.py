"""People in motion: a body, a move and a personal style give keypoints in 3-D over time."""

import difflib

import numpy as np
from jaxtyping import Float

from posec3d.skeletons import get_skeleton
from posec3d.synthetic.body import CHANNEL
from posec3d.synthetic.body import CHANNELS
from posec3d.synthetic.body import SIDES
from posec3d.synthetic.body import pose_body
from posec3d.synthetic.body import random_body
from posec3d.synthetic.curves import through_keys
from posec3d.synthetic.curves import wander
from posec3d.synthetic.moves import MOVES
from posec3d.synthetic.moves import Move
from posec3d.synthetic.moves import draw_move
from posec3d.synthetic.moves import standing

# What bystanders do is no class of its own.
MOTIONS: tuple[str, ...] = tuple(name for name in MOVES if name != "stand")

_LEFT_HANDED = 0.3  # more than among people, so that a few hundred videos have enough of both
_ALREADY_MOVING = 0.3  # the share of clips of a repeated move that begin and end in the middle of it
# Degrees by which one person's habitual posture and momentary balance differ from the key poses.
_HABIT, _SWAY = 2.0, 1.0
_CANNOT_BEND_BACK = [CHANNEL[f"{side}_{angle}"] for side in SIDES for angle in ("knee", "elbow")]
_ON_THE_FEET = [CHANNEL[name] for name in ("turn", "topple", "tumble")] + [
    CHANNEL[f"{side}_{angle}"] for side in SIDES for angle in ("hip", "spread", "knee")
]


def motion_3d(
    name: str, *, num_frames: int, rng: np.random.RandomState, frames_per_second: float = 30.0
) -> Float[np.ndarray, "T 17 3"]:
    """Return a random person doing a move, as COCO-17 keypoints in metres.

    The floor is z = 0 and up is +z; the person starts above the origin and faces about +x, with their left at +y.
    Everyone has their own proportions, posture, tempo, vigour and handedness. A move that is shorter than the clip is
    repeated, or its end held, with rests; one that is longer is done faster, so that every clip shows it whole.

    Raises KeyError for an unknown move, with the nearest name, and ValueError for less than one frame.
    """
    if name not in MOVES:
        near = difflib.get_close_matches(name, MOTIONS, n=1, cutoff=0.5)
        raise KeyError(f"unknown motion {name!r}; " + (f"did you mean {near[0]!r}?" if near else f"known: {MOTIONS}"))
    if num_frames < 1:
        raise ValueError(f"num_frames is {num_frames}, but a motion needs at least 1 frame")
    body = random_body(rng)
    move = draw_move(name, rng)
    seconds = np.arange(num_frames) / frames_per_second
    points = pose_body(body, _styled(move, seconds, rng))
    if rng.rand() < _LEFT_HANDED:
        points = points[:, get_skeleton("coco17").mirrored_keypoints] * np.array([1.0, -1.0, 1.0])
    return points


def _styled(move: Move, seconds: Float[np.ndarray, " T"], rng: np.random.RandomState) -> Float[np.ndarray, "T 26"]:
    """Return the angles of a move as one person does it: with their tempo, vigour, posture and sway."""
    progress, vigour = _timing(move, seconds, rng)
    angles = through_keys(move.times, move.poses, progress, periodic=move.repeats == "cycle")
    scale = np.clip(rng.normal(1, 0.07), 0.85, 1.15) * rng.normal(1, 0.04, len(CHANNELS))
    scale = scale * (1 + 0.03 * wander(rng, seconds, 1))
    # A fall ends on the floor: what tips the whole body is not exaggerated.
    scale[:, [CHANNEL["topple"], CHANNEL["tumble"]]] = 1
    angles = standing() + vigour[:, None] * scale * (angles - standing())

    loose = np.ones(len(CHANNELS))
    loose[CHANNEL["lift"]] = 0
    loose[_ON_THE_FEET] = 0.3  # standing feet keep their place
    habit, sway = _HABIT * rng.normal(size=len(CHANNELS)), _SWAY * wander(rng, seconds, len(CHANNELS))
    styled: Float[np.ndarray, "T 26"] = angles + loose * (habit + sway)
    if move.repeats == "cycle":  # nobody walks quite straight
        styled[:, CHANNEL["turn"]] += 3 * wander(rng, seconds, 1)[:, 0]
    styled[:, _CANNOT_BEND_BACK] = np.maximum(styled[:, _CANNOT_BEND_BACK], 0)
    return styled


def _timing(
    move: Move, seconds: Float[np.ndarray, " T"], rng: np.random.RandomState
) -> tuple[Float[np.ndarray, " T"], Float[np.ndarray, " T"]]:
    """Return how far the move is in each frame, 0 to 1, and how much of it is there (0 is standing still)."""
    clip = float(seconds[-1]) + 1e-9
    pace = move.seconds * float(np.exp(np.clip(rng.normal(0, 0.16), -0.35, 0.35)))
    wait, rest, start = rng.uniform(0, 1, 3)
    already = rng.rand() < _ALREADY_MOVING
    whole = np.ones(len(seconds))
    if move.repeats == "once":
        pace = min(pace, clip)
        return np.clip((seconds - wait * (clip - pace)) / pace, 0, 1), whole
    if move.repeats == "cycle":
        begun = whole if already else np.clip((seconds - 0.3 * wait) / 0.5, 0, 1)
        return (start + seconds / pace) % 1, begun * begun * (3 - 2 * begun)
    if already and clip > pace:
        return (start + seconds / pace) % 1, whole
    pace = min(pace, clip)
    num_goes = int(clip / pace)
    slack = clip - num_goes * pace
    pause = 0.5 * rest * slack / num_goes
    elapsed = seconds - wait * (slack - num_goes * pause)
    go = np.clip(np.floor(elapsed / (pace + pause)), 0, num_goes - 1)
    return np.clip((elapsed - go * (pace + pause)) / pace, 0, 1), whole
