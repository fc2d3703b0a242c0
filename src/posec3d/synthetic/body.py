"""A body in 3-D: segment lengths, and where its seventeen keypoints are for given joint angles."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from posec3d.skeletons import get_skeleton

SIDES = ("left", "right")
BODY_ANGLES = ("turn", "topple", "tumble", "pelvis", "drop", "lean", "side", "twist", "nod", "look", "cock")
SIDE_ANGLES = ("raise", "plane", "roll", "elbow", "hip", "spread", "knee")
# "lift" is the one channel that is no angle: the height of a jump, in metres.
CHANNELS = (*BODY_ANGLES, *(f"{side}_{angle}" for side in SIDES for angle in SIDE_ANGLES), "lift")
CHANNEL = {name: index for index, name in enumerate(CHANNELS)}

KEYPOINTS = get_skeleton("coco17").keypoints
KEYPOINT = {name: index for index, name in enumerate(KEYPOINTS)}
_ANKLES = [KEYPOINT["left_ankle"], KEYPOINT["right_ankle"]]

# Shares of the stature: Drillis and Contini (1966), as in Winter, "Biomechanics and Motor Control of Human Movement",
# figure 4.1. Hips are the joint centres, nearer together than the figure's outer breadth. Head: distances between
# keypoints, of the figure's eye height and adult averages (pupils 63 mm, ears 150 mm apart).
_SHARES = {
    "shin": 0.246,
    "thigh": 0.245,
    "trunk": 0.288,
    "neck": 0.052,
    "upper_arm": 0.186,
    "forearm": 0.146,
    "half_shoulders": 0.118,
    "half_hips": 0.062,
    "head": 0.062,
    "ankle_height": 0.039,
}
# Nose, eyes and ears from the top of the neck, as shares of the head's size: forward, left, up.
_FACE = np.array([(1.55, 0, 0.75), (1.25, 0.3, 1.15), (1.25, -0.3, 1.15), (0.1, 0.7, 0.95), (0.1, -0.7, 0.95)])
# Flesh around a keypoint, in metres: it is this far above the floor when the body lies on it.
_FLESH = np.array([0.02, 0.03, 0.03, 0.08, 0.08, 0.08, 0.08, 0.04, 0.04, 0.03, 0.03, 0.1, 0.1, 0.05, 0.05, 0.0, 0.0])
_SOFTNESS = 0.006  # metres over which one contact with the floor takes over from another


@dataclass(frozen=True)
class Body:
    """Segment lengths in metres. `head` is the unit of the face; `ankle_height` is the ankle above the sole."""

    shin: float
    thigh: float
    trunk: float
    neck: float
    upper_arm: float
    forearm: float
    half_shoulders: float
    half_hips: float
    head: float
    ankle_height: float


def random_body(rng: np.random.RandomState) -> Body:
    """Draw a stature between 1.45 and 2.0 m and proportions that differ from the average by about 4 percent."""
    stature = float(np.clip(rng.normal(1.70, 0.10), 1.45, 2.0))
    spread = np.clip(rng.normal(1.0, 0.04, len(_SHARES)), 0.88, 1.12)
    return Body(*(stature * share * float(factor) for share, factor in zip(_SHARES.values(), spread, strict=True)))


def pose_body(body: Body, angles: Float[np.ndarray, "T 26"]) -> Float[np.ndarray, "T 17 3"]:
    """Return the keypoints for joint angles in degrees (columns as in CHANNELS), on the floor z = 0, in metres.

    The body faces +x, its left is +y, up is +z; all angles zero is standing with the arms down. Angles of the whole
    body: `turn` to the left, `topple` forwards, `tumble` to the right. Legs hang from that frame, so `hip` is the
    thigh forwards of it and `spread` outwards; `knee` bends the shin back. `pelvis` turns and `drop` tips the line of
    the hips. The chest: `lean` forwards, `side` to the right, `twist` to the left. The head on the chest: `nod`
    forwards, `look` to the left, `cock` to the right. Arms hang from the chest: `raise` lifts the upper arm in the
    vertical plane `plane` (0 sideways, 90 forwards), `roll` turns it outwards about itself, `elbow` bends.

    The lowest point touches the floor (`lift` metres above it), and the foot that stands does not slide: the body
    moves over it. In the air the body keeps the speed at which it left the ground.
    """
    points = _joints(body, angles)
    points[..., 2] += (_floor_height(body, points) + angles[:, CHANNEL["lift"]])[:, None]
    points[..., :2] += _travel(points, angles[:, CHANNEL["lift"]])[:, None]
    return points


def _joints(body: Body, angles: Float[np.ndarray, "T 26"]) -> Float[np.ndarray, "T 17 3"]:
    """Return the keypoints around the middle of the hips, which is the origin."""
    radians = np.radians(angles)
    turn, topple, tumble, pelvis, drop, lean, side, twist, nod, look, cock = radians[:, : len(BODY_ANGLES)].T
    limbs = radians[:, len(BODY_ANGLES) : -1].reshape(len(angles), len(SIDES), len(SIDE_ANGLES))
    raised, plane, roll, elbow, hip, spread, knee = np.moveaxis(limbs, -1, 0)
    outwards = np.array([1.0, -1.0])  # left, right

    whole = _about_z(turn) @ _about_y(topple) @ _about_x(tumble)
    hips = whole @ _about_z(pelvis) @ _about_x(drop)
    chest = whole @ _about_z(twist) @ _about_y(lean) @ _about_x(side)
    head = chest @ _about_z(look) @ _about_y(nod) @ _about_x(cock)
    thigh = whole[:, None] @ _about_y(-hip) @ _about_x(outwards * spread)
    shin = thigh @ _about_y(knee)
    # A swing into the plane without twist, then the twist: an arm that is raised by any way keeps its elbow in front.
    swing = _about_z(-outwards * plane) @ _about_x(outwards * raised) @ _about_z(outwards * (plane + roll))
    upper_arm = chest[:, None] @ swing
    forearm = upper_arm @ _about_y(-elbow)

    points = np.zeros((len(angles), len(KEYPOINTS), 3))
    shoulder_line = chest[..., 2] * body.trunk
    points[:, :5] = (shoulder_line + chest[..., 2] * body.neck)[:, None] + body.head * _FACE @ np.swapaxes(head, 1, 2)
    points[:, 5:7] = shoulder_line[:, None] + chest[:, None, :, 1] * (outwards * body.half_shoulders)[:, None]
    points[:, 7:9] = points[:, 5:7] - upper_arm[..., 2] * body.upper_arm
    points[:, 9:11] = points[:, 7:9] - forearm[..., 2] * body.forearm
    points[:, 11:13] = hips[:, None, :, 1] * (outwards * body.half_hips)[:, None]
    points[:, 13:15] = points[:, 11:13] - thigh[..., 2] * body.thigh
    points[:, 15:17] = points[:, 13:15] - shin[..., 2] * body.shin
    return points


def _floor_height(body: Body, points: Float[np.ndarray, "T 17 3"]) -> Float[np.ndarray, " T"]:
    """Return how far to raise the points so that the lowest one rests on the floor, smoothly as contacts change."""
    flesh = _FLESH.copy()
    flesh[_ANKLES] = body.ankle_height
    heights = points[..., 2] - flesh
    lowest = heights.min(axis=1)
    above = heights - lowest[:, None]
    soft: Float[np.ndarray, " T"] = _SOFTNESS * np.log(np.exp(-above / _SOFTNESS).sum(axis=1)) - lowest
    return soft


def _travel(points: Float[np.ndarray, "T 17 3"], lift: Float[np.ndarray, " T"]) -> Float[np.ndarray, "T 2"]:
    """Return where the hips are above the floor, from the start, if the standing foot stays where it is."""
    feet = points[:, _ANKLES]
    heights = feet[..., 2] - feet[..., 2].min(axis=1, keepdims=True)
    weights = np.exp(-heights / 0.008)
    weights /= weights.sum(axis=1, keepdims=True)
    carried = (weights[1:] + weights[:-1]) / 2
    steps = -(carried[..., None] * np.diff(feet[..., :2], axis=0)).sum(axis=1)
    grounded = np.flatnonzero(np.maximum(lift[1:], lift[:-1]) < 0.01)
    if 0 < len(grounded) < len(steps):
        steps = np.stack([np.interp(np.arange(len(steps)), grounded, steps[grounded, axis]) for axis in (0, 1)], axis=1)
    return np.concatenate([np.zeros((1, 2)), np.cumsum(steps, axis=0)])


def _about_x(angle: Float[np.ndarray, "*N"]) -> Float[np.ndarray, "*N 3 3"]:
    return _rotation(angle, 1, 2)


def _about_y(angle: Float[np.ndarray, "*N"]) -> Float[np.ndarray, "*N 3 3"]:
    return _rotation(angle, 2, 0)


def _about_z(angle: Float[np.ndarray, "*N"]) -> Float[np.ndarray, "*N 3 3"]:
    return _rotation(angle, 0, 1)


def _rotation(angle: Float[np.ndarray, "*N"], first: int, second: int) -> Float[np.ndarray, "*N 3 3"]:
    """Return the rotation that takes axis `first` towards axis `second`."""
    matrix = np.zeros((*angle.shape, 3, 3))
    matrix[...] = np.eye(3)
    matrix[..., first, first] = matrix[..., second, second] = np.cos(angle)
    matrix[..., second, first] = np.sin(angle)
    matrix[..., first, second] = -matrix[..., second, first]
    return matrix
