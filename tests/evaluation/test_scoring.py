from dataclasses import replace

import numpy as np
import pytest
import torch

from posec3d.checkpoints import build_model
from posec3d.evaluation.scoring import features_of_videos
from posec3d.evaluation.scoring import score_videos
from posec3d.evaluation.scoring import views_loader
from posec3d.experiment import Clips
from posec3d.experiment import Heatmaps
from posec3d.experiment import ModelCard
from posec3d.experiment import Network
from posec3d.heatmaps import mirror_volume
from posec3d.synthetic import make_annotations


def card(kind="keypoint"):
    return ModelCard(
        heatmaps=Heatmaps(kind=kind),
        network=Network(base_channels=4, stage_blocks=(1, 1)),
        clips=Clips(length=8, test_canvas=16),
        num_classes=3,
    )


def model_of(its_card):
    torch.manual_seed(0)
    model = build_model(its_card)
    # Heads start near 0, where all scores are alike.
    torch.nn.init.normal_(model.cls_head.fc_cls.weight, std=3)
    return model


def batches(videos, batch_size=2, num_clips=3, *, its_card=None, mirrored=True):
    return views_loader(its_card or card(), videos, num_clips=num_clips, mirrored=mirrored, batch_size=batch_size)


@pytest.fixture(scope="module")
def videos():
    return make_annotations(5, seed=2).annotations


@pytest.fixture(scope="module")
def model():
    return model_of(card())


def test_scores_are_probabilities(model, videos):
    values = score_videos(model, card(), batches(videos))

    assert values.shape == (5, 3)
    np.testing.assert_allclose(values.sum(1), 1, rtol=1e-6)
    assert values.std(0).max() > 0.001


@pytest.mark.parametrize(("batch_size", "views_at_once"), [(1, 10), (5, 100), (3, 1), (2, 4)])
def test_how_many_go_at_once_changes_nothing(model, videos, batch_size, views_at_once):
    expected = score_videos(model, card(), batches(videos))

    values = score_videos(model, card(), batches(videos, batch_size), views_at_once=views_at_once)

    # Convolutions of other sizes add in another order.
    np.testing.assert_allclose(values, expected, rtol=0, atol=1e-5)


def test_scores_are_the_mean_over_clips_and_mirrors(model, videos):
    [batch] = batches(videos[:1])
    with torch.inference_mode():
        logits = model.eval()(batch.keypoints[0], batch.scores[0], (16, 16))

    assert len(logits) == 6
    for average, expected in (("prob", logits.softmax(1).mean(0)), ("score", logits.mean(0))):
        [values] = score_videos(model, card(), [batch], average=average)
        np.testing.assert_allclose(values, expected, rtol=0, atol=1e-5)


def test_motion_is_that_of_a_clip_and_not_of_the_frames_that_clips_share(videos):
    its_card = card("motion")
    model = model_of(its_card)
    [batch] = batches(videos[:1], its_card=its_card)
    with torch.inference_mode():
        logits = model.eval()(batch.keypoints[0], batch.scores[0], (16, 16))

    [values] = score_videos(model, its_card, [batch])

    np.testing.assert_allclose(values, logits.softmax(1).mean(0), rtol=0, atol=1e-5)


@pytest.mark.parametrize("kind", ["keypoint", "limb", "motion"])
def test_mirrored_volumes_are_averaged_with_the_others(videos, kind):
    its_card = card(kind)
    model = model_of(its_card)
    [batch] = batches(videos[:1], its_card=its_card, mirrored=False)
    channels = its_card.heatmaps.mirrored_channels
    with torch.inference_mode():
        volume = model.eval().heatmaps(batch.keypoints[0], batch.scores[0], (16, 16))
        both = torch.cat([model.classify(volume), model.classify(mirror_volume(volume, channels))])

    [values] = score_videos(model, its_card, [batch], mirror_volumes=True)

    np.testing.assert_allclose(values, both.softmax(1).mean(0), rtol=0, atol=1e-5)
    assert np.abs(values - both[:3].softmax(1).mean(0).numpy()).max() > 1e-4


def test_progress_counts_videos(model, videos):
    counted = []

    score_videos(model, card(), batches(videos, batch_size=2), advance=counted.append)

    assert counted == [2, 2, 1]


def test_a_video_without_people_has_scores_too(model, videos):
    nobody = replace(videos[0], keypoints=videos[0].keypoints[:0], scores=videos[0].scores[:0])
    expected = score_videos(model, card(), batches(videos[1:2]))

    values = score_videos(model, card(), batches([nobody, videos[1]]))

    assert values[0].sum() == pytest.approx(1)
    np.testing.assert_allclose(values[1:], expected, rtol=0, atol=1e-5)


def test_no_videos_have_no_scores(model):
    assert score_videos(model, card(), []).shape == (0, 3)


def test_training_mode_does_not_disturb_scoring(model, videos):
    expected = score_videos(model, card(), batches(videos))

    values = score_videos(model.train(), card(), batches(videos))

    np.testing.assert_array_equal(values, expected)


@pytest.mark.parametrize("mirror_volumes", [False, True])
def test_the_last_layer_makes_scores_of_features(model, videos, mirror_volumes):
    features = features_of_videos(model, card(), batches(videos), mirror_volumes=mirror_volumes)

    # A mean of features is the mean of their logits, as the last layer is linear.
    with torch.inference_mode():
        logits = model.cls_head.fc_cls(torch.from_numpy(features))
    expected = score_videos(model, card(), batches(videos), mirror_volumes=mirror_volumes, average="score")
    assert features.shape == (5, model.cls_head.fc_cls.in_features)
    np.testing.assert_allclose(logits, expected, rtol=0, atol=1e-5)


def test_features_of_nothing_are_none(model):
    assert len(features_of_videos(model, card(), [])) == 0
