import pytest

from posec3d.published import CHECKPOINTS
from posec3d.published import find_published
from posec3d.published_cards import card_of_published


def card(name, path):
    (file,) = find_published(name, CHECKPOINTS)
    return card_of_published(file, path)


@pytest.mark.parametrize(
    ("name", "kind", "skeleton", "threshold", "fit", "mirror", "canvas"),
    [
        ("ntu60-keypoint", "keypoint", "coco17", 1e-4, "crop", "keypoints", 64),
        ("gym-limb-1x", "limb", "coco17", 1e-4, "crop", "volume", 64),
        ("ntu60-limb-pyskl", "limb", "coco17", 1e-3, "stretch", "volume", 64),
        # pyskl calls them joints, and draws limbs in the default order.
        ("ntu120-joint-pyskl", "limb", "coco17_default_limbs", 1e-3, "stretch", "volume", 64),
        ("hmdb51-keypoint", "keypoint", "coco17", 1e-4, "crop", "keypoints", 56),
        ("k400-keypoint-1x", "keypoint", "coco17", 1e-4, "stretch", "volume", 64),
    ],
)
def test_published_weights_are_run_as_their_configs_say(golden, name, kind, skeleton, threshold, fit, mirror, canvas):
    found = card(name, golden / "mmaction2-1.2.0-trained-epoch-1.pth")

    assert (found.heatmaps.kind, found.heatmaps.skeleton.name, found.heatmaps.threshold) == (kind, skeleton, threshold)
    assert (found.clips.test_fit, found.clips.test_mirror, found.clips.test_canvas) == (fit, mirror, canvas)
    assert found.num_classes == 60


def test_class_names_come_with_the_data_set_if_their_number_fits(golden):
    path = golden / "mmaction2-1.2.0-trained-epoch-1.pth"

    assert card("ntu60-keypoint", path).class_name(0) == "drink water"
    assert card("gym-keypoint", path).classes is None


@pytest.mark.parametrize("name", ["gym-keypoint-c3d-pyskl", "ntu60-limb-x3d-pyskl", "ntu60-rgbpose-1x", "ntu60-rgb-1x"])
def test_networks_of_other_kinds_are_refused_by_name(name, tmp_path):
    with pytest.raises(ValueError, match=f"{name}: is .*; posec3d runs SlowOnly on poses"):
        card(name, tmp_path / "never-read.pth")
