"""Rounded solids drawn with light and shade: what a made-up person is built of."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from jaxtyping import Float32
from jaxtyping import Int
from jaxtyping import UInt8

from posec3d.synthetic.cameras import Camera

# A pixel of what is drawn so far: height towards the viewer in metres, normal (x, y, height), colour, coverage.
_HEIGHT, _NORMAL, _COLOUR, _COVERED = 0, slice(1, 4), slice(4, 7), 7
_NUM_VALUES = 8
_BEHIND_ALL = -1000.0
# Metres over which surfaces melt into each other, by the square of the radius and at most; and over which colours do.
_MELTING, _LARGEST_MELTING, _EDGE = 4.0, 0.045, 0.004
_AMBIENT, _KEY, _SHINE = 0.42, 0.74, 0.10


@dataclass(frozen=True)
class Solids:
    """N tapered rods with round ends, in metres, as they move over T frames.

    A rod is all spheres whose middles lie between its two `ends` and whose radii go from the first of `radii` to the
    second. It is then pressed flat: `thickness` (0 to 1) times as thick along the unit vector `flat`. `colours` are
    shares of red, green and blue.
    """

    ends: Float[np.ndarray, "T N 2 3"]
    radii: Float[np.ndarray, "N 2"]
    flat: Float[np.ndarray, "T N 3"]
    thickness: Float[np.ndarray, " N"]
    colours: Float[np.ndarray, "N 3"]


@dataclass(frozen=True)
class FilmedSolids:
    """Solids as a camera sees them: (x, y, height towards the viewer) from each one's first end, in pixels.

    `round_space` maps these to a space in which the solid is round and lines of sight go along the third axis; a
    line of sight of length 1 is `along` there. `axes` lead from the first end to the second in that space. `radii` are
    those of the first end, `tapers` what the second has more. `boxes` hold left, top, right, bottom, the last two
    exclusive; `scale` is pixels a metre.
    """

    first_ends: Float[np.ndarray, "T N 3"]
    round_space: Float32[np.ndarray, "T N 3 3"]
    along: Float[np.ndarray, "T N"]
    axes: Float[np.ndarray, "T N 3"]
    radii: Float[np.ndarray, "T N"]
    tapers: Float[np.ndarray, "T N"]
    boxes: Int[np.ndarray, "T N 4"]
    scale: Float[np.ndarray, "T N"]
    colours: Float[np.ndarray, "N 3"]


def film_solids(solids: Solids, camera: Camera) -> FilmedSolids:
    """Project solids; each is as large as perspective makes its middle, its ends each as theirs."""
    ends, depth = camera.project(np.moveaxis(solids.ends, 2, 0))
    middle = solids.ends.mean(2)
    nearby, depth_there = camera.project(np.stack([middle, middle + 0.01 * solids.flat]))
    scale = camera.focal_length / np.maximum(depth_there[0], 0.2)
    flat = np.concatenate([np.diff(nearby, axis=0)[0], -(np.diff(depth_there, axis=0)[0] * scale)[..., None]], axis=-1)
    round_space, along = _made_round(flat, solids.thickness)

    ends = np.concatenate([ends, -(depth * scale)[..., None]], axis=-1)
    radii = solids.radii.T[:, None] * camera.focal_length / np.maximum(depth, 0.2)
    axes = (round_space @ (ends[1] - ends[0])[..., None])[..., 0]
    # Seen nearly from its end, the larger sphere would hide the smaller: then it is hardly tapered.
    room = np.maximum(np.linalg.norm(axes[..., :2], axis=-1) - 0.5, 0)
    low = np.floor((ends[..., :2] - radii[..., None]).min(0)) - 1
    high = np.ceil((ends[..., :2] + radii[..., None]).max(0)) + 2
    return FilmedSolids(
        first_ends=ends[0],
        round_space=round_space.astype(np.float32),
        along=along,
        axes=axes,
        radii=radii[0],
        tapers=np.clip(radii[1] - radii[0], -room, room),
        boxes=np.clip(np.concatenate([low, high], axis=-1), -(2**20), 2**20).astype(int),
        scale=scale,
        colours=solids.colours,
    )


def _made_round(
    flat: Float[np.ndarray, "T N 3"], thickness: Float[np.ndarray, " N"]
) -> tuple[Float[np.ndarray, "T N 3 3"], Float[np.ndarray, "T N"]]:
    """Return `FilmedSolids.round_space` and `along` of solids pressed flat along `flat`, of any length."""
    flat = flat / np.maximum(np.linalg.norm(flat, axis=-1, keepdims=True), 1e-9)
    stretch = np.eye(3) + (1 / thickness - 1)[:, None, None] * flat[..., :, None] * flat[..., None, :]
    along = np.linalg.norm(stretch[..., 2], axis=-1)
    third = stretch[..., 2] / along[..., None]
    first = np.stack([third[..., 2], np.zeros_like(along), -third[..., 0]], axis=-1)
    first /= np.linalg.norm(first, axis=-1, keepdims=True)
    return np.stack([first, np.cross(third, first), third], axis=-2) @ stretch, along


def draw_solids(
    picture: UInt8[np.ndarray, "H W 3"], solids: FilmedSolids, frame: int, light: Float[np.ndarray, " 3"]
) -> UInt8[np.ndarray, "H W 3"]:
    """Return the picture with the solids of one frame before it, lit from the unit vector `light` (x, y, height)."""
    height, width = picture.shape[:2]
    boxes = solids.boxes[frame]
    left, top = np.maximum(boxes[:, :2].min(0), 0).tolist()
    right, bottom = np.minimum(boxes[:, 2:].max(0), (width, height)).tolist()
    if left >= right or top >= bottom:
        return picture
    drawn = np.zeros((bottom - top, right - left, _NUM_VALUES), np.float32)
    drawn[..., _HEIGHT] = _BEHIND_ALL
    clipped = np.clip(boxes - (left, top, left, top), 0, (right - left, bottom - top) * 2)
    nearest = (solids.first_ends[frame, :, 2] / solids.scale[frame]).tolist()
    for solid in sorted(range(len(nearest)), key=nearest.__getitem__):
        box = clipped[solid].tolist()
        if box[0] < box[2] and box[1] < box[3]:
            _add(drawn, box, (left, top), solids, frame, solid)

    covered = np.flatnonzero(drawn[..., _COVERED])
    pixels = drawn.reshape(-1, _NUM_VALUES).take(covered, 0)
    coverage = pixels[:, _COVERED:]
    lit = picture.copy()
    part = np.ascontiguousarray(lit[top:bottom, left:right])
    flat = part.reshape(-1, 3)
    flat[covered] = _shade(pixels, light) * coverage + flat.take(covered, 0) * (1 - coverage) + 0.5
    lit[top:bottom, left:right] = part
    return lit


def _add(
    drawn: Float32[np.ndarray, "H W 8"],
    box: list[int],
    corner: tuple[int, int],
    solids: FilmedSolids,
    frame: int,
    solid: int,
) -> None:
    """Put one solid among those drawn: before what is behind it, and melting into what it touches."""
    left, top, right, bottom = box
    x1, y1, h1 = solids.first_ends[frame, solid].tolist()
    ax, ay, ah = solids.axes[frame, solid].tolist()
    to_round = solids.round_space[frame, solid]
    (a, b, _), (c, d, _), (tilt_x, tilt_y, _) = to_round.tolist()
    radius, taper, scale = (float(of[frame, solid]) for of in (solids.radii, solids.tapers, solids.scale))
    columns = np.arange(right - left, dtype=np.float32) + (left + corner[0] - x1)
    rows = (np.arange(bottom - top, dtype=np.float32) + (top + corner[1] - y1))[:, None]
    length = ax * ax + ay * ay
    slope = max(length - taper * taper, 0.25)

    # The outline: the signed distance to the nearest sphere's rim.
    across, down = a * columns + b * rows, c * columns + d * rows
    square = across * across + down * down
    passed = (a * ax + c * ay) * columns + (b * ax + d * ay) * rows  # how far along the axis, times its length
    middle = (passed + radius * taper) * (1 / slope)
    rim = np.minimum(np.maximum(middle, 0), 1)
    away = np.sqrt(np.maximum(square - rim * (2 * passed - length * rim), 0))
    coverage = (radius + 0.5) + taper * rim - away
    inside = (coverage > 0).ravel().nonzero()[0]
    if not len(inside):
        return
    coverage, across, down, square, middle = (
        values.ravel().take(inside) for values in (coverage, across, down, square, middle)
    )
    coverage = np.minimum(coverage, 1)

    # The surface: of all the spheres on the line of sight, the one that is nearest to the viewer.
    spread = np.sqrt(np.maximum(middle * middle - (square - radius * radius) * (1 / slope), 0))
    at = np.minimum(np.maximum(middle + ah / np.sqrt(slope + ah * ah) * spread, 0), 1)
    across -= ax * at
    down -= ay * at
    reached = radius + taper * at
    rise = np.sqrt(np.maximum(reached * reached - across * across - down * down, 0))
    row, column = np.divmod(inside, right - left)
    tilt = tilt_x * columns.take(column) + tilt_y * rows.ravel().take(row)
    heights = ((rise + ah * at - tilt) * (1 / float(solids.along[frame, solid])) + h1) * (1 / scale)

    after = np.empty((len(inside), _NUM_VALUES), np.float32)
    after[:, _HEIGHT] = heights
    normals = np.stack([across, down, rise], axis=1) @ to_round
    after[:, _NORMAL] = normals / np.sqrt(np.einsum("ij,ij->i", normals, normals) + 1e-9)[:, None]
    after[:, _COLOUR] = solids.colours[solid]
    places = (row + top) * drawn.shape[1] + (column + left)
    _merge(drawn, places, after, coverage, min(_MELTING * (radius / scale) ** 2, _LARGEST_MELTING))


def _merge(
    drawn: Float32[np.ndarray, "H W 8"],
    places: Int[np.ndarray, " P"],
    after: Float32[np.ndarray, "P 8"],
    coverage: Float32[np.ndarray, " P"],
    melting: float,
) -> None:
    """Write pixels into those drawn where they are nearer to the viewer; `melting` is in metres."""
    before = drawn.reshape(-1, _NUM_VALUES).take(places, 0)
    above = after[:, _HEIGHT] - before[:, _HEIGHT]
    edge = np.where(before[:, _COVERED] > 0, coverage, 1)
    shares = np.empty_like(before)
    shares[:, : _COLOUR.start] = (np.minimum(np.maximum(above * (1 / melting) + 0.5, 0), 1) * edge)[:, None]
    shares[:, _COLOUR.start :] = (np.minimum(np.maximum(above * (1 / _EDGE) + 0.5, 0), 1) * edge)[:, None]
    after[:, _COVERED] = 0
    after -= before
    after *= shares
    after += before
    after[:, _COVERED] = 1 - (1 - before[:, _COVERED]) * (1 - coverage)
    # As one value of 32 bytes a pixel: many times as fast as eight.
    whole = np.dtype(("V", drawn.itemsize * _NUM_VALUES))
    np.put(drawn.view(whole), places, after.view(whole))


def _shade(pixels: Float[np.ndarray, "P 8"], light: Float[np.ndarray, " 3"]) -> Float[np.ndarray, "P 3"]:
    """Return colours, 0 to 255: light from one side that wraps round, darker towards the outline, a faint shine."""
    normals = pixels[:, _NORMAL]
    normals = normals / np.maximum(np.sqrt(np.einsum("ij,ij->i", normals, normals)), 1e-6)[:, None]
    towards = normals @ light.astype(np.float32)
    facing = np.maximum(normals[:, 2], 0)
    wrapped = np.maximum(towards * np.float32(0.6) + np.float32(0.4), 0)
    from_above = np.float32(0.08) * -normals[:, 1]
    strength = (_AMBIENT + from_above + _KEY * wrapped) * (np.float32(0.72) + np.float32(0.28) * facing)
    shine = _SHINE * np.maximum(towards, 0) ** 12
    colours: Float[np.ndarray, "P 3"] = np.clip(pixels[:, _COLOUR] * strength[:, None] + shine[:, None], 0, 1) * 254
    return colours
