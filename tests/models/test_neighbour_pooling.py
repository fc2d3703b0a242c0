import pytest
import torch
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from torch.nn import functional

from posec3d.models.neighbour_pooling import highest_of_neighbours


def by_torch(x):
    return functional.max_pool3d(x, (1, 3, 3), stride=1, padding=(0, 1, 1))


def with_gradient(pool, x, given_gradient):
    x = x.clone().requires_grad_()
    values = pool(x)
    return values, *torch.autograd.grad(values, x, given_gradient)


@settings(max_examples=80, deadline=None)
@given(
    size=st.tuples(*[st.integers(1, most) for most in (2, 20, 3, 6, 6)]),
    # Whole numbers have many equals; the first of them gets the gradient.
    whole=st.booleans(),
    dtype=st.sampled_from([torch.float32, torch.bfloat16]),
    channels_last=st.booleans(),
    seed=st.integers(0, 5),
)
def test_values_and_gradients_are_those_of_torch(size, whole, dtype, channels_last, seed):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randint(0, 3, size, generator=generator) if whole else torch.randn(size, generator=generator).relu()
    x = x.to(dtype)
    x = x.to(memory_format=torch.channels_last_3d) if channels_last else x
    # Whole numbers, whose sums are exact in any order.
    given_gradient = torch.randint(-4, 5, size, generator=generator).to(dtype)

    expected, expected_gradient = with_gradient(by_torch, x, given_gradient)
    values, gradient = with_gradient(highest_of_neighbours, x, given_gradient)

    assert type(values.grad_fn).__name__ == "_HighestOfNeighboursBackward"
    assert values.dtype == gradient.dtype == dtype
    assert torch.equal(values, expected)
    assert torch.equal(gradient, expected_gradient)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_minus_zero_is_not_above_anything(dtype):
    x = torch.tensor([-0.0, 0.5, -0.0, -0.0, -0.0], dtype=dtype).view(1, 1, 1, 1, 5)

    values, _ = with_gradient(highest_of_neighbours, x, torch.ones_like(x))

    assert values.flatten().tolist() == [0.5, 0.5, 0.5, 0, 0]


def test_the_layout_stays_channels_last():
    x = torch.rand(2, 5, 4, 9, 7).to(memory_format=torch.channels_last_3d)

    values, gradient = with_gradient(highest_of_neighbours, x, torch.ones_like(x))

    assert values.is_contiguous(memory_format=torch.channels_last_3d)
    assert gradient.is_contiguous(memory_format=torch.channels_last_3d)


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last_3d])
def test_without_a_gradient_it_is_torchs_own(memory_format):
    x = torch.randn(2, 5, 4, 9, 7, generator=torch.Generator().manual_seed(0)).contiguous(memory_format=memory_format)

    assert torch.equal(highest_of_neighbours(x), by_torch(x))
    with torch.no_grad():
        assert torch.equal(highest_of_neighbours(x.requires_grad_()), by_torch(x))
