import json

import numpy as np
import pytest
import torch

from posec3d.checkpoints import build_model
from posec3d.checkpoints import save_checkpoint
from posec3d.evaluation.metrics import Accuracy
from posec3d.evaluation.metrics import measure
from posec3d.experiment import Clips
from posec3d.experiment import Heatmaps
from posec3d.experiment import ModelCard
from posec3d.experiment import Network
from posec3d.synthetic import make_annotations
from posec3d.training import reporting
from posec3d.training.reporting import EpochReport
from posec3d.training.reporting import Reporter
from posec3d.training.reporting import draw_confusion
from posec3d.training.reporting import read_log


@pytest.fixture
def drawn(monkeypatch):
    """What was drawn: the epochs, losses and validated epochs of each drawing."""
    drawings = []

    def save(path, epochs, loss, learning_rate, validation):
        drawings.append((path.name, epochs.tolist(), loss.tolist(), sorted(validation)))

    monkeypatch.setattr(reporting, "save_learning_curves", save)
    return drawings


def report(epoch, *, validated=True):
    accuracy = Accuracy(top1=0.5, top5=1.0, mean_class=0.25, num_videos=8) if validated else None
    return EpochReport(epoch, 1 / epoch, 0.1, 2.0, accuracy, False)


def run(work_dir, reports, *, num_epochs, epochs_done=0, silent=False):
    work_dir.mkdir(exist_ok=True)
    options = {"num_epochs": num_epochs, "steps_an_epoch": 1, "epochs_done": epochs_done, "silent": silent}
    with Reporter(work_dir, **options) as reporter:
        for one in reports:
            reporter.log(one)
            reporter.say(one)


def test_a_log_is_read_as_it_was_written(tmp_path):
    reports = [report(1), report(2, validated=False), EpochReport(3, float("nan"), 0.1, 2.0, None, True)]

    run(tmp_path, reports, num_epochs=9)

    assert repr(read_log(tmp_path / "log.jsonl")) == repr(reports)  # not a number does not equal itself


def test_the_last_epoch_is_always_drawn(tmp_path, drawn):
    run(tmp_path, [report(epoch, validated=epoch > 1) for epoch in (1, 2, 3)], num_epochs=3)

    assert drawn[-1] == ("learning_curves.png", [1, 2, 3], [1, 1 / 2, 1 / 3], [2, 3])


@pytest.mark.parametrize(("seconds", "expected"), [(0.1, [3, 6, 9]), (1.0, [3, 16])])
def test_short_epochs_are_not_all_drawn(tmp_path, drawn, monkeypatch, seconds, expected):
    now, save = [0.0], reporting.save_learning_curves

    def slowly(*curves):
        save(*curves)
        now[0] += seconds

    monkeypatch.setattr(reporting, "save_learning_curves", slowly)
    monkeypatch.setattr(reporting.time, "monotonic", lambda: now[0])

    def epochs():
        for epoch in range(1, 17 if seconds == 1 else 10):
            now[0] += 4
            yield report(epoch)

    run(tmp_path, epochs(), num_epochs=100)

    assert [epochs[-1] for _, epochs, _, _ in drawn] == expected


def test_a_resumed_run_draws_the_whole_history_and_nothing_twice(tmp_path, drawn):
    run(tmp_path, [report(1), report(2), report(3)], num_epochs=4)
    # Stopped after its third epoch was logged, but before its state was kept.
    run(tmp_path, [report(3), report(4)], num_epochs=4, epochs_done=2)

    assert drawn[-1][1] == [1, 2, 3, 4]
    assert [json.loads(line)["epoch"] for line in (tmp_path / "log.jsonl").read_text().splitlines()] == [1, 2, 3, 4]


def test_other_processes_draw_nothing(tmp_path, drawn):
    run(tmp_path, [report(1)], num_epochs=1, silent=True)

    assert drawn == []
    assert list(tmp_path.iterdir()) == []


def test_a_checkpoint_draws_what_it_takes_videos_for(tmp_path, monkeypatch):
    card = ModelCard(
        heatmaps=Heatmaps(),
        network=Network(base_channels=4, stage_blocks=(1, 1)),
        clips=Clips(length=8, test_canvas=16),
        num_classes=3,
        classes=("squat", "walk", "wave"),
    )
    save_checkpoint(tmp_path / "best.safetensors", build_model(card).state_dict(), card)
    videos = make_annotations(7, seed=0, motions=card.classes).annotations
    calls = []
    monkeypatch.setattr(reporting, "save_confusion_matrix", lambda *given, whose: calls.append((*given, whose)))

    alone, together = draw_confusion(tmp_path, [tmp_path / "best.safetensors"], videos, torch.device("cpu"))
    draw_confusion(tmp_path, [tmp_path / "best.safetensors"] * 2, videos, torch.device("cpu"))

    (path, scores, labels, classes, whose), (*_, of_two) = calls
    assert (whose, of_two) == ("", "both networks")
    assert alone == together == measure(scores, labels)
    assert (path.name, scores.shape, classes) == ("confusion_matrix.png", (7, 3), card.classes)
    np.testing.assert_array_equal(labels, [video.label for video in videos])
