import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from posec3d.heatmaps import mirror_volume
from posec3d.heatmaps import render_keypoints
from posec3d.heatmaps import render_limbs
from posec3d.heatmaps_dense import draw_keypoints
from posec3d.heatmaps_dense import draw_limbs
from posec3d.skeletons import get_skeleton

COCO = get_skeleton("coco17")
SIZE = (30, 44)


def pixels(size=SIZE):
    return tuple(torch.arange(length)[None] for length in size)


def plain(kind, keypoints, scores, size=SIZE, sigma=0.6):
    if kind == "keypoint":
        return render_keypoints(keypoints, scores, size, sigma=sigma)
    return render_limbs(keypoints, scores, COCO.limbs, size, sigma=sigma)


def dense(kind, keypoints, scores, rows, columns, sigma=0.6):
    if kind == "keypoint":
        return draw_keypoints(keypoints, scores, rows, columns, sigma=sigma, threshold=1e-4)
    return draw_limbs(keypoints, scores, COCO.limbs, rows, columns, sigma=sigma, threshold=1e-4)


# Of limbs, float32 leaves some 1e-5 at distances of a canvas, in either drawing; of keypoints next to nothing.
TOLERANCE = {"keypoint": 1e-6, "limb": 3e-5}
coordinates = st.one_of(
    st.floats(-8, 52, width=32),
    st.integers(-8, 52).map(float),
    # Where windows begin and end, and limbs that are shorter than a pixel.
    st.builds(lambda pixel, step: float(np.float32(pixel + step)), st.integers(-2, 45), st.sampled_from([1.8, -1.8])),
    st.sampled_from([float("nan"), float("inf"), -1e4, 1e4, 20.25, 20.5]),
)
confidences = st.one_of(st.floats(0, 1, width=32), st.sampled_from([0.0, 1e-4, 9e-5, float("nan")]))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(coordinates, min_size=68, max_size=68),
    st.lists(confidences, min_size=34, max_size=34),
    st.sampled_from(["keypoint", "limb"]),
    st.sampled_from([0.6, 1.3, 0.5]),
)
def test_every_pixel_is_as_in_the_plain_drawing(points, values, kind, sigma):
    keypoints, scores = torch.tensor(points).view(1, 2, 1, 17, 2), torch.tensor(values).view(1, 2, 1, 17)

    volume = dense(kind, keypoints, scores, *pixels(), sigma=sigma)

    expected = plain(kind, keypoints, scores, sigma=sigma)
    # Far ends make a limb's distances coarse: 1e4 pixels leave a thousandth of one.
    far = kind == "limb" and bool((keypoints.abs() > 100).any())
    torch.testing.assert_close(volume, expected, rtol=0, atol=2e-2 if far else TOLERANCE[kind])


@pytest.mark.parametrize("kind", ["keypoint", "limb"])
def test_columns_from_right_to_left_are_the_mirrored_volume(kind):
    keypoints, scores = torch.rand(2, 1, 3, 17, 2) * 30, torch.rand(2, 1, 3, 17)
    rows, columns = pixels()
    same = range(17)

    volume = dense(kind, keypoints, scores, rows, torch.cat([columns, columns.flip(-1)]))

    expected = plain(kind, keypoints, scores)
    torch.testing.assert_close(volume[0], expected[0], rtol=0, atol=TOLERANCE[kind])
    torch.testing.assert_close(volume[1], mirror_volume(expected, same)[1], rtol=0, atol=TOLERANCE[kind])


@pytest.mark.parametrize("edge", [20 + 1.8, 20 - 1.8, -1.8, -2.8, 43 + 1.8])
def test_windows_end_at_the_same_float32_as_in_float64(edge):
    near = np.float32(edge)
    for x in (np.nextafter(near, np.float32(-100)), near, np.nextafter(near, np.float32(100))):
        keypoints, scores = torch.tensor([float(x), 10.0]).view(1, 1, 1, 1, 2), torch.ones(1, 1, 1, 1)

        volume = draw_keypoints(keypoints, scores, *pixels(), sigma=0.6, threshold=1e-4)

        torch.testing.assert_close(volume > 0, render_keypoints(keypoints, scores, SIZE) > 0)
