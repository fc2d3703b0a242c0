"""The figures that explain PoseC3D: poses, keypoint heatmaps and limb heatmaps, side by side over time; and motion."""

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from itertools import repeat
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float32
from jaxtyping import Int64
from jaxtyping import UInt8

from posec3d.heatmaps import render_keypoints
from posec3d.heatmaps import render_limbs
from posec3d.motion import NUM_POINTS
from posec3d.motion import with_motion
from posec3d.poses import Poses
from posec3d.skeletons import Skeleton
from posec3d.video.crops import Crop
from posec3d.video.crops import whole_frame
from posec3d.video.drawing import colour_heatmaps
from posec3d.video.drawing import colour_motion
from posec3d.video.drawing import draw_skeletons
from posec3d.video.framing import beside

MOTION_CAPTION = "speed: right orange, left blue, up green, down pink"
# Heatmaps of so many frames are held at a time.
_FRAMES_AT_ONCE = 32


def volume_figures(
    poses: Poses, skeleton: Skeleton, *, sigma: float = 0.6, side: int = 320, title: str = ""
) -> list[UInt8[np.ndarray, "H W 3"]]:
    """Return a picture a frame with the poses, their keypoint heatmaps and their limb heatmaps.

    `poses` are those of one clip as the network is given it; a panel is `side` pixels high, and `title` stands above.
    """
    size = (side, round(side * poses.canvas[1] / poses.canvas[0]))
    people = zip(poses.keypoints.swapaxes(0, 1), poses.scores.swapaxes(0, 1), strict=True)
    panels = {"pose estimation": pose_pictures(people, skeleton, whole_frame(poses.canvas), size)}
    for kind in kinds_of(skeleton):
        panels[caption_of(kind, skeleton)] = heatmap_pictures(poses, skeleton, kind, sigma=sigma, size=size)
    together = zip(*panels.values(), strict=True)
    return [beside(list(pictures), list(panels), title=title) for pictures in together]


def kinds_of(skeleton: Skeleton) -> tuple[Literal["keypoints", "limbs"], ...]:
    """Return which heatmaps can be drawn of a skeleton: without limbs, there are only those of keypoints."""
    return ("keypoints", "limbs") if skeleton.limbs else ("keypoints",)


def caption_of(kind: Literal["keypoints", "limbs"], skeleton: Skeleton) -> str:
    """Return what stands above heatmaps."""
    return {
        "keypoints": f"{skeleton.num_keypoints} keypoint heatmaps",
        "limbs": f"{skeleton.num_limbs} limb heatmaps",
    }[kind]


def pose_pictures(
    people: Iterable[tuple[Float32[np.ndarray, "M V 2"], Float32[np.ndarray, "M V"]]],
    skeleton: Skeleton,
    crop: Crop,
    size: tuple[int, int],
    pictures: Iterable[UInt8[np.ndarray, "H W 3"]] | None = None,
    *,
    width: int | None = None,
) -> Iterator[UInt8[np.ndarray, "H2 W2 3"]]:
    """Yield part of each frame, scaled to `size` (height, width), with its people: their keypoints and scores.

    `pictures` are the frames; without them it is drawn on black. Limbs are `width` pixels wide, see `draw_skeletons`.
    """
    for (keypoints, scores), picture in zip(people, repeat(None) if pictures is None else pictures, strict=False):
        ground = np.zeros((*size, 3), np.uint8) if picture is None else crop.cut(picture, size)
        yield draw_skeletons(ground, crop.place(keypoints, size), scores, skeleton, width=width)


def heatmap_pictures(
    poses: Poses, skeleton: Skeleton, kind: Literal["keypoints", "limbs"], *, sigma: float, size: tuple[int, int]
) -> Iterator[UInt8[np.ndarray, "H W 3"]]:
    """Yield the heatmaps of each frame as a picture of `size` (height, width): all channels in one by maximum.

    The brightest colour is that of a keypoint or limb that is surer than nine in ten of all frames.
    """
    brightest = _brightest(poses.scores, skeleton.limbs if kind == "limbs" else ())
    for start in range(0, poses.num_frames, _FRAMES_AT_ONCE):
        part = slice(start, start + _FRAMES_AT_ONCE)
        keypoints, scores = (torch.tensor(array[None, :, part]) for array in (poses.keypoints, poses.scores))
        if kind == "keypoints":
            volume = render_keypoints(keypoints, scores, poses.canvas, sigma=sigma)
        else:
            volume = render_limbs(keypoints, scores, skeleton.limbs, poses.canvas, sigma=sigma)
        for heatmaps in volume[0].unbind(1):
            yield colour_heatmaps(heatmaps.numpy(), size, brightest=brightest)


def motion_pictures(
    poses: Poses, places: Int64[np.ndarray, " P"], *, sigma: float, size: tuple[int, int]
) -> Iterator[UInt8[np.ndarray, "H W 3"]]:
    """Yield the heatmaps of kind "motion" of these frames of a clip: keypoints, where they go, and how fast.

    Speed is from one frame of `poses` to the next, whichever frames are drawn. The brightest colours are those of
    heights that nine in ten do not exceed.
    """
    points, heights = with_motion(*(torch.tensor(array[None]) for array in (poses.keypoints, poses.scores)))
    speeds = heights[..., poses.num_keypoints :].numpy()
    brightest = _ninth_tenth(poses.scores), _ninth_tenth(speeds)
    for start in range(0, len(places), _FRAMES_AT_ONCE):
        chosen = torch.from_numpy(places[start : start + _FRAMES_AT_ONCE])
        volume = render_keypoints(points[:, :, chosen], heights[:, :, chosen], poses.canvas, sigma=sigma)
        for heatmaps in volume[0].unbind(1):
            kinds = heatmaps.numpy().reshape(NUM_POINTS, poses.num_keypoints, *poses.canvas)
            yield colour_motion(kinds[0], kinds[1:], size, brightest=brightest)


def _brightest(scores: Float32[np.ndarray, "M T V"], limbs: Sequence[tuple[int, int]]) -> float:
    """Return how high heatmaps are; not the highest, or one keypoint that is much surer would leave all others dark."""
    return _ninth_tenth(scores[..., list(limbs)].min(-1) if limbs else scores)


def _ninth_tenth(heights: Float32[np.ndarray, "*any"]) -> float:
    return float(np.quantile(heights[heights > 0], 0.9)) if (heights > 0).any() else 1.0
