from pathlib import Path

import pytest
import torch

from posec3d.checkpoints import load_model
from posec3d.class_names import class_names_of
from posec3d.config_files import load_experiment
from posec3d.models.builders import build_posec3d
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


@pytest.mark.parametrize(("name", "strides"), [("ntu60-pose-1x", (1, 1, 1)), ("ntu60-keypoint-1x", None)])
def test_the_keypoint_stream_of_rgbpose_conv3d_keeps_time_whole(golden, name, strides):
    # Weights alone do not tell: mmaction2 1.2.0, rgbpose_conv3d/pose_only.py.
    path = golden / "mmaction2-1.2.0-trained-epoch-1.pth"

    found = card(name, path)
    model, _ = load_model(path, found)

    assert found.network.temporal_strides == strides
    features = model.backbone(torch.zeros(1, 17, 32, 16, 16))
    assert features.shape[2] == (32 if strides else 16)


def test_class_names_come_with_the_data_set_if_their_number_fits(golden):
    path = golden / "mmaction2-1.2.0-trained-epoch-1.pth"

    assert card("ntu60-keypoint", path).class_name(0) == "drink water"
    assert card("gym-keypoint", path).classes is None


@pytest.mark.parametrize(
    ("name", "backbone", "num_classes", "kind", "first"),
    [
        ("ntu60-keypoint-c3d-pyskl", "c3d", 60, "keypoint", "drink water"),
        ("ntu60-limb-x3d-pyskl", "x3d", 60, "limb", "drink water"),
        ("gym-limb-c3d-pyskl", "c3d", 99, "limb", class_names_of("gym99")[0]),
        ("gym-keypoint-x3d-pyskl", "x3d", 99, "keypoint", class_names_of("gym99")[0]),
    ],
)
def test_published_weights_of_the_lighter_networks_run(tmp_path, name, backbone, num_classes, kind, first):
    # As pyskl's server has them: names and shapes of its C3D and X3D, without the counters of normalisation.
    published = build_posec3d(num_classes=num_classes, backbone=backbone).state_dict()
    weights = {name: tensor for name, tensor in published.items() if "num_batches" not in name}
    torch.save({"state_dict": weights}, tmp_path / "joint.pth")

    found = card(name, tmp_path / "joint.pth")
    model, _ = load_model(tmp_path / "joint.pth", found)

    config = {"c3d": "c3d_light", "x3d": "x3d_shallow"}[backbone]
    experiment = load_experiment(Path(f"{config}_{'gym' if num_classes == 99 else 'ntu60_xsub'}_{kind}"))
    assert (found.heatmaps, found.clips) == (experiment.heatmaps, experiment.clips)
    assert (found.network.backbone, found.num_classes, found.class_name(0)) == (backbone, num_classes, first)
    assert sum(parameter.numel() for parameter in model.parameters()) == sum(
        tensor.numel() for name, tensor in weights.items() if "running" not in name
    )


@pytest.mark.parametrize("name", ["ntu60-rgbpose-1x", "ntu60-rgbpose-init-1x", "ntu60-rgb-1x"])
def test_networks_that_see_pictures_are_refused_by_name(name, tmp_path):
    with pytest.raises(ValueError, match=f"{name}: is .*; posec3d runs networks that see poses alone"):
        card(name, tmp_path / "never-read.pth")
