from dataclasses import replace

import numpy as np
import pytest

from posec3d.annotations import Annotation
from posec3d.experiment import Data
from posec3d.experiment import Experiment
from posec3d.experiment import Heatmaps
from posec3d.experiment import Source
from posec3d.experiment import Training
from posec3d.experiment import card_of
from posec3d.skeletons import get_skeleton
from posec3d.training.advice import before_training
from posec3d.training.advice import chance_level
from posec3d.training.advice import never_answered
from posec3d.training.advice import other_start
from posec3d.training.advice import worth_judging


def experiment(classes=("sit", "stand", "walk"), **training):
    data = Data(train=Source(annotations="my.pkl"), num_classes=3, classes=classes)
    return Experiment(data=data, training=Training(**training))


def videos(*names, labels=(0, 1, 2)):
    point = np.ones((1, 1, 17, 2), np.float32)
    return [Annotation(name, labels[place % len(labels)], (9, 9), point, None) for place, name in enumerate(names)]


FINE = {"training": videos("a", "b", "c"), "validation": videos("d"), "test": videos("e")}


def answers(*predictions):
    return np.eye(3, dtype=np.float32)[list(predictions)]


def test_nothing_is_said_when_nothing_is_wrong():
    assert before_training(experiment(), FINE) == []


@pytest.mark.parametrize(
    ("training", "found"),
    [
        ({"batch_size": 2}, "batch normalisation needs more than 2 clips"),
        ({"learning_rate": 1.0}, "a learning rate of 0.125 is high for sgd with 16 clips a step; up to 0.1 is usual"),
        ({"learning_rate": 0.2, "scale_learning_rate": False}, "a learning rate of 0.2 is high"),
        ({"optimizer": "adamw", "learning_rate": 0.2}, "a learning rate of 0.025 is high for adamw"),
    ],
)
def test_steps_that_seldom_learn_are_told(training, found):
    (sentence,) = before_training(experiment(**training), FINE)
    assert found in sentence


def test_a_rate_for_more_clips_than_there_are_videos_is_told():
    found = before_training(experiment(batch_size=1000, learning_rate=0.01), {"training": videos("a", "b", "c")})
    assert any(
        "scaled to 1000 clips a step, and there are 3 training videos: take --batch-size 3" in one for one in found
    )
    settings = experiment(batch_size=1000, learning_rate=0.01, scale_learning_rate=False)
    assert not any("scaled to" in one for one in before_training(settings, {"training": videos("a", "b", "c")}))


def test_more_devices_make_a_batch():
    settings = experiment(learning_rate=0.2, scale_learning_rate=False)
    assert before_training(settings, FINE, num_devices=2) == []


@pytest.mark.parametrize("part", ["validation", "test"])
def test_videos_on_both_sides_are_told(part):
    (sentence,) = before_training(experiment(), FINE | {part: videos("x", "b", "a")})
    assert f"2 of 3 {part} videos are trained on, such as 'a'" in sentence


def test_classes_without_a_training_video_are_told():
    (sentence,) = before_training(experiment(), FINE | {"training": videos("a", "b", labels=(0, 2))})
    assert "no training video shows 'stand'" in sentence
    (sentence,) = before_training(experiment(classes=None), FINE | {"training": videos("a", "b", labels=(0,))})
    assert "no training video shows class 1, class 2" in sentence


def card(kind="keypoint", skeleton="coco17"):
    return card_of(replace(experiment(), heatmaps=Heatmaps(kind=kind, skeleton=get_skeleton(skeleton))))


@pytest.mark.parametrize(
    ("there", "found"),
    [
        (
            card("limb"),
            "first/best.safetensors was trained on limb heatmaps of coco17, in number the same",
        ),
        (card(skeleton="h36m17"), "was trained on keypoint heatmaps of h36m17"),
    ],
)
def test_weights_that_fit_and_saw_something_else_are_told(there, found):
    assert found in other_start(card(), there, "first/best.safetensors")


def test_weights_that_saw_the_same_are_not():
    assert other_start(card(), None, "x.pth") is None
    assert other_start(card(), card(skeleton="coco17_default_limbs"), "x.pth") is None
    assert other_start(card("limb"), card("limb", "coco17_default_limbs"), "x.pth") is not None


def test_accuracy_at_chance_is_told():
    labels = np.arange(90) % 3
    assert "accuracy (33.3%) is not above always answering one class (33.3%)" in chance_level(
        answers(*[0] * 90), labels, 9
    )
    assert "not above" in chance_level(answers(*((labels + (np.arange(90) % 10 < 7)) % 3)), labels, 9)
    assert chance_level(answers(*((labels + (np.arange(90) % 10 < 4)) % 3)), labels, 9) is None


def test_whoever_is_always_right_is_above_chance():
    assert chance_level(answers(0, 0, 1), np.array([0, 0, 1]), 9) is None


def test_classes_never_answered_are_told():
    labels, learnt_from = np.array([0, 0, 1, 1, 2, 2]), np.array([0, 1, 2])
    told = never_answered(experiment(), answers(0, 0, 1, 1, 1, 0), labels, learnt_from)
    assert "takes no validation video for 'walk'" in told
    assert never_answered(experiment(), answers(0, 0, 1, 1, 2, 0), labels, learnt_from) is None
    # Of a class without a validation video nothing is known, and one without a training video cannot be answered.
    assert never_answered(experiment(), answers(0, 0), np.array([0, 0]), learnt_from) is None
    assert never_answered(experiment(), answers(0, 0, 1, 1, 1, 0), labels, np.array([0, -1, 1])) is None


def test_the_first_steps_are_not_judged():
    settings = experiment(epochs=40)
    assert not worth_judging(settings, 20, 100)
    assert not worth_judging(settings, 5, 1000)
    assert worth_judging(settings, 10, 1000)


def test_so_few_steps_that_nothing_is_learnt_are_told():
    (sentence,) = before_training(experiment(epochs=12), FINE)
    assert sentence.startswith("12 epochs are 12 steps in all, and a network seldom learns in less than 100: take")
    assert sentence.endswith("take --epochs 100 or more")
    assert before_training(experiment(epochs=100), FINE) == []
    started = replace(experiment(epochs=12), init="weights.pth")
    assert before_training(started, FINE) == []
