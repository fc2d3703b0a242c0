"""The part of a video's frames that is shown, cut out of poses and pictures alike."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float32
from jaxtyping import UInt8

from posec3d.clips.geometry import crop_to_people
from posec3d.poses import Poses


@dataclass(frozen=True)
class Crop:
    """A part of every frame: its top left corner (x, y) and its (height, width) in pixels; it may reach outside."""

    corner: tuple[int, int]
    size: tuple[int, int]

    def scaled_to(self, side: int) -> tuple[int, int]:
        """Return the (height, width) at which its longer side is `side` pixels."""
        factor = side / max(self.size)
        return max(1, round(self.size[0] * factor)), max(1, round(self.size[1] * factor))

    def place(self, keypoints: Float32[np.ndarray, "*any 2"], size: tuple[int, int]) -> Float32[np.ndarray, "*any 2"]:
        """Return keypoints of the frame as those of the part when it is scaled to `size` (height, width)."""
        factor = np.array([size[1] / self.size[1], size[0] / self.size[0]], np.float32)
        # Pixel centres lie at whole numbers: the corner of the first pixel is at (-0.5, -0.5).
        placed = (keypoints - np.array(self.corner, np.float32) + np.float32(0.5)) * factor - np.float32(0.5)
        return placed.astype(np.float32, copy=False)

    def cut(self, picture: UInt8[np.ndarray, "H W 3"], size: tuple[int, int]) -> UInt8[np.ndarray, "H2 W2 3"]:
        """Return the part of a picture, scaled to `size` (height, width); black where it reaches outside."""
        (left, top), (height, width) = self.corner, self.size
        part = np.zeros((height, width, 3), np.uint8)
        inside = picture[max(top, 0) : max(top + height, 0), max(left, 0) : max(left + width, 0)]
        part[max(-top, 0) :, max(-left, 0) :][: inside.shape[0], : inside.shape[1]] = inside
        smaller = size[0] * size[1] < height * width
        interpolation = cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
        return np.asarray(cv2.resize(part, size[::-1], interpolation=interpolation), np.uint8)


def whole_frame(canvas: tuple[int, int]) -> Crop:
    """Return frames as they are; `canvas` is their (height, width)."""
    return Crop((0, 0), canvas)


def people_crop(poses: Poses) -> Crop:
    """Return the square around all people that the network is given: `crop_to_people`, and of that the middle."""
    cropped = crop_to_people(poses)
    height, width = cropped.canvas
    side = min(height, width)
    # What cropping took off every coordinate but those of exactly 0, which are missing.
    shift = np.rint(poses.keypoints - cropped.keypoints)
    left, top = (int(axis[np.abs(axis).argmax()]) if axis.size else 0 for axis in shift.reshape(-1, 2).T)
    return Crop((left + (width - side) // 2, top + (height - side) // 2), (side, side))
