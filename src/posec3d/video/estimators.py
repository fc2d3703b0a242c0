"""The pose estimators that go by a name."""

import difflib
from collections.abc import Callable
from pathlib import Path

from posec3d.video.other_estimators import MediaPipeEstimator
from posec3d.video.other_estimators import RtmlibEstimator
from posec3d.video.other_estimators import UltralyticsEstimator
from posec3d.video.other_estimators import import_package
from posec3d.video.pose_estimation import PoseEstimator

_YOLO_WEIGHTS = Path("yolo11n-pose.pt")
_MEDIAPIPE_URL = (
    "https://storage.googleapis.com/mediapipe-models/pose_landmarker/pose_landmarker_full/float16/latest/"
    "pose_landmarker_full.task"
)
_MEDIAPIPE_PEOPLE = 6


def load_estimator(name: str, weights: Path | None = None) -> PoseEstimator:
    """Return a pose estimator of the table ESTIMATORS by its name.

    `weights` is a file for "ultralytics" (else it fetches yolo11n-pose.pt) and "mediapipe"; the others bring their
    own. It may also follow the name after a colon: "mediapipe:pose_landmarker_full.task".

    Raises KeyError for an unknown name, ImportError for a package that is not installed, ValueError for weights that
    are missing or of no use, and FileNotFoundError for ones that are not there.
    """
    name, _, given = name.partition(":")
    weights = Path(given) if given else weights
    if name not in ESTIMATORS:
        near = difflib.get_close_matches(name, ESTIMATORS, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(ESTIMATORS)}"
        raise KeyError(f"unknown pose estimator {name!r}; {hint}")
    return ESTIMATORS[name](weights)


def _movenet(weights: Path | None) -> PoseEstimator:
    from posec3d.video.movenet import MoveNet

    _refuse_weights("movenet", weights)
    return MoveNet()


def _rtmlib(weights: Path | None) -> PoseEstimator:
    """RTMPose behind YOLOX (Apache-2.0), fetched by rtmlib when first used."""
    _refuse_weights("rtmlib", weights)
    return RtmlibEstimator(import_package("rtmlib", "rtmlib").Body(mode="balanced"))


def _ultralytics(weights: Path | None) -> PoseEstimator:
    """A pose model of Ultralytics; mind its licence, AGPL-3.0."""
    return UltralyticsEstimator(import_package("ultralytics", "ultralytics").YOLO(str(weights or _YOLO_WEIGHTS)))


def _mediapipe(weights: Path | None) -> PoseEstimator:
    tasks = import_package("mediapipe.tasks.python", "mediapipe")
    if weights is None:
        raise ValueError(f"mediapipe comes without its model; fetch {_MEDIAPIPE_URL} and name the file: mediapipe:FILE")
    if not weights.is_file():
        raise FileNotFoundError(f"{weights}: there is no such file; fetch {_MEDIAPIPE_URL}")
    options = tasks.vision.PoseLandmarkerOptions(
        base_options=tasks.BaseOptions(model_asset_path=str(weights)),
        running_mode=tasks.vision.RunningMode.VIDEO,
        num_poses=_MEDIAPIPE_PEOPLE,
    )
    return MediaPipeEstimator(lambda: tasks.vision.PoseLandmarker.create_from_options(options))


def _refuse_weights(name: str, weights: Path | None) -> None:
    if weights is not None:
        raise ValueError(f"weights={weights}: the pose estimator {name!r} brings its own weights; leave them out")


ESTIMATORS: dict[str, Callable[[Path | None], PoseEstimator]] = {
    "movenet": _movenet,
    "rtmlib": _rtmlib,
    "ultralytics": _ultralytics,
    "mediapipe": _mediapipe,
}
