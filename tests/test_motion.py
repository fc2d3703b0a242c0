import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from posec3d.experiment import Heatmaps
from posec3d.heatmaps import mirror_volume
from posec3d.models.recognizer import HeatmapLayer
from posec3d.motion import with_motion
from posec3d.skeletons import get_skeleton

COCO = get_skeleton("coco17")


def one_point(path, scores=None):
    """One keypoint of one person along (x, y) points."""
    keypoints = torch.tensor(path, dtype=torch.float32)[None, None, :, None]
    given = torch.ones(len(path)) if scores is None else torch.tensor(scores)
    return keypoints, given[None, None, :, None]


def speeds(path, scores=None):
    """Scores of the five points of each frame."""
    return with_motion(*one_point(path, scores))[1][0, 0]


def test_a_keypoint_is_followed_by_its_speed_right_left_down_and_up():
    keypoints, scores = with_motion(*one_point([(5, 5), (7, 4), (8, 4), (7, 4)], [1.0, 0.5, 0.8, 0.9]))

    assert keypoints.shape == (1, 1, 4, 5, 2)
    assert keypoints[0, 0, 1].tolist() == [[7, 4]] * 5
    # Half of the way from (5, 5) to (8, 4), as sure as the least sure of the three; then from (7, 4) to (7, 4).
    expected = [[1, 0, 0, 0, 0], [0.5, 0.75, 0, 0, 0.25], [0.8, 0, 0, 0, 0], [0.9, 0, 0, 0, 0]]
    np.testing.assert_allclose(scores[0, 0], expected, atol=1e-6)


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_next_to_a_frame_without_the_keypoint_there_is_no_speed(missing):
    scores = [1.0, 1.0, 1.0]
    scores[missing] = 0.0

    assert speeds([(0, 0), (1, 0), (2, 0)], scores)[1, 1:].tolist() == [0, 0, 0, 0]


def test_a_jump_is_drawn_as_the_fastest():
    assert speeds([(0, 0), (50, 0), (100, 0)])[1].tolist() == [1, 3, 0, 0, 0]


@pytest.mark.parametrize("num_frames", [1, 2])
def test_few_frames_do_not_move(num_frames):
    assert speeds([(0, 0), (9, 9)][:num_frames])[:, 1:].abs().sum() == 0


def test_a_keypoint_that_is_not_a_number_moves_nothing():
    path = [(0, 0), (float("nan"), float("inf")), (2, 0), (3, 0)]

    # In its own frame it has a speed, but no place to draw it.
    assert speeds(path)[[0, 2, 3], 1:].abs().sum() == 0
    volume = HeatmapLayer(motion=True)(*one_point(path), (8, 8))
    assert volume[0, :, 1].sum() == 0
    assert volume[0, 1:].sum() == 0


@settings(deadline=None)
@given(st.integers(0, 1000), st.integers(1, 3), st.integers(1, 6))
def test_a_mirrored_volume_is_that_of_mirrored_people(seed, num_people, num_frames):
    generator = torch.Generator().manual_seed(seed)
    shape = (2, num_people, num_frames, 17)
    keypoints, scores = torch.rand(*shape, 2, generator=generator) * 20, torch.rand(shape, generator=generator)
    order = list(COCO.mirrored_keypoints)
    mirrored = (torch.tensor([19.0, 0]) + keypoints * torch.tensor([-1, 1]))[..., order, :]
    layer = HeatmapLayer(motion=True)

    turned = mirror_volume(layer(keypoints, scores, (20, 20)), Heatmaps(kind="motion").mirrored_channels)

    # Windows end at three sigma to the left or to the right of a pixel: 3 * exp(-4.5) is 0.033.
    torch.testing.assert_close(layer(mirrored, scores[..., order], (20, 20)), turned, rtol=0, atol=0.04)


def test_the_first_channels_are_the_keypoints():
    generator = torch.Generator().manual_seed(0)
    keypoints, scores = torch.rand(2, 1, 6, 17, 2, generator=generator) * 20, torch.rand(2, 1, 6, 17)

    volume = HeatmapLayer(motion=True)(keypoints, scores, (20, 20))

    assert volume.shape == (2, 85, 6, 20, 20)
    assert torch.equal(volume[:, :17], HeatmapLayer()(keypoints, scores, (20, 20)))
