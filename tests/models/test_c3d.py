import pytest
import torch
from torch.nn import functional

from posec3d.models.builders import build_posec3d
from posec3d.models.c3d import C3D
from posec3d.models.c3d import _mean_of_neighbours
from posec3d.models.layers import fuse_normalisation


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


def small(num_classes=5):
    return build_posec3d(num_classes=num_classes, backbone="c3d", base_channels=4, stage_blocks=(1, 1, 2))


def volume(*size):
    return torch.rand(2, 17, *size, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("num_classes", "settings", "expected"),
    [
        # Computed from the layers, as listed for pyskl's c3d_light configs and for the paper's C3D.
        (60, {}, 3_404_892),
        (99, {}, 3_404_892 + 39 * 257),
        (60, {"stage_blocks": (1, 1, 2, 2, 2)}, 3_404_892 + 2 * (256 * 256 * 27 + 2 * 256)),
    ],
)
def test_networks_have_the_published_numbers_of_parameters(num_classes, settings, expected):
    assert count(build_posec3d(num_classes=num_classes, backbone="c3d", **settings)) == expected


def test_parameters_have_the_published_names():
    # As pyskl's c3d.py names its modules, and c3d_light_ntu60_xsub/joint.py sizes them.
    expected = {
        "backbone.conv1a.conv.weight": (32, 17, 3, 3, 3),
        "backbone.conv2a.conv.weight": (64, 32, 3, 3, 3),
        "backbone.conv3a.conv.weight": (128, 64, 3, 3, 3),
        "backbone.conv3b.conv.weight": (128, 128, 3, 3, 3),
        "backbone.conv4a.conv.weight": (256, 128, 3, 3, 3),
        "backbone.conv4b.conv.weight": (256, 256, 3, 3, 3),
        "cls_head.fc_cls.weight": (60, 256),
        "cls_head.fc_cls.bias": (60,),
    }
    for number in ("1a", "2a", "3a", "3b", "4a", "4b"):
        channels = expected[f"backbone.conv{number}.conv.weight"][0]
        expected |= {
            f"backbone.conv{number}.bn.{name}": (channels,)
            for name in ("weight", "bias", "running_mean", "running_var")
        }

    weights = build_posec3d(num_classes=60, backbone="c3d").state_dict()

    assert {name: tuple(weights[name].shape) for name in weights if "num_batches" not in name} == expected


@pytest.mark.parametrize(("canvas", "expected"), [(56, 7), (64, 8)])
def test_time_is_kept_and_space_is_halved_three_times(canvas, expected):
    backbone = C3D(base_channels=2)

    assert backbone(torch.zeros(1, 17, 48, canvas, canvas)).shape == (1, 16, 48, expected, expected)


def test_time_can_be_divided_as_pyskls_temporal_downsample_does():
    backbone = C3D(base_channels=2, temporal_strides=(1, 1, 2, 2)).eval()
    x = volume(11, 16, 16)

    # pyskl's c3d.py: pool1 is (1, 2, 2), pool2 and pool3 are 2 each way, and a last odd frame is left out.
    expected = backbone.conv2a(functional.avg_pool3d(backbone.conv1a(x), (1, 2, 2)))
    for names in (("conv3a", "conv3b"), ("conv4a", "conv4b")):
        expected = functional.avg_pool3d(expected, 2)
        for name in names:
            expected = getattr(backbone, name)(expected)

    assert expected.shape == (2, 16, 2, 2, 2)
    torch.testing.assert_close(backbone(x), expected, rtol=0, atol=1e-5)


def test_clips_too_short_for_the_temporal_strides_are_refused():
    backbone = C3D(base_channels=2, stage_blocks=(1, 1), temporal_strides=(2, 3))

    assert backbone(torch.zeros(1, 17, 6, 4, 4)).shape == (1, 4, 1, 2, 2)
    with pytest.raises(ValueError, match=r"a clip of 5 frames is too short .*\(2, 3\); set clips.length to 6 or more"):
        backbone(torch.zeros(1, 17, 5, 4, 4))


def test_every_convolution_looks_along_time():
    kernels = {module.kernel_size for module in C3D().modules() if isinstance(module, torch.nn.Conv3d)}

    assert kernels == {(3, 3, 3)}


def test_a_canvas_that_cannot_be_halved_is_refused():
    backbone = C3D(base_channels=2, stage_blocks=(1, 1, 1, 1, 1))

    assert backbone(torch.zeros(1, 17, 2, 16, 16)).shape == (1, 16, 2, 1, 1)
    with pytest.raises(
        ValueError, match=r"a canvas of 15x16 cannot be halved 4 times; set .*test_canvas to 16 or more"
    ):
        backbone(torch.zeros(1, 17, 2, 15, 16))


def test_steps_down_the_gradient_lower_the_loss():
    torch.manual_seed(0)
    model, labels = small(), torch.tensor([0, 1])
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
    losses = []
    for _ in range(5):
        optimiser.zero_grad()
        loss = functional.cross_entropy(model.classify(volume(8, 16, 16)), labels)
        loss.backward()
        assert all(parameter.grad is not None for parameter in model.parameters())
        optimiser.step()
        losses.append(loss.item())

    assert losses[-1] < losses[0]


def test_fused_normalisation_gives_the_same_logits():
    model = small()
    for _ in range(3):  # moves the running statistics away from 0 and 1
        model.classify(volume(8, 16, 16))
    model.eval()
    before = model.classify(volume(8, 16, 16))

    fuse_normalisation(model)

    assert not any(isinstance(module, torch.nn.BatchNorm3d) for module in model.modules())
    torch.testing.assert_close(model.classify(volume(8, 16, 16)), before, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last_3d])
def test_pooling_frame_by_frame_is_pooling_in_three_dimensions(memory_format):
    x = torch.randn(2, 5, 4, 9, 7, generator=torch.Generator().manual_seed(0)).contiguous(memory_format=memory_format)

    expected = functional.avg_pool3d(x, (1, 2, 2), stride=(1, 2, 2))  # as pyskl

    # Means of four numbers, added up in any order.
    torch.testing.assert_close(_mean_of_neighbours(x), expected, rtol=0, atol=1e-6)
