import sys
from types import ModuleType
from types import SimpleNamespace

import pytest

from posec3d.video.estimators import ESTIMATORS
from posec3d.video.estimators import load_estimator
from posec3d.video.other_estimators import RtmlibEstimator


def _install(monkeypatch, name, **contents):
    module = ModuleType(name)
    vars(module).update(contents)
    monkeypatch.setitem(sys.modules, name, module)


def test_our_own_estimator_goes_by_its_name():
    assert load_estimator("movenet").skeleton.name == "coco17"


def test_an_unknown_name_gets_the_nearest():
    with pytest.raises(KeyError, match="unknown pose estimator 'move-net'; did you mean 'movenet'"):
        load_estimator("move-net")
    with pytest.raises(KeyError, match="known: movenet, rtmlib, ultralytics, mediapipe"):
        load_estimator("xyz")


@pytest.mark.parametrize(
    ("name", "module"),
    [("rtmlib", "rtmlib"), ("ultralytics", "ultralytics"), ("mediapipe", "mediapipe.tasks.python")],
)
def test_a_package_that_is_not_installed_is_named(name, module, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)

    with pytest.raises(ImportError, match=f"pip install {name}"):
        load_estimator(name)


@pytest.mark.parametrize("name", ["movenet", "rtmlib"])
def test_weights_that_would_be_ignored_are_refused(name, tmp_path):
    with pytest.raises(ValueError, match=f"'{name}' brings its own weights"):
        load_estimator(name, tmp_path / "weights.onnx")


def test_rtmlib_is_made_as_its_authors_propose(monkeypatch):
    _install(monkeypatch, "rtmlib", Body=lambda mode: SimpleNamespace(mode=mode))

    estimator = load_estimator("rtmlib")

    assert isinstance(estimator, RtmlibEstimator)
    assert estimator.skeleton.name == "coco17"


def test_ultralytics_takes_the_weights_given_or_the_smallest(monkeypatch, tmp_path):
    asked = []
    _install(monkeypatch, "ultralytics", YOLO=lambda name: asked.append(name) or SimpleNamespace(task="pose"))

    load_estimator("ultralytics")
    load_estimator("ultralytics", tmp_path / "mine.pt")

    assert asked == ["yolo11n-pose.pt", str(tmp_path / "mine.pt")]


def test_mediapipe_needs_its_model_file(monkeypatch, tmp_path):
    options = []
    vision = SimpleNamespace(
        PoseLandmarkerOptions=lambda **settings: options.append(settings),
        RunningMode=SimpleNamespace(VIDEO="VIDEO"),
        PoseLandmarker=SimpleNamespace(create_from_options=lambda given: given),
    )
    _install(
        monkeypatch, "mediapipe.tasks.python", vision=vision, BaseOptions=lambda model_asset_path: model_asset_path
    )
    (tmp_path / "pose.task").touch()

    with pytest.raises(ValueError, match=r"fetch https://.*pose_landmarker_full.task and name the file"):
        load_estimator("mediapipe")
    with pytest.raises(FileNotFoundError, match=r"absent\.task: there is no such file"):
        load_estimator("mediapipe", tmp_path / "absent.task")
    assert load_estimator("mediapipe", tmp_path / "pose.task").skeleton.name == "mediapipe33"
    assert options == [{"base_options": str(tmp_path / "pose.task"), "running_mode": "VIDEO", "num_poses": 6}]


def test_every_estimator_of_the_table_is_documented():
    assert list(ESTIMATORS) == ["movenet", "rtmlib", "ultralytics", "mediapipe"]


def test_weights_may_follow_the_name(tmp_path):
    with pytest.raises(ValueError, match=r"other\.onnx: the pose estimator 'movenet' brings its own weights"):
        load_estimator("movenet:other.onnx")
