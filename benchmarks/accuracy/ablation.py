"""Try changes of a small recipe, one at a time, on folds of the training part: nothing here sees a test split.

  python -m benchmarks.accuracy.ablation jhmdb14 recipe epochs40 canvas32 --folds 1 2 3 --seeds 0

trains on `fit1` to `fit3` of data/jhmdb14.pkl (see `benchmarks.accuracy.prepare`), scores `held1` to `held3`, prints
each command and runs it; `--list` prints them only. Lines joined with + are changed together, as in
`epochs60+canvas32`. `--part rare` learns from `rare1` to `rare3`, where every second class has a quarter of its videos,
which is what the line `resampled` is for. Scores go to ablation/, and what is there is not done again:

  python -m benchmarks.accuracy.report ablation/jhmdb14.*.npz
"""

import argparse
from pathlib import Path

from benchmarks.accuracy.steps import train_and_test
from posec3d.annotations import load_annotations
from posec3d.annotations.columns import labels_of
from posec3d.config_files import load_experiment
from posec3d.training.own_data import class_weights_for

# What each line changes in configs/skeleton/posec3d/c3d_small_SET_KIND.py, or rocket_SET.py.
_LINES: dict[str, list[str]] = {
    "recipe": [],
    "epochs40": ["training.epochs=40"],
    "epochs60": ["training.epochs=60"],
    "epochs120": ["training.epochs=120"],
    "epochs150": ["training.epochs=150"],
    "epochs240": ["training.epochs=240"],
    "canvas16": ["clips.train_short_side=18", "clips.train_canvas=16", "clips.test_canvas=16"],
    "canvas32": ["clips.train_short_side=36", "clips.train_canvas=32", "clips.test_canvas=32"],
    "length8": ["clips.length=8"],
    "length24": ["clips.length=24"],
    "length32": ["clips.length=32"],
    "length48": ["clips.length=48"],
    "length96": ["clips.length=96"],
    "sigma0.4": ["heatmaps.sigma=0.4"],
    "sigma0.9": ["heatmaps.sigma=0.9"],
    "channels8": ["network.base_channels=8"],
    "channels32": ["network.base_channels=32"],
    "norotation": ["augmentation.rotation=0"],
    "rotation20": ["augmentation.rotation=20"],
    "nonoise": ["augmentation.noise=0"],
    "exact120": ["training.epochs=120", "augmentation.noise=0", "augmentation.dropout=0"],
    "noise0.04": ["augmentation.noise=0.04"],
    "nodropout": ["augmentation.dropout=0"],
    "dropout0.15": ["augmentation.dropout=0.15"],
    "nocopies": ["augmentation.copies=0", "augmentation.noise=0", "augmentation.dropout=0"],
    "copies1": ["augmentation.copies=1"],
    "whole": ["augmentation.shortest_part=1"],
    "shortest0.5": ["augmentation.shortest_part=0.5"],
    "area0.3": ["clips.train_area=(0.3,1.0)"],
    "nomirror": ["clips.train_mirror=0"],
    "nosmoothing": ["training.label_smoothing=0"],
    "mixup0.2": ["training.mixup=0.2"],
    "noaverage": ["training.average=0"],
    "batch16": ["training.batch_size=16"],
    "rate0.3": ["training.learning_rate=0.3"],
    "decay1e-3": ["training.weight_decay=0.001"],
    "adamw": ["training.optimizer=adamw", "training.learning_rate=0.016", "training.weight_decay=0.05"],
    "plain": [
        "augmentation.rotation=0",
        "augmentation.noise=0",
        "augmentation.dropout=0",
        "augmentation.shortest_part=1",
        "training.label_smoothing=0",
        "training.average=0",
        "training.warmup_epochs=0",
    ],
}
# These start from the weights of Penn Action that `benchmarks.accuracy.run` leaves, of the same stream and seed 0.
_FROM_PENN: dict[str, list[str]] = {
    "frompenn": [],
    "frompenn40": ["training.epochs=40"],
    "frompennexact": ["augmentation.noise=0", "augmentation.dropout=0"],
}
CHANGES = {**_LINES, **_FROM_PENN}
# Shows rare classes more often, as `posec3d train --annotations` does: by the videos that are learned from.
_RESAMPLED = "resampled"


def main() -> None:
    """Run or list the commands."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("set", choices=["penn", "jhmdb21", "jhmdb14"])
    parser.add_argument("lines", nargs="+", type=line_or_lines, metavar="line", help=", ".join([*CHANGES, _RESAMPLED]))
    parser.add_argument("--folds", nargs="+", default=["1", "2", "3"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--part", choices=["fit", "rare"], default="fit")
    parser.add_argument("--kind", choices=["keypoint", "limb", "motion", "rocket"], default="keypoint")
    parser.add_argument("--precision", default="bf16")
    parser.add_argument("--list", action="store_true")
    given = parser.parse_args()
    solved = given.kind == "rocket"
    config = f"rocket_{given.set}" if solved else f"c3d_small_{given.set}_{given.kind}"
    annotations = load_experiment(Path(config)).data.train.annotations
    prefix = "" if given.part == "fit" else f"{given.part}+"
    for line in given.lines:
        parts = line.split("+")
        for seed in given.seeds:
            for fold in given.folds:
                run = f"{given.set}.{prefix}{line}-{fold}-{given.kind}-{seed}"
                part = f"{given.part}{fold}"
                # What validates is looked at while training, but chooses nothing: the last weights are scored.
                splits = {"train.split": part, "val.annotations": str(annotations)}
                splits |= {"val.split": f"held{fold}", "test.split": f"held{fold}"}
                changes = [option for name in parts if name != _RESAMPLED for option in CHANGES[name]]
                if _RESAMPLED in parts:
                    changes.append(_class_weights(annotations, part))
                penn = Path(f"work_dirs/penn-0-{given.kind}-0/last.safetensors")
                train_and_test(
                    config,
                    weights=Path("ablation") / run / "last.safetensors",
                    scores=f"ablation/{run}",
                    seed=seed,
                    precision=None if solved else given.precision,
                    options=[*(f"data.{name}={value}" for name, value in splits.items()), *changes],
                    init=penn if _FROM_PENN.keys() & set(parts) else None,
                    list_only=given.list,
                )


def line_or_lines(words: str) -> str:
    """Return a line, or several joined with +, if there are such."""
    for name in words.split("+"):
        if name not in (*CHANGES, _RESAMPLED):
            raise argparse.ArgumentTypeError(f"{name!r} is no line; there are {', '.join([*CHANGES, _RESAMPLED])}")
    return words


def _class_weights(annotations: Path, split: str) -> str:
    """Return the option that shows rare classes of a split more often."""
    videos = load_annotations(annotations)
    weights = class_weights_for(labels_of(videos.split(split)), len(videos.classes or ()))
    if weights is None:
        raise SystemExit(f"{annotations}, split {split}: no class is rare; resampled changes nothing (see --part rare)")
    return f"training.class_weights=({','.join(map(str, weights))})"


if __name__ == "__main__":
    main()
