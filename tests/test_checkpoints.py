import json
from dataclasses import replace

import pytest
import torch
from pydantic import TypeAdapter
from safetensors.torch import save_file

from posec3d.checkpoints import build_model
from posec3d.checkpoints import load_model
from posec3d.checkpoints import network_of
from posec3d.checkpoints import num_classes_of
from posec3d.checkpoints import read_checkpoint
from posec3d.checkpoints import save_checkpoint
from posec3d.checkpoints import start_from
from posec3d.experiment import Clips
from posec3d.experiment import Heatmaps
from posec3d.experiment import ModelCard
from posec3d.experiment import Network
from posec3d.skeletons import get_skeleton


def card(num_classes=4, **heatmaps):
    return ModelCard(
        heatmaps=Heatmaps(**heatmaps),
        network=Network(base_channels=4, stage_blocks=(1, 1)),
        clips=Clips(length=8, test_canvas=24),
        num_classes=num_classes,
        classes=tuple("abcdefgh"[:num_classes]),
    )


@pytest.fixture
def saved(tmp_path):
    model = build_model(card())
    save_checkpoint(tmp_path / "model.safetensors", model.state_dict(), card())
    return tmp_path / "model.safetensors", model


def test_a_checkpoint_alone_is_enough_to_run(saved):
    path, model = saved
    keypoints, scores = torch.rand(2, 1, 8, 17, 2) * 20, torch.rand(2, 1, 8, 17)

    loaded, its_card = load_model(path)

    assert its_card == card()
    torch.testing.assert_close(
        loaded(keypoints, scores, (24, 24)), model.eval()(keypoints, scores, (24, 24)), rtol=0, atol=0
    )


def test_the_protocol_of_a_config_wins(saved):
    path, _ = saved
    other = ModelCard(**{**vars(card()), "clips": Clips(test_clips=1)})

    assert load_model(path, other)[1].clips.test_clips == 1


def test_a_config_whose_classes_are_in_another_order_is_refused(saved):
    path, _ = saved
    translated = ModelCard(**{**vars(card()), "classes": ("eins", "zwei", "drei", "vier")})
    turned = ModelCard(**{**vars(card()), "classes": ("a", "c", "b", "d")})

    assert load_model(path, translated)[1].classes == translated.classes
    with pytest.raises(ValueError, match=r"its class 1 is 'b', and 'c' in the config; use the config it was trained"):
        load_model(path, turned)


def test_a_skeleton_of_ones_own_travels_with_the_weights(tmp_path):
    own = card(skeleton=get_skeleton("penn13"), kind="limb")
    save_checkpoint(tmp_path / "m.safetensors", build_model(own).state_dict(), own)

    model, its_card = load_model(tmp_path / "m.safetensors")

    assert its_card.heatmaps.skeleton == get_skeleton("penn13")
    assert model.heatmaps.limbs == get_skeleton("penn13").limbs


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (card(skeleton="penn13"), "was trained on keypoint heatmaps of coco17, .*but the config draws .*penn13"),
        (card(kind="limb"), "but the config draws limb heatmaps"),
        (card(num_classes=3), "knows 4 classes, but 3 are expected; set data.num_classes=4"),
        (
            ModelCard(heatmaps=Heatmaps(), network=Network(base_channels=8), clips=Clips(), num_classes=4),
            "its first layer has 4 channels, the network's has 8; set network.base_channels=4",
        ),
    ],
)
def test_a_config_of_another_model_is_refused(saved, other, message):
    with pytest.raises(ValueError, match=message):
        load_model(saved[0], other)


def test_weights_for_other_channels_are_told_apart(tmp_path):
    torch.save(build_model(card()).state_dict(), tmp_path / "m.pth")

    with pytest.raises(ValueError, match="takes 17 heatmaps a frame, but 13 are drawn here"):
        load_model(tmp_path / "m.pth", card(skeleton="penn13"))


def test_a_foreign_file_needs_a_config(tmp_path):
    torch.save({"state_dict": build_model(card()).state_dict()}, tmp_path / "m.pth")

    with pytest.raises(ValueError, match="says nothing of its network; give the config"):
        load_model(tmp_path / "m.pth")


def test_fine_tuning_keeps_a_head_for_other_classes(saved):
    path, model = saved
    other = build_model(card(num_classes=7))
    head = other.cls_head.fc_cls.weight.clone()

    start = start_from(other, path)

    assert start == (["cls_head.fc_cls.weight", "cls_head.fc_cls.bias"], [])
    torch.testing.assert_close(other.cls_head.fc_cls.weight, head)
    torch.testing.assert_close(other.backbone.conv1.conv.weight, model.backbone.conv1.conv.weight)


@pytest.mark.parametrize(
    ("classes", "kept"),
    [
        (("wave", "sit", "walk"), {0: 1, 1: 2, 2: 0}),  # in another order
        (("dance", "walk", "clap", "sit"), {1: 0, 3: 2}),  # some of them, among others
        (("a", "b", "c"), {}),
    ],
)
def test_fine_tuning_keeps_the_weights_of_the_classes_that_have_the_same_names(tmp_path, classes, kept):
    known, path = card(num_classes=3), tmp_path / "three.safetensors"
    known = replace(known, classes=("walk", "wave", "sit"))
    model = build_model(known)
    save_checkpoint(path, model.state_dict(), known)
    other = build_model(card(num_classes=len(classes)))
    fresh = other.cls_head.fc_cls.weight.clone()

    start = start_from(other, path, classes)

    assert start == ([], [name for name in classes if name not in ("walk", "wave", "sit")])
    for number, row in enumerate(other.cls_head.fc_cls.weight):
        expected = model.cls_head.fc_cls.weight[kept[number]] if number in kept else fresh[number]
        assert torch.equal(row, expected)
    assert torch.equal(other.backbone.conv1.conv.weight, model.backbone.conv1.conv.weight)


def test_fine_tuning_needs_the_same_channels(saved):
    with pytest.raises(ValueError, match="takes 17 heatmaps a frame, but 13 are drawn here"):
        start_from(build_model(card(skeleton="penn13")), saved[0])


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (Network(base_channels=8, stage_blocks=(1, 1)), "first layer has 4 channels, the network's has 8"),
        (Network(base_channels=4, stage_blocks=(1, 2)), "has no 'backbone.layer2.1"),
        (Network(base_channels=4, stage_blocks=(1,)), "has 'backbone.layer2.0.*which the network lacks"),
        (Network(base_channels=4, stage_blocks=(1, 1, 1)), "'backbone.layer2.0.conv2|has no 'backbone.layer3"),
    ],
)
def test_fine_tuning_needs_the_same_network(saved, network, message):
    other = ModelCard(**{**vars(card()), "network": network})

    with pytest.raises(ValueError, match=message):
        start_from(build_model(other), saved[0])
    with pytest.raises(ValueError, match=message):
        start_from(build_model(other), saved[0], ("b", "a", "c", "d"))


@pytest.mark.parametrize("backbone", ["slowonly", "c3d", "x3d"])
@pytest.mark.parametrize("stage_blocks", [(1, 1), (2, 1, 3)])
def test_a_network_is_read_off_its_weights(tmp_path, backbone, stage_blocks):
    network = Network(backbone=backbone, base_channels=4, stage_blocks=stage_blocks)
    model = build_model(ModelCard(**{**vars(card()), "network": network}))
    torch.save({"state_dict": model.state_dict()}, tmp_path / "m.pth")

    assert network_of(tmp_path / "m.pth") == (network, Clips())


def test_a_checkpoint_of_ours_says_its_size_and_clips(saved):
    assert network_of(saved[0]) == (card().network, card().clips)


def test_weights_of_another_architecture_are_refused(tmp_path):
    torch.save({"conv.weight": torch.ones(1)}, tmp_path / "m.pth")

    with pytest.raises(ValueError, match=r"has none of backbone.conv1.conv.weight, .*; it is of another network"):
        network_of(tmp_path / "m.pth")
    with pytest.raises(ValueError, match=r"has no 'cls_head.fc_cls.weight'; it is of another network"):
        num_classes_of(tmp_path / "m.pth")


@pytest.mark.parametrize("backbone", ["c3d", "x3d"])
def test_a_checkpoint_of_another_backbone_is_run_and_says_so(tmp_path, backbone):
    path = tmp_path / "m.safetensors"
    own = ModelCard(**{**vars(card()), "network": Network(backbone=backbone, base_channels=4, stage_blocks=(1, 1))})
    save_checkpoint(path, build_model(own).state_dict(), own)

    model, its_card = load_model(path)

    assert its_card == own
    assert network_of(path) == (own.network, own.clips)
    assert num_classes_of(path) == 4
    assert model(torch.rand(2, 1, 8, 17, 2) * 20, torch.rand(2, 1, 8, 17), (24, 24)).shape == (2, 4)
    with pytest.raises(ValueError, match=f"is of {backbone}, not of slowonly; set network.backbone={backbone}"):
        load_model(path, card())
    with pytest.raises(ValueError, match=f"is of {backbone}, not of slowonly"):
        start_from(build_model(card()), path)


def test_checkpoints_from_before_there_were_other_backbones_are_of_slowonly(saved):
    path, model = saved
    header = json.loads(TypeAdapter(ModelCard).dump_json(card()))
    del header["network"]["backbone"]
    save_file(model.state_dict(), path, metadata={"posec3d": json.dumps(header)})

    assert load_model(path)[1] == card()


def test_damaged_and_foreign_files_are_said_to_be(tmp_path, saved):
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(saved[0].read_bytes()[:1000])
    bare = tmp_path / "bare.safetensors"
    save_file({"a": torch.ones(1)}, bare, metadata={"posec3d": "{}"})

    with pytest.raises(ValueError, match="not a safetensors file, or a damaged one"):
        read_checkpoint(damaged)
    with pytest.raises(ValueError, match="header does not describe a model"):
        read_checkpoint(bare)
    with pytest.raises(FileNotFoundError, match="no such checkpoint"):
        read_checkpoint(tmp_path / "nothing.safetensors")


def test_a_failed_save_leaves_the_old_file_and_no_other(saved, monkeypatch):
    path, model = saved
    before = path.read_bytes()
    monkeypatch.setattr("pathlib.Path.write_bytes", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left")))

    with pytest.raises(OSError, match="could not write: No space left"):
        save_checkpoint(path, model.state_dict(), card())

    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]
