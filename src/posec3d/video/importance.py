"""Which keypoints and moments made a decision, drawn: an animation, and all on one sheet.

What speaks against the class is left dark: only positive importance is drawn.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Float32
from jaxtyping import UInt8

from posec3d.clips.geometry import crop_to_people
from posec3d.clips.geometry import stretch
from posec3d.poses import Poses
from posec3d.skeletons import Skeleton
from posec3d.video.drawing import colour_heatmaps
from posec3d.video.drawing import draw_skeletons
from posec3d.video.drawing import magma
from posec3d.video.lettering import lay_text
from posec3d.video.lettering import text_mask
from posec3d.video.panels import draw_shares
from posec3d.video.panels import height_of_shares
from posec3d.video.panels import lay
from posec3d.video.panels import shade

_BACKGROUND, _GREY, _WHITE = 14, (95, 95, 95), (255, 255, 255)
_NUM_KEYPOINTS, _NUM_MOMENTS = 5, 5
_GAP, _LINE = 10, 20


def importance_pictures(
    poses: Poses,
    importance: Float32[np.ndarray, "M T V"],
    skeleton: Skeleton,
    *,
    pictures: Sequence[UInt8[np.ndarray, "H W 3"]] = (),
    title: str = "",
    side: int = 480,
) -> list[UInt8[np.ndarray, "H2 W2 3"]]:
    """Return a picture a frame: the people with their keypoints larger and brighter the more these spoke for the class.

    Beside stand the keypoints that matter most, over all frames, and beneath is importance over time with a cursor.
    `pictures` are the frames of the video to draw on, `poses.canvas` large; without, the people alone are seen.
    """
    panels = _weighted_people(poses, importance, skeleton, pictures, side)
    beside = 15 * _LINE
    width = panels[0].shape[1] + 3 * _GAP + beside if panels else 0
    ground = np.full((3 * _GAP + _LINE + side + side // 6 + _GAP, width, 3), _BACKGROUND, np.uint8)
    lay_text(ground, text_mask(title, _LINE, width - 2 * _GAP), (_GAP, _GAP))
    upper, strip_upper = 2 * _GAP + _LINE, 3 * _GAP + _LINE + side
    _draw_strongest(ground, importance, skeleton, (width - beside - _GAP, upper), beside)
    strip_size = (width - 2 * _GAP, side // 6)
    lay(ground, _time_strip(importance, strip_size), (_GAP, strip_upper))
    drawn = []
    for time, panel in enumerate(panels):
        picture = ground.copy()
        lay(picture, panel, (_GAP, upper))
        cursor = _GAP + round((time + 0.5) / len(panels) * strip_size[0])
        shade(picture, (cursor - 1, strip_upper), (2, strip_size[1]), _WHITE, 1.0)
        drawn.append(picture)
    return drawn


def importance_sheet(
    poses: Poses,
    importance: Float32[np.ndarray, "M T V"],
    skeleton: Skeleton,
    *,
    frames: Sequence[int] | None = None,
    pictures: Sequence[UInt8[np.ndarray, "H W 3"]] = (),
    title: str = "",
    side: int = 240,
) -> UInt8[np.ndarray, "H2 W2 3"]:
    """Return one still picture: the moments that spoke most, and the importance of every keypoint over time.

    `frames` are the numbers that stand under the moments, 0 to T - 1 without.
    """
    panels = _weighted_people(poses, importance, skeleton, pictures, side)
    chosen = _strongest_moments(importance)
    names, beside = 8 * _LINE, 15 * _LINE
    panel_width = panels[0].shape[1] if panels else side
    width = max(_GAP + _NUM_MOMENTS * (panel_width + _GAP), names + beside + 500)
    grid_upper = 4 * _GAP + 2 * _LINE + side
    grid_size = (width - names - beside - 3 * _GAP, max(skeleton.num_keypoints * _LINE, 7 * _LINE))
    sheet = np.full((grid_upper + grid_size[1] + 2 * _GAP + _LINE, width, 3), _BACKGROUND, np.uint8)
    lay_text(sheet, text_mask(title, _LINE, width - 2 * _GAP), (_GAP, _GAP))
    for place, time in enumerate(chosen):
        left = _GAP + place * (panel_width + _GAP)
        lay(sheet, panels[time], (left, 2 * _GAP + _LINE))
        number = time if frames is None else frames[time]
        lay_text(sheet, text_mask(f"frame {number}", _LINE - 4), (left, 2 * _GAP + _LINE + side + 4))
    weights = np.maximum(importance, 0).sum(0).T
    lay(sheet, _grid(weights, grid_size), (names + _GAP, grid_upper))
    for index, keypoint in enumerate(skeleton.keypoints):
        y = grid_upper + round((index + 0.5) * grid_size[1] / skeleton.num_keypoints) - (_LINE - 4) // 2
        mask = text_mask(keypoint.replace("_", " "), _LINE - 4, names - _GAP)
        lay_text(sheet, mask, (names - mask.shape[1], y))
    _number_frames(sheet, chosen, frames, len(panels), (names + _GAP, grid_upper + grid_size[1] + 4), grid_size[0])
    _draw_strongest(sheet, importance, skeleton, (width - beside - _GAP, grid_upper), beside)
    return sheet


def _number_frames(
    sheet: UInt8[np.ndarray, "H W 3"],
    chosen: Sequence[int],
    frames: Sequence[int] | None,
    num_frames: int,
    corner: tuple[int, int],
    width: int,
) -> None:
    """Write the numbers of the chosen frames beneath their columns, as far as there is room, and what they are."""
    left, upper = corner
    word = text_mask("frame", _LINE - 4)
    lay_text(sheet, word, (left - _GAP - word.shape[1], upper))
    free = left
    for time in chosen:
        mask = text_mask(str(time if frames is None else frames[time]), _LINE - 4)
        start = left + min(round((time + 0.5) * width / num_frames) - mask.shape[1] // 2, width - mask.shape[1])
        if start >= free:
            lay_text(sheet, mask, (start, upper))
            free = start + mask.shape[1] + _GAP


def strongest_keypoints(
    importance: Float32[np.ndarray, "M T V"], skeleton: Skeleton, count: int = _NUM_KEYPOINTS
) -> list[tuple[str, float]]:
    """Return the keypoints that spoke most for the class, with their shares of all that did, best first."""
    weights = np.maximum(importance, 0).sum((0, 1))
    shares = weights / max(float(weights.sum()), 1e-12)
    best = np.argsort(-shares, kind="stable")[:count]
    return [(skeleton.keypoints[index], float(shares[index])) for index in best.tolist() if shares[index] > 0]


def _strongest_moments(importance: Float32[np.ndarray, "M T V"]) -> list[int]:
    """Return the frames that spoke most, in their order, no two of them close together."""
    weights = np.maximum(importance, 0).sum((0, 2))
    apart = len(weights) / (2 * _NUM_MOMENTS)
    chosen: list[int] = []
    for time in np.argsort(-weights, kind="stable").tolist():
        if len(chosen) < _NUM_MOMENTS and all(abs(time - other) >= apart for other in chosen):
            chosen.append(time)
    return sorted(chosen)


def _weighted_people(
    poses: Poses,
    importance: Float32[np.ndarray, "M T V"],
    skeleton: Skeleton,
    pictures: Sequence[UInt8[np.ndarray, "H W 3"]],
    side: int,
) -> list[UInt8[np.ndarray, "H2 W2 3"]]:
    """Return the people of each frame on a panel `side` pixels high, each keypoint a dot by its importance."""
    seen = poses if pictures else crop_to_people(poses, seen_only=True)
    large = stretch(seen, (side, round(side * seen.canvas[1] / seen.canvas[0])))
    shares = np.maximum(importance, 0) / _brightest(importance)
    panels = []
    for time in range(poses.num_frames):
        panel = np.zeros((*large.canvas, 3), np.uint8)
        if pictures:
            size = (large.canvas[1], large.canvas[0])
            # Darkened, or bright walls would outshine the keypoints.
            panel = np.asarray(cv2.resize(pictures[time], size, interpolation=cv2.INTER_AREA) * 0.45, np.uint8)
        points, scores = large.keypoints[:, time], large.scores[:, time]
        panel = draw_skeletons(panel, points, scores, skeleton, colour=_GREY)
        # The brightest last, over the others.
        for person, index in np.argwhere((scores > 0) & (shares[:, time] > 0.02)).tolist():
            share = float(min(shares[person, time, index], 1.0))
            centre = np.clip(points[person, index] * 16, -(2**24), 2**24).astype(int).tolist()
            radius = round(side * (0.008 + 0.027 * share**0.5) * 16)
            colour = magma(np.array(0.3 + 0.7 * share)).tolist()
            cv2.circle(panel, centre, radius, colour, -1, cv2.LINE_AA, 4)
        panels.append(panel)
    return panels


def _draw_strongest(
    drawn: np.ndarray, importance: np.ndarray, skeleton: Skeleton, place: tuple[int, int], width: int
) -> None:
    rows = [(name.replace("_", " "), share) for name, share in strongest_keypoints(importance, skeleton)]
    height = height_of_shares(len(rows), _LINE - 2)
    lay_text(drawn, text_mask("what spoke for it", _LINE - 2), (place[0] + _LINE // 4, place[1]))
    shade(drawn, (place[0], place[1] + _LINE + 4), (width, height), (0, 0, 0), 0.4)
    if rows:
        draw_shares(drawn, rows, (place[0], place[1] + _LINE + 4), width, _LINE - 2)


def _time_strip(importance: np.ndarray, size: tuple[int, int]) -> UInt8[np.ndarray, "H W 3"]:
    """Return importance over time as columns, the highest as high as the strip; `size` is (width, height)."""
    width, height = size
    weights = np.maximum(importance, 0).sum((0, 2))
    shares = weights / max(float(weights.max(initial=0)), 1e-12)
    of_column = shares[np.arange(width) * len(shares) // width] if len(shares) else np.zeros(width)
    filled = np.arange(height)[:, None] >= np.round((1 - of_column) * height)
    return np.where(filled[..., None], magma(0.25 + 0.65 * of_column)[None], np.uint8(28))


def _grid(weights: Float32[np.ndarray, "V T"], size: tuple[int, int]) -> UInt8[np.ndarray, "H W 3"]:
    brightest = max(float(np.quantile(weights, 0.995)), 1e-12) if weights.size else 1.0
    return colour_heatmaps(weights[None], (size[1], size[0]), brightest=brightest)


def _brightest(importance: np.ndarray) -> float:
    """Return the importance of full brightness; not the greatest, or one outlier would leave all others dark."""
    positive = importance[importance > 0]
    return max(float(np.quantile(positive, 0.98)), 1e-12) if positive.size else 1.0
