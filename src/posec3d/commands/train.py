"""`posec3d train`: train a network from a config, or from an annotation file alone."""

import logging
import re
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Annotated
from typing import Literal

import tyro

from posec3d.commands.options import Changes
from posec3d.commands.options import OptionalName
from posec3d.commands.options import OptionalNumber
from posec3d.commands.options import OptionalPath

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch

    from posec3d.experiment import Experiment

_LOGGER = logging.getLogger(__name__)

# Options of mmaction2's and pyskl's tools/train.py that ask for what is done anyway,
DONE_ANYWAY = (("--launcher", "none"), ("--gpus", "1"), ("--gpu-ids", "0"))
# and those that are said in another way here.
REFUSED = {
    "--resume-from": "use --resume with the same --work-dir",
    "--gpus": "use --devices N",
    "--gpu-ids": "set CUDA_VISIBLE_DEVICES and use --devices N",
    "--launcher": "use --devices N, or start with torchrun",
    "--local_rank": "start with torchrun, not torch.distributed.launch",
    "--local-rank": "start with torchrun, not torch.distributed.launch",
    "--diff-seed": "each process draws its own numbers from --seed",
    "--diff-rank-seed": "each process draws its own numbers from --seed",
    "--amp": "use --precision bf16, or fp16",
    "--auto-scale-lr": "this is the default; --no-scale-lr turns it off",
    "--omnisource": "it is for RGB video only",
    "--options": "use --cfg-options",
    "--compile": "the network is not compiled",
}


def train(
    config: Annotated[
        Path | None, tyro.conf.Positional, tyro.conf.arg(metavar="[CONFIG]", help_behavior_hint="")
    ] = None,
    *,
    annotations: OptionalPath = None,
    classes: OptionalPath = None,
    skeleton: OptionalName = None,
    kind: Literal["keypoint", "limb", "motion"] = "keypoint",
    size: Literal["auto", "small", "full"] = "auto",
    backbone: Literal["auto", "slowonly", "c3d", "x3d", "rocket"] = "auto",
    recipe: Literal["auto", "small", "published"] = "auto",
    train_split: OptionalName = None,
    val_split: OptionalName = None,
    epochs: OptionalNumber = None,
    batch_size: OptionalNumber = None,
    init: OptionalName = None,
    work_dir: OptionalPath = None,
    validate: bool = True,
    test_last: bool = False,
    test_best: bool = False,
    resume: bool = False,
    seed: int = 0,
    deterministic: bool = False,
    scale_lr: bool = True,
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto",
    devices: int = 1,
    precision: Literal["fp32", "bf16", "fp16"] = "fp32",
    workers: OptionalNumber = None,
    cfg_options: Changes = (),
) -> None:
    """Train a network, from a config or from an annotation file alone.

    A published experiment, your own data, and going on after a stop:

    posec3d train configs/skeleton/posec3d/slowonly_r50_u48_240e_gym_keypoint.py --validate --seed 0

    posec3d train --annotations my.pkl --classes labels.txt --epochs 30

    posec3d train --annotations my.pkl --classes labels.txt --epochs 30 --resume

    The work directory gets best.safetensors and last.safetensors, config.py, log.jsonl, learning_curves.png,
    confusion_matrix.png of the best weights, curves for TensorBoard, and the state that --resume goes on from.

    Args:
        config: A config file; those that come with the package also by their name alone.
        annotations: Instead of a config: your annotation file. `posec3d check` tells whether it is ready.
        classes: With --annotations: a text file with one class name a line, in the order of labels.
        skeleton: With --annotations: a name such as coco17 or penn13, or a .json file; else told by the keypoints.
        kind: With --annotations: draw keypoints, limbs, or keypoints and how they move (motion).
        size: With --annotations: the published network (full), or one that a CPU trains in minutes (small). Without it,
            full on an accelerator, else small; with --init, the network of the checkpoint.
        backbone: With --annotations: SlowOnly (without it, at full size), C3D-light (at small size; trains faster) or
            X3D-shallow, which draw heatmaps; or rocket, which looks at coordinates and is solved for in seconds. With
            --init, that of the checkpoint.
        recipe: With --annotations: train as published, or as suits some hundred videos (small): with more augmentation,
            smoothed labels, averaged weights, and rare classes shown more often. Without it, small up to 2,000 videos.
        train_split: With --annotations: the split to train on; else the one called train.
        val_split: With --annotations: the split to validate on; else the one called val, or a tenth held out.
        epochs: How often the videos are gone through; with --annotations, 60 without it, and up to 150 for few videos.
        batch_size: Clips a step on each device.
        init: Weights to start from: a checkpoint, or the name of a published one, which is downloaded once.
        work_dir: Where everything is written; by default work_dirs/ and the config's or annotation file's name.
        validate: Measure accuracy on the validation videos as training goes, and keep the best weights.
        test_last: Test the last weights when training is done.
        test_best: Test the best weights when training is done.
        resume: Go on from the last whole epoch in the work directory.
        seed: Start of all random numbers.
        deterministic: The same bits each time on the same machine; slower on a GPU.
        scale_lr: Scale the learning rate to the number of clips a step (linear scaling rule).
        device: What to compute on.
        devices: How many of them.
        precision: Arithmetic of the network.
        workers: Processes that prepare clips.
        cfg_options: Changes to the config, such as training.epochs=30 data.train.split=xsub_train.
    """
    from posec3d.checkpoints import build_model
    from posec3d.checkpoints import check_network
    from posec3d.checkpoints import start_from
    from posec3d.commands.own_experiment import own_experiment
    from posec3d.config_files import save_config
    from posec3d.config_files import with_options
    from posec3d.experiment import card_of
    from posec3d.published import cache_folder
    from posec3d.published import checkpoint_path
    from posec3d.runtime.devices import start_fabric
    from posec3d.sources import experiment_videos
    from posec3d.training.advice import before_training
    from posec3d.training.advice import warn
    from posec3d.training.loop import train as run
    from posec3d.training.reporting import draw_confusion
    from posec3d.training.solving import check_solvable
    from posec3d.training.solving import solve
    from posec3d.training.state import load_state
    from posec3d.training.state import refuse_other_run
    from posec3d.training.work_directory import check_work_directory
    from posec3d.training.work_directory import keep_others_out
    from posec3d.training.work_directory import move_earlier_run

    if test_best and not validate:
        raise ValueError("--test-best needs what --no-validate leaves out; use --test-last")
    if not 0 <= seed < 2**32:
        raise ValueError(f"--seed {seed}: take 0 to {2**32 - 1}; other numbers start no random stream")
    given = {"training.epochs": epochs, "training.batch_size": batch_size, "init": init}
    options = [f"{name}={value!r}" for name, value in given.items() if value is not None]
    if not scale_lr:
        options.append("training.scale_learning_rate=False")
    if deterministic:
        from posec3d.runtime.reproducibility import use_deterministic_algorithms

        use_deterministic_algorithms()
    if (config is None) == (annotations is None):
        raise ValueError("give either a config file or --annotations FILE; see posec3d train --help")
    own = {"--classes": classes, "--skeleton": skeleton, "--train-split": train_split, "--val-split": val_split}
    own |= {"--size": None if size == "auto" else size, "--kind": None if kind == "keypoint" else kind}
    own |= {
        "--backbone": None if backbone == "auto" else backbone,
        "--recipe": None if recipe == "auto" else recipe,
    }
    misplaced = [option for option, value in own.items() if value is not None]
    if config is not None and misplaced:
        raise ValueError(f"{misplaced[0]} goes with --annotations; change {config} by --cfg-options NAME=VALUE instead")
    if config is not None:
        from posec3d.config_files import load_experiment

        experiment = load_experiment(config)
        name = config.stem
    else:
        assert annotations is not None
        if init is not None and own["--backbone"]:
            raise ValueError(
                f"--backbone {backbone} has no meaning with --init: the network is that of {init}; leave it out"
            )
        experiment = own_experiment(
            annotations, classes, skeleton, kind, size, backbone, recipe, epochs, train_split, val_split, device, init
        )
        name = re.sub(r"\.(pkl|pkl\.gz|arrow)$", "", annotations.name)
    experiment = with_options(experiment, [*options, *cfg_options])
    solved = experiment.network.backbone == "rocket"
    if solved:
        of_steps: dict[str, object] = {name: own[name] for name in ("--kind", "--size", "--recipe")}
        of_steps |= {"--epochs": epochs, "--batch-size": batch_size, "--init": init, "--workers": workers}
        of_steps |= {"--resume": resume or None, "--no-scale-lr": not scale_lr or None}
        of_steps |= {"--device": None if device in ("auto", "cpu") else device}
        of_steps |= {"--devices": None if devices == 1 else devices}
        _refuse(of_steps | {"--precision": None if precision == "fp32" else precision})
    train_videos, val_videos, test_videos = experiment_videos(experiment)
    if solved:
        check_solvable(experiment, len(train_videos))
    weights = checkpoint_path(experiment.init, cache_folder()) if experiment.init else None

    folder = work_dir or Path("work_dirs") / name
    # Before the folder is touched, which may hold an earlier run.
    check_network(card_of(experiment))
    if weights is not None:
        start_from(build_model(card_of(experiment)), weights)
    if workers is not None and workers < 0:
        raise ValueError(f"--workers {workers}: take 0 or more; 0 prepares clips in the training's own process")
    check_work_directory(folder, weights, resume=resume)
    fabric = start_fabric(accelerator="cpu" if solved else device, devices=devices, precision=precision)
    with keep_others_out(folder, fabric):
        if resume:
            state = load_state(folder)
            refuse_other_run(state, experiment, seed=seed, fabric=fabric, path=folder)
        if validate and not val_videos:
            _LOGGER.warning("no video is left to validate on; training goes without (give a split for it)")
        if fabric.is_global_zero:
            if not resume:
                move_earlier_run(folder)
            save_config(folder / "config.py", experiment)
            if resume:
                _LOGGER.info(
                    "going on after epoch %d of %d%s",
                    state.epochs_done,
                    experiment.training.epochs,
                    ": all are done already" if state.epochs_done >= experiment.training.epochs else "",
                )
            _LOGGER.info(
                "%d videos to train on, %d to validate on; writing to %s", len(train_videos), len(val_videos), folder
            )
            if not solved:
                _say_precision(precision, fabric.device)
            parts = {"training": train_videos, "validation": val_videos, "test": test_videos or ()}
            warn(*before_training(experiment, parts, fabric.world_size))
        fabric.barrier()
        validated = val_videos if validate and val_videos else None
        if solved:
            result = solve(experiment, train_videos, validated, work_dir=folder, seed=seed)
        else:
            result = run(
                experiment,
                train_videos,
                validated,
                work_dir=folder,
                fabric=fabric,
                seed=seed,
                resume=resume,
                init=weights,
                num_workers=workers,
            )
        if fabric.is_global_zero:
            for path in (result.best, result.last):
                if path is not None:
                    print(path)
            if result.best is not None:
                draw_confusion(folder, result.best, val_videos, fabric.device)
            _test(experiment, folder, result.last if test_last else None, result.best if test_best else None, device)


def _refuse(options: "Mapping[str, object]") -> None:
    """Refuse options that change nothing where no gradient step is taken."""
    for option, value in options.items():
        if value is not None:
            given = f"{option} {value}".rstrip() if value is not True else option
            raise ValueError(f"{given}: the network rocket is solved for, not trained step by step; leave it out")


def _say_precision(precision: str, device: "torch.device") -> None:
    """Tell of the faster arithmetic where there is one."""
    from posec3d.runtime.devices import computes_bfloat16

    if precision == "fp32" and computes_bfloat16(device):
        _LOGGER.info("this device computes bfloat16: --precision bf16 takes half to three quarters of the time")


def _test(experiment: "Experiment", folder: Path, last: Path | None, best: Path | None, device: str) -> None:
    from posec3d.commands.test import test

    for name, checkpoint in (("last", last), ("best", best)):
        if checkpoint is not None:
            print(f"{name}:", flush=True)
            test(folder / "config.py", checkpoint, out=folder / f"{name}_scores.pkl", device=device)  # type: ignore[arg-type]
