"""The three figures that explain PoseC3D: poses, keypoint heatmaps and limb heatmaps of one clip, side by side."""

import numpy as np
import torch
from jaxtyping import UInt8

from posec3d.heatmaps import render_keypoints
from posec3d.heatmaps import render_limbs
from posec3d.poses import Poses
from posec3d.skeletons import Skeleton
from posec3d.video.drawing import colour_heatmaps
from posec3d.video.drawing import draw_skeletons
from posec3d.video.drawing import write_text

_GAP, _CAPTION = 8, 34
_BACKGROUND = 14


def volume_figures(
    poses: Poses, skeleton: Skeleton, *, sigma: float = 0.6, side: int = 320, title: str = ""
) -> list[UInt8[np.ndarray, "H W 3"]]:
    """Return a picture a frame with the poses, their keypoint heatmaps and their limb heatmaps.

    `poses` are those of one clip as the network is given it; a panel is `side` pixels high, and `title` stands above.
    """
    height, width = poses.canvas
    size = (side, round(side * width / height))
    keypoints, scores = torch.tensor(poses.keypoints)[None], torch.tensor(poses.scores)[None]
    volumes = {
        f"{skeleton.num_keypoints} keypoint heatmaps": render_keypoints(keypoints, scores, poses.canvas, sigma=sigma)
    }
    if skeleton.limbs:
        limbs = render_limbs(keypoints, scores, skeleton.limbs, poses.canvas, sigma=sigma)
        volumes[f"{skeleton.num_limbs} limb heatmaps"] = limbs
    brightest = {name: max(float(volume.max()), 1e-6) for name, volume in volumes.items()}
    # Heatmap pixel i covers the picture from i * scale on; its centre, where coordinate i lies, is half a pixel on.
    scale = np.array([size[1] / width, size[0] / height], np.float32)
    enlarged = (poses.keypoints + np.float32(0.5)) * scale
    pictures = []
    for frame in range(poses.num_frames):
        black = np.zeros((*size, 3), np.uint8)
        panels = {"poses": draw_skeletons(black, enlarged[:, frame], poses.scores[:, frame], skeleton)}
        for name, volume in volumes.items():
            panels[name] = colour_heatmaps(volume[0, :, frame].numpy(), size, brightest=brightest[name])
        pictures.append(_beside(list(panels.values()), list(panels), title))
    return pictures


def _beside(panels: list[UInt8[np.ndarray, "H W 3"]], names: list[str], title: str) -> UInt8[np.ndarray, "H2 W2 3"]:
    height, width = panels[0].shape[:2]
    top = _CAPTION * (2 if title else 1)
    picture = np.full((top + height + _GAP, _GAP + len(panels) * (width + _GAP), 3), _BACKGROUND, np.uint8)
    for column, (panel, name) in enumerate(zip(panels, names, strict=True)):
        left = _GAP + column * (width + _GAP)
        picture[top : top + height, left : left + width] = panel
        picture = write_text(picture, name, (left + 2, top - _CAPTION + 8)).copy()
    return write_text(picture, title, (_GAP + 2, 7), height=20) if title else picture
