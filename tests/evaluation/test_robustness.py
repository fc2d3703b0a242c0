from dataclasses import replace

import numpy as np
import pytest
import torch

from posec3d.annotations import Annotation
from posec3d.checkpoints import build_model
from posec3d.evaluation import perturbations
from posec3d.evaluation.robustness import measure_robustness
from posec3d.evaluation.robustness import num_passes
from posec3d.evaluation.robustness import table_of
from posec3d.experiment import Clips
from posec3d.experiment import Heatmaps
from posec3d.experiment import ModelCard
from posec3d.experiment import Network
from posec3d.skeletons import Skeleton
from posec3d.skeletons import get_skeleton
from posec3d.synthetic import make_annotations

COCO = get_skeleton("coco17")


def rng(seed=0):
    return np.random.RandomState(seed)


@pytest.fixture(scope="module")
def videos():
    return make_annotations(8, seed=0, motions=("squat", "walk"), max_people=2).annotations


@pytest.mark.parametrize("name", ["coco17", "penn13", "ntu25", "openpose18"])
def test_limb_keypoints_are_elbows_wrists_knees_and_ankles(name):
    skeleton = get_skeleton(name)
    chosen = {skeleton.keypoints[place].lower() for place in perturbations.limb_keypoints(skeleton)}
    assert len(chosen) == 8
    assert all(any(part in keypoint for part in ("elbow", "wrist", "knee", "ankle")) for keypoint in chosen)


def test_a_skeleton_without_limbs_of_a_body_loses_any_keypoint():
    hand = Skeleton("hand", ("palm", "thumb"), ())
    assert perturbations.limb_keypoints(hand).tolist() == [0, 1]


def test_dropping_at_1_takes_one_limb_keypoint_of_each_person_and_frame(videos):
    places = perturbations.limb_keypoints(COCO)
    for video in videos:
        before = video.poses()
        after = perturbations.drop_limb_keypoint(video, 1.0, rng(), places).poses()
        lost = (before.scores > 0) & (after.scores == 0)
        # One at most: it may have been missing before.
        assert lost.sum(-1).max() == 1
        assert set(np.unique(np.nonzero(lost)[2])) <= set(places.tolist())
        # All of them in turn, not always the same.
        assert len(np.unique(np.nonzero(lost)[2])) > 4
        np.testing.assert_array_equal(before.keypoints, after.keypoints)


def test_dropping_happens_as_often_as_asked(videos):
    places = perturbations.limb_keypoints(COCO)
    lost = frames = 0
    for number, video in enumerate(videos):
        before = video.poses().scores > 0
        after = perturbations.drop_limb_keypoint(video, 0.25, rng(number), places).poses().scores > 0
        whole = before.all(-1)
        lost += (whole & ~after.all(-1)).sum()
        frames += whole.sum()
    assert lost / frames == pytest.approx(0.25, abs=0.05)


def test_noise_is_a_share_of_the_height():
    still = np.zeros((1, 2000, 3, 2), np.float32) + np.array([[100, 50], [120, 150], [110, 250]], np.float32)
    video = Annotation("still", 0, (300, 300), still, None)
    moved = perturbations.add_noise(video, 0.04, rng()).poses().keypoints - still
    np.testing.assert_allclose(moved.std((1, 2)), 0.04 * 200, rtol=0.05)


def test_missing_keypoints_stay_missing(videos):
    keypoints = videos[0].poses().keypoints.copy()
    keypoints[:, :, 3] = 0
    video = Annotation("gap", 0, videos[0].canvas, keypoints, None)
    for perturbation in perturbations.perturbations(COCO, videos)[:3]:
        assert (perturbation.change(video, perturbation.levels[-1], rng()).poses().scores[:, :, 3] == 0).all()


def test_frames_are_lost_for_everybody_but_never_all(videos):
    for video in videos:
        shown = perturbations.lose_frames(video, 0.5, rng()).poses().scores.any((0, 2))
        assert 0.2 < shown.mean() < 0.8
        assert perturbations.lose_frames(video, 1.0, rng()).poses().scores.any((0, 2)).sum() == 1


def test_somebody_else_stands_where_the_person_stood():
    body = rng().uniform(100, 200, (1, 10, 17, 2)).astype(np.float32)
    other = Annotation("other", 1, (900, 900), 3 * rng(1).uniform(100, 200, (1, 10, 17, 2)).astype(np.float32), None)
    video = Annotation("one", 0, (300, 300), body, None)
    swapped = perturbations.swap_people(video, 1.0, rng(), [other]).poses().keypoints
    assert not np.isclose(swapped, body).any(-1).all()
    for frame in range(10):
        box, there = (points[0, frame].max(0) - points[0, frame].min(0) for points in (swapped, body))
        assert box.max() == pytest.approx(there.max(), rel=1e-4)
        middles = [(points[0, frame].max(0) + points[0, frame].min(0)) / 2 for points in (swapped, body)]
        np.testing.assert_allclose(*middles, rtol=1e-4)


def test_level_0_changes_nothing(videos):
    for perturbation in perturbations.perturbations(COCO, videos):
        after = perturbation.change(videos[1], 0.0, rng()).poses()
        np.testing.assert_array_equal(after.keypoints, videos[1].poses().keypoints)
        np.testing.assert_array_equal(after.scores, videos[1].poses().scores)


def test_curves_begin_at_the_videos_as_they_are_and_repeat(videos):
    card = ModelCard(
        heatmaps=Heatmaps(),
        network=Network(base_channels=4, stage_blocks=(1, 1)),
        clips=Clips(length=8, test_canvas=16),
        num_classes=2,
    )
    torch.manual_seed(0)
    model = build_model(card).eval()
    done = []
    one, two = (measure_robustness([(model, card)], videos, advance=done.append) for _ in range(2))
    assert one == two
    assert sum(done) == 2 * num_passes(card) * len(videos)
    assert {curve.top1[0] for curve in one} == {one[0].top1[0]}
    assert [curve.levels[0] for curve in one] == [0.0] * 4
    assert "dropped   0: " in table_of(one)


def test_a_stranger_from_a_video_of_nobody_changes_nothing():
    video = make_annotations(1).annotations[0]
    nobody = replace(video, keypoints=video.keypoints[:0], scores=video.scores[:0])
    assert perturbations.swap_people(video, 1.0, rng(), [nobody]) is video
