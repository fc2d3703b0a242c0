import math

import pytest
from pydantic import TypeAdapter
from pydantic import ValidationError

from posec3d.experiment import Augmentation
from posec3d.experiment import Data
from posec3d.experiment import Experiment
from posec3d.experiment import Heatmaps
from posec3d.experiment import ModelCard
from posec3d.experiment import Network
from posec3d.experiment import Source
from posec3d.experiment import Training
from posec3d.experiment import card_of
from posec3d.experiment import experiment_json
from posec3d.skeletons import Skeleton

DATA = Data(train=Source(annotations="train.pkl"), num_classes=3)


def test_an_experiment_survives_json():
    experiment = Experiment(data=DATA, init="k400-keypoint")

    assert TypeAdapter(Experiment).validate_json(experiment_json(experiment)) == experiment


def test_a_card_holds_what_running_needs():
    card = card_of(Experiment(data=DATA))

    assert card.num_classes == 3
    assert TypeAdapter(ModelCard).validate_json(TypeAdapter(ModelCard).dump_json(card)) == card


def test_classes_have_names_or_numbers():
    named = card_of(Experiment(data=Data(train=Source(annotations="a"), num_classes=2, classes=("run", "sit"))))

    assert named.class_name(1) == "sit"
    assert card_of(Experiment(data=DATA)).class_name(1) == "1"


@pytest.mark.parametrize(
    ("batch_size", "num_devices", "expected"),
    [(16, 8, 0.2), (16, 1, 0.025), (32, 8, 0.4)],  # arXiv 1706.02677; pyskl has 0.4 for 256
)
def test_the_learning_rate_follows_the_batch(batch_size, num_devices, expected):
    assert Training(batch_size=batch_size).scaled_learning_rate(num_devices) == pytest.approx(expected)


def test_the_learning_rate_stays_when_told_to():
    assert Training(batch_size=1, scale_learning_rate=False).scaled_learning_rate(1) == 0.2


def test_the_cosine_falls_from_one_to_zero():
    shares = [Training().learning_rate_share(step, 100) for step in (0, 50, 100)]

    assert shares == pytest.approx([1, 0.5, 0])
    assert Training().learning_rate_share(25, 100) == pytest.approx((1 + math.sqrt(0.5)) / 2)


def test_the_learning_rate_warms_up_before_it_falls():
    settings = Training(epochs=10, warmup_epochs=2)
    assert [settings.learning_rate_share(step, 100) for step in (0, 9, 19)] == [0.05, 0.5, 1.0]
    assert settings.learning_rate_share(20, 100) == 1
    assert settings.learning_rate_share(60, 100) == pytest.approx(0.5)
    assert settings.learning_rate_share(99, 100) < 0.01


@pytest.mark.parametrize(("epoch", "expected"), [(0, 1), (89, 1), (90, 0.1), (109, 0.1), (110, 0.01), (119, 0.01)])
def test_steps_fall_by_a_tenth_at_milestones(epoch, expected):
    settings = Training(epochs=120, milestones=(90, 110))

    assert settings.learning_rate_share(epoch * 7, 120 * 7) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Data(train=Source(annotations="a"), num_classes=2, classes=("run",)), "1 names in classes"),
        (lambda: Experiment(data=DATA, training=Training(class_weights=(1, 2))), "class_weights has 2 numbers"),
        (lambda: Data(train=Source(annotations="a"), num_classes=1), "greater than or equal to 2"),
        (lambda: Experiment(data=DATA, augmentation=Augmentation(copies=2)), "only the network rocket looks at copies"),
        (lambda: Heatmaps(kind="limb", skeleton=Skeleton("own", ("a", "b"), ())), "'own' has no limbs to draw"),
        (lambda: Network(backbone="c4d"), "'slowonly', 'c3d', 'x3d' or 'rocket'"),
        (lambda: Network(stage_blocks=()), "at least 1 item"),
        (lambda: Training(epochs=0), "greater than or equal to 1"),
        (lambda: Training(epoch=3), "[Uu]nexpected keyword"),
    ],
)
def test_what_does_not_fit_is_refused(build, message):
    with pytest.raises(ValidationError, match=message):
        build()
