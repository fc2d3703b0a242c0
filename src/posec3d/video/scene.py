"""Films of made-up people: a mannequin moves in a room, and the true keypoints are known."""

import dataclasses
from collections.abc import Iterator

import cv2
import numpy as np
from jaxtyping import Float
from jaxtyping import Float32
from jaxtyping import UInt8

from posec3d.synthetic.cameras import Camera
from posec3d.synthetic.motions import motion_3d
from posec3d.video.mannequin import build_figure
from posec3d.video.mannequin import random_looks
from posec3d.video.solids import Solids
from posec3d.video.solids import draw_solids
from posec3d.video.solids import film_solids

_FLESH = 0.20  # metres around a keypoint in which everything that belongs to the body lies: crown, hands, shoes
_COVERS_GROUND = 1.0  # metres; who goes further is followed by turning the camera
_WALLS = ((0.86, 0.84, 0.79), (0.78, 0.83, 0.86), (0.82, 0.86, 0.80), (0.87, 0.80, 0.74), (0.70, 0.72, 0.76))
_FLOORS = ((0.62, 0.47, 0.33), (0.50, 0.38, 0.28), (0.58, 0.57, 0.55), (0.70, 0.60, 0.48))
_WALL_DENSITY, _FLOOR_DENSITY = 60, 75  # pixels of the texture a metre
_SHADOW_SCALE = 4


def film(
    motion: str,
    *,
    rng: np.random.RandomState,
    num_frames: int = 72,
    frames_per_second: float = 30.0,
    size: tuple[int, int] = (480, 640),
) -> tuple[Iterator[UInt8[np.ndarray, "H W 3"]], Float32[np.ndarray, "1 T 17 2"]]:
    """Film somebody who does a motion of `posec3d.synthetic.MOTIONS`: pictures of `size` (height, width), keypoints.

    The pictures are drawn when they are asked for, once. The person is in full view in all of them. `keypoints` are
    where COCO's 17 truly are, (x, y) in pixels, the hidden ones too.

    Raises KeyError for an unknown motion and ValueError for less than one frame.
    """
    points = motion_3d(motion, num_frames=num_frames, rng=rng, frames_per_second=frames_per_second)
    camera = _camera_on(points, size, rng)
    body = build_figure(points, random_looks(rng))
    room = _random_room(points, camera, rng)
    light = np.array([rng.choice([-1, 1]) * rng.uniform(0.3, 0.6), -rng.uniform(0.5, 0.8), 0.7])
    light /= np.linalg.norm(light)
    keypoints, _ = camera.project(points[None])
    return _pictures(body, camera, room, light), keypoints.astype(np.float32)


def _pictures(
    body: Solids, camera: Camera, room: "_Room", light: Float[np.ndarray, " 3"]
) -> Iterator[UInt8[np.ndarray, "H W 3"]]:
    filmed = film_solids(body, camera)
    shadows, _ = camera.project(np.moveaxis(body.ends * [1.0, 1.0, 0.0], 2, 0))
    empty = room.picture(camera, 0)
    for frame in range(len(body.ends)):
        if frame and (camera.aim[frame] != camera.aim[frame - 1]).any():
            empty = room.picture(camera, frame)
        yield draw_solids(_shaded(empty, shadows[:, frame], filmed.radii[frame]), filmed, frame, light)


def _camera_on(points: Float[np.ndarray, "T 17 3"], size: tuple[int, int], rng: np.random.RandomState) -> Camera:
    """Draw a camera that has the person in full view in every frame, as large as that allows.

    Mostly from the front, but who covers ground is seen more from the side.
    """
    height, width = size
    hips = points[:, 11:13].mean(axis=1)
    walks = float(np.ptp(hips[:, :2], axis=0).max()) > _COVERS_GROUND
    azimuth = np.radians(rng.choice([-1, 1]) * rng.uniform(50, 90) if walks else rng.normal(0, 30))
    elevation = np.radians(rng.uniform(0, 14))
    focal_length = float(min(size) / 2 / np.tan(np.radians(rng.uniform(22, 30) if walks else rng.uniform(34, 50)) / 2))
    roll = float(np.radians(rng.normal(0, 0.8)))
    share = rng.uniform(0.86, 0.98)
    towards = np.array([np.cos(azimuth) * np.cos(elevation), np.sin(azimuth) * np.cos(elevation), np.sin(elevation)])

    low, high = points.min(axis=(0, 1)), points.max(axis=(0, 1))
    middle = (low + high) / 2
    aim = np.repeat(middle[None], len(points), axis=0)
    if walks:
        aim[:, :2] = _smooth(hips[:, :2])
    camera = Camera(middle, aim, roll, focal_length, ((width - 1) / 2, (height - 1) / 2), size)
    for distance in np.geomspace(2.4, 40, 80):
        lens = middle + distance * towards
        lens[2] = max(lens[2], 0.25)
        camera = dataclasses.replace(camera, position=lens)
        pixels, depth = camera.project(points[None])
        reach = np.abs(pixels - camera.aim_pixel) + (_FLESH * focal_length / np.maximum(depth, 0.2))[..., None]
        if depth.min() > 1 and (reach < share * np.array([width, height]) / 2).all():
            break
    return camera


def _smooth(path: Float[np.ndarray, "T 2"]) -> Float[np.ndarray, "T 2"]:
    """Return a path as a person with a camera follows it: a parabola through it."""
    time = np.linspace(-1, 1, len(path))
    smooth: Float[np.ndarray, "T 2"] = np.polynomial.polynomial.polyval(
        time, np.polynomial.polynomial.polyfit(time, path, min(2, len(path) - 1))
    ).T
    return smooth


@dataclasses.dataclass(frozen=True)
class _Room:
    """A floor and a wall as textures, and where they are: `wall_to_world` and `floor_to_world` take texture pixels."""

    wall: UInt8[np.ndarray, "Hw Ww 3"]
    floor: UInt8[np.ndarray, "Hf Wf 3"]
    wall_corners: Float[np.ndarray, "4 3"]
    floor_corners: Float[np.ndarray, "4 3"]

    def picture(self, camera: Camera, frame: int) -> UInt8[np.ndarray, "H W 3"]:
        """Return the empty room in one frame, as soft as what a camera has not focused on."""
        still = dataclasses.replace(camera, aim=camera.aim[frame : frame + 1])
        height, width = camera.canvas
        wall, floor = (
            still.project(corners[None, None])[0][0, 0] for corners in (self.wall_corners, self.floor_corners)
        )
        (left, left_height), (right, right_height) = wall[2:]
        ends = [left_height + (right_height - left_height) / (right - left) * (x - left) for x in (0, width)]
        join = min(max(int(min(ends)), 0), height)
        below = min(max(int(max(ends)) + 2, 0), height)
        picture = np.empty((height, width, 3), np.uint8)
        picture[join:] = _warped(self.floor, floor, join, (height - join, width), cv2.BORDER_WRAP)
        wall_part = _warped(self.wall, wall, 0, (below, width), cv2.BORDER_REFLECT)
        picture[:join] = wall_part[:join]
        above = np.arange(join, below)[:, None] < np.linspace(ends[0], ends[1], width)
        picture[join:below][above] = wall_part[join:][above]
        start, end = ((x, round(y * 16)) for x, y in zip((0, 16 * width), ends, strict=True))
        return np.asarray(cv2.line(picture, start, end, (60, 52, 46), 2, cv2.LINE_AA, 4), np.uint8)


def _warped(
    texture: UInt8[np.ndarray, "H W 3"],
    corners: Float[np.ndarray, "4 2"],
    first_row: int,
    size: tuple[int, int],
    border: int,
) -> UInt8[np.ndarray, "H2 W2 3"]:
    """Return what is seen of a texture from one row of the picture on; at half the resolution, for speed."""
    (height, width), (rows, columns) = texture.shape[:2], size
    own = np.array([[0, 0], [width, 0], [0, height], [width, height]], np.float32)
    matrix = cv2.getPerspectiveTransform(own, ((corners - [0, first_row]) / 2).astype(np.float32))
    small = cv2.warpPerspective(
        texture, matrix, (-(-columns // 2), -(-rows // 2)), flags=cv2.INTER_LINEAR, borderMode=border
    )
    warped: UInt8[np.ndarray, "H2 W2 3"] = np.asarray(cv2.resize(small, (columns, rows)), np.uint8)
    return warped


def _random_room(points: Float[np.ndarray, "T 17 3"], camera: Camera, rng: np.random.RandomState) -> _Room:
    """Make up a room whose wall is square to the first view, behind everywhere that the person goes."""
    forward = (camera.aim[len(camera.aim) // 2] - camera.position) * [1, 1, 0]
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, [0, 0, 1])
    behind = float((points.reshape(-1, 3) @ forward).max()) + rng.uniform(0.8, 2.5)
    centre = forward * behind + right * float(camera.position @ right)
    wall = _wall_texture(rng)
    floor = _floor_texture(rng)
    half, top = wall.shape[1] / 2 / _WALL_DENSITY, wall.shape[0] / _WALL_DENSITY
    wall_corners = np.stack([centre + side * half * right + [0, 0, z] for z in (top, 0) for side in (-1, 1)])
    depth, half = floor.shape[0] / _FLOOR_DENSITY, floor.shape[1] / 2 / _FLOOR_DENSITY
    floor_corners = np.stack([centre - back * forward + side * half * right for back in (0, depth) for side in (-1, 1)])
    return _Room(wall, floor, wall_corners, floor_corners)


def _wall_texture(rng: np.random.RandomState) -> UInt8[np.ndarray, "H W 3"]:
    """Painted plaster with a skirting board, lighter above."""
    height, width = 4 * _WALL_DENSITY, 10 * _WALL_DENSITY
    paint = np.array(_WALLS[rng.randint(len(_WALLS))]) * rng.uniform(0.85, 1.0)
    clouds = cv2.GaussianBlur(rng.normal(size=(height, width)).astype(np.float32), (0, 0), 25.0)
    shade = np.linspace(1.03, 0.90, height)[:, None] + clouds / clouds.std() * 0.012
    wall = shade[..., None] * paint
    board = round(0.10 * _WALL_DENSITY)
    wall[-board:] = np.clip(paint * 1.08, 0, 1) * np.linspace(1.0, 0.9, board)[:, None, None]
    wall[-board - 1] *= 0.7
    return _as_picture(wall)


def _floor_texture(rng: np.random.RandomState) -> UInt8[np.ndarray, "H W 3"]:
    """Planks that run away from the wall, each with its own tone and grain."""
    height, width = 6 * _FLOOR_DENSITY, 60 * round(0.22 * _FLOOR_DENSITY)
    colour = np.array(_FLOORS[rng.randint(len(_FLOORS))])
    plank = round(0.22 * _FLOOR_DENSITY)
    tones = np.repeat(rng.normal(1, 0.025, width // plank), plank)
    grain = cv2.GaussianBlur(rng.normal(size=(height, width)).astype(np.float32), (0, 0), sigmaX=1.0, sigmaY=18.0)
    shade = tones + grain / grain.std() * 0.02
    shade[:, ::plank] *= 0.75
    shade = cv2.GaussianBlur(shade, (0, 0), 1.2)
    return _as_picture(shade[..., None] * colour)


def _as_picture(colours: Float[np.ndarray, "H W 3"]) -> UInt8[np.ndarray, "H W 3"]:
    picture: UInt8[np.ndarray, "H W 3"] = np.round(np.clip(colours, 0, 1) * 255).astype(np.uint8)
    return picture


def _shaded(
    picture: UInt8[np.ndarray, "H W 3"], ends: Float[np.ndarray, "2 N 2"], radii: Float[np.ndarray, " N"]
) -> UInt8[np.ndarray, "H W 3"]:
    """Return the picture with soft shadows between ends on the floor, as lamps above throw them."""
    height, width = picture.shape[:2]
    mask = np.zeros((height // _SHADOW_SCALE, width // _SHADOW_SCALE), np.uint8)
    places = np.round(ends / _SHADOW_SCALE).astype(int)
    thick = np.maximum(np.round(2 * radii / _SHADOW_SCALE), 1).astype(int)
    for first, second, thickness in zip(*places.tolist(), thick.tolist(), strict=True):
        cv2.line(mask, first, second, 255, thickness)
    soft = cv2.GaussianBlur(mask, (0, 0), 3.0)
    rows = np.flatnonzero(soft.max(1))
    shaded = picture.copy()
    if len(rows):
        band = slice(max(int(rows[0] - 1) * _SHADOW_SCALE, 0), int(rows[-1] + 2) * _SHADOW_SCALE)
        dark = cv2.resize(soft, (width, height), interpolation=cv2.INTER_LINEAR)[band]
        shaded[band] = cv2.multiply(shaded[band], cv2.merge([255 - dark // 2] * 3), scale=1 / 255)
    return shaded
