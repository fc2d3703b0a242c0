from dataclasses import replace

import numpy as np
import pytest

from posec3d.poses import Poses
from posec3d.skeletons import Skeleton
from posec3d.video.crops import Crop
from posec3d.video.figures import caption_of
from posec3d.video.figures import heatmap_pictures
from posec3d.video.figures import kinds_of
from posec3d.video.figures import motion_pictures
from posec3d.video.figures import pose_pictures
from posec3d.video.figures import volume_figures

BODY = Skeleton("arm", ("left_shoulder", "left_hand"), ((0, 1),))
GAP, CAPTION, TITLE = 8, 30, 36


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

    assert titled.shape[0] == plain.shape[0] + TITLE
    np.testing.assert_array_equal(titled[TITLE:], plain)
    assert titled[:TITLE].max() > 200


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


def test_a_few_surer_keypoints_leave_the_others_bright(poses):
    many = replace(poses, keypoints=np.repeat(poses.keypoints, 20, 0), scores=np.repeat(poses.scores, 20, 0) / 2)
    scores = many.scores.copy()
    scores[0, 0] = 1
    one_is_surer = replace(many, scores=scores)

    drawn, surer = (
        list(heatmap_pictures(given, BODY, "keypoints", sigma=0.6, size=(8, 16))) for given in (many, one_is_surer)
    )

    np.testing.assert_array_equal(drawn[1], surer[1])


def test_frames_are_the_same_however_many_are_drawn_at_once(poses, monkeypatch):
    drawn = [list(heatmap_pictures(poses, BODY, kind, sigma=0.6, size=(8, 16))) for kind in ("keypoints", "limbs")]
    monkeypatch.setattr("posec3d.video.figures._FRAMES_AT_ONCE", 2)
    apart = [list(heatmap_pictures(poses, BODY, kind, sigma=0.6, size=(8, 16))) for kind in ("keypoints", "limbs")]

    np.testing.assert_array_equal(drawn, apart)
    assert len(drawn[0]) == 3


def test_a_limb_is_as_bright_as_its_less_sure_end(poses):
    scores = poses.scores.copy()
    scores[..., 1] /= 4

    np.testing.assert_array_equal(
        next(heatmap_pictures(replace(poses, scores=scores), BODY, "limbs", sigma=0.6, size=(8, 16))),
        next(heatmap_pictures(poses, BODY, "limbs", sigma=0.6, size=(8, 16))),
    )


def test_people_are_drawn_on_their_part_of_the_frames(poses):
    frames = [np.full((8, 16, 3), 10 + time, np.uint8) for time in range(3)]
    for frame in frames:
        frame[:, :8] = 99
    people = zip(poses.keypoints.swapaxes(0, 1), poses.scores.swapaxes(0, 1), strict=True)

    drawn = list(pose_pictures(people, BODY, Crop((8, 0), (8, 8)), (80, 80), frames, width=2))

    # The hand, at (12, 6) of the frame, is at (4, 6) of its right half.
    assert tuple(drawn[0][65, 45]) == (86, 180, 233)
    assert tuple(drawn[2][65, 45]) == (12, 12, 12)
    assert [picture[5, 75, 0] for picture in drawn] == [10, 11, 12]


def test_without_limbs_there_are_two_panels(poses):
    bare = Skeleton("bare", BODY.keypoints, ())

    assert kinds_of(bare) == ("keypoints",)
    assert volume_figures(poses, bare, side=80)[0].shape[1] == GAP + 2 * (160 + GAP)


def test_captions_count_what_is_drawn():
    assert [caption_of(kind, BODY) for kind in kinds_of(BODY)] == ["2 keypoint heatmaps", "1 limb heatmaps"]


ORANGE, BLUE, PINK, GREEN = (230, 159, 0), (86, 180, 233), (204, 121, 167), (0, 158, 115)


@pytest.mark.parametrize(
    ("way", "colour"),
    [
        ((2, 0), ORANGE),
        ((-2, 0), BLUE),
        ((0, 2), PINK),
        ((0, -2), GREEN),
        ((2, 2), np.add(ORANGE, PINK) / 2),
        ((0, 0), (64, 64, 64)),
    ],
)
def test_a_keypoint_has_the_colour_of_where_it_goes(way, colour):
    places = np.array([[8, 8]]) + np.arange(-1, 2)[:, None] * way
    # Its other keypoint goes right in the frame that is not drawn: speeds of all frames make the scale.
    other = np.array([[2.0, 14.0]] * 3)
    keypoints = np.stack([places, other], axis=1)[None].astype(np.float32)
    poses = Poses(keypoints, np.ones((1, 3, 2), np.float32), (17, 17))
    (picture,) = motion_pictures(poses, np.array([1]), sigma=0.6, size=(17, 17))
    assert np.abs(picture[8, 8].astype(float) - colour).max() <= 1
    assert (picture[14, 2] == 64).all()


def test_speeds_are_those_between_frames_of_the_clip_whichever_are_drawn(poses):
    rng = np.random.RandomState(0)
    moving = Poses(rng.uniform(0, 16, (2, 40, 2, 2)).astype(np.float32), np.ones((2, 40, 2), np.float32), (16, 16))
    every = list(motion_pictures(moving, np.arange(40), sigma=0.6, size=(32, 32)))
    few = list(motion_pictures(moving, np.array([3, 20, 39]), sigma=0.6, size=(32, 32)))
    assert len(every) == 40
    for place, picture in zip((3, 20, 39), few, strict=True):
        np.testing.assert_array_equal(picture, every[place])


def test_how_fast_is_how_bright_up_to_nine_in_ten_of_the_speeds():
    # Twenty keypoints go right, each a little faster than the one above.
    speeds = np.linspace(0.1, 2, 20, dtype=np.float32)
    keypoints = np.zeros((1, 3, 20, 2), np.float32)
    keypoints[0, :, :, 0] = 10 + np.arange(-1, 2)[:, None] * speeds
    keypoints[0, :, :, 1] = np.arange(20) * 5
    poses = Poses(keypoints, np.ones((1, 3, 20), np.float32), (100, 20))
    (picture,) = motion_pictures(poses, np.array([1]), sigma=0.6, size=(100, 20))
    reds = picture[::5].max(1)[:, 0]
    assert (np.diff(reds.astype(int))[:17] > 0).all()
    # From the grey of what stands still to orange, by the square root of the speed.
    shares = np.sqrt(np.minimum(speeds / np.quantile(speeds, 0.9), 1))
    np.testing.assert_allclose(reds, shares * 230 + (1 - shares) * 64, atol=3)
    assert (reds[-2:] == 230).all()


def test_where_nobody_moves_keypoints_are_grey(poses):
    pictures = list(motion_pictures(poses, np.arange(3), sigma=0.6, size=(8, 16)))
    assert pictures[0].max() == 64
    assert not pictures[2].any()
