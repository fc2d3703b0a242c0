"""A perspective camera that films people on a floor: where each point is on its canvas, and how deep."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

# (height, width): what phones, webcams and the released datasets have.
CANVASES = ((480, 640), (720, 1280), (1080, 1920), (240, 320), (360, 480), (1280, 720))


@dataclass(frozen=True)
class Camera:
    """A camera at a fixed place that may turn: in each frame it looks at `aim`. World as in `motion_3d`, metres.

    `roll` is in radians, `focal_length` in pixels of `canvas` (height, width); `aim_pixel` is where on it `aim` lies.
    """

    position: Float[np.ndarray, " 3"]
    aim: Float[np.ndarray, "T 3"]
    roll: float
    focal_length: float
    aim_pixel: tuple[float, float]
    canvas: tuple[int, int]

    def project(
        self, points: Float[np.ndarray, "M T V 3"]
    ) -> tuple[Float[np.ndarray, "M T V 2"], Float[np.ndarray, "M T V"]]:
        """Return (x, y) in pixels and the depth in metres; below 0.2 m of depth the pixels mean nothing."""
        forward = self.aim - self.position
        forward = forward / np.linalg.norm(forward, axis=1, keepdims=True)
        right = np.cross(forward, np.array([0.0, 0.0, 1.0]))
        right = right / np.linalg.norm(right, axis=1, keepdims=True)
        down = np.cross(forward, right)
        cos, sin = np.cos(self.roll), np.sin(self.roll)
        axes = np.stack([cos * right + sin * down, cos * down - sin * right, forward], axis=-1)
        seen = (points - self.position) @ axes
        depth = seen[..., 2]
        keypoints = self.focal_length * seen[..., :2] / np.maximum(depth, 0.2)[..., None] + np.array(self.aim_pixel)
        return keypoints, depth


def random_camera(subject: Float[np.ndarray, "T 17 3"], rng: np.random.RandomState) -> Camera:
    """Draw a camera that films this person: mostly from the front and from chest height, mostly in full.

    A person who covers ground is followed by turning, more or less, or walks out of the frame.
    """
    canvas = CANVASES[rng.choice(len(CANVASES), p=[0.3, 0.25, 0.2, 0.1, 0.05, 0.1])]
    height, width = canvas
    azimuth = rng.uniform(-np.pi, np.pi) if rng.rand() < 0.35 else rng.normal(0, np.radians(35))
    elevation = np.radians(np.clip(rng.normal(6, 8), -8, 30))
    focal_length = min(height, width) / 2 / np.tan(np.radians(rng.uniform(32, 62)) / 2)
    body_share = rng.uniform(0.42, 0.85)
    roll = float(np.radians(rng.normal(0, 1.5)))
    aim_pixel = (width * rng.normal(0.5, 0.05), height * rng.normal(0.5, 0.03))

    hips = subject[:, 11:13].mean(axis=1)
    middle = (hips.min(axis=0) + hips.max(axis=0)) / 2
    middle[2] = rng.uniform(0.75, 1.0)
    towards = np.array([np.cos(azimuth), np.sin(azimuth), 0.0])
    across = np.array([-np.sin(azimuth), np.cos(azimuth), 0.0])
    walked = float(np.ptp(hips[:, :2], axis=0).max())
    follow = rng.uniform(0.6, 1.0) if walked > 2.5 or rng.rand() < 0.2 else 0.0
    # Far enough for the body, for the ground that the camera does not follow, and never walked into.
    whole_body = focal_length * 1.7 / (body_share * min(height, 1.4 * width))
    whole_path = 0.8 * (1 - follow) * float(np.ptp(hips @ across)) * focal_length / width
    distance = max(whole_body, whole_path, float(np.ptp(hips @ towards)) / 2 + 2.5)
    lens = middle + distance * (np.cos(elevation) * towards + np.array([0.0, 0.0, np.sin(elevation)]))
    lens[2] = max(lens[2], 0.2)

    aim = np.repeat(middle[None], len(subject), axis=0)
    aim[:, :2] += follow * (hips - middle)[:, :2]
    return Camera(lens, aim, roll, float(focal_length), aim_pixel, canvas)
