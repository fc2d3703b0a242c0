"""The table of moves: how long each takes, how it repeats, and its key poses as angles of the body."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from posec3d.synthetic import key_poses
from posec3d.synthetic.body import CHANNEL
from posec3d.synthetic.body import CHANNELS
from posec3d.synthetic.body import SIDE_ANGLES


@dataclass(frozen=True)
class Move:
    """Key poses over one go of a move that takes about `seconds`.

    It is done once and its end is held ("once"), done again and again with rests between ("repeat"), or has no rest,
    so that the last key is the first ("cycle").
    """

    times: Float[np.ndarray, " K"]
    poses: Float[np.ndarray, "K 26"]
    seconds: float
    repeats: Literal["once", "repeat", "cycle"]


def standing() -> Float[np.ndarray, " 26"]:
    """Return the angles of a person who stands at ease."""
    return _angles({})


def draw_move(name: str, rng: np.random.RandomState) -> Move:
    """Return one variant of a move of the table MOVES, such as a fall to one side."""
    seconds, repeats, keys = MOVES[name]
    chosen = keys(rng) if callable(keys) else keys
    times = sorted(chosen)
    return Move(np.array(times), np.stack([_angles(chosen[time]) for time in times]), seconds, repeats)


def _angles(pose: key_poses.Pose) -> Float[np.ndarray, " 26"]:
    angles = np.zeros(len(CHANNELS))
    for name, degrees in {**key_poses.STANDING, **pose}.items():
        for channel in (f"left_{name}", f"right_{name}") if name in SIDE_ANGLES else (name,):
            angles[CHANNEL[channel]] = degrees
    return angles


# About how many seconds one go takes, how it repeats, and its key poses.
MOVES: Mapping[str, tuple[float, Literal["once", "repeat", "cycle"], key_poses.Variants]] = {
    "jumping_jacks": (1.05, "repeat", key_poses.jumping_jacks),
    "squat": (2.2, "repeat", key_poses.squat),
    "wave": (2.2, "repeat", key_poses.wave),
    "clap": (2.2, "repeat", key_poses.clap),
    "walk": (1.1, "cycle", key_poses.WALK),
    "run": (0.72, "cycle", key_poses.RUN),
    "kick": (1.3, "repeat", key_poses.kick),
    "punch": (1.35, "repeat", key_poses.punch),
    "bow": (2.3, "repeat", key_poses.bow),
    "sit_down": (1.6, "once", key_poses.SIT_DOWN),
    "stand_up": (1.6, "once", key_poses.STAND_UP),
    "fall": (1.3, "once", key_poses.fall),
    "lunge": (2.4, "repeat", key_poses.lunge),
    "throw": (1.5, "repeat", key_poses.throw),
    "arm_circles": (1.2, "cycle", key_poses.arm_circles),
    "stand": (2.0, "repeat", {0.0: {}, 1.0: {}}),
}
