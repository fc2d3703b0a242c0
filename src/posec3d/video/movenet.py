"""MoveNet MultiPose, the pose estimator that travels with the package: up to six people, COCO-17, on onnxruntime.

The network likes people of about 180 input pixels: larger ones are lost from 250 on, smaller ones are found roughly,
and enlarged ones too. So a video is searched in several sizes now and then, and in between only the part with people is
looked at, in the size that suits them.
"""

from importlib.resources import files
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Float
from jaxtyping import Float32
from jaxtyping import UInt8

from posec3d.skeletons import Skeleton
from posec3d.skeletons import get_skeleton

# A box of this certainty is a person. If there is none, the best box from DOUBTFUL on is: on labelled frames of JHMDB
# two in three of those between are right, but of further boxes one in six.
_SURE, _DOUBTFUL = 0.2, 0.12
_SEARCH_EVERY = 15  # frames
_SEARCH_AGAIN = 3  # frames, while people are missing
_SEARCH_EMPTY = 5  # frames, once nobody has been there for a while: a search takes five times as long as a look
_BEST_SIZE = 180.0  # input pixels of the largest person
_LARGEST_SCALE = 0.8  # of people who have _ENOUGH input pixels: sharp pictures serve better than large ones
_ENOUGH = 100.0
_SIDES = (128, 448)  # smallest and largest long side of the input, in pixels
_MULTIPLE = 32  # of the input's sides
_MARGIN = 0.2  # of the people's extent, on each side
# The network's coordinates are low by this many input pixels; seen by comparing pictures with their mirrors.
_BIAS = 0.4


class _View(NamedTuple):
    """A part of the picture, in its pixels, that may reach beyond it; `scale` is input pixels for each of them."""

    left: float
    top: float
    width: float
    height: float
    scale: float


class _People(NamedTuple):
    """People with boxes (left, top, right, bottom), in pixels of the picture, surest first."""

    keypoints: Float32[np.ndarray, "M 17 2"]
    scores: Float32[np.ndarray, "M 17"]
    boxes: Float32[np.ndarray, "M 4"]
    certainty: Float32[np.ndarray, " M"]

    @property
    def found(self) -> float:
        """How much has been found: the sum of all certainties."""
        return float(self.certainty.sum())


class MoveNet:
    """Finds up to six people in a picture, and follows them through a video. Works offline.

    `num_threads` are those of the network; None takes one a core.
    """

    def __init__(self, *, num_threads: int | None = None) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = num_threads or 0
        options.log_severity_level = 3
        model = (files("posec3d") / "video" / "movenet-multipose.onnx").read_bytes()
        self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self.start()

    @property
    def skeleton(self) -> Skeleton:
        """COCO-17."""
        return get_skeleton("coco17")

    def start(self) -> None:
        """Forget the frames seen so far: a video begins."""
        self._view: _View | None = None
        self._since_search = 0
        self._num_people = 0
        self._empty = 0

    def estimate(
        self, picture: UInt8[np.ndarray, "H W 3"]
    ) -> tuple[Float32[np.ndarray, "M 17 2"], Float32[np.ndarray, "M 17"]]:
        """Return keypoints (x, y), in pixels of the RGB picture, and their scores, 0 to 1, for up to six people.

        What lies outside the picture is missing: (0, 0) with score 0.
        """
        self._since_search += 1
        if self._empty > _SEARCH_EVERY and self._since_search < _SEARCH_EMPTY:
            return np.zeros((0, 17, 2), np.float32), np.zeros((0, 17), np.float32)
        people = None if self._view is None else self._look(picture, self._view)
        if people is None or self._is_search_due(people):
            self._since_search = 0
            people = self._search(picture, people)
        self._num_people = len(people.certainty)
        self._empty = 0 if self._num_people else self._empty + 1
        self._view = _next_view(people, picture.shape[:2], self._view)
        height, width = picture.shape[:2]
        inside = np.all((people.keypoints >= -0.5) & (people.keypoints < [width - 0.5, height - 0.5]), axis=-1)
        keypoints = np.where(inside[..., None], people.keypoints, np.float32(0))
        return keypoints, np.where(inside, people.scores, np.float32(0))

    def _is_search_due(self, people: _People) -> bool:
        missing = len(people.certainty) < max(self._num_people, 1)
        return self._since_search >= (_SEARCH_AGAIN if missing else _SEARCH_EVERY) or not len(people.certainty)

    def _search(self, picture: UInt8[np.ndarray, "H W 3"], people: _People | None) -> _People:
        """Look at the whole picture in two sizes, and in more if nobody is there; the best of what was found."""
        height, width = picture.shape[:2]
        long_side = max(height, width)
        candidates = [] if people is None else [people]
        for side in (256, 448):
            candidates.append(self._look(picture, _View(0, 0, width, height, side / long_side)))
        if max(candidate.found for candidate in candidates) < _SURE:
            # Close-ups are found with a border around them, small people in a large picture by enlarging.
            candidates.append(self._look(picture, _View(0, 0, width, height, 192 / long_side)))
            candidates.append(
                self._look(picture, _View(-width / 2, -height / 2, 2 * width, 2 * height, 448 / (2 * long_side)))
            )
            if long_side >= 960:
                candidates.append(self._look(picture, _View(0, 0, width, height, 640 / long_side)))
        return max(candidates, key=lambda candidate: candidate.found)

    def _look(self, picture: UInt8[np.ndarray, "H W 3"], view: _View) -> _People:
        """Run the network on a part of the picture."""
        height, width = picture.shape[:2]
        shape = tuple(
            max(1, -(-round(side * view.scale) // _MULTIPLE)) * _MULTIPLE for side in (view.height, view.width)
        )
        left, top = max(0, round(view.left)), max(0, round(view.top))
        right, bottom = min(width, round(view.left + view.width)), min(height, round(view.top + view.height))
        size = (max(1, round((right - left) * view.scale)), max(1, round((bottom - top) * view.scale)))
        interpolation = cv2.INTER_AREA if view.scale < 1 else cv2.INTER_LINEAR
        column, row = round((left - view.left) * view.scale), round((top - view.top) * view.scale)
        network_input = np.zeros((1, *shape, 3), np.uint8)
        part = network_input[0, row : row + size[1], column : column + size[0]]
        part[:] = cv2.resize(picture[top:bottom, left:right], size, interpolation=interpolation)[
            : part.shape[0], : part.shape[1]
        ]
        output = self._session.run(None, {"input": network_input})[0][0]

        def in_picture(relative: Float32[np.ndarray, "... 2"]) -> Float32[np.ndarray, "... 2"]:
            pixels = relative * [shape[1], shape[0]] + _BIAS - [column, row]
            return (pixels / view.scale + [left, top] - 0.5).astype(np.float32)

        points = output[:, :51].reshape(-1, 17, 3)
        boxes = np.concatenate([in_picture(output[:, [52, 51]]), in_picture(output[:, [54, 53]])], axis=1)
        return _persons(_People(in_picture(points[..., 1::-1]), points[..., 2], boxes, output[:, 55]))


def _persons(boxes: _People) -> _People:
    """Return the boxes that are people: the sure ones, or else the best, and each person once."""
    threshold = _SURE if boxes.certainty.max() >= _SURE else max(_DOUBTFUL, float(boxes.certainty.max()))
    kept: list[int] = []
    for person in np.argsort(-boxes.certainty, kind="stable").tolist():
        if boxes.certainty[person] >= threshold and not any(_is_same(boxes, person, other) for other in kept):
            kept.append(person)
    return _People(*(part[kept] for part in boxes))


def _is_same(boxes: _People, first: int, second: int) -> bool:
    """Tell whether two boxes are one person found twice: their keypoints lie within a tenth of its size."""
    apart = np.linalg.norm(boxes.keypoints[first] - boxes.keypoints[second], axis=1)
    return float(np.median(apart)) < 0.1 * float((boxes.boxes[second, 2:] - boxes.boxes[second, :2]).max())


def _next_view(people: _People, canvas: tuple[int, int], last: _View | None) -> _View | None:
    """Return the part of the picture to look at next: the last one while it fits, so that inputs keep their size."""
    if not len(people.certainty):
        return None
    boxes = people.boxes.clip(0, [canvas[1], canvas[0]] * 2)
    start, end = boxes[:, :2].min(0), boxes[:, 2:].max(0)
    largest = max(8.0, float((boxes[:, 2:] - boxes[:, :2]).max()))
    if last is not None and _still_fits(last, start, end, largest, canvas):
        return last
    extent = np.maximum(end - start, 0.6 * (end - start).max())
    half = extent * (0.5 + _MARGIN)
    corner = np.maximum((start + end) / 2 - half, 0)
    size = np.minimum((start + end) / 2 + half, [canvas[1], canvas[0]]) - corner
    side = np.clip(_suitable_scale(largest) * size.max(), *_SIDES)
    (left, top), (width, height) = corner.tolist(), size.tolist()
    return _View(left, top, width, height, float(side / size.max()))


def _suitable_scale(largest: float) -> float:
    return min(_BEST_SIZE / largest, max(_LARGEST_SCALE, _ENOUGH / largest))


def _still_fits(
    view: _View,
    start: Float[np.ndarray, " 2"],
    end: Float[np.ndarray, " 2"],
    largest: float,
    canvas: tuple[int, int],
) -> bool:
    """Tell whether people stay clear of the view's borders inside the picture, and have about the right size."""
    corner, far = np.array([view.left, view.top]), np.array([view.left + view.width, view.top + view.height])
    clear = _MARGIN / 2 * (end - start)
    inside = ((start - clear >= corner) | (corner <= 0)) & ((end + clear <= far) | (far >= [canvas[1], canvas[0]]))
    size = max(view.width, view.height)
    wanted = np.clip(_suitable_scale(largest) * size, *_SIDES) / size
    return bool(inside.all() and 0.75 < view.scale / wanted < 1.33)
