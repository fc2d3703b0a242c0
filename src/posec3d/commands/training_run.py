"""One training, from an experiment to its files: checked first, run in a work directory of its own, drawn, tested."""

import logging
from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import contextmanager
from pathlib import Path
from shlex import quote
from typing import Literal

import torch
from lightning_fabric import Fabric

from posec3d.annotations import Annotation
from posec3d.annotations.columns import labels_of
from posec3d.checkpoints import build_model
from posec3d.checkpoints import check_network
from posec3d.checkpoints import start_from
from posec3d.commands.test import test
from posec3d.config_files import save_config
from posec3d.experiment import Experiment
from posec3d.experiment import card_of
from posec3d.published import cache_folder
from posec3d.published import checkpoint_path
from posec3d.published_cards import card_of_weights
from posec3d.runtime.devices import computes_bfloat16
from posec3d.runtime.devices import start_fabric
from posec3d.sources import experiment_videos
from posec3d.trained import CONFIG_FILE
from posec3d.trained import COORDINATES_FOLDER
from posec3d.trained import LAST_FILE
from posec3d.trained import checkpoint_in
from posec3d.trained import trained_parts
from posec3d.training.advice import before_training
from posec3d.training.advice import no_help
from posec3d.training.advice import other_start
from posec3d.training.advice import warn
from posec3d.training.loop import train
from posec3d.training.own_data import coordinates_besides
from posec3d.training.reporting import draw_confusion
from posec3d.training.solving import check_solvable
from posec3d.training.solving import solve
from posec3d.training.state import STATE_FILE
from posec3d.training.state import TrainingState
from posec3d.training.state import digest_of
from posec3d.training.state import load_state
from posec3d.training.state import refuse_other_run
from posec3d.training.work_directory import check_work_directory
from posec3d.training.work_directory import keep_others_out
from posec3d.training.work_directory import move_earlier_run

Device = Literal["auto", "cpu", "cuda", "mps"]
_LOGGER = logging.getLogger(__name__)


def run_training(
    experiment: Experiment,
    folder: Path,
    *,
    second_opinion: bool,
    validate: bool,
    test_last: bool,
    test_best: bool,
    resume: bool,
    seed: int,
    device: Device,
    devices: int,
    precision: Literal["fp32", "bf16", "fp16"],
    workers: int | None,
) -> None:
    """Train, or solve for, what an experiment describes. An earlier run in the folder stays until all checks passed.

    With a `second_opinion` a network on coordinates is solved for besides, where there are few videos.
    """
    solved = experiment.network.backbone == "rocket"
    train_videos, val_videos, test_videos = experiment_videos(experiment)
    if solved:
        check_solvable(experiment, len(train_videos))
    besides = coordinates_besides(experiment, len(train_videos)) if second_opinion and not solved else None
    init = checkpoint_path(experiment.init, cache_folder()) if experiment.init else None
    _check(experiment, folder, init, resume=resume, workers=workers)
    if devices < 1:
        raise ValueError(f"--devices {devices}: give 1 or more")
    fabric = start_fabric(accelerator="cpu" if solved else device, devices=devices, precision=precision)
    with keep_others_out(folder, fabric):
        stopped = load_state(folder) if resume else None
        validated = val_videos if validate and val_videos else None
        if stopped is not None:
            videos = digest_of(train_videos, validated)
            refuse_other_run(stopped, experiment, seed=seed, videos=videos, fabric=fabric, path=folder)
        if validate and not val_videos:
            if test_best:
                raise ValueError("--test-best: no video is left to validate on, so none are best; use --test-last")
            _LOGGER.warning("no video is left to validate on; training goes without (give a split for it)")
        if fabric.is_global_zero:
            parts = {"training": train_videos, "validation": val_videos, "test": test_videos or ()}
            _begin(experiment, folder, parts, fabric, stopped, precision=None if solved else precision)
        with _telling_what_is_left(folder):
            if besides is not None and fabric.is_global_zero:
                _solve_besides(besides, folder / COORDINATES_FOLDER, train_videos, validated, seed=seed)
            fabric.barrier()
            if solved:
                result = solve(experiment, train_videos, validated, work_dir=folder, seed=seed)
            else:
                result = train(
                    experiment,
                    train_videos,
                    validated,
                    work_dir=folder,
                    fabric=fabric,
                    seed=seed,
                    resume=resume,
                    init=init,
                    num_workers=workers,
                )
        if fabric.is_global_zero:
            for path in (result.best, result.last):
                if path is not None:
                    print(path)
            if result.best is not None:
                _say_validation(folder, val_videos, fabric.device)
            if test_last:
                print("last:", flush=True)
                test(folder / CONFIG_FILE, result.last, out=folder / "last_scores.pkl", device=device)
            if test_best and result.best is not None:
                print("best:", flush=True)
                test(folder, out=folder / "best_scores.pkl", device=device)
            if besides is not None:
                _LOGGER.info("both answer together: posec3d recognize VIDEO --model %s", quote(str(folder)))


def _check(experiment: Experiment, folder: Path, init: Path | None, *, resume: bool, workers: int | None) -> None:
    """Complain before the folder is touched, which may hold an earlier run."""
    check_network(card_of(experiment))
    if init is not None:
        card = card_of(experiment)
        start_from(build_model(card), init, card.classes)
        assert experiment.init is not None
        warn(other_start(card, card_of_weights(experiment.init, init), experiment.init))
    if workers is not None and workers < 0:
        raise ValueError(f"--workers {workers}: take 0 or more; 0 prepares clips in the training's own process")
    check_work_directory(folder, init, resume=resume)


@contextmanager
def _telling_what_is_left(folder: Path) -> Iterator[None]:
    """Say of a training that is stopped within the block from where it can go on."""
    try:
        yield
    except KeyboardInterrupt as stop:
        if (folder / STATE_FILE).is_file():
            hint = f"the same command with --resume goes on after epoch {load_state(folder).epochs_done}"
        else:
            hint = "no epoch was whole yet: there is nothing to go on from"
        raise KeyboardInterrupt(hint) from stop


def _solve_besides(
    experiment: Experiment,
    folder: Path,
    train_videos: Sequence[Annotation],
    val_videos: Sequence[Annotation] | None,
    *,
    seed: int,
) -> None:
    """Solve for a network on coordinates in a work directory of its own, unless an earlier start of this run has."""
    if (folder / LAST_FILE).exists():
        return
    _LOGGER.info("few videos: besides, a network on coordinates is solved for (--backbone c3d trains without it)")
    folder.mkdir(exist_ok=True)
    save_config(folder / CONFIG_FILE, experiment)
    result = solve(experiment, train_videos, val_videos, work_dir=folder, seed=seed)
    if result.best is not None and val_videos is not None:
        draw_confusion(folder, [result.best], val_videos, torch.device("cpu"))


def _say_validation(folder: Path, videos: Sequence[Annotation], device: torch.device) -> None:
    """Draw what the networks of a work directory take videos for; of two, say how good each and both are."""
    checkpoints = [checkpoint_in(part) for part in trained_parts(folder)]
    *of_each, together = draw_confusion(folder, checkpoints, videos, device)
    if len(of_each) > 1:
        heatmaps, coordinates = of_each
        shares = (100 * one.top1 for one in (heatmaps, coordinates, together))
        _LOGGER.info("validation, top-1 of one clip each: heatmaps %.1f %%, coordinates %.1f %%, both %.1f %%", *shares)
        warn(no_help(heatmaps, coordinates, labels_of(videos), folder))


def _begin(
    experiment: Experiment,
    folder: Path,
    parts: dict[str, Sequence[Annotation]],
    fabric: Fabric,
    stopped: TrainingState | None,
    *,
    precision: str | None,
) -> None:
    """Make room for a run, or go on with one that `stopped`; say what it is, and what speaks against it.

    No `precision` where nothing has one.
    """
    if stopped is None:
        move_earlier_run(folder)
    save_config(folder / CONFIG_FILE, experiment)
    if stopped is not None:
        done, epochs = stopped.epochs_done, experiment.training.epochs
        whole = ": all are done already" if done >= epochs else ""
        _LOGGER.info("going on after epoch %d of %d%s", done, epochs, whole)
        if whole:
            return
    numbers = len(parts["training"]), len(parts["validation"])
    _LOGGER.info("%d videos to train on, %d to validate on; writing to %s", *numbers, folder)
    if precision is not None:
        _say_precision(precision, experiment.network.backbone, fabric.device)
    warn(*before_training(experiment, parts, fabric.world_size))


def _say_precision(precision: str, backbone: str, device: torch.device) -> None:
    """Tell of the faster arithmetic where there is one: on a processor, of SlowOnly (benchmarks/NOTES.md)."""
    on_processor = device.type == "cpu"
    if precision == "fp32" and computes_bfloat16(device) and (backbone == "slowonly" or not on_processor):
        takes = "takes about six tenths of the time" if on_processor else "may take less time"
        _LOGGER.info("this device computes bfloat16: --precision bf16 %s", takes)
