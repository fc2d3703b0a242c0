import pytest
import torch
from hypothesis import assume
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from torch import nn

from posec3d.models import layers
from posec3d.models import one_pass_convolution
from posec3d.models.layers import ConvBNReLU
from posec3d.models.layers import fuse_normalisation
from posec3d.models.one_pass_convolution import convolve_and_rectify
from posec3d.models.one_pass_convolution import fits_one_pass
from posec3d.models.slowonly import SlowOnly
from posec3d.models.x3d import X3D

pytestmark = pytest.mark.skipif(
    not one_pass_convolution._HAS_OPERATORS, reason="PyTorch has no fused operators of oneDNN here"
)
COMPUTES_BFLOAT16 = one_pass_convolution._HAS_OPERATORS and torch.ops.mkldnn._is_mkldnn_bf16_supported()
HAS_AMX = torch.cpu._is_amx_tile_supported()
in_bfloat16 = pytest.mark.skipif(not COMPUTES_BFLOAT16, reason="oneDNN computes no bfloat16 on this processor")


def _is_wrong_with_amx(shape, kernel, stride):
    """Tell where PyTorch 2.13's own convolutions in bfloat16, too, take in what lies beyond the volume, by oneDNN.

    Kernels over three frames of a volume of one, and strides over pixels to a single column: no network comes there.
    """
    time, height, width = shape
    return (time == 1 and kernel == (3, 3, 3)) or (height > 2 >= width and kernel[2] == 3 and stride[2] == 2)


@settings(max_examples=300, deadline=None)
@given(
    size=st.tuples(*[st.integers(1, most) for most in (2, 4, 7, 7)]),
    # Of one channel, PyTorch 2.13's own bfloat16 convolutions by 3x3x3 are wrong, too, where memory lies channels last.
    channels=st.tuples(st.integers(2, 20), st.integers(1, 20)),
    kernel=st.sampled_from([(1, 1, 1), (3, 1, 1), (1, 3, 3), (3, 3, 3)]),
    stride=st.sampled_from([(1, 1, 1), (1, 2, 2), (2, 2, 2)]),
    depthwise=st.booleans(),
    bias=st.booleans(),
    with_shortcut=st.booleans(),
    channels_last=st.booleans(),
    dtype=st.sampled_from([torch.float32, torch.bfloat16] if COMPUTES_BFLOAT16 else [torch.float32]),
    seed=st.integers(0, 5),
)
def test_the_values_are_those_of_one_operation_after_the_other(
    size, channels, kernel, stride, depthwise, bias, with_shortcut, channels_last, dtype, seed
):
    torch.manual_seed(seed)
    num_clips, *shape = size
    inputs, outputs = (channels[0], channels[0]) if depthwise else channels
    assume(not (HAS_AMX and dtype == torch.bfloat16 and _is_wrong_with_amx(shape, kernel, stride)))
    padding = tuple(side // 2 for side in kernel)
    convolution = nn.Conv3d(
        inputs, outputs, kernel, stride, padding, groups=inputs if depthwise else 1, bias=bias
    ).requires_grad_(False)
    x = torch.randn(num_clips, inputs, *shape)
    if channels_last:
        x, convolution = (value.to(memory_format=torch.channels_last_3d) for value in (x, convolution))
    convolved = convolution(x)
    shortcut = torch.randn_like(convolved) if with_shortcut else None
    kept = x.clone(), None if shortcut is None else shortcut.clone()

    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
        assert fits_one_pass(convolution, x)
        values = convolve_and_rectify(convolution, x, shortcut)

    expected = (convolved if shortcut is None else convolved + shortcut).relu()
    tolerance = 1e-5 if dtype == torch.float32 else 3e-2
    assert values.dtype == dtype
    torch.testing.assert_close(values.float(), expected, rtol=tolerance, atol=tolerance)
    assert torch.equal(x, kept[0])
    assert shortcut is None or torch.equal(shortcut, kept[1])


def of_random_weights(backbone):
    for module in backbone.modules():
        if isinstance(module, nn.BatchNorm3d):
            for values, low, high in (
                (module.weight, 0.5, 1.5),
                (module.bias, -0.2, 0.2),
                (module.running_var, 0.5, 2),
            ):
                nn.init.uniform_(values, low, high)
            nn.init.uniform_(module.running_mean, -0.2, 0.2)
    return backbone.eval()


@pytest.mark.parametrize("build", [SlowOnly, X3D])
@pytest.mark.parametrize(
    ("precision", "tolerance"), [(torch.float32, 1e-5), pytest.param(torch.bfloat16, 2e-2, marks=in_bfloat16)]
)
def test_a_network_gives_the_same_with_it(build, precision, tolerance, monkeypatch):
    torch.manual_seed(0)
    backbone = of_random_weights(build(5, base_channels=8, stage_blocks=(1, 2, 1)))
    volume = torch.rand(2, 5, 4, 16, 16)
    with torch.no_grad():
        expected = backbone(volume)
    fuse_normalisation(backbone)
    passes = []
    monkeypatch.setattr(layers, "convolve_and_rectify", lambda *given: passes.append(1) or convolve_and_rectify(*given))

    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=precision == torch.bfloat16):
        values = backbone(volume)

    # SlowOnly's blocks have three, X3D's two and two more outside.
    assert len(passes) == (3 * 4 if build is SlowOnly else 2 * 4 + 2)
    assert values.dtype == precision
    assert (values.float() - expected).abs().max() < tolerance * expected.abs().max()


def test_bfloat16_is_for_processors_that_compute_it(monkeypatch):
    convolution, x = nn.Conv3d(2, 2, 1), torch.rand(1, 2, 1, 2, 2)
    for computes in (False, True):
        monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda told=computes: told)

        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            assert fits_one_pass(convolution, x) is computes


def test_it_is_for_scoring_alone():
    layer = of_random_weights(ConvBNReLU(3, 4, (1, 1, 1)))
    x = torch.rand(1, 3, 2, 4, 4)
    assert not layer._fits_one_pass(x)  # its normalisation is still there
    layer.fuse_normalisation()
    assert not layer._fits_one_pass(x)
    assert layer(x).requires_grad
    with torch.no_grad():
        assert layer._fits_one_pass(x)
        assert not layer._fits_one_pass(x.double())
        assert not layer._fits_one_pass(x[:0])
        assert not ConvBNReLU(3, 4, (1, 1, 1), relu=False)._fits_one_pass(x)
        with torch.backends.mkldnn.flags(enabled=False):
            assert not layer._fits_one_pass(x)
