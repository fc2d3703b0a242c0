"""One training, from an experiment to its files: checked first, run in a work directory of its own, drawn, tested."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import torch
from lightning_fabric import Fabric

from posec3d.annotations import Annotation
from posec3d.checkpoints import build_model
from posec3d.checkpoints import check_network
from posec3d.checkpoints import start_from
from posec3d.commands.test import test
from posec3d.config_files import save_config
from posec3d.experiment import Experiment
from posec3d.experiment import card_of
from posec3d.published import cache_folder
from posec3d.published import checkpoint_path
from posec3d.runtime.devices import computes_bfloat16
from posec3d.runtime.devices import start_fabric
from posec3d.sources import experiment_videos
from posec3d.training.advice import before_training
from posec3d.training.advice import warn
from posec3d.training.loop import train
from posec3d.training.reporting import draw_confusion
from posec3d.training.solving import check_solvable
from posec3d.training.solving import solve
from posec3d.training.state import TrainingState
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
    """Train, or solve for, what an experiment describes. An earlier run in the folder stays until all checks passed."""
    solved = experiment.network.backbone == "rocket"
    train_videos, val_videos, test_videos = experiment_videos(experiment)
    if solved:
        check_solvable(experiment, len(train_videos))
    init = checkpoint_path(experiment.init, cache_folder()) if experiment.init else None
    _check(experiment, folder, init, resume=resume, workers=workers)
    fabric = start_fabric(accelerator="cpu" if solved else device, devices=devices, precision=precision)
    with keep_others_out(folder, fabric):
        stopped = load_state(folder) if resume else None
        if stopped is not None:
            refuse_other_run(stopped, experiment, seed=seed, fabric=fabric, path=folder)
        if validate and not val_videos:
            _LOGGER.warning("no video is left to validate on; training goes without (give a split for it)")
        if fabric.is_global_zero:
            parts = {"training": train_videos, "validation": val_videos, "test": test_videos or ()}
            _begin(experiment, folder, parts, fabric, stopped, precision=None if solved else precision)
        fabric.barrier()
        validated = val_videos if validate and val_videos else None
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
                draw_confusion(folder, result.best, val_videos, fabric.device)
            for name, checkpoint in (
                ("last", result.last if test_last else None),
                ("best", result.best if test_best else None),
            ):
                if checkpoint is not None:
                    print(f"{name}:", flush=True)
                    test(folder / "config.py", checkpoint, out=folder / f"{name}_scores.pkl", device=device)


def _check(experiment: Experiment, folder: Path, init: Path | None, *, resume: bool, workers: int | None) -> None:
    """Complain before the folder is touched, which may hold an earlier run."""
    check_network(card_of(experiment))
    if init is not None:
        start_from(build_model(card_of(experiment)), init)
    if workers is not None and workers < 0:
        raise ValueError(f"--workers {workers}: take 0 or more; 0 prepares clips in the training's own process")
    check_work_directory(folder, init, resume=resume)


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
    save_config(folder / "config.py", experiment)
    if stopped is not None:
        done, epochs = stopped.epochs_done, experiment.training.epochs
        whole = ": all are done already" if done >= epochs else ""
        _LOGGER.info("going on after epoch %d of %d%s", done, epochs, whole)
    numbers = len(parts["training"]), len(parts["validation"])
    _LOGGER.info("%d videos to train on, %d to validate on; writing to %s", *numbers, folder)
    if precision is not None:
        _say_precision(precision, fabric.device)
    warn(*before_training(experiment, parts, fabric.world_size))


def _say_precision(precision: str, device: torch.device) -> None:
    """Tell of the faster arithmetic where there is one."""
    if precision == "fp32" and computes_bfloat16(device):
        _LOGGER.info("this device computes bfloat16: --precision bf16 takes half to three quarters of the time")
