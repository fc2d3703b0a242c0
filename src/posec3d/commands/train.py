"""`posec3d train`: train a network from a config, or from an annotation file alone."""

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
    confusion_matrix.png of what it answers, curves for TensorBoard, and the state that --resume goes on from; from an
    annotation file of up to 2,000 training videos also coordinates/, a second network that is solved for in seconds
    to minutes. `--model WORK_DIR` of recognize, stream and visualize asks both, as do test and robustness.

    Args:
        config: A config file; those that come with the package also by their name alone.
        annotations: Instead of a config: your annotation file. `posec3d check` tells whether it is ready.
        classes: With --annotations: a text file with one class name a line, in the order of labels.
        skeleton: With --annotations: a name such as coco17 or penn13, or a .json file; else told by the keypoints.
        kind: With --annotations: draw keypoints, limbs, or keypoints and how they move (motion).
        size: With --annotations: the published network (full), or one that a CPU trains in minutes (small). Without it,
            full on an accelerator, else small; with --init, the network of the checkpoint.
        backbone: With --annotations, train this network alone: SlowOnly, C3D-light (trains faster) or X3D-shallow,
            which draw heatmaps, or rocket, which looks at coordinates and is solved for in seconds. Without it,
            SlowOnly at full size or C3D-light at small size, and rocket besides for few videos; with --init, that of
            the checkpoint.
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
    if test_best and not validate:
        raise ValueError("--test-best needs what --no-validate leaves out; use --test-last")
    for option, number in (("--epochs", epochs), ("--batch-size", batch_size)):
        if number is not None and number < 1:
            raise ValueError(f"{option} {number}: give 1 or more")
    if not 0 <= seed < 2**32:
        raise ValueError(f"--seed {seed}: take 0 to {2**32 - 1}; other numbers start no random stream")
    if (config is None) == (annotations is None):
        raise ValueError("give either a config file or --annotations FILE; see posec3d train --help")
    own: dict[str, object] = {"--classes": classes, "--skeleton": skeleton}
    own |= {"--train-split": train_split, "--val-split": val_split, "--kind": None if kind == "keypoint" else kind}
    chosen = {"--size": size, "--backbone": backbone, "--recipe": recipe}
    own |= {option: None if value == "auto" else value for option, value in chosen.items()}
    if config is not None:
        _refuse(own, f"goes with --annotations; change {config} by --cfg-options NAME=VALUE instead", named_alone=True)
    for option in ("--backbone", "--size"):
        if init is not None and own[option]:
            raise ValueError(
                f"{option} {own[option]} has no meaning with --init: the network is that of {init}; leave it out"
            )

    from posec3d.commands.own_experiment import own_experiment
    from posec3d.commands.training_run import run_training
    from posec3d.config_files import load_experiment
    from posec3d.config_files import with_options
    from posec3d.runtime.reproducibility import use_deterministic_algorithms

    if deterministic:
        use_deterministic_algorithms()
    if config is not None:
        experiment, name = load_experiment(config), config.stem
    else:
        assert annotations is not None
        experiment = own_experiment(
            annotations, classes, skeleton, kind, size, backbone, recipe, epochs, train_split, val_split, device, init
        )
        name = re.sub(r"\.(pkl|pkl\.gz|arrow)$", "", annotations.name)
    given = {"training.epochs": epochs, "training.batch_size": batch_size, "init": init}
    options = [f"{name}={value!r}" for name, value in given.items() if value is not None]
    options += [] if scale_lr else ["training.scale_learning_rate=False"]
    experiment = with_options(experiment, [*options, *cfg_options])
    if experiment.network.backbone == "rocket":
        of_steps = {option: own[option] for option in ("--kind", "--size", "--recipe")}
        of_steps |= {"--epochs": epochs, "--batch-size": batch_size, "--init": init, "--workers": workers}
        of_steps |= {"--resume": resume or None, "--no-scale-lr": not scale_lr or None}
        of_steps |= {"--device": None if device in ("auto", "cpu") else device}
        of_steps |= {"--devices": None if devices == 1 else devices}
        of_steps |= {"--precision": None if precision == "fp32" else precision}
        _refuse(of_steps, "the network rocket is solved for, not trained step by step; leave it out")
    run_training(
        experiment,
        work_dir or Path("work_dirs") / name,
        # What to train is left to us, but for its size.
        second_opinion=annotations is not None
        and (backbone, kind, init) == ("auto", "keypoint", None)
        and recipe != "published",
        validate=validate,
        test_last=test_last,
        test_best=test_best,
        resume=resume,
        seed=seed,
        device=device,
        devices=devices,
        precision=precision,
        workers=workers,
    )


def _refuse(options: "Mapping[str, object]", why: str, *, named_alone: bool = False) -> None:
    """Refuse the first option that is given, with its value unless it is `named_alone`."""
    for option, value in options.items():
        if value is not None:
            said = f"{option} " if named_alone else f"{option}: " if value is True else f"{option} {value}: "
            raise ValueError(said + why)
