"""Pose estimators of other packages in the place of our own: rtmlib, Ultralytics YOLO and MediaPipe.

Their objects are made by whoever uses them and handed over, so all their settings stay open; none of the packages is
imported here before it is used.
"""

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Float
from jaxtyping import Float32
from jaxtyping import UInt8

from posec3d.skeletons import Skeleton
from posec3d.skeletons import get_skeleton

_Estimate = tuple[Float32[np.ndarray, "M V 2"], Float32[np.ndarray, "M V"]]

# How many keypoints rtmlib's models give whose first V are those of our skeleton: COCO-WholeBody (133) and Halpe (26)
# begin with COCO's 17, and `to_openpose` adds the neck to the first and to COCO.
_RTMLIB_KEYPOINTS = {17: (17, 26, 133), 18: (18, 134), 26: (26,)}
# Of MediaPipe's clock, which must go forward, and which frames are not given to an estimator.
_FRAME_MILLISECONDS = 33


class RtmlibEstimator:
    """An object of rtmlib: `Body`, `BodyWithFeet`, `Wholebody`, `RTMO` or a `PoseTracker` of one of them.

    `skeleton` is COCO-17 unless given: "halpe26" for the feet of `BodyWithFeet`, "openpose18" for `to_openpose`.
    """

    def __init__(self, model: Any, skeleton: Skeleton | None = None) -> None:
        self._model = model
        self._skeleton = skeleton or get_skeleton("coco17")

    @property
    def skeleton(self) -> Skeleton:
        """What the keypoints are."""
        return self._skeleton

    def start(self) -> None:
        """Forget the frames seen so far: a video begins."""
        if self._is_tracker:
            self._model.reset()

    def estimate(self, picture: UInt8[np.ndarray, "H W 3"]) -> _Estimate:
        """Return the people in an RGB picture: keypoints in its pixels, and scores."""
        bgr = _to_bgr(picture)
        if getattr(self._model, "det_model", None) is None or self._is_tracker:
            keypoints, scores = self._model(bgr)
            return from_rtmlib(keypoints, scores, self.skeleton)
        # Called as a whole, rtmlib takes a picture without boxes for one large person.
        boxes = self._model.det_model(bgr)
        if len(boxes) == 0:
            return _nobody(self.skeleton)
        keypoints, scores = self._model.pose_model(bgr, bboxes=boxes)
        return from_rtmlib(keypoints, scores, self.skeleton)

    @property
    def _is_tracker(self) -> bool:
        return hasattr(self._model, "reset")


class UltralyticsEstimator:
    """A pose model of Ultralytics, such as `YOLO("yolo11n-pose.pt")`. `skeleton` is COCO-17 unless given.

    Raises ValueError for a model that finds boxes or masks instead of keypoints.
    """

    def __init__(self, model: Any, skeleton: Skeleton | None = None) -> None:
        if model.task != "pose":
            raise ValueError(
                f"the model of Ultralytics is made to '{model.task}', not for poses; take one such as yolo11n-pose.pt"
            )
        self._model = model
        self._skeleton = skeleton or get_skeleton("coco17")

    @property
    def skeleton(self) -> Skeleton:
        """What the keypoints are."""
        return self._skeleton

    def start(self) -> None:
        """Do nothing: every picture is looked at by itself."""

    def estimate(self, picture: UInt8[np.ndarray, "H W 3"]) -> _Estimate:
        """Return the people in an RGB picture: keypoints in its pixels, and scores."""
        return from_ultralytics(self._model(_to_bgr(picture), verbose=False)[0], self.skeleton)


class MediaPipeEstimator:
    """MediaPipe's Pose Landmarker, 33 landmarks a person. `create` makes one with `running_mode` VIDEO.

    It is called for each video anew, because a landmarker cannot forget the frames it has seen.
    """

    def __init__(self, create: Callable[[], Any]) -> None:
        self._create = create
        self.start()

    @property
    def skeleton(self) -> Skeleton:
        """The 33 landmarks."""
        return get_skeleton("mediapipe33")

    def start(self) -> None:
        """Forget the frames seen so far: a video begins."""
        self._landmarker: Any = None
        self._milliseconds = 0

    def estimate(self, picture: UInt8[np.ndarray, "H W 3"]) -> _Estimate:
        """Return the people in an RGB picture: keypoints in its pixels, and scores."""
        mediapipe = import_package("mediapipe", "mediapipe")
        if self._landmarker is None:
            self._landmarker = self._create()
        image = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(picture))
        self._milliseconds += _FRAME_MILLISECONDS
        found = self._landmarker.detect_for_video(image, self._milliseconds)
        return from_mediapipe(found, (picture.shape[0], picture.shape[1]))


def from_rtmlib(
    keypoints: Float[np.ndarray, "M1 V1 2"], scores: Float[np.ndarray, "M1 V1"], skeleton: Skeleton
) -> _Estimate:
    """Return what an rtmlib model gave, of the keypoints of `skeleton`; V1 may be more, such as all of COCO-WholeBody.

    Scores of SimCC heads may exceed 1 and are cut there. RTMO gives a person of zeros where nobody is.

    Raises ValueError for keypoints that are not those of the skeleton.
    """
    num_keypoints = skeleton.num_keypoints
    if keypoints.shape[1] not in _RTMLIB_KEYPOINTS.get(num_keypoints, ()):
        raise ValueError(
            f"rtmlib gives {keypoints.shape[1]} keypoints a person, which do not fit the skeleton {skeleton.name!r} "
            f"({num_keypoints}); take coco17 for Body and Wholebody, halpe26 for BodyWithFeet, openpose18 for "
            "to_openpose"
        )
    return _cleaned(keypoints[:, :num_keypoints], scores[:, :num_keypoints])


def from_ultralytics(result: Any, skeleton: Skeleton) -> _Estimate:
    """Return the people of one `ultralytics.engine.results.Results`; without confidences (0, 0) means missing.

    Raises ValueError for a number of keypoints that is not that of the skeleton.
    """
    found = None if result.keypoints is None else np.asarray(result.keypoints.cpu().numpy().data)
    if found is None or found.size == 0:
        return _nobody(skeleton)
    if found.shape[1] != skeleton.num_keypoints:
        raise ValueError(
            f"the model of Ultralytics gives {found.shape[1]} keypoints a person, but the skeleton {skeleton.name!r} "
            f"has {skeleton.num_keypoints}; give the skeleton that the model was trained for"
        )
    points = found[..., :2]
    return _cleaned(points, found[..., 2] if found.shape[2] == 3 else (points != 0).any(axis=-1).astype(np.float32))


def from_mediapipe(result: Any, size: tuple[int, int]) -> _Estimate:
    """Return the people of a `PoseLandmarkerResult` for a picture of `size` (height, width); scores are visibility.

    Landmarks are shares of the picture, which reaches from the outer edge of its first pixel to that of its last.
    """
    if not result.pose_landmarks:
        return _nobody(get_skeleton("mediapipe33"))
    shares = np.array([[(mark.x, mark.y) for mark in person] for person in result.pose_landmarks], np.float64)
    visibility = [[1.0 if mark.visibility is None else mark.visibility for mark in p] for p in result.pose_landmarks]
    return _cleaned(shares * [size[1], size[0]] - 0.5, np.array(visibility))


def import_package(module: str, pip_name: str) -> Any:
    """Return an optional module, or raise ImportError with the line that installs it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(f"{module} cannot be imported ({error}); install it: pip install {pip_name}") from error


def _to_bgr(picture: UInt8[np.ndarray, "H W 3"]) -> UInt8[np.ndarray, "H W 3"]:
    return np.ascontiguousarray(picture[..., ::-1])


def _nobody(skeleton: Skeleton) -> _Estimate:
    return np.zeros((0, skeleton.num_keypoints, 2), np.float32), np.zeros((0, skeleton.num_keypoints), np.float32)


def _cleaned(keypoints: Float[np.ndarray, "M1 V 2"], scores: Float[np.ndarray, "M1 V"]) -> _Estimate:
    """Return scores within 0 and 1, (0, 0) for what is missing, and only people of whom something was found."""
    finite = np.isfinite(keypoints).all(axis=-1) & np.isfinite(scores)
    clipped = np.where(finite, np.clip(scores, 0, 1), 0).astype(np.float32)
    placed = np.where(clipped[..., None] > 0, keypoints, 0).astype(np.float32)
    found = (clipped > 0).any(axis=1)
    return placed[found], clipped[found]
