import pytest
import torch
from torch import nn

from posec3d.models.layers import PointwiseConv3d
from posec3d.models.slowonly import SlowOnly
from posec3d.models.x3d import X3D


def both_kinds(stride, *, bias=False):
    torch.manual_seed(0)
    plain = nn.Conv3d(4, 6, 1, stride, bias=bias)
    ours = PointwiseConv3d(4, 6, 1, stride, bias=bias)
    ours.load_state_dict(plain.state_dict())
    return plain, ours


@pytest.fixture
def two_threads():
    """What torch convolves small volumes with, and how its results lie, depends on the number of threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last_3d])
@pytest.mark.parametrize("stride", [(1, 1, 1), (1, 2, 2), (2, 2, 2), (2, 3, 1)])
@pytest.mark.parametrize("size", [(5, 8, 8), (4, 7, 9), (1, 1, 1)])
def test_a_pointwise_convolution_is_that_of_torch(two_threads, stride, memory_format, size, bias):
    plain, ours = both_kinds(stride, bias=bias)
    x = torch.randn(2, 4, *size, generator=torch.Generator().manual_seed(1)).contiguous(memory_format=memory_format)
    one, other = x.clone().requires_grad_(), x.clone().requires_grad_()
    values, expected = ours(one), plain(other)

    given_gradient = torch.randn(expected.shape, generator=torch.Generator().manual_seed(2))
    values.backward(given_gradient)
    expected.backward(given_gradient)

    torch.testing.assert_close(values, expected, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(one.grad, other.grad, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(ours.weight.grad, plain.weight.grad, rtol=1e-5, atol=1e-5)
    with torch.no_grad():
        assert torch.equal(ours(x), plain(x))
    # All that follows takes several times as long where gradients lie another way than values.
    assert values.is_contiguous(memory_format=memory_format)
    assert one.grad.is_contiguous(memory_format=memory_format)


@pytest.mark.parametrize(("backbone", "number"), [(SlowOnly, 3), (X3D, 3)])
def test_shortcuts_that_skip_pixels_are_these(backbone, number):
    skipping = [
        module
        for module in backbone().modules()
        if isinstance(module, nn.Conv3d) and module.kernel_size == (1, 1, 1) and max(module.stride) > 1
    ]

    assert len(skipping) == number
    assert all(isinstance(module, PointwiseConv3d) for module in skipping)
