import os
import subprocess
import sys

import pytest
import torch
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from torch import nn

from posec3d.compiled.registers import COLUMNS
from posec3d.compiled.registers import HAS_WIDE_REGISTERS
from posec3d.compiled.registers import LANES
from posec3d.models import layers
from posec3d.models.c3d import C3D
from posec3d.models.heatmap_convolution import HeatmapConv3d
from posec3d.models.layers import ConvBNReLU
from posec3d.models.layers import fuse_normalisation
from posec3d.models.slowonly import SlowOnly
from posec3d.models.winograd_convolution import MixedKernel
from posec3d.models.winograd_convolution import convolve_and_rectify_in_few_products
from posec3d.models.winograd_convolution import convolve_in_few_products
from posec3d.models.winograd_convolution import fits_few_products

pytestmark = pytest.mark.skipif(not HAS_WIDE_REGISTERS, reason="this processor has neither AVX2 nor AVX-512")
KERNELS = [(3, 1, 1), (1, 3, 3), (3, 3, 3)]


def random(*size, seed=0):
    x = torch.randn(size, generator=torch.Generator().manual_seed(seed))
    return x.to(memory_format=torch.channels_last_3d)


def convolution_of(kernel, inputs=LANES, outputs=COLUMNS, *, bias=True, **options):
    padding = tuple(length // 2 for length in kernel)
    return nn.Conv3d(inputs, outputs, kernel, **({"padding": padding, "bias": bias} | options))


def farthest(values, exact):
    """Return how far values are from the exact ones, as a share of the largest."""
    return ((values - exact).abs().max() / exact.abs().max()).item()


@settings(max_examples=60, deadline=None)
@given(
    size=st.tuples(*(st.integers(1, most) for most in (2, 14, 11, 11))),
    channels=st.tuples(st.integers(1, 3), st.integers(1, 2)),
    kernel=st.sampled_from(KERNELS),
    bias=st.booleans(),
    num_threads=st.integers(1, 3),
    seed=st.integers(0, 5),
)
def test_values_and_gradients_are_those_of_plain_convolution(size, channels, kernel, bias, num_threads, seed, threads):
    torch.manual_seed(seed)
    inputs, outputs = channels[0] * LANES, channels[1] * COLUMNS
    num_clips, *sides = size
    convolution = convolution_of(kernel, inputs, outputs, bias=bias)
    x = random(num_clips, inputs, *sides, seed=seed).requires_grad_()
    given_gradient = random(num_clips, outputs, *sides, seed=seed + 1)
    learnt = [x, *convolution.parameters()]

    threads(num_threads)
    values = convolve_in_few_products(convolution, x)
    gradients = torch.autograd.grad(values, learnt, given_gradient)
    rectified = convolve_and_rectify_in_few_products(convolution, x, MixedKernel.of(convolution.weight))

    exactly = convolution_of(kernel, inputs, outputs, bias=bias).double()
    exactly.load_state_dict(convolution.state_dict())
    wide = x.detach().double().requires_grad_()
    exact = exactly(wide)
    exact_gradients = torch.autograd.grad(exact, [wide, *exactly.parameters()], given_gradient.double())
    assert values.is_contiguous(memory_format=torch.channels_last_3d)
    assert farthest(values, exact) < 1e-5
    assert farthest(rectified, exact.relu()) < 1e-5
    for gradient, exact_gradient in zip(gradients, exact_gradients, strict=True):
        # Sums that cancel each other out are less exact, compared with what is left.
        assert farthest(gradient, exact_gradient) < 5e-5


@pytest.fixture(scope="module")
def threads():
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@pytest.mark.parametrize("kernel", KERNELS)
def test_the_bits_depend_on_neither_threads_nor_other_clips(kernel, threads):
    convolution, x = convolution_of(kernel, outputs=2 * COLUMNS), random(3, LANES, 9, 14, 14)
    mixed = MixedKernel.of(convolution.weight)

    threads(2)
    together = convolve_and_rectify_in_few_products(convolution, x, mixed)
    threads(1)
    singly = [convolve_and_rectify_in_few_products(convolution, x[clip : clip + 1], mixed) for clip in range(3)]

    assert torch.equal(together, torch.cat(singly))


@pytest.mark.parametrize("kernel", KERNELS)
def test_learning_twice_gives_the_same_bits(kernel, threads):
    threads(2)
    convolution, x = convolution_of(kernel), random(3, LANES, 9, 14, 14)
    first, second = (
        torch.autograd.grad(convolve_in_few_products(convolution, x).square().sum(), convolution.weight)[0]
        for _ in range(2)
    )

    assert torch.equal(first, second)


def test_a_gradient_of_the_input_with_channels_that_fill_no_register():
    # Its channels are the outputs of that convolution.
    convolution, x = convolution_of((1, 3, 3), inputs=LANES, outputs=COLUMNS), random(1, LANES, 2, 8, 8)
    assert LANES % COLUMNS
    x.requires_grad_()

    (gradient,) = torch.autograd.grad(convolve_in_few_products(convolution, x).sum(), x)

    (expected,) = torch.autograd.grad(convolution(x).sum(), x)
    torch.testing.assert_close(gradient, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "options",
    [
        {"stride": 2},
        {"dilation": 2, "padding": 2},
        {"padding": 0},
        {"groups": 2},
        {"padding_mode": "circular"},
    ],
)
def test_other_convolutions_are_left_to_torch(options):
    x = random(1, 2 * LANES, 8, 8, 8)
    assert fits_few_products(convolution_of((3, 3, 3), 2 * LANES), x)

    assert not fits_few_products(convolution_of((3, 3, 3), 2 * LANES, **options), x)


@pytest.mark.parametrize("kernel", [(1, 1, 1), (5, 1, 1), (1, 5, 5), (3, 1, 3)])
def test_other_kernels_are_left_to_torch(kernel):
    assert not fits_few_products(convolution_of(kernel), random(1, LANES, 8, 8, 8))


def test_channels_that_fill_no_register_are_left_to_torch():
    assert not fits_few_products(convolution_of((1, 3, 3), LANES + 1), random(1, LANES + 1, 8, 8, 8))
    assert not fits_few_products(convolution_of((1, 3, 3), LANES, COLUMNS + 1), random(1, LANES, 8, 8, 8))


def test_tensors_that_lie_otherwise_or_are_wider_are_left_to_torch():
    convolution, x = convolution_of((1, 3, 3)), random(1, LANES, 8, 8, 8)

    assert not fits_few_products(convolution, x.contiguous())
    assert not fits_few_products(convolution.double(), x.double())
    assert not fits_few_products(convolution, x)


def test_bfloat16_is_left_to_torch():
    with torch.autocast("cpu", torch.bfloat16):
        assert not fits_few_products(convolution_of((1, 3, 3)), random(1, LANES, 8, 8, 8))


@pytest.mark.parametrize(
    ("kernel", "size", "fits"),
    [
        ((1, 3, 3), (1, 4, 4), True),  # 36 products in place of 144
        ((1, 3, 3), (1, 5, 5), False),  # 144 of 225
        ((1, 3, 3), (1, 7, 7), True),  # 144 of 441
        ((1, 3, 3), (1, 3, 3), True),  # 36 of 81
        ((1, 3, 3), (1, 2, 2), False),  # 36 of 36
        ((3, 1, 1), (4, 9, 9), True),  # 6 of 12
        ((3, 1, 1), (5, 9, 9), False),  # 12 of 15
        ((3, 1, 1), (7, 9, 9), True),  # 12 of 21
    ],
)
def test_sizes_that_tiles_reach_far_beyond_are_left_to_torch(kernel, size, fits):
    assert fits_few_products(convolution_of(kernel), random(1, LANES, *size)) == fits


def test_what_is_not_a_number_is_not_hidden():
    convolution, x = convolution_of((1, 3, 3)), random(1, LANES, 1, 8, 8)
    x[0, 0, 0, 4, 4] = torch.nan

    values = convolve_and_rectify_in_few_products(convolution, x, MixedKernel.of(convolution.weight))

    assert values[0, :, 0, 3:6, 3:6].isnan().all()


def of_random_weights(backbone):
    for module in backbone.modules():
        if isinstance(module, nn.BatchNorm3d):
            for values, low, high in (
                (module.weight, 0.5, 1.5),
                (module.bias, -0.2, 0.2),
                (module.running_var, 0.5, 2),
                (module.running_mean, -0.2, 0.2),
            ):
                nn.init.uniform_(values, low, high)
    return backbone.to(memory_format=torch.channels_last_3d)


def backbones():
    torch.manual_seed(0)
    # Convolutions that it takes: of SlowOnly all by 3x3 pixels or three frames but those with strides.
    return [
        (of_random_weights(SlowOnly(5, base_channels=32, stage_blocks=(2, 2, 1))), 1 + 3 + 1),
        (of_random_weights(C3D(5, base_channels=32)), 5),
    ]


def counted(monkeypatch, name):
    calls, function = [], getattr(layers, name)
    monkeypatch.setattr(layers, name, lambda *given: calls.append(1) or function(*given))
    return calls


@pytest.mark.parametrize("number", [0, 1], ids=["SlowOnly", "C3D"])
def test_a_network_scores_the_same_with_it(number, monkeypatch):
    backbone, num_convolutions = backbones()[number]
    volume = random(2, 5, 8, 32, 32).relu()
    with torch.no_grad():
        exact = backbone.double().eval()(volume.double())
    fuse_normalisation(backbone.float())
    calls = counted(monkeypatch, "convolve_and_rectify_in_few_products")

    with torch.no_grad():
        values = backbone(volume)

    assert len(calls) == num_convolutions
    assert farthest(values, exact) < 1e-5


@pytest.mark.parametrize("number", [0, 1], ids=["SlowOnly", "C3D"])
def test_a_network_learns_the_same_with_it(number, monkeypatch):
    volume = random(2, 5, 8, 32, 32).relu()

    def learnt(backbone, volume):
        loss = backbone(volume).square().mean()
        return [loss, *torch.autograd.grad(loss, list(backbone.parameters()))]

    backbone, num_convolutions = backbones()[number]
    calls = counted(monkeypatch, "convolve_in_few_products")
    values = learnt(backbone, volume)

    assert len(calls) == num_convolutions
    for value, exact in zip(values, learnt(backbones()[number][0].double(), volume.double()), strict=True):
        # Where rounding decides what ReLU passes, a gradient is off, by torch's convolutions as well.
        assert (value - exact).norm() < 1e-2 * exact.norm()


def test_changed_weights_are_mixed_anew():
    layer, x = ConvBNReLU(LANES, COLUMNS, (1, 3, 3)).eval(), random(1, LANES, 1, 8, 8)
    layer.fuse_normalisation()
    with torch.no_grad():
        before = layer(x)
        layer.conv.weight.mul_(2)
        changed = layer(x)
        layer.conv.weight = nn.Parameter(layer.conv.weight * 2)
        replaced = layer(x)

    # The normalisation has no offset yet.
    torch.testing.assert_close(changed, 2 * before)
    torch.testing.assert_close(replaced, 4 * before)


def test_weights_of_inference_mode_are_mixed_once():
    with torch.inference_mode():
        layer, x = ConvBNReLU(LANES, COLUMNS, (1, 3, 3)).eval(), random(1, LANES, 1, 8, 8)
        layer.fuse_normalisation()
        values = layer(x)
        mixed = layer._mixed
        layer(x)

        assert layer._mixed is mixed is not None
        torch.testing.assert_close(values, layer.conv(x).relu(), rtol=1e-5, atol=1e-5)


def test_heatmaps_keep_their_own_convolution(monkeypatch):
    layer = ConvBNReLU(LANES, COLUMNS, (3, 3, 3), convolution=HeatmapConv3d)
    monkeypatch.setattr(layers, "convolve_in_few_products", None)
    monkeypatch.setattr(layers, "convolve_and_rectify_in_few_products", None)
    volume = random(1, LANES, 4, 8, 8).relu()
    assert fits_few_products(layer.conv, volume)

    layer(volume)
    layer.eval().fuse_normalisation()
    with torch.no_grad():
        layer(volume)


IMITATED = """
import torch
from posec3d.compiled import registers
from posec3d.models.winograd_convolution import convolve_in_few_products, fits_few_products
assert registers.LANES == 8, registers.LANES
for kernel in [(3, 1, 1), (1, 3, 3), (3, 3, 3)]:
    torch.manual_seed(0)
    convolution = torch.nn.Conv3d(24, 32, kernel, padding=tuple(side // 2 for side in kernel))
    x = torch.randn(2, 24, 7, 11, 15).to(memory_format=torch.channels_last_3d).requires_grad_()
    assert fits_few_products(convolution, x)
    given = [x, *convolution.parameters()]
    for ours, theirs in zip(*(
        (values, *torch.autograd.grad(values.square().sum(), given))
        for values in (convolve_in_few_products(convolution, x), convolution(x))
    ), strict=True):
        assert (ours - theirs).abs().max() < 3e-5 * theirs.abs().max()
"""


def test_registers_of_avx2_do_as_well(tmp_path):
    # As a processor without AVX-512 compiles it.
    told = {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": "+avx,+avx2,+fma", "NUMBA_CACHE_DIR": str(tmp_path)}

    subprocess.run([sys.executable, "-c", IMITATED], env=os.environ | told, check=True)


def test_without_wide_registers_all_is_left_to_torch(monkeypatch):
    monkeypatch.setattr("posec3d.compiled.registers.HAS_WIDE_REGISTERS", False)

    assert not fits_few_products(convolution_of((1, 3, 3)), random(1, LANES, 1, 8, 8))
