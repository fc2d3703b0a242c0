import pytest
import torch

from posec3d.models.builders import build_posec3d
from posec3d.models.layers import fuse_normalisation
from posec3d.models.slowonly import SlowOnly


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize(
    ("num_classes", "settings", "expected"),
    [
        # mmaction2 0.x metafile; the others computed from the layers, as listed for the published weights.
        (60, {}, 2_024_860),
        (99, {}, 2_044_867),
        (120, {}, 2_055_640),
        (400, {"stage_blocks": (3, 4, 6)}, 3_208_560),
        (101, {"stage_blocks": (3, 4, 6)}, 3_055_173),
        (51, {"stage_blocks": (3, 4, 6)}, 3_029_523),
        (60, {"base_channels": 64}, 7_959_292),  # SlowOnly-wd of the paper
    ],
)
def test_networks_have_the_published_numbers_of_parameters(num_classes, settings, expected):
    assert count(build_posec3d(num_classes=num_classes, **settings)) == expected


def test_the_backbone_has_as_many_tensors_as_the_published_files():
    names = [name for name in SlowOnly().state_dict() if "num_batches_tracked" not in name]

    assert len(names) == 215


def test_time_is_halved_once_and_space_three_times():
    backbone = SlowOnly(base_channels=4, stage_blocks=(1, 1, 1))

    assert backbone(torch.zeros(1, 17, 48, 56, 56)).shape == (1, 64, 24, 7, 7)
    assert backbone(torch.zeros(1, 17, 48, 64, 64)).shape == (1, 64, 24, 8, 8)


@pytest.mark.parametrize(("temporal_strides", "frames"), [((1, 1, 1), 48), ((1, 2, 2), 12), ((2, 1, 4), 6)])
def test_other_stages_can_divide_time(temporal_strides, frames):
    # (1, 1, 1) is the pose pathway of RGBPose-Conv3D.
    backbone = SlowOnly(base_channels=4, stage_blocks=(1, 1, 1), temporal_strides=temporal_strides)

    assert backbone(torch.zeros(1, 17, 48, 16, 16)).shape == (1, 64, frames, 2, 2)


def test_only_later_stages_look_along_time():
    backbone = SlowOnly(base_channels=4, stage_blocks=(1, 2, 1))

    assert backbone.layer1[0].conv1.conv.kernel_size == (1, 1, 1)
    assert backbone.layer2[1].conv1.conv.kernel_size == (3, 1, 1)
    assert backbone.layer3[0].conv1.conv.kernel_size == (3, 1, 1)


def test_fused_normalisation_gives_the_same_logits():
    model = build_posec3d(num_classes=5, base_channels=4, stage_blocks=(1, 1, 1))
    volume = torch.rand(2, 17, 8, 16, 16, generator=torch.Generator().manual_seed(0))
    for _ in range(3):  # moves the running statistics away from 0 and 1
        model.classify(volume)
    model.eval()
    before = model.classify(volume)

    fuse_normalisation(model)

    assert not any(isinstance(module, torch.nn.BatchNorm3d) for module in model.modules())
    torch.testing.assert_close(model.classify(volume), before, rtol=1e-5, atol=1e-5)
