import pytest
import torch
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from torch import nn

from posec3d.models.depthwise_convolution import DepthwiseConv3d
from posec3d.models.x3d import X3D


def both_kinds(num_channels=5, kernel=(3, 3, 3), stride=1):
    options = {"padding": tuple(side // 2 for side in kernel), "groups": num_channels, "bias": False}
    torch.manual_seed(0)
    plain = nn.Conv3d(num_channels, num_channels, kernel, (1, stride, stride), **options)
    ours = DepthwiseConv3d(num_channels, num_channels, kernel, (1, stride, stride), **options)
    ours.load_state_dict(plain.state_dict())
    return plain, ours


def random(*size, seed=0, dtype=torch.float32):
    return torch.randn(size, generator=torch.Generator().manual_seed(seed)).to(dtype)


def gradients(convolution, x, given_gradient):
    """Return the values, and the gradients of the inputs and of the kernel."""
    x = x.clone().requires_grad_()
    values = convolution(x)
    return values, *torch.autograd.grad(values, [x, convolution.weight], given_gradient.to(values.dtype))


@settings(max_examples=60, deadline=None)
@given(
    size=st.tuples(*[st.integers(1, most) for most in (3, 20, 6, 9, 9)]),
    kernel=st.tuples(*[st.sampled_from([1, 3, 5])] * 3),
    stride=st.integers(1, 3),
    channels_last=st.booleans(),
    seed=st.integers(0, 3),
)
def test_values_and_gradients_are_those_of_torch(size, kernel, stride, channels_last, seed):
    plain, ours = both_kinds(size[1], kernel, stride)
    x = random(*size, seed=seed)
    x = x.to(memory_format=torch.channels_last_3d) if channels_last else x
    given_gradient = random(*plain(x).shape, seed=seed + 1)

    expected = gradients(plain, x, given_gradient)
    result = gradients(ours, x, given_gradient)

    assert type(result[0].grad_fn).__name__ == "_DepthwiseBackward"
    # Sums in another order: of up to 125 products, and of up to 1,500 for the kernel.
    for values, those_of_torch in zip(result, expected, strict=True):
        assert values.shape == those_of_torch.shape
        torch.testing.assert_close(values, those_of_torch, rtol=1e-5, atol=2e-5)


@pytest.mark.parametrize("stride", [1, 2])
def test_bfloat16_is_nearer_to_the_exact_gradients_than_that_of_torch(stride):
    plain, ours = both_kinds(24, stride=stride)
    x = random(2, 24, 7, 12, 12, dtype=torch.bfloat16)
    given_gradient = random(*plain(x.float()).shape, seed=1, dtype=torch.bfloat16)
    exact = gradients(plain, x.float(), given_gradient.float())

    with torch.autocast("cpu", torch.bfloat16):
        by_torch = gradients(plain, x, given_gradient)
        result = gradients(ours, x, given_gradient)

    assert [values.dtype for values in result] == [torch.bfloat16, torch.bfloat16, torch.float32]
    # The gradient of the kernel: ours is summed in float32. The others are rounded once, like those of torch.
    for values, those_of_torch, what in zip(result, by_torch, exact, strict=True):
        assert (values.float() - what).abs().max() <= (those_of_torch.float() - what).abs().max()


def test_the_gradients_are_the_same_bits_with_any_number_of_threads():
    _, ours = both_kinds(7, stride=2)
    x, given_gradient = random(3, 7, 9, 11, 11), random(3, 7, 9, 6, 6, seed=1)
    threads = torch.get_num_threads()
    try:
        results = []
        for number in (1, 2, 3):
            torch.set_num_threads(number)
            results.append(gradients(ours, x, given_gradient)[1:])
    finally:
        torch.set_num_threads(threads)

    for result in results[1:]:
        assert all(torch.equal(one, other) for one, other in zip(result, results[0], strict=True))


@pytest.mark.parametrize(
    "options",
    [
        {"padding": 0},  # It does not keep the size.
        {"padding": 1, "stride": (2, 1, 1)},
        {"padding": 1, "stride": (1, 2, 1)},
        {"padding": 2, "dilation": 2},
        {"padding": 1, "groups": 2},
        {"padding": 1, "bias": True},
    ],
)
def test_other_convolutions_are_left_to_torch(options):
    options = {"groups": 4, "bias": False} | options
    torch.manual_seed(0)
    plain = nn.Conv3d(4, 4, 3, **options)
    ours = DepthwiseConv3d(4, 4, 3, **options)
    ours.load_state_dict(plain.state_dict())
    x = random(1, 4, 5, 7, 7)

    values = ours(x)

    assert type(values.grad_fn).__name__ == "ConvolutionBackward0"
    assert torch.equal(values, plain(x))


def test_what_needs_no_gradient_has_none():
    _, ours = both_kinds()
    x = random(1, 5, 3, 4, 4)

    ours(x).sum().backward()
    assert x.grad is None
    assert ours.weight.grad is not None
    with torch.no_grad():
        assert ours(x).grad_fn is None

    ours.weight.requires_grad_(requires_grad=False)
    x.requires_grad_()
    ours(x).sum().backward()
    assert x.grad.shape == x.shape


def test_all_depthwise_convolutions_of_x3d_are_these():
    grouped = [module for module in X3D().modules() if isinstance(module, nn.Conv3d) and module.groups > 1]

    assert len(grouped) == 11
    assert all(isinstance(module, DepthwiseConv3d) and module._is_plain() for module in grouped)
