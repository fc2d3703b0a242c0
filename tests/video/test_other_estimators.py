import sys
from types import SimpleNamespace

import numpy as np
import pytest

from posec3d.skeletons import get_skeleton
from posec3d.video.other_estimators import MediaPipeEstimator
from posec3d.video.other_estimators import RtmlibEstimator
from posec3d.video.other_estimators import UltralyticsEstimator
from posec3d.video.other_estimators import from_mediapipe
from posec3d.video.other_estimators import from_rtmlib
from posec3d.video.other_estimators import from_ultralytics
from posec3d.video.other_estimators import import_package

_COCO, _HALPE, _MEDIAPIPE = get_skeleton("coco17"), get_skeleton("halpe26"), get_skeleton("mediapipe33")
# Red, so that a wrong order of colours shows.
_PICTURE = np.zeros((40, 60, 3), np.uint8) + np.array([200, 0, 0], np.uint8)
_PICTURE.flags.writeable = False


def _points(num_people, num_keypoints):
    """As rtmlib 0.0.16 gives them: keypoints float64, scores float32, those of SimCC not bounded by 1."""
    rng = np.random.RandomState(0)
    scores = rng.uniform(0.1, 1, (num_people, num_keypoints)).astype(np.float32)
    return rng.uniform(1, 40, (num_people, num_keypoints, 2)), scores


@pytest.mark.parametrize(
    ("given", "skeleton"),
    [
        (17, "coco17"),  # Body
        (26, "halpe26"),  # BodyWithFeet
        (26, "coco17"),  # BodyWithFeet without its feet
        (133, "coco17"),  # Wholebody
        (18, "openpose18"),  # Body(to_openpose=True)
        (134, "openpose18"),  # Wholebody(to_openpose=True)
    ],
)
def test_rtmlib_keypoints_are_the_first_of_what_it_gives(given, skeleton):
    keypoints, scores = _points(2, given)

    found, sure = from_rtmlib(keypoints, scores, get_skeleton(skeleton))

    num_keypoints = get_skeleton(skeleton).num_keypoints
    np.testing.assert_allclose(found, keypoints[:, :num_keypoints], rtol=1e-6)
    np.testing.assert_array_equal(sure, scores[:, :num_keypoints])
    assert found.dtype == sure.dtype == np.float32


def test_rtmlib_scores_are_cut_at_one_and_nothing_missing_has_a_place():
    keypoints, scores = _points(1, 17)
    scores[0, :3] = [1.99, -0.1, np.nan]

    found, sure = from_rtmlib(keypoints, scores, _COCO)

    assert sure[0, :3].tolist() == [1, 0, 0]
    np.testing.assert_array_equal(found[0, 1:3], 0)


def test_the_person_of_zeros_that_rtmo_gives_for_an_empty_picture_is_nobody():
    keypoints, scores = from_rtmlib(np.zeros((1, 17, 2), np.float32), np.zeros((1, 17), np.float32), _COCO)

    assert (keypoints.shape, scores.shape) == ((0, 17, 2), (0, 17))


@pytest.mark.parametrize(("given", "skeleton"), [(17, _HALPE), (21, _COCO), (17, _MEDIAPIPE)])
def test_rtmlib_keypoints_of_another_skeleton_are_refused(given, skeleton):
    with pytest.raises(ValueError, match=f"gives {given} keypoints .* '{skeleton.name}'"):
        from_rtmlib(*_points(1, given), skeleton)


class _Body:
    """Of rtmlib 0.0.16 `Body`: a detector, and a pose model that takes no boxes for the box of the whole picture."""

    def __init__(self, boxes):
        self.boxes, self.seen = boxes, []

    def det_model(self, image):
        self.seen.append(image)
        return np.array(self.boxes)

    def pose_model(self, image, bboxes=()):
        self.seen.append(image)
        return _points(max(len(bboxes), 1), 17)

    def __call__(self, image):
        return self.pose_model(image, self.det_model(image))


def test_rtmlib_sees_the_picture_with_blue_first():
    body = _Body([[0, 0, 20, 40], [30, 0, 50, 40]])
    estimator = RtmlibEstimator(body)

    keypoints, _ = estimator.estimate(_PICTURE)

    assert (keypoints.shape, estimator.skeleton, len(body.seen)) == ((2, 17, 2), _COCO, 2)
    for image in body.seen:
        assert image[0, 0].tolist() == [0, 0, 200]
        assert image.flags.c_contiguous


def test_rtmlib_without_boxes_finds_nobody():
    assert RtmlibEstimator(_Body([])).estimate(_PICTURE)[0].shape == (0, 17, 2)


def test_one_stage_models_and_trackers_of_rtmlib_are_called_whole_and_trackers_reset():
    def rtmo(image):
        return _points(3, 17)

    class Tracker(_Body):
        num_resets = 0

        def reset(self):
            self.num_resets += 1

        def __call__(self, image):
            return _points(4, 17)

    tracker = Tracker([])
    for model, num_people in [(rtmo, 3), (tracker, 4)]:
        estimator = RtmlibEstimator(model)
        estimator.start()
        assert len(estimator.estimate(_PICTURE)[0]) == num_people

    assert (tracker.num_resets, len(tracker.seen)) == (1, 0)


def _keypoints(data):
    """Of ultralytics 8.4.190 `engine.results.Keypoints`, whose `data` is a tensor that may be on a GPU."""
    return SimpleNamespace(cpu=lambda: SimpleNamespace(numpy=lambda: SimpleNamespace(data=data)))


def _yolo(data, task="pose"):
    """Of ultralytics 8.4.190 `YOLO`: takes BGR, gives a list with one `Results` a picture."""
    seen = []

    def model(image, *, verbose):
        assert not verbose
        seen.append(image)
        return [SimpleNamespace(keypoints=None if data is None else _keypoints(data))]

    model.task, model.seen = task, seen
    return model


def test_ultralytics_keypoints_and_confidences():
    data = np.random.RandomState(0).uniform(0.1, 1, (2, 17, 3)).astype(np.float32)
    data[1, 4, 2] = 0
    model = _yolo(data)

    estimator = UltralyticsEstimator(model)
    estimator.start()
    keypoints, scores = estimator.estimate(_PICTURE)

    np.testing.assert_array_equal(scores, data[..., 2])
    np.testing.assert_array_equal(keypoints[scores > 0], data[..., :2][scores > 0])
    np.testing.assert_array_equal(keypoints[1, 4], 0)
    assert estimator.skeleton == _COCO
    assert model.seen[0][0, 0].tolist() == [0, 0, 200]


@pytest.mark.parametrize("data", [None, np.zeros((0, 17, 3), np.float32), np.zeros((1, 0, 3), np.float32)])
def test_ultralytics_without_people(data):
    keypoints, scores = UltralyticsEstimator(_yolo(data)).estimate(_PICTURE)

    assert (keypoints.shape, scores.shape) == ((0, 17, 2), (0, 17))


def test_ultralytics_without_confidences_misses_what_is_at_the_origin():
    data = np.full((1, 17, 2), 5, np.float32)
    data[0, 3] = 0

    _, scores = from_ultralytics(SimpleNamespace(keypoints=_keypoints(data)), _COCO)

    assert scores[0].tolist() == [1, 1, 1, 0, *[1] * 13]


def test_ultralytics_models_of_other_tasks_and_other_keypoints_are_refused():
    with pytest.raises(ValueError, match="'detect', not for poses"):
        UltralyticsEstimator(_yolo(None, task="detect"))
    with pytest.raises(ValueError, match=r"gives 21 keypoints .* 'coco17' has 17"):
        UltralyticsEstimator(_yolo(np.ones((1, 21, 3), np.float32))).estimate(_PICTURE)

    hand = UltralyticsEstimator(_yolo(np.ones((1, 21, 3), np.float32)), get_skeleton("hand21"))
    assert hand.estimate(_PICTURE)[0].shape == (1, 21, 2)


def _landmark(x, y, visibility):
    """Of mediapipe 1.2.2 `NormalizedLandmark`."""
    return SimpleNamespace(x=x, y=y, z=-0.1, visibility=visibility, presence=None, name=None)


def _landmarks(num_people):
    """Of mediapipe 1.2.2 `PoseLandmarkerResult`: the first landmark of each in the middle of the top left pixel."""
    person = [_landmark(0.5 / 60, 0.5 / 40, 0.75), *[_landmark(0.5, 1.1, 0.5)] * 32]
    return SimpleNamespace(pose_landmarks=[person] * num_people, pose_world_landmarks=[])


def test_mediapipe_landmarks_are_shares_of_the_picture():
    keypoints, scores = from_mediapipe(_landmarks(2), (40, 60))

    assert (keypoints.shape, keypoints.dtype, scores.dtype) == ((2, 33, 2), np.float32, np.float32)
    np.testing.assert_allclose(keypoints[:, 0], 0, atol=1e-6)
    np.testing.assert_allclose(keypoints[:, 1], [[29.5, 43.5]] * 2, rtol=1e-6)
    assert scores[0, :2].tolist() == [0.75, 0.5]


def test_mediapipe_without_people_and_without_visibility():
    assert from_mediapipe(_landmarks(0), (40, 60))[0].shape == (0, 33, 2)
    bare = SimpleNamespace(pose_landmarks=[[_landmark(0.5, 0.5, None)] * 33])
    assert from_mediapipe(bare, (40, 60))[1].min() == 1


class _Landmarker:
    def __init__(self):
        self.times = []

    def detect_for_video(self, image, milliseconds):
        assert all(time < milliseconds for time in self.times)
        self.times.append(milliseconds)
        assert image.data[0, 0].tolist() == [200, 0, 0]
        return _landmarks(1)


def test_mediapipe_gets_rising_times_and_a_fresh_landmarker_for_each_video(monkeypatch):
    mediapipe = SimpleNamespace(
        Image=lambda image_format, data: SimpleNamespace(data=data), ImageFormat=SimpleNamespace(SRGB=1)
    )
    monkeypatch.setitem(sys.modules, "mediapipe", mediapipe)
    made = []

    def create():
        made.append(_Landmarker())
        return made[-1]

    estimator = MediaPipeEstimator(create)
    for _ in range(2):
        estimator.start()
        for _ in range(3):
            keypoints, _ = estimator.estimate(_PICTURE)

    assert keypoints.shape == (1, estimator.skeleton.num_keypoints, 2)
    assert [len(landmarker.times) for landmarker in made] == [3, 3]


def test_a_package_that_is_absent_is_named_with_the_line_that_installs_it():
    with pytest.raises(ImportError, match=r"absent_package cannot be imported .* pip install absent-package"):
        import_package("absent_package", "absent-package")
