import contextlib
import copy
import os
import pickle
import subprocess
import sys

import pytest
import torch
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils import prune

from posec3d.checkpoints import build_model
from posec3d.compiled.registers import COLUMNS
from posec3d.compiled.registers import HAS_WIDE_REGISTERS
from posec3d.compiled.registers import LANES
from posec3d.experiment import Clips
from posec3d.experiment import Heatmaps
from posec3d.experiment import ModelCard
from posec3d.experiment import Network
from posec3d.export.networks import TorchNetwork
from posec3d.models import winograd_products
from posec3d.models.c3d import C3D
from posec3d.models.heatmap_convolution import HeatmapConv3d
from posec3d.models.layers import ConvBNReLU
from posec3d.models.layers import freeze_convolutions
from posec3d.models.layers import fuse_normalisation
from posec3d.models.slowonly import SlowOnly
from posec3d.models.winograd_convolution import WinogradConv3d

pytestmark = pytest.mark.skipif(not HAS_WIDE_REGISTERS, reason="this processor has neither AVX2 nor AVX-512")
KERNELS = [(3, 1, 1), (1, 3, 3), (3, 3, 3)]
# Enough for the loops to be worth it.
SIZE = (2, LANES, 8, 16, 16)


class Always(WinogradConv3d):
    """Takes the loops, whether they are worth it or not."""

    def saves_products(self, x):
        return True


def random(*size, seed=0):
    x = torch.randn(size, generator=torch.Generator().manual_seed(seed))
    return x.to(memory_format=torch.channels_last_3d)


def convolution_of(kernel, inputs=LANES, outputs=COLUMNS, *, kind=WinogradConv3d, **options):
    padding = tuple(length // 2 for length in kernel)
    return kind(inputs, outputs, kernel, **({"padding": padding} | options))


def plain(convolution):
    """Return nn.Conv3d with the same weights."""
    inputs, outputs = convolution.in_channels, convolution.out_channels
    same = convolution_of(convolution.kernel_size, inputs, outputs, kind=nn.Conv3d, bias=convolution.bias is not None)
    same.load_state_dict(convolution.state_dict())
    return same


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
    convolution = convolution_of(kernel, inputs, outputs, bias=bias, kind=Always)
    x = random(num_clips, inputs, *sides, seed=seed).requires_grad_()
    given_gradient = random(num_clips, outputs, *sides, seed=seed + 1)

    threads(num_threads)
    values = convolution(x)
    gradients = torch.autograd.grad(values, [x, *convolution.parameters()], given_gradient)
    with torch.no_grad():
        scored, rectified = convolution(x), convolution.rectified(x)

    exactly = plain(convolution).double()
    wide = x.detach().double().requires_grad_()
    exact = exactly(wide)
    exact_gradients = torch.autograd.grad(exact, [wide, *exactly.parameters()], given_gradient.double())
    assert values.is_contiguous(memory_format=torch.channels_last_3d)
    assert torch.equal(values, scored)
    assert farthest(values, exact) < 5e-6
    assert farthest(rectified, exact.relu()) < 5e-6
    for gradient, exact_gradient in zip(gradients, exact_gradients, strict=True):
        # Sums that cancel each other out are less exact, compared with what is left.
        assert farthest(gradient, exact_gradient) < 2e-5


@pytest.fixture(scope="module")
def threads():
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@pytest.mark.parametrize("kernel", KERNELS)
def test_the_bits_depend_on_neither_threads_nor_other_clips(kernel, threads):
    convolution, x = convolution_of(kernel, outputs=2 * COLUMNS, kind=Always), random(3, LANES, 9, 14, 14)

    with torch.no_grad():
        threads(2)
        together = convolution.rectified(x)
        threads(1)
        singly = [convolution.rectified(x[clip : clip + 1]) for clip in range(3)]

    assert torch.equal(together, torch.cat(singly))


@pytest.mark.parametrize("kernel", KERNELS)
def test_learning_twice_gives_the_same_bits(kernel, threads):
    threads(2)
    convolution, x = convolution_of(kernel, kind=Always), random(3, LANES, 9, 14, 14)
    first, second = (torch.autograd.grad(convolution(x).square().sum(), convolution.weight)[0] for _ in range(2))

    assert torch.equal(first, second)


def test_a_gradient_of_the_input_with_channels_that_fill_no_register():
    # Its channels are the outputs of that convolution.
    convolution, x = convolution_of((1, 3, 3)), random(*SIZE)
    assert LANES % COLUMNS
    assert convolution.saves_products(x)
    x.requires_grad_()

    (gradient,) = torch.autograd.grad(convolution(x).sum(), x)

    (expected,) = torch.autograd.grad(plain(convolution)(x).sum(), x)
    torch.testing.assert_close(gradient, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kernel", KERNELS)
def test_gradients_of_gradients_are_those_of_plain_convolution(kernel):
    # So many channels that the gradient of the input would be of the loops as well.
    convolution, x = convolution_of(kernel, COLUMNS), random(2, COLUMNS, 8, 16, 16)

    def learnt(convolution, x):
        given = [x.requires_grad_(), *convolution.parameters()]
        values = convolution(x).tanh().square().sum()
        slopes = torch.autograd.grad(values, given, create_graph=True)
        # Of the weights' slopes, which are sums over all pixels, as much as of the others.
        penalty = slopes[0].square().sum() + 1e-3 * slopes[1].square().sum()
        return torch.autograd.grad(values + penalty, given)

    assert convolution.saves_products(x)
    exact = learnt(plain(convolution).double(), x.detach().double())
    for gradient, exact_gradient in zip(learnt(convolution, x), exact, strict=True):
        assert farthest(gradient, exact_gradient) < 2e-5


def test_gradients_by_function_transforms():
    convolution, x = convolution_of((1, 3, 3)), random(*SIZE)

    gradient = torch.func.grad(lambda x: convolution(x).square().sum())(x)

    expected = torch.func.grad(lambda x: plain(convolution)(x).square().sum())(x)
    torch.testing.assert_close(gradient, expected, rtol=1e-4, atol=1e-4)


def test_tangents_and_many_gradients_at_once_are_left_to_torch():
    convolution, x = convolution_of((1, 3, 3)), random(*SIZE)
    same = plain(convolution)
    tangent = random(*SIZE, seed=1)

    def tangent_of(module):
        with torch.autograd.forward_ad.dual_level():
            return torch.autograd.forward_ad.unpack_dual(
                module(torch.autograd.forward_ad.make_dual(x, tangent))
            ).tangent

    def of_many(module):
        values = module(x)
        given = torch.stack([torch.ones_like(values), values.detach()])
        return torch.autograd.grad(values, module.weight, given, is_grads_batched=True)[0]

    def negative(module):
        values = module(x)
        return torch.autograd.grad(values, module.weight, torch._neg_view(values.detach()))[0]

    for result in (tangent_of, of_many, negative, lambda module: torch.vmap(module)(x[None])):
        ours, theirs = result(convolution), result(same)
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-5 * theirs.abs().max().item())


@pytest.mark.parametrize("kernel", KERNELS)
def test_settings_of_other_arithmetic_do_not_reach_it(kernel):
    convolution, x = convolution_of(kernel), random(*SIZE)

    def learnt(around):
        values = convolution(x)
        with around:
            return [values, *torch.autograd.grad(values.square().sum(), list(convolution.parameters()))]

    expected = learnt(contextlib.nullcontext())
    torch.set_float32_matmul_precision("medium")
    torch.set_default_dtype(torch.float64)
    try:
        values = learnt(torch.autocast("cpu", torch.bfloat16))
    finally:
        torch.set_default_dtype(torch.float32)
        torch.set_float32_matmul_precision("highest")
    for value, exact in zip(values, expected, strict=True):
        assert value.dtype == torch.float32
        assert farthest(value, exact) < 1e-5


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
    x = random(1, 2 * LANES, 8, 16, 16)
    assert convolution_of((3, 3, 3), 2 * LANES).saves_products(x)

    assert not convolution_of((3, 3, 3), 2 * LANES, **options).saves_products(x)


@pytest.mark.parametrize("kernel", [(1, 1, 1), (5, 1, 1), (1, 5, 5), (3, 1, 3)])
def test_other_kernels_are_left_to_torch(kernel):
    assert not convolution_of(kernel).saves_products(random(*SIZE))


def test_channels_that_fill_no_register_are_left_to_torch():
    assert not convolution_of((1, 3, 3), LANES + 1).saves_products(random(2, LANES + 1, 8, 16, 16))
    assert not convolution_of((1, 3, 3), LANES, COLUMNS + 1).saves_products(random(*SIZE))
    with pytest.warns(UserWarning, match="zero-element"):
        assert not convolution_of((1, 3, 3), LANES, 0).saves_products(random(*SIZE))


@pytest.mark.parametrize("channels", [1, LANES - 1, LANES + 1, 2 * LANES])
def test_a_volume_of_other_channels_is_refused(channels):
    convolution, x = convolution_of((1, 3, 3)), random(2, channels, 8, 16, 16)

    with pytest.raises(RuntimeError, match="channels"):
        convolution(x)
    with pytest.raises(ValueError, match="does not fit a volume of shape"):
        convolution.rectified(x)


@pytest.mark.parametrize("shape", [(1,), (COLUMNS - 1,), (2 * COLUMNS,)])
def test_a_bias_that_does_not_fit_is_refused(shape):
    convolution, x = convolution_of((1, 3, 3)), random(*SIZE)
    convolution.bias = nn.Parameter(torch.ones(shape))

    with pytest.raises(RuntimeError, match="bias"):
        convolution(x)
    with torch.no_grad(), pytest.raises(ValueError, match=f"does not fit {COLUMNS} outputs"):
        convolution.rectified(x)


@pytest.mark.parametrize("kernel", [(3, 3, 3), (3, 1, 1), (5, 3, 3), (1, 1, 1)])
def test_weights_of_another_kernel_are_left_to_torch(kernel):
    convolution, x = convolution_of((1, 3, 3)), random(*SIZE)
    convolution.weight = nn.Parameter(torch.randn(COLUMNS, LANES, *kernel))

    values = convolution(x)

    expected = nn.functional.conv3d(x, convolution.weight, convolution.bias, padding=convolution.padding)
    torch.testing.assert_close(values, expected, rtol=1e-4, atol=1e-4)


def test_tensors_that_lie_otherwise_or_are_wider_are_left_to_torch():
    convolution, x = convolution_of((1, 3, 3)), random(*SIZE)
    assert convolution.saves_products(x)

    assert not convolution.saves_products(x.contiguous())
    assert not convolution.saves_products(x[:, :, :, :0])
    assert not convolution.saves_products(x[:0])
    assert not convolution.saves_products(torch.empty_like(x, device="meta"))
    convolution.bias.data = convolution.bias.data.double()
    assert not convolution.saves_products(x)
    convolution.double()
    assert not convolution.saves_products(x.double())
    assert not convolution.saves_products(x)


def test_a_bias_with_gaps_is_added_as_it_is():
    convolution, x = convolution_of((1, 3, 3)), random(*SIZE)
    convolution.bias = nn.Parameter(torch.arange(2.0 * COLUMNS)[::2])
    expected = plain(convolution)(x)

    torch.testing.assert_close(convolution(x), expected, rtol=1e-5, atol=1e-4)


def test_bfloat16_is_left_to_torch():
    with torch.autocast("cpu", torch.bfloat16):
        assert not convolution_of((1, 3, 3)).saves_products(random(*SIZE))


@pytest.mark.parametrize(
    ("kernel", "size", "fits"),
    [
        ((1, 3, 3), (200, 4, 4), True),  # 36 products in place of 144
        ((1, 3, 3), (200, 5, 5), False),  # 144 of 225
        ((1, 3, 3), (200, 7, 7), True),  # 144 of 441
        ((1, 3, 3), (400, 3, 3), False),  # 36 of 81
        ((3, 3, 3), (400, 3, 3), True),
        ((3, 3, 3), (400, 2, 2), False),  # 36 of 36
        ((3, 1, 1), (4, 32, 32), True),  # 6 of 12
        ((3, 1, 1), (5, 32, 32), False),  # 12 of 15
        ((3, 1, 1), (7, 32, 32), True),  # 12 of 21
    ],
)
def test_sizes_that_tiles_reach_far_beyond_are_left_to_torch(kernel, size, fits):
    assert convolution_of(kernel).saves_products(random(1, LANES, *size)) == fits


@torch.no_grad()
def test_few_tiles_are_worth_it_only_with_weights_that_are_mixed_already():
    convolution, few, more = convolution_of((1, 3, 3)), random(1, LANES, 1, 24, 24), random(1, LANES, 8, 24, 24)
    assert not convolution.saves_products(few)
    assert convolution.saves_products(more)

    convolution.freeze()

    assert convolution.saves_products(few)
    assert not convolution.saves_products(few[..., :4, :4])  # a row of products has room for more


def test_what_is_not_a_number_is_not_hidden_and_stays_in_its_tile():
    convolution, x = convolution_of((1, 3, 3), kind=Always), random(1, LANES, 1, 12, 12)
    x[0, 0, 0, 5, 5] = torch.nan

    with torch.no_grad():
        values = convolution.rectified(x)

    assert values[0, :, 0, 4:8, 4:8].isnan().all()
    assert values.isnan().sum() == COLUMNS * 16


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


def counted(monkeypatch):
    calls, function = [], winograd_products.convolve
    monkeypatch.setattr(
        winograd_products, "convolve", lambda *given, **options: calls.append(1) or function(*given, **options)
    )
    return calls


@pytest.mark.parametrize("number", [0, 1], ids=["SlowOnly", "C3D"])
def test_a_network_scores_the_same_with_it(number, monkeypatch):
    backbone, num_convolutions = backbones()[number]
    volume = random(2, 5, 48, 32, 32).relu()
    with torch.no_grad():
        exact = backbone.double().eval()(volume.double())
    fuse_normalisation(backbone.float())
    freeze_convolutions(backbone)
    calls = counted(monkeypatch)

    with torch.no_grad():
        values, again = backbone(volume), backbone(volume)

    assert len(calls) == 2 * num_convolutions
    assert torch.equal(values, again)
    assert farthest(values, exact) < 1e-5


@pytest.mark.parametrize("number", [0, 1], ids=["SlowOnly", "C3D"])
def test_a_network_learns_the_same_with_it(number, monkeypatch):
    volume = random(2, 5, 48, 32, 32).relu()

    def learnt(backbone, volume):
        loss = backbone(volume).square().mean()
        return [loss, *torch.autograd.grad(loss, list(backbone.parameters()))]

    backbone, num_convolutions = backbones()[number]
    calls = counted(monkeypatch)
    values = learnt(backbone, volume)

    # Once for the values, and once for the gradient of the input, if its channels fill registers.
    assert num_convolutions < len(calls) <= 2 * num_convolutions
    for value, exact in zip(values, learnt(backbones()[number][0].double(), volume.double()), strict=True):
        # Where rounding decides what ReLU passes, a gradient is off, by torch's convolutions as well.
        assert (value - exact).norm() < 1e-2 * exact.norm()


def test_a_fused_layer_still_learns():
    layer, x = ConvBNReLU(LANES, COLUMNS, (1, 3, 3)).eval(), random(*SIZE)
    layer.fuse_normalisation()

    layer(x).sum().backward()

    assert layer.conv.saves_products(x)
    assert layer.conv.weight.grad.abs().sum() > 0


@torch.no_grad()
def test_weights_are_mixed_anew_unless_they_are_frozen(monkeypatch):
    convolution, x = convolution_of((1, 3, 3), bias=False), random(*SIZE)
    before = convolution(x)
    # As the fused optimizers of torch, not known to the weight's own count of changes.
    convolution.weight.data.mul_(2)
    torch.testing.assert_close(convolution(x), 2 * before)

    convolution.freeze()
    calls, mixed = [], winograd_products.mixed
    monkeypatch.setattr(winograd_products, "mixed", lambda weight: calls.append(1) or mixed(weight))
    torch.testing.assert_close(convolution(x), 2 * before)
    torch.testing.assert_close(convolution(x), 2 * before)
    assert len(calls) == 1


@torch.no_grad()
def test_frozen_weights_may_be_loaded_moved_copied_and_replaced():
    convolution, x = convolution_of((1, 3, 3), bias=False), random(*SIZE)
    before = convolution(x)
    convolution.freeze()
    convolution(x)

    def is_times(values, factor):
        return torch.allclose(values, factor * before, rtol=1e-4, atol=1e-4)

    copies = [copy.deepcopy(convolution), pickle.loads(pickle.dumps(convolution))]
    for copied in copies:
        assert is_times(copied(x), 1)
        copied.weight.data.mul_(3)
        assert is_times(copied(x), 3)
    convolution.load_state_dict({"weight": 2 * convolution.weight})
    assert is_times(convolution(x), 2)
    convolution.weight.data.mul_(2)
    convolution.double().float()
    # The same memory may have been given again.
    assert convolution._kept is None
    assert is_times(convolution(x), 4)
    convolution.weight = nn.Parameter(2 * convolution.weight)
    assert is_times(convolution(x), 8)
    convolution.weight.data = 2 * convolution.weight.data
    assert is_times(convolution(x), 16)


def test_networks_that_score_are_frozen():
    card = ModelCard(
        heatmaps=Heatmaps(), network=Network(backbone="c3d", base_channels=16), clips=Clips(length=8), num_classes=3
    )

    network = TorchNetwork(build_model(card), card)

    frozen = [module._is_frozen for module in network._model.modules() if isinstance(module, WinogradConv3d)]
    assert len(frozen) == 5
    assert all(frozen)


def test_it_is_hooked_and_pruned_like_any_module():
    layer, x = ConvBNReLU(LANES, COLUMNS, (1, 3, 3)).eval(), random(*SIZE)
    calls = []
    for part in (layer.conv, layer.bn, layer.relu):
        part.register_forward_hook(lambda *_: calls.append(1))
    layer(x)
    layer.fuse_normalisation()
    with torch.no_grad():
        layer(x)
    # The hooks of what is fused stay with the convolution and the ReLU; the normalisation is gone.
    assert len(calls) == 5

    convolution = convolution_of((1, 3, 3))
    prune.random_unstructured(convolution, "weight", 0.5)
    expected = nn.functional.conv3d(
        x, convolution.weight_orig * convolution.weight_mask, convolution.bias, padding="same"
    )
    torch.testing.assert_close(convolution(x), expected, rtol=1e-4, atol=1e-4)


def test_tracing_leaves_it_to_torch():
    convolution, x = convolution_of((1, 3, 3)), random(*SIZE)

    traced = torch.jit.trace(convolution, x)

    assert "aten::_convolution" in str(traced.inlined_graph)
    other = random(*SIZE, seed=1)
    torch.testing.assert_close(traced(other), convolution(other), rtol=1e-4, atol=1e-4)


def test_heatmaps_keep_their_own_convolution(monkeypatch):
    layer = ConvBNReLU(LANES, COLUMNS, (3, 3, 3), convolution=HeatmapConv3d)
    calls = counted(monkeypatch)
    volume = random(*SIZE).relu()

    layer(volume)
    layer.eval().fuse_normalisation()
    with torch.no_grad():
        layer(volume)

    assert not calls


IMITATED = """
import torch
from posec3d.compiled import registers
from posec3d.models.winograd_convolution import WinogradConv3d
assert registers.LANES == 8, registers.LANES
for kernel in [(3, 1, 1), (1, 3, 3), (3, 3, 3)]:
    torch.manual_seed(0)
    convolution = WinogradConv3d(24, 32, kernel, padding=tuple(side // 2 for side in kernel))
    plain = torch.nn.Conv3d(24, 32, kernel, padding=convolution.padding)
    plain.load_state_dict(convolution.state_dict())
    x = torch.randn(2, 24, 7, 15, 24).to(memory_format=torch.channels_last_3d).requires_grad_()
    assert convolution.saves_products(x)
    for ours, theirs in zip(*(
        (values, *torch.autograd.grad(values.square().sum(), [x, *module.parameters()]))
        for module, values in ((convolution, convolution(x)), (plain, plain(x)))
    ), strict=True):
        assert (ours - theirs).abs().max() < 1e-5 * theirs.abs().max()
"""


def test_registers_of_avx2_do_as_well(tmp_path):
    # As a processor without AVX-512 compiles it.
    told = {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": "+avx,+avx2,+fma", "NUMBA_CACHE_DIR": str(tmp_path)}

    subprocess.run([sys.executable, "-c", IMITATED], env=os.environ | told, check=True)


def test_without_wide_registers_all_is_left_to_torch(monkeypatch):
    monkeypatch.setattr("posec3d.compiled.registers.HAS_WIDE_REGISTERS", False)

    assert not convolution_of((1, 3, 3)).saves_products(random(*SIZE))
