import pytest
import torch

from posec3d.models.builders import build_posec3d
from posec3d.models.layers import fuse_normalisation
from posec3d.models.x3d import X3D
from posec3d.models.x3d import Block


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


def small(num_classes=5):
    return build_posec3d(num_classes=num_classes, backbone="x3d", base_channels=4, stage_blocks=(1, 2))


def volume(*size):
    return torch.rand(2, 17, *size, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("num_classes", "settings", "expected"),
    [
        # Computed from the layers; without the head 241,488 and 530,742, the paper's 241K and 531K.
        (60, {}, 254_508),
        (99, {}, 254_508 + 39 * 217),
        (60, {"stage_blocks": (5, 11, 7)}, 543_762),  # gamma_d 2.2
    ],
)
def test_networks_have_the_published_numbers_of_parameters(num_classes, settings, expected):
    assert count(build_posec3d(num_classes=num_classes, backbone="x3d", **settings)) == expected


def test_the_backbone_has_the_published_number_of_parameters():
    assert count(X3D()) == 241_488


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        # As pyskl's x3d.py names its modules, and x3d_shallow_ntu60_xsub/joint.py sizes them.
        ("backbone.conv1_s.conv.weight", (24, 17, 1, 3, 3)),
        ("backbone.conv1_t.conv.weight", (24, 1, 5, 1, 1)),
        ("backbone.conv1_t.bn.running_var", (24,)),
        ("backbone.layer1.0.conv1.conv.weight", (54, 24, 1, 1, 1)),
        ("backbone.layer1.0.conv2.conv.weight", (54, 1, 3, 3, 3)),
        ("backbone.layer1.0.conv3.conv.weight", (24, 54, 1, 1, 1)),
        ("backbone.layer1.0.downsample.conv.weight", (24, 24, 1, 1, 1)),
        ("backbone.layer1.0.downsample.bn.bias", (24,)),
        ("backbone.layer1.1.conv3.bn.weight", (24,)),
        ("backbone.layer2.4.conv2.conv.weight", (108, 1, 3, 3, 3)),
        ("backbone.layer3.0.conv1.conv.weight", (216, 48, 1, 1, 1)),
        ("backbone.layer3.0.downsample.conv.weight", (96, 48, 1, 1, 1)),
        ("backbone.layer3.2.conv3.conv.weight", (96, 216, 1, 1, 1)),
        ("backbone.conv5.conv.weight", (216, 96, 1, 1, 1)),
        ("cls_head.fc_cls.weight", (60, 216)),
    ],
)
def test_parameters_have_the_published_names(name, shape):
    assert build_posec3d(num_classes=60, backbone="x3d").state_dict()[name].shape == shape


def test_the_backbone_has_as_many_tensors_as_the_published_network():
    names = [name for name in X3D().state_dict() if "num_batches_tracked" not in name]

    # A convolution and the four tensors of its normalisation: in the stem, conv5, three in each of ten blocks and a
    # shortcut in each of three stages; and conv1_s, which has no normalisation.
    assert len(names) == 1 + 5 * (2 + 3 * 10 + 3)


@pytest.mark.parametrize("canvas", [56, 64])  # 56 gives 28, 14, 7, 4: rounded up
def test_time_is_kept_and_space_is_halved_four_times(canvas):
    backbone = X3D(base_channels=4, stage_blocks=(1, 1, 1))

    assert backbone(torch.zeros(1, 17, 48, canvas, canvas)).shape == (1, 36, 48, 4, 4)


def test_time_can_be_divided():
    backbone = X3D(base_channels=4, stage_blocks=(1, 1, 1), temporal_strides=(1, 2, 2))

    assert backbone(torch.zeros(1, 17, 48, 16, 16)).shape == (1, 36, 12, 1, 1)


def test_only_the_depthwise_convolutions_look_along_time():
    convolutions = [module for module in X3D().modules() if isinstance(module, torch.nn.Conv3d)]

    assert {conv.groups == conv.in_channels for conv in convolutions if conv.kernel_size[0] > 1} == {True}
    assert {conv.groups for conv in convolutions if conv.kernel_size[0] == 1} == {1}


def test_a_block_has_a_relu_after_its_first_convolution_and_after_the_sum():
    # One channel; normalisation of mean 0 and variance 1 leaves values as they are, but for 1e-5.
    block = Block(1, 1, 1, stride=(1, 1, 1)).eval()
    for layer, weight in ((block.conv1, 1.0), (block.conv2, -2.0), (block.conv3, 3.0)):
        torch.nn.init.zeros_(layer.conv.weight)
        layer.conv.weight.data[0, 0, *(size // 2 for size in layer.conv.kernel_size)] = weight
        torch.nn.init.ones_(layer.bn.weight)

    found = [block(torch.full((1, 1, 1, 1, 1), value)).item() for value in (1.0, -1.0)]

    # 1: relu(1) * -2 * 3 + 1 = -5; with a ReLU after the second convolution it would be 1. -1: relu(-1) = 0, plus -1.
    assert found == [0, 0]
    block.conv3.conv.weight.data.neg_()
    assert block(torch.full((1, 1, 1, 1, 1), 1.0)).item() == pytest.approx(7, abs=1e-3)


def test_steps_down_the_gradient_lower_the_loss():
    torch.manual_seed(0)
    model, labels = small(), torch.tensor([0, 1])
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
    losses = []
    for _ in range(5):
        optimiser.zero_grad()
        loss = torch.nn.functional.cross_entropy(model.classify(volume(8, 16, 16)), labels)
        loss.backward()
        assert all(parameter.grad is not None for parameter in model.parameters())
        optimiser.step()
        losses.append(loss.item())

    assert losses[-1] < losses[0]


def test_fused_normalisation_gives_the_same_logits():
    model = small()
    for module in model.modules():  # as after training: at the start each block's last normalisation gives zeros
        if isinstance(module, torch.nn.BatchNorm3d):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5, generator=torch.Generator().manual_seed(1))
    for _ in range(3):  # moves the running statistics away from 0 and 1
        model.classify(volume(8, 16, 16))
    model.eval()
    before = model.classify(volume(8, 16, 16))

    fuse_normalisation(model)

    assert not any(isinstance(module, torch.nn.BatchNorm3d) for module in model.modules())
    torch.testing.assert_close(model.classify(volume(8, 16, 16)), before, rtol=1e-5, atol=1e-5)


def test_blocks_start_as_their_shortcuts():
    backbone = X3D(base_channels=4, stage_blocks=(2, 1)).eval()
    x = torch.rand(1, 4, 4, 8, 8)

    torch.testing.assert_close(backbone.layer1[1](x), x, rtol=0, atol=0)
