import itertools
from pathlib import Path

import cv2
import numpy as np
import pytest

import posec3d.video
from posec3d.synthetic import MOTIONS
from posec3d.video import scene
from posec3d.video.scene import film


def seeded(seed):
    return np.random.RandomState(seed)


def test_a_film_is_pictures_and_the_true_keypoints():
    pictures, keypoints = film("wave", rng=seeded(0), num_frames=3, size=(240, 320))

    drawn = list(pictures)

    assert [(picture.shape, picture.dtype) for picture in drawn] == [((240, 320, 3), np.uint8)] * 3
    assert (keypoints.shape, keypoints.dtype) == ((1, 3, 17, 2), np.float32)


def test_pictures_are_drawn_when_they_are_asked_for(monkeypatch):
    drawn = []
    draw = scene.draw_solids
    monkeypatch.setattr(scene, "draw_solids", lambda *given: drawn.append(given[2]) or draw(*given))

    pictures, _ = film("wave", rng=seeded(0), num_frames=60, size=(120, 160))
    assert drawn == []
    list(itertools.islice(pictures, 2))

    assert drawn == [0, 1]


def test_the_same_seed_gives_the_same_film_and_another_seed_another():
    first, again, other = (film("walk", rng=seeded(seed), num_frames=4, size=(120, 160)) for seed in (5, 5, 6))

    np.testing.assert_array_equal(first[1], again[1])
    np.testing.assert_array_equal(list(first[0]), list(again[0]))
    assert not np.array_equal(first[1], other[1])


@pytest.mark.parametrize("motion", MOTIONS)
def test_the_person_is_in_full_view_and_large(motion):
    for seed in range(3):
        _, keypoints = film(motion, rng=seeded(seed), num_frames=60, size=(480, 640))

        low, high = keypoints.min(axis=(0, 1, 2)), keypoints.max(axis=(0, 1, 2))
        assert (low > 10).all()
        assert (high < np.array([640, 480]) - 10).all()
        assert np.ptp(keypoints[0], axis=1).max() > 200


@pytest.mark.parametrize("motion", ["jumping_jacks", "run"])
def test_the_body_is_drawn_where_the_keypoints_are(motion, monkeypatch):
    pictures, keypoints = film(motion, rng=seeded(1), num_frames=12)
    with_body = list(pictures)
    monkeypatch.setattr(scene, "draw_solids", lambda picture, *_: picture)
    monkeypatch.setattr(scene, "_shaded", lambda picture, *_: picture)
    empty = list(film(motion, rng=seeded(1), num_frames=12)[0])

    for frame in range(12):
        changed = np.abs(with_body[frame].astype(int) - empty[frame]).max(axis=2) > 8
        columns, rows = np.round(keypoints[0, frame]).astype(int).T
        near = np.array([changed[y - 2 : y + 3, x - 2 : x + 3].any() for x, y in zip(columns, rows, strict=True)])
        assert near.all()
        assert 0.005 < changed.mean() < 0.3


def test_a_still_camera_sees_a_still_room():
    first, second = film("wave", rng=seeded(0), num_frames=2)[0]

    assert (first[:, :40] == second[:, :40]).all()


def test_an_odd_size_is_a_size():
    pictures, _ = film("run", rng=seeded(0), num_frames=2, size=(101, 75))

    assert [picture.shape for picture in pictures] == [(101, 75, 3)] * 2


def test_what_cannot_be_filmed_is_refused_at_once():
    with pytest.raises(KeyError, match="did you mean 'walk'"):
        film("wlak", rng=seeded(0))
    with pytest.raises(ValueError, match="num_frames is 0"):
        film("walk", rng=seeded(0), num_frames=0)


def test_a_real_pose_estimator_finds_the_figure():
    """MoveNet MultiPose on every sixth frame, nearest person; PCK@0.2 of the torso is 1.0 with onnxruntime 1.32."""
    onnxruntime = pytest.importorskip("onnxruntime")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    network = Path(posec3d.video.__file__).parent / "movenet-multipose.onnx"
    session = onnxruntime.InferenceSession(str(network), options)
    pictures, truth = film("wave", rng=seeded(0), num_frames=48)

    correct = []
    for picture, true in itertools.islice(zip(pictures, truth[0], strict=True), 0, None, 6):
        small = cv2.resize(picture, (320, 240), interpolation=cv2.INTER_AREA)
        padded = np.pad(small, ((0, 16), (0, 0), (0, 0)))
        people = session.run(None, {"input": padded[None]})[0][0]
        found = people[people[:, 55] > 0.2][:, :51].reshape(-1, 17, 3)[..., 1::-1] * [640, 512]
        assert len(found) > 0
        nearest = np.linalg.norm(found - true, axis=-1).mean(axis=1).argmin()
        torso = np.linalg.norm(true[5:7].mean(axis=0) - true[11:13].mean(axis=0))
        correct.append(np.linalg.norm(found[nearest] - true, axis=-1) <= 0.2 * torso)

    assert np.mean(correct) > 0.9
