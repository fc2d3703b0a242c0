import numpy as np
import pytest
from PIL import Image

from posec3d.evaluation import features as features_module
from posec3d.evaluation.feature_map import save_feature_map
from posec3d.evaluation.features import Features
from posec3d.evaluation.features import flattened
from posec3d.evaluation.features import nearest_is_alike
from posec3d.evaluation.features import save_features

# Two directions, of other lengths; the last video of class 1 points as those of class 0 do.
VALUES = np.array([[1, 0.1], [9, 1.2], [0.1, 1], [0, 5], [2, 0.15]], np.float32)
LABELS = np.array([0, 0, 1, 1, 1])


def of(values=VALUES, labels=LABELS, **others):
    return Features(values, labels, tuple(f"video {number}" for number in range(len(values))), **others)


@pytest.mark.parametrize("at_once", [1, 2, 1000])
def test_the_nearest_is_nearest_by_direction(monkeypatch, at_once):
    monkeypatch.setattr(features_module, "_ROWS_AT_ONCE", at_once)

    # The first video is nearest to the last one, by its direction.
    compared = []

    assert nearest_is_alike(of(), compared.append) == pytest.approx({0: 1 / 2, 1: 2 / 3})
    assert sum(compared) == 5


def test_videos_without_a_label_and_classes_of_one_video_are_not_counted():
    # Labels may be any numbers.
    assert nearest_is_alike(of(labels=np.array([10**12, 10**12, 2, -1, -1]))) == {10**12: 1}
    assert nearest_is_alike(of(labels=np.full(5, -1))) == {}


def test_videos_lie_apart_in_the_plane_by_their_directions():
    plane = flattened(VALUES)

    assert plane.shape == (5, 2)
    assert np.linalg.norm(plane[0] - plane[1]) < 0.2 < 1 < np.linalg.norm(plane[0] - plane[2])
    # What is the same in all is a point.
    np.testing.assert_allclose(flattened(np.ones((3, 4), np.float32)), 0, atol=1e-12)


@pytest.mark.parametrize("num_videos", [1, 2])
def test_few_videos_lie_in_a_plane_too(num_videos):
    assert flattened(VALUES[:num_videos]).shape == (num_videos, 2)


@pytest.mark.parametrize("classes", [None, ("walk", "läuft")])
def test_a_file_is_read_by_numpy_alone(tmp_path, classes):
    save_features(tmp_path / "new" / "features.npz", of(classes=classes))

    with np.load(tmp_path / "new" / "features.npz", allow_pickle=False) as written:
        np.testing.assert_array_equal(written["features"], VALUES)
        np.testing.assert_array_equal(written["labels"], LABELS)
        assert written["videos"][4] == "video 4"
        assert ("classes" in written) == (classes is not None)
        assert classes is None or tuple(written["classes"]) == classes


def test_another_ending_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"features are written as \.npz, not as \.csv"):
        save_features(tmp_path / "features.csv", of())


@pytest.mark.parametrize("classes", [("of $5", "two"), None])
@pytest.mark.parametrize("labels", [LABELS, np.full(5, -1), np.array([0, 0, 57, 57, -1])])
def test_every_video_is_a_point(tmp_path, labels, classes):
    save_feature_map(tmp_path / "map.png", of(labels=labels, classes=classes))

    with Image.open(tmp_path / "map.png") as picture:
        colours = np.unique(np.asarray(picture.convert("RGB")).reshape(-1, 3), axis=0)
        assert picture.width > 600
    # Points of each class, and of videos without one.
    expected = {0: (31, 119, 180), 1: (174, 199, 232), 17: (219, 219, 141), -1: (187, 187, 187)}
    for label in np.unique(labels):
        assert (colours == expected[label % 20 if label >= 0 else -1]).all(1).any()
