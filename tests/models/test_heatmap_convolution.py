import pytest
import torch
from torch import nn

from posec3d.heatmaps import render_keypoints
from posec3d.heatmaps import render_limbs
from posec3d.models.heatmap_convolution import HeatmapConv3d
from posec3d.models.slowonly import SlowOnly
from posec3d.skeletons import get_skeleton

SKELETON = get_skeleton("coco17")


def volume(kind="keypoint", *, num_clips=2, num_people=2, size=(40, 48), dtype=torch.float32, seed=0):
    generator = torch.Generator().manual_seed(seed)
    keypoints = torch.rand(num_clips, num_people, 9, 17, 2, generator=generator) * 44
    scores = torch.rand(num_clips, num_people, 9, 17, generator=generator)
    if kind == "limb":
        return render_limbs(keypoints, scores, SKELETON.limbs, size, dtype=dtype)
    return render_keypoints(keypoints, scores, size, dtype=dtype)


def both_kinds(kernel=(1, 7, 7), *, bias=False, stride=1):
    padding = tuple(side // 2 for side in kernel)
    torch.manual_seed(0)
    dense = nn.Conv3d(17, 8, kernel, (1, stride, stride), padding, bias=bias)
    sparse = HeatmapConv3d(17, 8, kernel, (1, stride, stride), padding, bias=bias)
    sparse.load_state_dict(dense.state_dict())
    return dense, sparse


@pytest.mark.parametrize("kind", ["keypoint", "limb"])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize(
    ("kernel", "stride", "size"),
    [
        ((1, 7, 7), 1, (40, 48)),
        ((1, 3, 5), 1, (40, 48)),
        ((3, 3, 3), 1, (40, 48)),
        ((5, 1, 3), 1, (40, 48)),
        ((1, 3, 3), 2, (40, 48)),
        ((1, 3, 3), 2, (41, 47)),  # The last column and row have outputs, too.
        ((3, 5, 5), 3, (40, 48)),
    ],
)
def test_values_and_gradients_are_those_of_the_dense_convolution(kind, bias, kernel, stride, size):
    dense, sparse = both_kinds(kernel, bias=bias, stride=stride)
    x = volume(kind, size=size)
    weights = torch.randn(dense(x).shape, generator=torch.Generator().manual_seed(1))

    assert sparse.is_sparse(x)
    (dense(x) * weights).sum().backward()
    (sparse(x) * weights).sum().backward()

    # Sums of up to 833 products in another order.
    torch.testing.assert_close(sparse(x), dense(x), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(sparse.weight.grad, dense.weight.grad, rtol=1e-5, atol=1e-4)
    if bias:
        torch.testing.assert_close(sparse.bias.grad, dense.bias.grad, rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("stride", [1, 2])
def test_gradients_of_gradients_are_those_of_the_dense_convolution(stride):
    def learnt(convolution, x):
        values = convolution(x).tanh().square().sum()
        slopes = torch.autograd.grad(values, list(convolution.parameters()), create_graph=True)
        penalty = sum(slope.square().sum() for slope in slopes)
        return torch.autograd.grad(values + 0.01 * penalty, list(convolution.parameters()))

    dense, sparse = both_kinds((1, 3, 3), bias=True, stride=stride)
    x = volume()

    assert sparse.is_sparse(x)
    for gradient, exact in zip(learnt(sparse, x), learnt(dense.double(), x.double()), strict=True):
        # Sums of some ten thousand numbers that partly cancel each other out.
        assert (gradient - exact).abs().max() < 1e-3 * exact.abs().max()


def test_bfloat16_is_as_near_to_the_exact_values_as_the_dense_convolution():
    dense, sparse = both_kinds()
    x = volume(dtype=torch.bfloat16)
    exact = dense(x.float())

    with torch.autocast("cpu", torch.bfloat16):
        rounded, by_dense = sparse(x), dense(x)

    assert rounded.dtype == torch.bfloat16
    assert (rounded - exact).abs().max() <= (by_dense - exact).abs().max()


@pytest.mark.parametrize(
    "dense_case",
    [
        lambda conv, x: (conv, torch.ones_like(x)),  # Nothing is zero.
        lambda conv, x: (conv, x.clone().requires_grad_()),  # An explanation wants this gradient.
        lambda conv, x: (HeatmapConv3d(17, 8, (3, 3, 3)), x),  # It does not keep the size.
        lambda conv, x: (HeatmapConv3d(17, 8, (1, 7, 7), stride=(2, 1, 1), padding=(0, 3, 3)), x),
        lambda conv, x: (HeatmapConv3d(17, 8, (1, 7, 7), stride=(1, 1, 2), padding=(0, 3, 3)), x),
        lambda conv, x: (conv, x.double()),
    ],
)
def test_what_the_loops_cannot_do_is_left_to_the_dense_convolution(dense_case):
    _, conv = both_kinds()

    conv, x = dense_case(conv, volume())

    assert not conv.is_sparse(x)
    conv = conv.to(x.dtype)
    torch.testing.assert_close(conv(x), nn.Conv3d.forward(conv, x))


def test_the_gradient_does_not_depend_on_the_number_of_threads():
    x, gradients = volume(num_clips=5), []
    before = torch.get_num_threads()
    for num_threads in (1, 2, 3):
        torch.set_num_threads(num_threads)
        _, conv = both_kinds()
        conv(x).square().sum().backward()
        gradients.append(conv.weight.grad)
    torch.set_num_threads(before)

    assert all(torch.equal(one, gradients[0]) for one in gradients)


@pytest.mark.parametrize("kind", ["keypoint", "limb"])
def test_the_first_layer_in_one_pass_is_the_first_layer(kind):
    torch.manual_seed(0)
    backbone = SlowOnly(base_channels=8, stage_blocks=(1, 1)).eval()
    nn.init.uniform_(backbone.conv1.bn.running_mean, -0.3, 0.3)
    nn.init.uniform_(backbone.conv1.bn.bias, -0.3, 0.3)
    x = volume(kind)

    plain = backbone(x.clone().requires_grad_()).detach()
    with torch.no_grad():
        in_one_pass = backbone(x)

    torch.testing.assert_close(in_one_pass, plain, rtol=1e-5, atol=1e-5)
