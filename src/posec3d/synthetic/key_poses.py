"""The moves as key poses: angles in degrees at shares of a move, authored for a right-handed person."""

from collections.abc import Callable

import numpy as np

from posec3d.synthetic.body import BODY_ANGLES

# A pose names the channels of `body.pose_body` that differ from standing. "knee" is both knees, "left_knee" one.
Pose = dict[str, float | int]
Keys = dict[float, Pose]  # at which share of the move, 0 to 1
Variants = Keys | Callable[[np.random.RandomState], Keys]

STANDING: Pose = {"raise": 9, "plane": 15, "elbow": 12, "hip": 1, "spread": 4, "knee": 4, "lean": 2, "nod": 3}


def _mirrored(pose: Pose) -> Pose:
    swapped = {"left": "right", "right": "left"}
    sideways = set(BODY_ANGLES) - {"topple", "lean", "nod"}
    mirror = {}
    for name, degrees in pose.items():
        side, _, angle = name.partition("_")
        mirror[f"{swapped[side]}_{angle}" if angle else name] = -degrees if name in sideways else degrees
    return mirror


def _steps(half: Keys) -> Keys:
    """Complete a gait by its first half: what one side does from 0 to 0.5, the other does from 0.5 to 1."""
    mirror = {time + 0.5: _mirrored(pose) for time, pose in half.items()}
    return {**half, **mirror, 1.0: half[0.0]}


# Walking and running: contact, loading, passing, push-off, as an animator draws them; hip and knee angles of a walk
# follow Winter, "The Biomechanics and Motor Control of Human Gait".
_SWING: Pose = {"plane": 88, "lean": 4}
WALK = _steps(
    {
        0.0: _SWING
        | {"right_hip": 23, "right_knee": 6, "left_hip": -18, "left_knee": 17, "pelvis": 6, "twist": -6}
        | {"right_raise": -20, "right_elbow": 12, "left_raise": 22, "left_elbow": 25},
        0.07: _SWING
        | {"right_hip": 21, "right_knee": 16, "left_hip": -12, "left_knee": 38, "pelvis": 5, "twist": -5}
        | {"right_raise": -19, "right_elbow": 12, "left_raise": 20, "left_elbow": 24, "drop": 2},
        0.16: _SWING
        | {"right_hip": 13, "right_knee": 16, "left_hip": 4, "left_knee": 58, "pelvis": 2, "twist": -2, "drop": 3}
        | {"right_raise": -10, "right_elbow": 14, "left_raise": 12, "left_elbow": 20},
        0.27: _SWING
        | {"right_hip": 2, "right_knee": 9, "left_hip": 20, "left_knee": 50, "drop": 2}
        | {"right_raise": 3, "right_elbow": 18, "left_raise": 0, "left_elbow": 17},
        0.4: _SWING
        | {"right_hip": -12, "right_knee": 6, "left_hip": 29, "left_knee": 24, "pelvis": -5, "twist": 5}
        | {"right_raise": 18, "right_elbow": 22, "left_raise": -16, "left_elbow": 13},
        # The leg in front reaches out and draws back before it lands: else it would slide.
        0.46: _SWING
        | {"right_hip": -18, "right_knee": 7, "left_hip": 27, "left_knee": 4, "pelvis": -6, "twist": 6}
        | {"right_raise": 21, "right_elbow": 24, "left_raise": -19, "left_elbow": 12},
    }
)
_JOG: Pose = {"plane": 80, "lean": 12, "elbow": 88, "nod": -5}
RUN = _steps(
    {
        0.0: _JOG
        | {"right_hip": 30, "right_knee": 22, "left_hip": -12, "left_knee": 85, "pelvis": 8, "twist": -12}
        | {"right_raise": -40, "left_raise": 40},
        0.13: _JOG
        | {"right_hip": 12, "right_knee": 40, "left_hip": 15, "left_knee": 118, "drop": 3}
        | {"right_raise": -8, "left_raise": 8},
        0.3: _JOG
        | {"right_hip": -22, "right_knee": 20, "left_hip": 58, "left_knee": 90, "pelvis": -8, "twist": 12}
        | {"right_raise": 40, "left_raise": -42},
        0.4: _JOG
        | {"right_hip": -22, "right_knee": 52, "left_hip": 48, "left_knee": 52, "pelvis": -9, "twist": 13}
        | {"right_raise": 42, "left_raise": -44, "lift": 0.08},
    }
)

_SEATED: Pose = {"hip": 88, "knee": 86, "spread": 8, "lean": 4, "raise": 32, "plane": 75, "elbow": 62, "roll": -8}
SIT_DOWN: Keys = {
    0.0: {},
    0.3: {"hip": 32, "knee": 42, "lean": 26, "raise": 28, "plane": 80, "elbow": 15, "nod": 8},
    0.72: {"hip": 80, "knee": 86, "lean": 42, "raise": 48, "plane": 80, "elbow": 25, "spread": 8},
    1.0: _SEATED,
}


STAND_UP: Keys = {1 - time: pose for time, pose in SIT_DOWN.items()}


def jumping_jacks(rng: np.random.RandomState) -> Keys:
    """Jump to arms and legs apart and back."""
    wide, overhead = rng.uniform(18, 28), rng.uniform(150, 172)
    closed: Pose = {"knee": 16, "hip": 8, "spread": 2}
    pushed: Pose = {"knee": 2, "spread": 3, "raise": 35, "plane": 8}
    flying: Pose = {"knee": 5, "spread": wide * 0.7, "raise": 95, "plane": 5, "roll": 30, "lift": 0.1}
    landed: Pose = {"knee": 6, "spread": wide, "raise": overhead - 20, "plane": 6, "roll": 70, "elbow": 20}
    opened: Pose = {"knee": 16, "hip": 8, "spread": wide, "raise": overhead, "plane": 6, "roll": 75, "elbow": 22}
    return {
        **{0.0: closed, 0.12: pushed, 0.27: flying, 0.41: landed, 0.5: opened},
        **{0.59: landed, 0.74: flying, 0.88: pushed, 1.0: closed},
    }


def squat(rng: np.random.RandomState) -> Keys:
    """Bend the knees as far as they go, arms forward or at the chest."""
    depth = rng.uniform(0.8, 1.1)
    arms: Pose = {"raise": 120, "plane": 84, "elbow": 8}  # of a chest that leans: level
    if rng.rand() < 0.3:  # hands held at the chest
        arms = {"raise": 45, "plane": 70, "elbow": 125, "roll": -40}
    low = arms | {"hip": 92 * depth, "knee": 112 * depth, "lean": 40 * depth, "spread": 14, "nod": -15}
    return {0.0: {"spread": 9}, 0.42: low, 0.55: low, 1.0: {"spread": 9}}


def wave(rng: np.random.RandomState) -> Keys:
    """Raise one hand and swing the forearm a few times."""
    raised = {"right_raise": rng.uniform(65, 125), "right_plane": rng.uniform(0, 35), "right_roll": 92}
    num_waves = rng.randint(2, 5)
    keys: dict[float, Pose] = {0.0: {}, 1.0: {}}
    swings = np.linspace(0.2, 0.8, 2 * num_waves + 1)
    for swing, time in enumerate(swings):
        keys[float(time)] = raised | {"right_elbow": (100 if swing % 2 else 35), "side": -3}
    return keys


def clap(rng: np.random.RandomState) -> Keys:
    """Bring the hands together a few times in front of the chest."""
    height = rng.uniform(35, 50)
    arms: Pose = {"raise": height, "plane": 72, "elbow": 88}
    apart, together = arms | {"roll": -22}, arms | {"roll": -54}
    keys: dict[float, Pose] = {0.0: {}, 1.0: {}}
    for beat, time in enumerate(np.linspace(0.15, 0.85, 2 * rng.randint(3, 6) + 1)):
        keys[float(time)] = together if beat % 2 else apart
    return keys


def kick(rng: np.random.RandomState) -> Keys:
    """Kick forward at chest height from a raised knee, or as at a ball."""
    height = rng.uniform(62, 95)
    arms: Pose = {"raise": 30, "plane": 60, "elbow": 75, "roll": -25}
    chambered = arms | {"right_hip": height - 5, "right_knee": 105, "left_knee": 10, "left_hip": 4, "lean": -4}
    struck = arms | {"right_hip": height, "right_knee": 6, "left_knee": 8, "lean": -16, "pelvis": 12, "right_raise": 5}
    if rng.rand() < 0.4:  # as at a ball: a long swing from behind
        chambered = {"right_hip": -32, "right_knee": 75, "lean": 8, "left_raise": 50, "left_knee": 15, "left_hip": 8}
        struck = {
            "right_hip": height - 10,
            "right_knee": 4,
            "lean": -8,
            "left_raise": 55,
            "right_raise": 35,
            "pelvis": 10,
        }
        return {0.0: {}, 0.3: chambered, 0.5: struck, 0.6: struck, 1.0: {}}
    return {0.0: arms, 0.3: chambered, 0.46: struck, 0.54: struck, 0.7: chambered, 1.0: arms}


def punch(rng: np.random.RandomState) -> Keys:
    """Strike once with each fist from a guard."""
    stance: Pose = {"left_hip": 24, "right_hip": -12, "left_knee": 26, "right_knee": 18, "twist": -22, "pelvis": -18}
    guard = stance | {"raise": 32, "plane": 72, "elbow": 132, "roll": -18, "lean": 8}
    cross = guard | {"right_raise": 88, "right_plane": 78, "right_elbow": 6, "twist": 28, "pelvis": 12, "lean": 14}
    jab = guard | {"left_raise": 88, "left_plane": 88, "left_elbow": 6, "twist": -38, "lean": 11}
    first, second = (cross, jab) if rng.rand() < 0.5 else (jab, cross)
    return {0.0: guard, 0.2: first, 0.25: first, 0.48: guard, 0.56: guard, 0.74: second, 0.79: second, 1.0: guard}


def bow(rng: np.random.RandomState) -> Keys:
    """Bend the trunk forward on straight legs."""
    depth = rng.uniform(45, 85)
    low: Pose = {"lean": depth, "hip": -depth * 0.09, "knee": 2, "nod": 12, "raise": depth * 0.25, "plane": 85}
    return {0.0: {"spread": 2}, 0.4: low, 0.58: low, 1.0: {"spread": 2}}


def fall(rng: np.random.RandomState) -> Keys:
    """Collapse to the front, the back or one side and stay there."""
    to_front: Keys = {
        0.3: {"topple": 10, "hip": 22, "knee": 32, "lean": 8, "raise": 45, "plane": 75, "elbow": 30},
        0.6: {"topple": 52, "hip": 12, "knee": 48, "lean": 5, "raise": 85, "plane": 70, "elbow": 35, "nod": -20},
        0.8: {"topple": 84, "knee": 18, "raise": 85, "plane": 12, "elbow": 85, "roll": 70, "nod": -15, "look": 60},
        1.0: {
            "topple": 88,
            "hip": 0,
            "knee": 8,
            "raise": 80,
            "plane": 2,
            "elbow": 85,
            "roll": 88,
            "nod": 0,
            "look": 80,
        },
    }
    to_back: Keys = {
        0.3: {"topple": -14, "hip": 28, "knee": 42, "lean": 14, "raise": 45, "plane": 60, "elbow": 30},
        0.6: {"topple": -52, "hip": 52, "knee": 66, "lean": 8, "raise": 62, "plane": 35, "elbow": 35, "nod": 20},
        0.8: {"topple": -84, "hip": 42, "knee": 52, "lean": 2, "raise": 60, "plane": 5, "elbow": 25, "nod": 8},
        1.0: {"topple": -88, "hip": 14, "knee": 26, "raise": 55, "plane": 2, "elbow": 30},
    }
    # The arm and the leg below lie on the floor in front, not under the body.
    flank: Pose = {"right_raise": 88, "right_plane": 94, "left_plane": 75, "right_spread": -3, "left_spread": 0}
    to_side: Keys = {
        0.3: {"tumble": 12, "hip": 28, "knee": 46, "side": 8, "raise": 40, "left_raise": 60, "elbow": 30},
        0.6: {"tumble": 55, "hip": 38, "knee": 62, "side": 6, "right_raise": 75, "left_raise": 55, "right_plane": 40},
        0.8: flank | {"tumble": 84, "hip": 30, "knee": 48, "left_raise": 55},
        1.0: flank | {"tumble": 88, "hip": 26, "knee": 42, "left_raise": 30},
    }
    return {0.0: {}} | dict((to_front, to_back, to_side)[rng.randint(3)])


def lunge(rng: np.random.RandomState) -> Keys:
    """Step forward, sink until the back knee is near the floor, and step back."""
    arms: Pose = {"raise": 38, "plane": 0, "elbow": 105, "roll": -75} if rng.rand() < 0.5 else {}
    step = arms | {"right_hip": 58, "right_knee": 72, "left_hip": -6, "left_knee": 10, "lean": 5}
    reach = arms | {"right_hip": 60, "right_knee": 34, "left_hip": -20, "left_knee": 10, "lean": 4}
    landed = arms | {"right_hip": 50, "right_knee": 30, "left_hip": -28, "left_knee": 22, "lean": 4}
    low = arms | {"right_hip": 84, "right_knee": 88, "left_hip": -8, "left_knee": 84, "lean": 4}
    return {
        **{0.0: arms, 0.17: step, 0.25: reach, 0.3: landed, 0.48: low},
        **{0.56: low, 0.74: landed, 0.79: reach, 0.87: step, 1.0: arms},
    }


def throw(rng: np.random.RandomState) -> Keys:
    """Throw overhand: wind up, step, release, follow through."""
    high = rng.uniform(90, 115)
    wound: Pose = {"right_raise": high, "right_plane": -22, "right_roll": 70, "right_elbow": 105}
    wound = wound | {"left_raise": 70, "left_plane": 60, "twist": -42, "pelvis": -25, "lean": -10}
    wound = wound | {"left_hip": 42, "left_knee": 55, "right_hip": -4, "right_knee": 10}
    planted = wound | {"left_hip": 32, "left_knee": 18, "right_hip": -18, "right_knee": 28, "right_roll": 95}
    released = planted | {"right_raise": high + 30, "right_plane": 65, "right_roll": 20, "right_elbow": 22}
    released = released | {"twist": 22, "pelvis": 8, "lean": 14, "left_raise": 30, "left_elbow": 70}
    followed = released | {"right_raise": 42, "right_plane": 110, "right_roll": -20, "right_elbow": 25}
    followed = followed | {"twist": 38, "lean": 30, "left_raise": 20, "right_hip": -22, "right_knee": 45}
    stepped: Pose = {"right_hip": 18, "right_knee": 45, "left_hip": 8, "left_knee": 10, "lean": 12, "raise": 20}
    return {0.0: {}, 0.32: wound, 0.46: planted, 0.58: released, 0.7: followed, 0.76: followed, 0.88: stepped, 1.0: {}}


def arm_circles(rng: np.random.RandomState) -> Keys:
    """Circle both straight arms at the sides."""
    radius, way = rng.uniform(24, 48), rng.choice([-1, 1])
    circle = np.linspace(0, 2 * np.pi, 9)
    return {
        float(angle / (2 * np.pi)): {
            "raise": 88 + radius * np.cos(angle),
            "plane": 8 + way * radius * np.sin(angle),
            "elbow": 4,
        }
        for angle in circle
    }
