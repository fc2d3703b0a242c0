from dataclasses import replace

import numpy as np
import pytest

from posec3d.poses import Poses
from posec3d.skeletons import Skeleton
from posec3d.video.figures import volume_figures

BODY = Skeleton("arm", ("left_shoulder", "left_hand"), ((0, 1),))
GAP, CAPTION = 8, 34


@pytest.fixture
def poses():
    """One person with one arm on a canvas of 8 rows and 16 columns; in the last of three frames nobody is seen."""
    keypoints = np.zeros((1, 3, 2, 2), np.float32)
    keypoints[:, :2] = [[4, 2], [12, 6]]
    scores = np.zeros((1, 3, 2), np.float32)
    scores[:, :2] = 1
    keypoints.flags.writeable = scores.flags.writeable = False
    return Poses(keypoints, scores, (8, 16))


def panels(picture, height, width):
    """The three panels from left to right."""
    bottom = picture.shape[0] - GAP
    lefts = [GAP + column * (width + GAP) for column in range(3)]
    return [picture[bottom - height : bottom, left : left + width].astype(int) for left in lefts]


def test_each_frame_is_a_picture_of_three_panels(poses):
    pictures = volume_figures(poses, BODY, side=80)

    assert len(pictures) == 3
    assert {picture.shape for picture in pictures} == {(CAPTION + 80 + GAP, GAP + 3 * (160 + GAP), 3)}


def test_a_title_takes_a_line_of_its_own(poses):
    plain, titled = (volume_figures(poses, BODY, side=80, title=title)[0] for title in ("", "walk  97%"))

    assert titled.shape[0] == plain.shape[0] + CAPTION
    np.testing.assert_array_equal(titled[CAPTION:], plain)
    assert titled[:CAPTION].max() > 200


def test_joints_limbs_and_heatmaps_lie_over_one_another(poses):
    drawn, keypoints, limbs = panels(volume_figures(poses, BODY, side=80)[0], 80, 160)

    # Ten pixels a canvas pixel, whose middle is five on: (4, 2) is at (45, 25), (12, 6) at (125, 65).
    for x, y in ((45, 25), (125, 65)):
        assert tuple(drawn[y, x]) == (86, 180, 233)
        assert keypoints[y, x].sum() == keypoints.sum(-1).max()
        assert limbs[y, x].sum() == limbs.sum(-1).max()
    # Halfway there is a limb, but no keypoint.
    assert keypoints[45, 85].sum() == keypoints.sum(-1).min()
    assert limbs[45, 85].sum() == limbs.sum(-1).max()


def test_a_frame_in_which_nobody_is_seen_is_dark(poses):
    for panel in panels(volume_figures(poses, BODY, side=80)[2], 80, 160):
        assert panel.max() <= 4  # 0 is (0, 0, 4) in "magma"


def test_nobody_at_all_can_be_drawn(poses):
    nobody = replace(poses, keypoints=poses.keypoints[:0], scores=poses.scores[:0])

    pictures = volume_figures(nobody, BODY, side=40)

    assert len(pictures) == 3
    assert all(panel.max() <= 4 for panel in panels(pictures[0], 40, 80))


def test_unsure_estimates_are_as_bright_as_sure_ones(poses):
    unsure = replace(poses, scores=poses.scores * np.float32(0.5))

    np.testing.assert_allclose(
        volume_figures(unsure, BODY, side=40)[0], volume_figures(poses, BODY, side=40)[0], atol=3
    )
