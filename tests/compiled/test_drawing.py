import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from posec3d.heatmaps import render_keypoints
from posec3d.heatmaps import render_limbs

LIMBS = ((0, 1), (1, 2), (2, 0))
# Whole numbers and halves lie at the edges of windows; most of the others lie on the canvas, some far away.
COORDINATES = st.one_of(
    st.integers(-3, 18).map(float),
    st.integers(-6, 36).map(lambda half: half / 2),
    st.floats(-10, 30, width=32),
    st.sampled_from([np.nan, np.inf, -np.inf, 3000.0, -3000.0]),
)
SCORES = st.one_of(st.floats(0, 1, width=32), st.sampled_from([0.0, 1e-4, 1.1e-4, 9e-5, np.nan]))


def render(kind, keypoints, scores, **options):
    if kind == "limb":
        return render_limbs(keypoints, scores, LIMBS, (13, 16), **options)
    return render_keypoints(keypoints, scores, (13, 16), **options)


@pytest.mark.parametrize("kind", ["keypoint", "limb"])
@settings(max_examples=150, deadline=None)
@given(
    keypoints=hnp.arrays(np.float32, (2, 2, 3, 3, 2), elements=COORDINATES),
    scores=hnp.arrays(np.float32, (2, 2, 3, 3), elements=SCORES),
    sigma=st.sampled_from([0.4, 0.6, 1.3]),
)
def test_the_compiled_drawing_is_that_of_torch(kind, keypoints, scores, sigma):
    points, heights = torch.from_numpy(keypoints), torch.from_numpy(scores)

    compiled = render(kind, points, heights, sigma=sigma)
    # With a gradient asked for, torch draws.
    by_torch = render(kind, points, heights.clone().requires_grad_(), sigma=sigma)

    assert by_torch.requires_grad
    # Limbs up to 4,000 pixels long: torch computes them in float32, the compiled loop in float64.
    torch.testing.assert_close(compiled, by_torch.detach(), rtol=0, atol=5e-6 if kind == "keypoint" else 1e-3)


@pytest.mark.parametrize("kind", ["keypoint", "limb"])
def test_bfloat16_is_the_rounded_drawing(kind):
    keypoints, scores = torch.rand(2, 3, 20, 3, 2) * 16, torch.rand(2, 3, 20, 3)

    drawn = render(kind, keypoints, scores, dtype=torch.bfloat16)

    # People are merged after rounding here, and before it there: the same, as rounding keeps the order.
    torch.testing.assert_close(drawn, render(kind, keypoints, scores).bfloat16(), rtol=0, atol=0)


@pytest.mark.parametrize("kind", ["keypoint", "limb"])
def test_threads_change_nothing_and_the_volume_lies_channels_last(kind):
    keypoints, scores = torch.rand(3, 2, 30, 3, 2) * 16, torch.rand(3, 2, 30, 3)
    before, drawn = torch.get_num_threads(), []
    for num_threads in (1, 2, 5):
        torch.set_num_threads(num_threads)
        drawn.append(render(kind, keypoints, scores))
    torch.set_num_threads(before)

    assert drawn[0].is_contiguous(memory_format=torch.channels_last_3d)
    assert torch.equal(drawn[0], drawn[1])
    assert torch.equal(drawn[0], drawn[2])
    torch.testing.assert_close(drawn[0][1:2], render(kind, keypoints[1:2], scores[1:2]), rtol=0, atol=0)


@pytest.mark.parametrize("far", [1e10, -1e10, 1e19, -1e19, 3e38])
def test_keypoints_beyond_all_whole_numbers_draw_nothing(far):
    points = torch.tensor([[far, 5.0], [5.0, far]])[None, None, None]

    assert render("keypoint", points, torch.ones(1, 1, 1, 2)).sum() == 0


def test_a_keypoint_as_wide_as_the_world_is_everywhere():
    assert render("keypoint", torch.full((1, 1, 1, 1, 2), 5.0), torch.ones(1, 1, 1, 1), sigma=1e12).min() == 1
