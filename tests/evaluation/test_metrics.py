import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posec3d.evaluation.metrics import ClassAccuracy
from posec3d.evaluation.metrics import confusion
from posec3d.evaluation.metrics import log_likelihood
from posec3d.evaluation.metrics import measure
from posec3d.evaluation.metrics import measure_classes

# Six classes; the videos' classes by rank: (0, 1, ..), (1, 0, ..), (0, 1, ..), (5, 4, 3, 2, 1, 0).
SCORES = np.array(
    [
        [0.6, 0.2, 0.1, 0.05, 0.03, 0.02],
        [0.2, 0.6, 0.1, 0.05, 0.03, 0.02],
        [0.6, 0.2, 0.1, 0.05, 0.03, 0.02],
        [0.02, 0.03, 0.05, 0.1, 0.2, 0.6],
    ]
)


def test_a_table_measured_by_hand():
    accuracy = measure(SCORES, np.array([0, 1, 1, 0]))

    assert accuracy.top1 == 2 / 4  # videos 0 and 1
    assert accuracy.top5 == 3 / 4  # all but video 3, whose class is the sixth
    assert accuracy.mean_class == pytest.approx((1 / 2 + 1 / 2 + 0) / 3)  # classes 0 and 1, and 5 by its prediction
    assert accuracy.num_videos == 4


def test_the_likelihood_is_that_of_the_labels():
    probabilities = np.array([[0.5, 0.5], [0.2, 0.8], [1.0, 0.0]], np.float32)
    assert log_likelihood(probabilities[:2], np.array([0, 1])) == pytest.approx((np.log(0.5) + np.log(0.8)) / 2)
    assert log_likelihood(probabilities[2:], np.array([1])) == pytest.approx(np.log(1e-9))


def test_videos_are_counted_by_label_and_prediction():
    counts = confusion(SCORES, np.array([0, 1, 1, 0]))

    assert counts.sum() == 4
    assert {(row, column): counts[row, column] for row, column in np.argwhere(counts)} == {
        (0, 0): 1,
        (1, 1): 1,
        (1, 0): 1,
        (0, 5): 1,
    }


def test_a_class_that_is_only_predicted_counts_as_zero_and_one_that_never_occurs_does_not():
    scores = np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1]])

    assert measure(scores, np.array([0, 0])).mean_class == pytest.approx((1 / 2 + 0) / 2)


def test_mean_class_weighs_classes_alike():
    scores = np.eye(2)[[0, 0, 0, 0]]

    accuracy = measure(scores, np.array([0, 0, 0, 1]))

    assert (accuracy.top1, accuracy.mean_class) == (0.75, 0.5)


@pytest.mark.parametrize("num_classes", [2, 4, 5])
def test_top5_of_at_most_five_classes_is_everything(num_classes):
    scores = np.linspace(0, 1, 2 * num_classes).reshape(2, num_classes)

    assert measure(scores, np.array([0, 0])).top5 == 1


@pytest.mark.parametrize("wrong", [-1, 6, 99])
def test_a_label_without_a_score_is_refused(wrong):
    with pytest.raises(ValueError, match=f"label {wrong} has no score: the scores are of classes 0..5"):
        measure(SCORES, np.array([0, 1, wrong, 0]))


def test_there_must_be_something_to_measure():
    with pytest.raises(ValueError, match="nothing to measure"):
        measure(np.zeros((0, 6)), np.zeros(0, int))


@given(st.lists(st.integers(0, 7), min_size=1, max_size=30), st.sampled_from([np.float16, np.float32, np.float64]))
def test_perfect_scores_are_measured_as_one(labels, dtype):
    accuracy = measure(np.eye(8, dtype=dtype)[labels], np.array(labels))

    assert (accuracy.top1, accuracy.top5, accuracy.mean_class) == (1, 1, 1)


@given(st.integers(0, 1000))
def test_the_order_of_videos_changes_nothing(seed):
    rng = np.random.RandomState(seed)
    scores, labels, order = rng.rand(20, 7), rng.randint(0, 7, 20), rng.permutation(20)

    assert measure(scores[order], labels[order]) == measure(scores, labels)


def test_of_equal_scores_the_first_classes_count():
    accuracy = measure(np.full((7, 7), 0.5), np.arange(7, dtype=np.int8))

    assert (accuracy.top1, accuracy.top5) == (1 / 7, 5 / 7)


def test_metrics_equal_those_of_mmaction2(small_golden):
    with np.load(small_golden / "metrics.npz") as recorded:
        accuracy = measure(recorded["scores"], recorded["labels"])

        assert [accuracy.top1, accuracy.top5] == recorded["top1_top5"].tolist()
        assert accuracy.mean_class == recorded["mean_class_accuracy"]


def test_a_line_says_what_was_measured():
    assert str(measure(SCORES, np.array([0, 1, 1, 0]))) == (
        "top-1 0.5000, top-5 0.7500, mean class accuracy 0.3333 (4 videos)"
    )


def test_classes_measured_by_hand():
    labels = np.array([0, 0, 0, 0, 0, 1, 1, 3])
    told = np.array([0, 0, 1, 2, 1, 1, 0, 2])

    classes = measure_classes(np.eye(5, dtype=np.float32)[told], labels)

    assert classes == [
        ClassAccuracy(0, num_videos=5, num_taken=3, num_right=2, mistaken_for=(1, 2)),
        ClassAccuracy(1, num_videos=2, num_taken=3, num_right=1, mistaken_for=(0, 1)),
        ClassAccuracy(2, num_videos=0, num_taken=2, num_right=0, mistaken_for=None),
        ClassAccuracy(3, num_videos=1, num_taken=0, num_right=0, mistaken_for=(2, 1)),
    ]
    assert (classes[0].recall, classes[0].precision, classes[0].f1) == (2 / 5, 2 / 3, 4 / 8)
    assert np.isnan([classes[2].recall, classes[3].precision]).all()
    assert classes[2].f1 == classes[3].f1 == 0


@given(st.integers(0, 10_000))
def test_the_mean_of_recalls_is_mean_class_accuracy(seed):
    rng = np.random.RandomState(seed)
    scores, labels = rng.rand(rng.randint(1, 30), 6), rng.randint(0, 6, 30)
    labels = labels[: len(scores)]
    recalls = [one.recall if one.num_videos else 0.0 for one in measure_classes(scores, labels)]

    assert np.mean(recalls) == pytest.approx(measure(scores, labels).mean_class)
