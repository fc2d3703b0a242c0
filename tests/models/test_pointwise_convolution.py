import pytest
import torch
from torch import nn

from posec3d.models.depthwise_convolution import DepthwiseConv3d
from posec3d.models.pointwise_convolution import PointwiseConv3d
from posec3d.models.pointwise_convolution import harmless_dilation
from posec3d.models.slowonly import SlowOnly
from posec3d.models.x3d import X3D
from posec3d.runtime.devices import HAS_ONEDNN


def both_kinds(stride=(1, 1, 1), *, length=1, **options):
    torch.manual_seed(0)
    options = {"bias": False, "padding": (length // 2, 0, 0)} | options
    plain = nn.Conv3d(4, 6, (length, 1, 1), stride, **options)
    ours = PointwiseConv3d(4, 6, (length, 1, 1), stride, **options)
    ours.load_state_dict(plain.state_dict())
    return plain, ours


@pytest.fixture(params=[1, 2])
def threads(request):
    """What torch convolves small volumes with, and how its results lie, depends on the number of threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last_3d])
@pytest.mark.parametrize(
    ("length", "stride"),
    [(1, (1, 1, 1)), (1, (1, 2, 2)), (1, (2, 2, 2)), (1, (2, 3, 1)), (3, (1, 1, 1)), (3, (2, 2, 1))],
)
@pytest.mark.parametrize("size", [(5, 8, 8), (4, 7, 9), (1, 1, 1)])
def test_values_and_gradients_are_those_of_torch(threads, length, stride, memory_format, size, bias):
    plain, ours = both_kinds(stride, length=length, bias=bias)
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
        torch.testing.assert_close(ours(x), plain(x), rtol=1e-6, atol=1e-6)
    # All that follows takes several times as long where gradients lie another way than values.
    assert threads == 1 or values.is_contiguous(memory_format=memory_format)
    assert threads == 1 or one.grad.is_contiguous(memory_format=memory_format)


@pytest.mark.skipif(not HAS_ONEDNN, reason="PyTorch has no oneDNN for this processor")
@pytest.mark.parametrize("threads", [1], indirect=True)
@pytest.mark.parametrize(("length", "stride"), [(1, (1, 1, 1)), (1, (1, 2, 2)), (3, (1, 1, 1))])
@pytest.mark.parametrize("depthwise", [False, True])
def test_in_one_thread_as_well_results_and_gradients_lie_channels_last(threads, length, stride, depthwise):
    if depthwise:
        convolution = DepthwiseConv3d(32, 32, (length, 1, 1), stride, (length // 2, 0, 0), groups=32, bias=False)
    else:
        convolution = PointwiseConv3d(32, 32, (length, 1, 1), stride, (length // 2, 0, 0), bias=False)
    x = torch.randn(2, 32, 4, 8, 8).to(memory_format=torch.channels_last_3d).requires_grad_()

    values = convolution.to(memory_format=torch.channels_last_3d)(x)
    values.sum().backward()

    assert values.is_contiguous(memory_format=torch.channels_last_3d)
    assert x.grad.is_contiguous(memory_format=torch.channels_last_3d)


@pytest.mark.skipif(not HAS_ONEDNN, reason="PyTorch has no oneDNN for this processor")
def test_only_where_torch_would_be_slow_a_kernel_is_dilated(threads):
    x = torch.zeros(1, 1, 1, 1, 1)

    assert harmless_dilation(x) == ((1, 1, 2) if threads == 1 else (1, 1, 1))
    assert harmless_dilation(x.bfloat16()) == (1, 1, 1)
    with torch.backends.mkldnn.flags(enabled=False):
        assert harmless_dilation(x) == (1, 1, 1)


@pytest.mark.parametrize(
    "options",
    [
        {"dilation": 2},
        {"padding": 1},
        {"padding": "same"},
        {"padding_mode": "circular"},
    ],
)
def test_other_convolutions_are_left_to_torch(options):
    plain, ours = both_kinds(length=3, **options)
    x = torch.randn(2, 4, 5, 6, 6)

    assert not ours._is_plain()
    torch.testing.assert_close(ours(x), plain(x), rtol=0, atol=0)


@pytest.mark.parametrize(("backbone", "number"), [(SlowOnly, 29), (X3D, 24)])
def test_all_convolutions_of_single_pixels_are_these(backbone, number):
    single = [
        module
        for module in backbone().modules()
        if isinstance(module, nn.Conv3d) and module.kernel_size[1:] == (1, 1) and module.groups == 1
    ]

    assert len(single) == number
    assert all(isinstance(module, PointwiseConv3d) and module._is_plain() for module in single)
