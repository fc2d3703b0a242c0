import warnings

import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image

from posec3d.evaluation import charts
from posec3d.evaluation.charts import save_confusion_matrix
from posec3d.evaluation.charts import save_learning_curves
from posec3d.evaluation.charts import worst_confusions
from posec3d.evaluation.metrics import Accuracy


@pytest.fixture
def figure(monkeypatch):
    """What would be written: the last figure that was saved."""
    saved = []
    save = charts.save_figure
    monkeypatch.setattr(charts, "save_figure", lambda figure, path: (saved.append(figure), save(figure, path)))
    return lambda: saved[-1]


def accuracy(top1, mean_class):
    return Accuracy(top1=top1, top5=1.0, mean_class=mean_class, num_videos=10)


def guesses(num_classes, num_videos=300, seed=0):
    """Scores that are right three times in four, and the labels."""
    rng = np.random.RandomState(seed)
    labels = rng.randint(0, num_classes, num_videos)
    said = np.where(rng.rand(num_videos) < 0.75, labels, rng.randint(0, num_classes, num_videos))
    return np.eye(num_classes)[said], labels


def test_curves_are_those_of_the_epochs(tmp_path, figure):
    epochs, loss, rate = np.array([1, 2, 3]), np.array([3.0, 2.0, 1.5]), np.array([0.2, 0.1, 0.0])

    save_learning_curves(tmp_path / "curves.png", epochs, loss, rate, {1: accuracy(0.5, 0.4), 3: accuracy(0.3, 0.6)})

    losses, rates, accuracies = figure().axes
    assert [line.get_xydata().tolist() for line in losses.lines] == [[[1, 3], [2, 2], [3, 1.5]]]
    assert rates.lines[0].get_ydata().tolist() == [0.2, 0.1, 0]
    named = {line.get_label(): line.get_xydata().tolist() for line in accuracies.lines}
    assert named["top-1: best 50.0%, epoch 1"] == [[1, 0.5], [3, 0.3]]
    assert named["mean class: best 60.0%, epoch 3"] == [[1, 0.4], [3, 0.6]]
    with Image.open(tmp_path / "curves.png") as image:
        assert image.format == "PNG"
    assert [path.name for path in tmp_path.iterdir()] == ["curves.png"]


@pytest.mark.parametrize("num_epochs", [1, 240])
def test_one_epoch_and_many_can_be_drawn_without_validation(tmp_path, figure, num_epochs):
    values = np.linspace(1, 0, num_epochs)

    save_learning_curves(tmp_path / "curves.png", np.arange(1, num_epochs + 1), values, values, {})

    losses, _, accuracies = figure().axes
    assert all(tick == round(tick) for tick in losses.get_xticks())
    assert [text.get_text() for text in accuracies.texts] == ["not validated yet"]


def test_nobody_else_is_drawn_into(tmp_path):
    before = dict(mpl.rcParams)
    save_confusion_matrix(tmp_path / "matrix.png", *guesses(3))

    import matplotlib.pyplot as plt

    assert plt.get_fignums() == []
    assert dict(mpl.rcParams) == before


def test_a_row_says_what_its_class_is_taken_for(tmp_path, figure):
    scores = np.eye(3)[[0, 0, 0, 1, 1, 2]]
    labels = np.array([0, 0, 0, 0, 1, 1])

    save_confusion_matrix(tmp_path / "matrix.png", scores, labels, ("walk", "run", "sit"))

    axes = figure().axes[0]
    # Nobody sits: a row without videos is empty.
    np.testing.assert_allclose(axes.images[0].get_array(), [[0.75, 0.25, 0], [0, 0.5, 0.5], [0, 0, 0]])
    numbers = {text.get_position(): text.get_text() for text in axes.texts}
    assert numbers == {(0, 0): "75", (1, 0): "25", (1, 1): "50", (2, 1): "50"}
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["walk", "run", "sit"]
    assert [text.get_text() for text in figure().texts] == [
        "most frequent confusions",
        "1 of 2:  run  →  sit",
        "1 of 4:  walk  →  run",
    ]
    assert axes.get_title(loc="left") == "top-1 66.7%, mean class 41.7%, 6 videos"


@pytest.mark.parametrize(
    ("num_classes", "named", "numbered"), [(2, True, True), (25, True, True), (60, True, False), (400, False, False)]
)
def test_names_and_numbers_stand_where_there_is_room(tmp_path, figure, num_classes, named, numbered):
    names = [f"class number {label}" for label in range(num_classes)]

    save_confusion_matrix(tmp_path / "matrix.png", *guesses(num_classes), names)

    axes = figure().axes[0]
    assert ([tick.get_text() for tick in axes.get_yticklabels()] == names) is named
    assert bool(axes.texts) is numbered
    with Image.open(tmp_path / "matrix.png") as image:
        # No class is thinner than two pixels.
        assert axes.get_position().width * image.width >= 2 * num_classes
    inside = figure().bbox
    renderer = figure().canvas.get_renderer()
    ticks = [*axes.get_xticklabels(), *axes.get_yticklabels()] if named else []
    for artist in (*ticks, *figure().texts, axes.title, axes.xaxis.label, axes.yaxis.label):
        box = artist.get_window_extent(renderer)
        assert inside.x0 <= box.x0 <= box.x1 <= inside.x1, artist
        assert inside.y0 <= box.y0 <= box.y1 <= inside.y1, artist


def test_without_names_classes_have_numbers(tmp_path, figure):
    save_confusion_matrix(tmp_path / "matrix.png", *guesses(3))

    assert [tick.get_text() for tick in figure().axes[0].get_xticklabels()] == ["0", "1", "2"]


def test_no_confusion_is_said(tmp_path, figure):
    save_confusion_matrix(tmp_path / "matrix.png", np.eye(3), np.arange(3))

    assert [text.get_text() for text in figure().texts] == ["no confusions"]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", ["走る", r"$\frac$", "$5 bill$", "a\nb", "", "x" * 300, "50% _^{"])
def test_any_class_name_can_be_drawn(tmp_path, figure, name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        save_confusion_matrix(tmp_path / "matrix.png", *guesses(2, num_videos=50), (name, "other"))

    assert len(figure().axes[0].get_yticklabels()[0].get_text()) <= 35


def test_labels_without_scores_are_refused(tmp_path):
    with pytest.raises(ValueError, match="label 3 has no score"):
        save_confusion_matrix(tmp_path / "matrix.png", np.eye(3), np.array([0, 1, 3]))

    assert list(tmp_path.iterdir()) == []


def test_confusions_go_by_their_number_and_then_by_the_share_of_the_class():
    counts = np.array([[50, 5, 0], [2, 0, 5], [1, 0, 9]])

    assert worst_confusions(counts) == [(1, 2), (0, 1), (1, 0), (2, 0)]


def test_at_most_fourteen_confusions_are_listed():
    assert len(worst_confusions(np.ones((30, 30), int))) == 14
