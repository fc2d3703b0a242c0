"""A dressed mannequin around the keypoints of a made-up person: flesh, clothes, hands, shoes and a face."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from posec3d.synthetic.body import KEYPOINT
from posec3d.video.solids import Solids

Colour = tuple[float, float, float]
# Ends (T 2 3), radii, the direction in which it is flat (T 3), its thickness, and its colour.
_Rod = tuple[Float[np.ndarray, "T 2 3"], tuple[float, float], Float[np.ndarray, "T 3"], float, Colour]

_TRUNK = 0.49  # metres from hips to shoulders of the person for whom the measures below are: 1.70 m
_HEAD_PER_EARS = 1 / 1.4  # the unit of the face by the distance between the ears, as synthetic.body has it
_SKINS = ((0.96, 0.80, 0.69), (0.91, 0.72, 0.58), (0.80, 0.58, 0.43), (0.62, 0.43, 0.31), (0.45, 0.30, 0.22))
_HAIRS = ((0.12, 0.09, 0.08), (0.25, 0.16, 0.10), (0.42, 0.27, 0.14), (0.66, 0.51, 0.30), (0.45, 0.43, 0.42))
_SHIRTS = (
    (0.80, 0.22, 0.20),
    (0.16, 0.42, 0.72),
    (0.93, 0.92, 0.88),
    (0.20, 0.55, 0.40),
    (0.93, 0.70, 0.20),
    (0.50, 0.28, 0.58),
    (0.90, 0.48, 0.22),
)
_TROUSERS = ((0.16, 0.20, 0.34), (0.20, 0.20, 0.22), (0.45, 0.38, 0.29), (0.30, 0.40, 0.52), (0.33, 0.35, 0.27))
_SHOES = ((0.12, 0.12, 0.13), (0.90, 0.90, 0.90), (0.45, 0.24, 0.16), (0.70, 0.16, 0.16))
_EYE_WHITE, _PUPIL, _LIPS = (0.97, 0.96, 0.94), (0.12, 0.09, 0.08), (0.66, 0.30, 0.29)


@dataclass(frozen=True)
class Looks:
    """Colours as shares of red, green and blue, and how much of arms and legs the clothes cover (0 to 1)."""

    skin: Colour
    hair: Colour
    shirt: Colour
    trousers: Colour
    shoes: Colour
    sleeves: float
    legs: float
    long_hair: bool


def random_looks(rng: np.random.RandomState) -> Looks:
    """Draw what a person looks like."""

    def one_of(colours: tuple[Colour, ...]) -> Colour:
        return colours[rng.randint(len(colours))]

    return Looks(
        skin=one_of(_SKINS),
        hair=one_of(_HAIRS),
        shirt=one_of(_SHIRTS),
        trousers=one_of(_TROUSERS),
        shoes=one_of(_SHOES),
        sleeves=float(rng.choice([0.28, 1.0], p=[0.65, 0.35])),
        legs=float(rng.choice([0.3, 1.0], p=[0.25, 0.75])),
        long_hair=bool(rng.rand() < 0.4),
    )


def build_figure(points: Float[np.ndarray, "T 17 3"], looks: Looks) -> Solids:
    """Build the body of a person from keypoints as `motion_3d` returns them.

    Breadths follow from the length of the trunk, the head from the distance between the ears.
    """
    figure = _Figure(points)
    for side in ("left", "right"):
        _add_leg(figure, side, looks)
        _add_arm(figure, side, looks)
    _add_trunk(figure, looks)
    _add_head(figure, looks)
    ends, radii, flat, thickness, colours = zip(*figure.rods, strict=True)
    return Solids(np.stack(ends, 1), np.array(radii), np.stack(flat, 1), np.array(thickness), np.array(colours))


class _Figure:
    """A body that is being built: its keypoints, the directions of its parts, and the solids so far."""

    def __init__(self, points: Float[np.ndarray, "T 17 3"]) -> None:
        self.points = points
        self.hips, self.shoulders = self.middle("hip"), self.middle("shoulder")
        self.size = float(np.linalg.norm(self.shoulders - self.hips, axis=1).mean()) / _TRUNK
        self.up = _unit(self.shoulders - self.hips)
        self.left = _unit(_across(self["left_shoulder"] - self["right_shoulder"], self.up))
        self.front = np.cross(self.left, self.up)
        self.pelvis_left = _unit(self["left_hip"] - self["right_hip"])
        self.pelvis_front = _unit(np.cross(self.pelvis_left, self.up))
        self.rods: list[_Rod] = []

    def __getitem__(self, keypoint: str) -> Float[np.ndarray, "T 3"]:
        return self.points[:, KEYPOINT[keypoint]]

    def middle(self, part: str) -> Float[np.ndarray, "T 3"]:
        """Return the middle between the left and the right one."""
        middle: Float[np.ndarray, "T 3"] = (self[f"left_{part}"] + self[f"right_{part}"]) / 2
        return middle

    def add(
        self,
        first: Float[np.ndarray, "T 3"],
        second: Float[np.ndarray, "T 3"],
        radii: tuple[float, float],
        colour: Colour,
        *,
        flat: Float[np.ndarray, "T 3"] | None = None,
        thickness: float = 1.0,
        unit: float | None = None,
    ) -> None:
        """Add a rod; `radii` are metres for a person of 1.70 m, or in `unit`."""
        start, end = radii
        unit = self.size if unit is None else unit
        ends = np.stack([first, second], axis=1)
        self.rods.append((ends, (start * unit, end * unit), self.up if flat is None else flat, thickness, colour))


def _add_leg(figure: _Figure, side: str, looks: Looks) -> None:
    hip, knee, ankle = (figure[f"{side}_{joint}"] for joint in ("hip", "knee", "ankle"))
    size = figure.size
    inwards = figure.pelvis_left * (-1 if side == "left" else 1)
    hip = hip + 0.012 * size * inwards
    if looks.legs == 1:
        figure.add(hip, knee, (0.088, 0.064), looks.trousers)
        figure.add(knee, ankle + 0.02 * size * _unit(knee - ankle), (0.064, 0.050), looks.trousers)
    else:
        figure.add(hip, knee, (0.080, 0.054), looks.skin)
        figure.add(hip, hip + 0.72 * (knee - hip), (0.090, 0.074), looks.trousers)
        calf = knee + 0.3 * (ankle - knee)
        figure.add(knee, calf, (0.052, 0.054), looks.skin)
        figure.add(calf, ankle, (0.054, 0.034), looks.skin)
    shin = _unit(ankle - knee)
    # A foot on the floor lies flat; one in the air hangs a little.
    hanging = _unit(_across(figure.pelvis_front, shin) + 0.35 * shin)
    flat = _unit(figure.pelvis_front * [1, 1, 0] + 1e-6 * hanging)
    standing = np.clip(1.6 - ankle[:, 2:] / (0.1 * size), 0, 1) * np.clip(-2 * shin[:, 2:] - 0.2, 0, 1)
    toes = _unit(standing * flat + (1 - standing) * hanging)
    sole = _unit(_across(shin, toes))
    heel, ball = ankle + size * (0.035 * sole - 0.025 * toes), ankle + size * (0.044 * sole + 0.095 * toes)
    tip = ball + 0.06 * size * toes
    figure.add(ankle, heel, (0.040, 0.040), looks.shoes)
    figure.add(heel, ball, (0.041, 0.040), looks.shoes)
    figure.add(ankle + 0.02 * size * toes, ball, (0.040, 0.036), looks.shoes)
    figure.add(ball, tip, (0.042, 0.034), looks.shoes, flat=sole, thickness=0.75)


def _add_arm(figure: _Figure, side: str, looks: Looks) -> None:
    shoulder, elbow, wrist = (figure[f"{side}_{joint}"] for joint in ("shoulder", "elbow", "wrist"))
    size = figure.size
    upper, fore = elbow - shoulder, wrist - elbow
    if looks.sleeves == 1:
        figure.add(shoulder, elbow, (0.056, 0.047), looks.shirt)
        figure.add(elbow, elbow + 0.92 * fore, (0.048, 0.037), looks.shirt)
    else:
        figure.add(shoulder, elbow, (0.052, 0.041), looks.skin)
        figure.add(shoulder, shoulder + 0.5 * upper, (0.057, 0.056), looks.shirt)
        figure.add(elbow, elbow + 0.3 * fore, (0.041, 0.043), looks.skin)
        figure.add(elbow + 0.3 * fore, wrist, (0.043, 0.028), looks.skin)
    figure.add(elbow + 0.85 * fore, wrist, (0.031, 0.028), looks.skin)
    along = _unit(fore)
    inwards = figure.left * (-1 if side == "left" else 1)
    palm = _unit(_across(inwards + 0.3 * figure.up + 0.2 * figure.front, along))
    thumb = np.cross(palm, along) * (1 if side == "left" else -1)
    figure.add(wrist, wrist + 0.085 * size * along, (0.029, 0.040), looks.skin, flat=palm, thickness=0.5)
    figure.add(
        wrist + 0.085 * size * along, wrist + 0.15 * size * along, (0.038, 0.022), looks.skin, flat=palm, thickness=0.5
    )
    figure.add(
        wrist + size * (0.03 * along + 0.02 * thumb),
        wrist + size * (0.09 * along + 0.055 * thumb),
        (0.015, 0.012),
        looks.skin,
    )


def _add_trunk(figure: _Figure, looks: Looks) -> None:
    size, up, left, front = figure.size, figure.up, figure.left, figure.front
    hips, neck = figure.hips, figure.shoulders
    flat = figure.pelvis_front
    seat, half_seat = hips - 0.012 * size * flat, 0.055 * size * figure.pelvis_left
    figure.add(seat - half_seat, seat + half_seat, (0.112, 0.112), looks.trousers, flat=flat, thickness=0.95)

    def at(height: float, sideways: float = 0.0) -> Float[np.ndarray, "T 3"]:
        place: Float[np.ndarray, "T 3"] = hips + size * (height * up + sideways * left)
        return place

    hem = hips + 0.075 * size * up - 0.005 * size * flat
    figure.add(hem - half_seat, hem + half_seat, (0.120, 0.120), looks.shirt, flat=flat, thickness=0.98)
    figure.add(at(0.125), at(0.31), (0.156, 0.150), looks.shirt, flat=front, thickness=0.76)
    figure.add(at(0.42, -0.12), at(0.42, 0.12), (0.084, 0.084), looks.shirt)
    for side, sign in (("left", 1), ("right", -1)):
        figure.add(at(0.42, 0.12 * sign), figure[f"{side}_shoulder"], (0.084, 0.057), looks.shirt)
        figure.add(at(0.16, 0.03 * sign), at(0.37, 0.085 * sign), (0.115, 0.105), looks.shirt)
        figure.add(neck + 0.022 * size * up, at(0.48, 0.14 * sign), (0.056, 0.052), looks.shirt)


def _add_head(figure: _Figure, looks: Looks) -> None:
    ears, eyes, between = figure.middle("ear"), figure.middle("eye"), figure["left_ear"] - figure["right_ear"]
    left, unit = _unit(between), float(np.linalg.norm(between, axis=1).mean()) * _HEAD_PER_EARS
    # Eyes are 1.15 before the ears and 0.2 above them.
    to_eyes = _unit(_across(eyes - ears, left))
    above = np.cross(to_eyes, left)
    length = np.hypot(1.15, 0.2)
    front, up = (1.15 * to_eyes - 0.2 * above) / length, (0.2 * to_eyes + 1.15 * above) / length
    base = ears - unit * (0.1 * front + 0.95 * up)

    def at(forwards: float, sideways: float, upwards: float) -> Float[np.ndarray, "T 3"]:
        place: Float[np.ndarray, "T 3"] = base + unit * (forwards * front + sideways * left + upwards * up)
        return place

    def add(
        first: tuple[float, float, float],
        second: tuple[float, float, float],
        radii: tuple[float, float],
        colour: Colour,
    ) -> None:
        figure.add(at(*first), at(*second), radii, colour, unit=unit)

    neck = figure.shoulders + figure.size * (0.02 * figure.up - 0.005 * figure.front)
    figure.add(neck, at(0.05, 0.0, 0.35), (0.056, 0.052), looks.skin)
    add((0.0, 0.0, 1.28), (0.5, 0.0, 1.25), (0.76, 0.78), looks.skin)
    add((0.50, 0.0, 1.10), (0.72, 0.0, 0.27), (0.745, 0.47), looks.skin)
    add((1.12, 0.0, 1.08), (1.40, 0.0, 0.80), (0.08, 0.125), looks.skin)
    lips = tuple(0.55 * a + 0.45 * b for a, b in zip(_LIPS, looks.skin, strict=True))
    for sign in (1, -1):
        add((1.175, 0.0, 0.42), (1.11, 0.25 * sign, 0.45), (0.065, 0.05), (lips[0], lips[1], lips[2]))
        add((1.10, 0.3 * sign, 1.15), (1.10, 0.33 * sign, 1.15), (0.16, 0.16), _EYE_WHITE)
        add((1.19, 0.3 * sign, 1.15), (1.20, 0.3 * sign, 1.15), (0.10, 0.10), _PUPIL)
        add((1.22, 0.16 * sign, 1.42), (1.10, 0.48 * sign, 1.41), (0.07, 0.05), looks.hair)
        add((0.05, 0.72 * sign, 0.82), (0.0, 0.78 * sign, 1.10), (0.10, 0.15), looks.skin)
    add((-0.1, 0.0, 1.48), (0.32, 0.0, 1.60), (0.84, 0.82), looks.hair)
    add((-0.22, 0.0, 1.35), (-0.15, 0.0, 0.75), (0.80, 0.62), looks.hair)
    if looks.long_hair:
        for sign in (1, -1):
            add((-0.15, 0.3 * sign, 1.3), (-0.25, 0.35 * sign, -0.35), (0.62, 0.42), looks.hair)


def _unit(vectors: Float[np.ndarray, "T 3"]) -> Float[np.ndarray, "T 3"]:
    units: Float[np.ndarray, "T 3"] = vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)
    return units


def _across(vectors: Float[np.ndarray, "T 3"], axis: Float[np.ndarray, "T 3"]) -> Float[np.ndarray, "T 3"]:
    """Return the part of vectors at a right angle to unit vectors."""
    across: Float[np.ndarray, "T 3"] = vectors - (vectors * axis).sum(-1, keepdims=True) * axis
    return across
