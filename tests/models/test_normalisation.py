import pytest
import torch
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from torch import nn

from posec3d.models import normalisation
from posec3d.models.layers import ConvBNReLU
from posec3d.models.normalisation import normalise
from posec3d.models.normalisation import normalises_in_few_passes

SHAPES = st.tuples(*[st.integers(1, most) for most in (3, 150, 5, 6, 6)])


def random(*size, seed=0, dtype=torch.float32):
    x = torch.randn(size, generator=torch.Generator().manual_seed(seed)).to(dtype)
    return x.to(memory_format=torch.channels_last_3d)


def learning(num_channels, seed=0):
    """Return a batch normalisation whose numbers all differ."""
    bn = nn.BatchNorm3d(num_channels)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for tensor in (bn.weight, bn.bias, bn.running_mean, bn.running_var):
            tensor.copy_(torch.randn(num_channels, generator=generator))
    return bn


def by_torch(bn, x, shortcut=None, *, rectified=True):
    normalised = bn(x)
    normalised = normalised if shortcut is None else normalised + shortcut
    return normalised.relu() if rectified else normalised


def learnt(way, bn, x, shortcut, given_gradient, *, rectified=True):
    """Return values, the gradients of all that is given, and the moments that are kept for evaluation."""
    given = [x.clone().requires_grad_()] + ([] if shortcut is None else [shortcut.clone().requires_grad_()])
    values = way(bn, *given, rectified=rectified)
    gradients = torch.autograd.grad(values, [*given, bn.weight, bn.bias], given_gradient.to(values.dtype))
    return [values.detach(), *gradients, bn.running_mean, bn.running_var]


def all_ways(x, shortcut, given_gradient, *, rectified=True):
    """Return what is learnt exactly, in float64, by torch, and by ours; x and the gradient in their own precision."""
    num_channels = x.shape[1]
    wide = [tensor if tensor is None else tensor.double() for tensor in (x, shortcut, given_gradient)]
    # Where rounding decides what is above 0, no gradient is given.
    normalised = by_torch(learning(num_channels).double(), *wide[:2], rectified=False)
    given_gradient = (
        given_gradient * (normalised.abs() > 0.02).to(given_gradient.dtype) if rectified else given_gradient
    )
    wide[2] = given_gradient.double()
    return (
        learnt(by_torch, learning(num_channels).double(), *wide, rectified=rectified),
        learnt(by_torch, learning(num_channels), x, shortcut, given_gradient, rectified=rectified),
        learnt(normalise, learning(num_channels), x, shortcut, given_gradient, rectified=rectified),
    )


@settings(max_examples=150, deadline=None)
@given(
    size=SHAPES.filter(lambda size: size[0] * size[2] * size[3] * size[4] > 1),
    added=st.booleans(),
    rectified=st.booleans(),
    away=st.sampled_from([0.0, 30.0]),
    part=st.sampled_from([1, 64, 1 << 17]),
    seed=st.integers(0, 3),
)
def test_values_gradients_and_moments_are_as_near_to_the_exact_ones_as_those_of_torch(
    size, added, rectified, away, part, seed
):
    x, given_gradient = random(*size, seed=seed) + away, random(*size, seed=seed + 1)
    shortcut = random(*size, seed=seed + 2) if added else None

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(normalisation, "_NUMBERS_OF_PART", part)
        exact, torchs, ours = all_ways(x, shortcut, given_gradient, rectified=rectified)

    for what, by_them, by_us in zip(exact, torchs, ours, strict=True):
        assert by_us.shape == what.shape
        assert by_us.dtype == torch.float32
        least = 2e-6 * float(1 + what.abs().max())
        assert (by_us - what).abs().max() <= 4 * (by_them - what).abs().max() + least


@pytest.mark.parametrize("added", [False, True])
def test_bfloat16_is_as_near_to_the_exact_values_as_that_of_torch(added):
    size = (4, 48, 6, 10, 10)
    x, given_gradient = random(*size, dtype=torch.bfloat16), random(*size, seed=1, dtype=torch.bfloat16)
    shortcut = random(*size, seed=2, dtype=torch.bfloat16) if added else None

    exact, torchs, ours = all_ways(x, shortcut, given_gradient)

    kinds = [torch.bfloat16] * (3 if added else 2) + [torch.float32] * 4
    assert [values.dtype for values in ours] == [values.dtype for values in torchs] == kinds
    # Rounded once, where torch rounds what is normalised, and then the sum.
    for what, by_them, by_us in zip(exact, torchs, ours, strict=True):
        assert (by_us - what).abs().max() <= 1.01 * (by_them - what).abs().max() + 1e-5


@pytest.mark.parametrize("size", [(1, 3, 9, 281, 281), (2, 32, 8, 64, 64)])
def test_a_first_pixel_that_is_far_off_costs_little_precision(size):
    x = random(*size) / 10
    x[0, :, 0, 0, 0] = 100
    bn, exact = nn.BatchNorm3d(size[1], momentum=1), x.double().transpose(0, 1).flatten(1)

    normalise(bn, x)

    torch.testing.assert_close(bn.running_var.double(), exact.var(1), rtol=1e-4, atol=0)
    torch.testing.assert_close(bn.running_mean.double(), exact.mean(1), rtol=1e-4, atol=1e-6)


def test_channels_that_never_change_have_no_gradient_of_infinity():
    x = torch.full((2, 3, 4, 5, 5), 7.0).to(memory_format=torch.channels_last_3d)

    values, gradient, of_weight, *_ = learnt(normalise, nn.BatchNorm3d(3), x, None, torch.ones_like(x), rectified=False)

    # Of 7 times the largest factor there is, 316, float32 keeps 1e-4.
    assert values.abs().max() < 1e-3
    assert torch.equal(of_weight, torch.zeros(3))
    assert gradient.abs().max() < 1e-3


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("rectified", [False, True])
def test_what_is_not_a_number_is_not_hidden(dtype, rectified):
    x = random(2, 3, 4, 5, 5, dtype=dtype)
    x[0, 1, 0, 0, 0] = float("nan")

    values = normalise(nn.BatchNorm3d(3), x.requires_grad_(), rectified=rectified)

    assert values[:, 1].isnan().all()
    assert not values[:, [0, 2]].isnan().any()


def test_all_is_the_same_bits_with_any_number_of_threads(monkeypatch):
    monkeypatch.setattr(normalisation, "_NUMBERS_OF_PART", 500)
    x, shortcut, given_gradient = (random(3, 7, 9, 11, 11, seed=seed) for seed in range(3))
    threads = torch.get_num_threads()
    try:
        results = []
        for number in (1, 2, 3):
            torch.set_num_threads(number)
            results.append(learnt(normalise, learning(7), x, shortcut, given_gradient))
    finally:
        torch.set_num_threads(threads)

    for result in results[1:]:
        assert all(torch.equal(one, other) for one, other in zip(result, results[0], strict=True))


@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize("added", [False, True])
def test_a_layer_that_learns_much_at_once_does_it_so(relu, added):
    torch.manual_seed(0)
    layer = ConvBNReLU(8, 32, (1, 1, 1), relu=relu).to(memory_format=torch.channels_last_3d)
    x = random(2, 8, 8, 64, 64)
    shortcut = random(2, 32, 8, 64, 64, seed=1) if added else None

    values = layer(x, shortcut)

    assert type(values.grad_fn).__name__ == "_NormalisationBackward"
    # Exactly: torch's own, whose sums are of 65,536 numbers in a row, is 5e-5 off.
    wide = None if shortcut is None else shortcut.double()
    expected = by_torch(nn.BatchNorm3d(32).double(), layer.conv(x).double(), wide, rectified=relu)
    torch.testing.assert_close(values.double(), expected, rtol=1e-6, atol=2e-6)
    assert layer.bn.num_batches_tracked == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda bn, x: (bn.eval(), x),
        lambda bn, x: (bn, x.detach()),
        lambda bn, x: (bn, x.contiguous()),
        lambda bn, x: (bn, x.double()),
        lambda bn, x: (bn, x[:1]),
        lambda bn, x: (nn.Identity(), x),
        lambda bn, x: (nn.SyncBatchNorm(4), x),
        lambda bn, x: (nn.BatchNorm3d(4, affine=False), x),
        lambda bn, x: (nn.BatchNorm3d(4, momentum=None), x),
        lambda bn, x: (bn.bfloat16(), x.bfloat16()),
        lambda bn, x: (nn.BatchNorm3d(4, track_running_stats=False), x),
    ],
)
def test_what_else_there_is_stays_with_torch(change):
    bn, x = nn.BatchNorm3d(4), random(2, 4, 4, 256, 256).requires_grad_()
    assert normalises_in_few_passes(bn, x)

    assert not normalises_in_few_passes(*change(bn, x))
    with torch.no_grad():
        assert not normalises_in_few_passes(bn, x)
