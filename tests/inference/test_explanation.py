from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from posec3d.annotations import Annotation
from posec3d.checkpoints import build_model
from posec3d.checkpoints import build_rocket
from posec3d.clips.sampling import fixed_frames
from posec3d.evaluation.scoring import score_videos
from posec3d.evaluation.scoring import views_loader
from posec3d.experiment import Clips
from posec3d.experiment import Heatmaps
from posec3d.experiment import ModelCard
from posec3d.experiment import Network
from posec3d.inference.explanation import explain
from posec3d.inference.explanation import log_odds
from posec3d.models.recognizer import ClassificationHead
from posec3d.models.recognizer import HeatmapLayer
from posec3d.models.recognizer import PoseC3D
from posec3d.series import num_series
from posec3d.skeletons import get_skeleton

SKELETON = get_skeleton("coco17")
LEFT_WRIST, LEFT_ELBOW = SKELETON.keypoints.index("left_wrist"), SKELETON.keypoints.index("left_elbow")
LENGTH, CANVAS = 8, 16


def card(kind="keypoint"):
    return ModelCard(
        heatmaps=Heatmaps(kind=kind),
        network=Network(base_channels=4, stage_blocks=(1, 1)),
        clips=Clips(length=LENGTH, test_canvas=CANVAS),
        num_classes=3,
    )


def video(num_frames=LENGTH, num_people=1, seed=0):
    """People all over a canvas of 100 pixels; the second keypoint of the first person is missing in every frame."""
    rng = np.random.RandomState(seed)
    keypoints = rng.uniform(5, 95, (num_people, num_frames, 17, 2)).astype(np.float32)
    scores = rng.uniform(0.3, 0.9, keypoints.shape[:-1]).astype(np.float32)
    scores[0, :, 1] = 0
    return Annotation("video", None, (100, 100), keypoints, scores)


def trained(kind="keypoint"):
    """A network with random weights that are all in use, as those of new networks are not."""
    torch.manual_seed(0)
    model = build_model(card(kind)).eval()
    for name, parameter in model.named_parameters():
        if "bn.weight" in name:
            nn.init.uniform_(parameter, 0.5, 1.5)
    nn.init.normal_(model.cls_head.fc_cls.weight)
    return model


class OneMoment(nn.Module):
    """A backbone that sees a single channel of a single frame."""

    def __init__(self, channel, frame):
        super().__init__()
        self.channel, self.frame = channel, frame

    def forward(self, volume):
        seen = volume[:, self.channel, self.frame].sum((1, 2))
        return seen[:, None, None, None, None].expand(-1, 4, 1, 1, 1)


def blinkered(channel, frame, limbs=None):
    head = ClassificationHead(4, 3)
    nn.init.constant_(head.fc_cls.weight, 0)
    head.fc_cls.weight.data[1] = 1
    return PoseC3D(HeatmapLayer(limbs=limbs), OneMoment(channel, frame), head)


def test_only_what_the_network_looks_at_is_important():
    explained = explain(blinkered(LEFT_WRIST, 5), card(), video())

    assert np.argwhere(explained.importance).tolist() == [[0, 5, LEFT_WRIST]]
    assert explained.importance[0, 5, LEFT_WRIST] > 0
    assert explained.label == 1
    # What speaks for one class speaks against another.
    assert explain(blinkered(LEFT_WRIST, 5), card(), video(), 0).importance[0, 5, LEFT_WRIST] < 0


def test_a_linear_network_is_divided_among_its_keypoints():
    # One channel and frame: the class's logit is four times the heat of the wrist, which is as high as its score.
    explained = explain(blinkered(LEFT_WRIST, 5), card(), video(), 1)

    logit = np.log(explained.probability * 2 / (1 - explained.probability))  # two others, whose logits are 0
    assert explained.importance.sum() == pytest.approx(logit, rel=1e-4)


def test_a_limb_belongs_to_its_less_sure_end():
    limb = SKELETON.limbs.index((LEFT_ELBOW, LEFT_WRIST))
    given = video()
    scores = given.scores.copy()
    scores[0, 5, LEFT_ELBOW], scores[0, 5, LEFT_WRIST] = 0.8, 0.4

    explained = explain(blinkered(limb, 5, SKELETON.limbs), card("limb"), replace(given, scores=scores))

    assert np.argwhere(explained.importance).tolist() == [[0, 5, LEFT_WRIST]]


def test_ends_that_are_equally_sure_share_a_limb():
    limb = SKELETON.limbs.index((LEFT_ELBOW, LEFT_WRIST))

    explained = explain(blinkered(limb, 5, SKELETON.limbs), card("limb"), replace(video(), scores=None))

    assert np.argwhere(explained.importance).tolist() == [[0, 5, LEFT_ELBOW], [0, 5, LEFT_WRIST]]
    assert explained.importance[0, 5, LEFT_ELBOW] == pytest.approx(explained.importance[0, 5, LEFT_WRIST])


@pytest.mark.parametrize("kind", ["keypoint", "limb"])
def test_finite_differences_agree(kind):
    model, given = trained(kind), video(num_people=2)

    explained = explain(model, card(kind), given, 2)

    def odds(scores):
        batch = next(iter(views_loader(card(kind), [replace(given, scores=scores)], num_clips=1, mirrored=False)))
        with torch.no_grad():
            volume = model.heatmaps(batch.keypoints[0], batch.scores[0], (CANVAS, CANVAS))
            return float(log_odds(model.double().classify(volume.double()), 2))

    # float64 from the volume on, or differences would drown in rounding.
    strongest = np.argsort(-abs(explained.importance), axis=None)[:6]
    for place in zip(*np.unravel_index(strongest, explained.importance.shape), strict=True):
        higher, lower = (given.scores.copy() for _ in range(2))
        higher[place] *= 1.001
        lower[place] *= 0.999
        difference = (odds(higher) - odds(lower)) / 0.002
        assert explained.importance[place] == pytest.approx(difference, rel=0.05, abs=1e-4)


def test_a_missing_keypoint_speaks_neither_for_nor_against():
    importance = explain(trained(), card(), video(num_people=2)).importance

    assert importance.shape == (2, LENGTH, 17)
    assert not importance[0, :, 1].any()
    assert (abs(importance) > 0).mean() > 0.5


@pytest.mark.parametrize("crop_to", ["given", "seen"])
def test_without_a_label_it_is_the_likeliest_class_of_the_tested_clip_that_is_explained(crop_to):
    model, given = trained(), video()
    own = replace(card(), clips=replace(card().clips, crop_to=crop_to))
    guess = given.keypoints.copy()
    guess[0, :, 1] = 300  # far outside, and with score 0
    given = replace(given, keypoints=guess)

    explained = explain(model, own, given)
    batches = views_loader(own, [given], num_clips=1, mirrored=False)
    scores = score_videos(model, own, batches)[0]

    assert explained.label == scores.argmax()
    assert explained.probability == pytest.approx(scores.max(), abs=1e-5)


@pytest.mark.parametrize("num_clips", [1, 3])
def test_importance_lies_on_the_frames_of_the_video_that_clips_took(num_clips):
    num_frames = 40

    explained = explain(blinkered(LEFT_WRIST, 5), card(), video(num_frames), 1, num_clips=num_clips)

    taken = fixed_frames(num_frames, LENGTH, num_clips)
    assert explained.frames.tolist() == sorted(set(taken.ravel().tolist()))
    alone = explain(blinkered(LEFT_WRIST, 5), card(), video(num_frames), 1)
    # The mean over clips, each of which sees one wrist: not their sum.
    assert explained.importance.sum() == pytest.approx(alone.importance.sum(), rel=0.7)
    important = explained.frames[explained.importance.any((0, 2))]
    assert important.tolist() == sorted(set(taken[:, 5].tolist()))


def test_a_frame_that_is_looked_at_twice_adds_twice():
    # Three frames are looped: the clip sees frame 2 as its third, sixth and so on.
    three = video(3)
    looped = explain(trained(), card(), three, 1)
    unrolled = Annotation(
        "video", None, (100, 100), *(part[:, np.arange(LENGTH) % 3] for part in (three.keypoints, three.scores))
    )

    importance = explain(trained(), card(), unrolled, 1).importance

    assert looped.frames.tolist() == [0, 1, 2]
    for frame in range(3):
        np.testing.assert_allclose(looped.importance[:, frame], importance[:, frame::3].sum(1), rtol=1e-3, atol=1e-5)


def test_a_certain_class_is_explained_as_well_as_an_unsure_one():
    logits = torch.tensor([[200.0, 0.0, 0.0]], requires_grad=True)

    (gradient,) = torch.autograd.grad(log_odds(logits, 0).sum(), logits)

    assert gradient[0].tolist() == pytest.approx([1, -0.5, -0.5])


def solved(length=16):
    """The network rocket with random weights that are all in use, and its card."""
    torch.manual_seed(0)
    own = replace(
        card(), network=Network(backbone="rocket"), clips=Clips(length=length, crop_to="seen", test_canvas=CANVAS)
    )
    model = build_rocket(own)
    model.backbone.fit(torch.randn(20, num_series(17, len(SKELETON.limbs)), length) / 10, np.random.RandomState(0))
    nn.init.normal_(model.cls_head.fc_cls.weight, std=0.01)
    return model.eval(), own


def test_of_rocket_a_part_is_what_it_would_not_say_without_it():
    (model, own), given = solved(), video(16, num_people=2)
    given.scores[1] *= 0.5
    explained = explain(model, own, given, 2)

    def odds(scores):
        (batch,) = views_loader(own, [replace(given, scores=scores)], num_clips=1, mirrored=False)
        with torch.no_grad():
            return float(log_odds(model(batch.keypoints[0], batch.scores[0]), 2))

    assert explained.importance.shape == (2, 16, 17)
    assert abs(explained.importance[0]).max() > 0
    for keypoint in (0, LEFT_WRIST):
        for start in (0, 6, 14):
            without = given.scores.copy()
            without[0, start : start + 2, keypoint] = 0
            parts = explained.importance[0, start : start + 2, keypoint]
            assert parts[0] == parts[1]
            assert parts.sum() == pytest.approx(odds(given.scores) - odds(without), abs=1e-3)


def test_of_rocket_missing_keypoints_and_other_people_say_nothing():
    (model, own), given = solved(), video(16, num_people=2)
    given.scores[1] *= 0.5

    importance = explain(model, own, given).importance

    assert not importance[1].any()
    assert not importance[0, :, 1].any()
    assert (abs(importance[0]) > 0).mean() > 0.5


@pytest.mark.parametrize("num_frames", [1, 5, 16, 40])
def test_of_rocket_importance_lies_on_frames_of_the_video(num_frames):
    model, own = solved()

    explained = explain(model, own, video(num_frames))

    expected = np.unique(np.rint(np.linspace(0, num_frames - 1, 16)))
    assert explained.frames.tolist() == expected.tolist()
    assert explained.importance.shape == (1, len(expected), 17)
    assert np.isfinite(explained.importance).all()


def test_of_rocket_it_is_the_likeliest_class_that_is_explained():
    (model, own), given = solved(), video(40)

    explained = explain(model, own, given)
    scores = score_videos(model, own, views_loader(own, [given], num_clips=1, mirrored=False))[0]

    assert explained.label == scores.argmax()
    assert explained.probability == pytest.approx(scores.max(), abs=1e-5)


@pytest.mark.parametrize("label", [-1, 3])
def test_an_unknown_label_is_refused(label):
    with pytest.raises(ValueError, match=f"label {label} cannot be explained: the network knows classes 0..2"):
        explain(trained(), card(), video(), label)
