"""Train and test every split, stream and seed of a data set, by the commands that a user would give.

  python -m benchmarks.accuracy.run jhmdb21 --seeds 0 1 2

prints each command and runs it; `--list` prints them only. Scores go to scores/, for `benchmarks.accuracy.report`; what
is there already is not done again.
"""

import argparse
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

# Of each data set, whose config is called c3d_small_SET: the splits, by the numbers in their names. All but Penn Action
# start from the weights learnt there, of the same stream and seed.
_SPLITS = {"penn": ("",), "jhmdb21": ("1", "2", "3"), "jhmdb14": ("1", "2", "3")}


def main() -> None:
    """Run or list the commands."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("set", choices=_SPLITS)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--kinds", nargs="+", choices=["keypoint", "limb"], default=["keypoint", "limb"])
    parser.add_argument("--precision", default="bf16")
    parser.add_argument("--list", action="store_true")
    given = parser.parse_args()
    for seed in given.seeds:
        for split in _SPLITS[given.set]:
            for kind in given.kinds:
                for done, command in _commands(given.set, split, kind, seed, given.precision):
                    print(shlex.join(["posec3d", *command]), flush=True)
                    if not given.list and not done.exists():
                        subprocess.run([sys.executable, "-m", "posec3d.cli", *command], check=True)


def _commands(name: str, split: str, kind: str, seed: int, precision: str) -> Iterator[tuple[Path, list[str]]]:
    """Yield what each command leaves, and its words."""
    run = f"{name}-{split or 0}-{kind}-{seed}"
    weights = Path("work_dirs") / run / "last.safetensors"
    config = f"c3d_small_{name}_{kind}"
    splits = [f"data.train.split=train{split}", f"data.test.split=test{split}"] if split else []
    changes = ["--cfg-options", *splits] if splits else []
    also = ["--precision", precision, *changes]
    start = [] if name == "penn" else ["--init", f"work_dirs/penn-0-{kind}-{seed}/last.safetensors"]
    yield weights, ["train", config, "--seed", str(seed), "--work-dir", str(weights.parent), *start, *also]
    for views, fast in (("1", ["--fast"]), ("20", [])):
        out = Path("scores") / f"{run}-{views}.npz"
        yield out, ["test", config, str(weights), "--out", str(out), *fast, *also]


if __name__ == "__main__":
    main()
