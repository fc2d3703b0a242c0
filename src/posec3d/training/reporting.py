"""What a training says: a line an epoch, the same in a JSON-lines file, curves, a confusion matrix, a progress bar."""

import json
import logging
import time
from collections.abc import Sequence
from dataclasses import asdict
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np
import torch
from tensorboardX import SummaryWriter
from tqdm import tqdm

from posec3d.annotations import Annotation
from posec3d.annotations.columns import labels_of
from posec3d.checkpoints import load_model
from posec3d.evaluation.charts import save_confusion_matrix
from posec3d.evaluation.charts import save_learning_curves
from posec3d.evaluation.metrics import Accuracy
from posec3d.evaluation.metrics import measure
from posec3d.evaluation.scoring import score_videos
from posec3d.evaluation.scoring import views_loader
from posec3d.runtime.files import replacing

BOARD_FOLDER = "tensorboard"
LOG_FILE = "log.jsonl"
CURVES_FILE = "learning_curves.png"
CONFUSION_FILE = "confusion_matrix.png"
# A drawing takes some tenths of a second, as long as a short epoch: so it may take a fiftieth of the time.
_SECONDS_BETWEEN_CURVES, _TIMES_AS_LONG = 10.0, 50.0
_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class EpochReport:
    """One epoch, counted from 1: mean training loss, learning rate at its end, accuracy if it was validated."""

    epoch: int
    loss: float
    learning_rate: float
    seconds: float
    validation: Accuracy | None
    is_best: bool


class Reporter:
    """Writes reports of epochs while it is open; every process but the first is given `silent`."""

    def __init__(self, work_dir: Path, *, num_epochs: int, steps_an_epoch: int, epochs_done: int, silent: bool) -> None:
        self.work_dir = work_dir
        self.num_epochs = num_epochs
        self.silent = silent
        self._bar = tqdm(
            total=num_epochs * steps_an_epoch,
            initial=epochs_done * steps_an_epoch,
            unit="step",
            dynamic_ncols=True,
            # None: no bar where standard error is not a terminal.
            disable=True if silent else None,
        )
        self._to_draw_at = time.monotonic() + _SECONDS_BETWEEN_CURVES
        self._writer: SummaryWriter | None = None
        if not silent:
            _keep_epochs(work_dir / LOG_FILE, epochs_done)
            # An event file of a run that was stopped also holds epochs that are done again; purge_step hides those.
            self._writer = SummaryWriter(str(work_dir / BOARD_FOLDER), purge_step=epochs_done + 1)

    def __enter__(self) -> "Reporter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._bar.close()
        if self._writer is not None:
            self._writer.close()

    def step(self, epoch: int, loss: float) -> None:
        """Move the bar on by one step of an epoch, counted from 1."""
        self._bar.set_description(f"epoch {epoch}/{self.num_epochs}", refresh=False)
        self._bar.set_postfix_str(f"loss {loss:.3f}", refresh=False)
        self._bar.update()

    def say(self, report: EpochReport) -> None:
        """Say what came of one epoch, in a line."""
        if self.silent:
            return
        validation = "" if report.validation is None else f"  {report.validation}"
        _LOGGER.info(
            "epoch %d/%d  loss %.4f  learning rate %.5f  %.1f s%s%s",
            report.epoch,
            self.num_epochs,
            report.loss,
            report.learning_rate,
            report.seconds,
            validation,
            "  best so far" if report.is_best else "",
        )

    def log(self, report: EpochReport) -> None:
        """Write and plot one epoch."""
        if self.silent or self._writer is None:
            return
        with (self.work_dir / LOG_FILE).open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(report)) + "\n")
        self._writer.add_scalar("train/loss", report.loss, report.epoch)
        self._writer.add_scalar("train/learning_rate", report.learning_rate, report.epoch)
        if report.validation is not None:
            for name in ("top1", "top5", "mean_class"):
                self._writer.add_scalar(f"val/{name}", getattr(report.validation, name), report.epoch)
        self._writer.flush()
        started = time.monotonic()
        if report.epoch == self.num_epochs or started >= self._to_draw_at:
            draw_learning_curves(self.work_dir)
            done = time.monotonic()
            self._to_draw_at = done + max(_SECONDS_BETWEEN_CURVES, _TIMES_AS_LONG * (done - started))


def read_log(path: Path) -> list[EpochReport]:
    """Return the epochs of a JSON-lines log, those before a stop and resume too."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [
        EpochReport(**row | {"validation": None if row["validation"] is None else Accuracy(**row["validation"])})
        for row in rows
    ]


def draw_learning_curves(work_dir: Path) -> None:
    """Draw the log of a work directory into it."""
    reports = read_log(work_dir / LOG_FILE)
    save_learning_curves(
        work_dir / CURVES_FILE,
        np.array([report.epoch for report in reports]),
        np.array([report.loss for report in reports]),
        np.array([report.learning_rate for report in reports]),
        {report.epoch: report.validation for report in reports if report.validation is not None},
    )


def draw_confusion(
    work_dir: Path, checkpoints: Sequence[Path], videos: Sequence[Annotation], device: torch.device
) -> list[Accuracy]:
    """Draw into a work directory what checkpoints together take videos for; return how good each is, and all are.

    One clip a video, not mirrored, as in validation.
    """
    labels, of_each = labels_of(videos), []
    for checkpoint in checkpoints:
        model, card = load_model(checkpoint)
        batches = views_loader(card, videos, num_clips=1, mirrored=False, batch_size=16)
        of_each.append(score_videos(model.to(device), card, batches, views_at_once=16))
    together = np.mean(of_each, axis=0)
    whose = "both networks" if len(of_each) > 1 else ""
    save_confusion_matrix(work_dir / CONFUSION_FILE, together, labels, card.classes, whose=whose)
    return [measure(scores, labels) for scores in (*of_each, together)]


def _keep_epochs(log: Path, epochs_done: int) -> None:
    """Cut off what a log says of epochs that will be done again."""
    if not log.is_file():
        return
    lines = [line for line in log.read_text(encoding="utf-8").splitlines() if _epoch_of(line) <= epochs_done]
    with replacing(log) as unfinished:
        unfinished.write_text("".join(line + "\n" for line in lines), encoding="utf-8")


def _epoch_of(line: str) -> float:
    try:
        return float(json.loads(line)["epoch"])
    except (ValueError, KeyError, TypeError):
        return float("inf")  # The line that a crash cut short.
