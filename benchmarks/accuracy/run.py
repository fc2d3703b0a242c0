"""Train and test every split, stream and seed of a data set, by the commands that a user would give.

  python -m benchmarks.accuracy.run jhmdb21 --seeds 0 1 2

prints each command and runs it; `--list` prints them only. Scores go to scores/, for `benchmarks.accuracy.report`; what
is there already is not done again.
"""

import argparse
from pathlib import Path

from benchmarks.accuracy.steps import train_and_test

# Of each data set, whose configs are called c3d_small_SET_KIND and rocket_SET: the splits, by the numbers in their
# names.
_SPLITS = {"penn": ("",), "jhmdb21": ("1", "2", "3"), "jhmdb14": ("1", "2", "3")}


def main() -> None:
    """Run or list the commands."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("set", choices=_SPLITS)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    kinds = ["keypoint", "limb", "motion", "rocket"]
    parser.add_argument("--kinds", nargs="+", choices=kinds, default=["keypoint", "limb"])
    parser.add_argument("--precision", default="bf16")
    parser.add_argument("--list", action="store_true")
    given = parser.parse_args()
    for seed in given.seeds:
        for split in _SPLITS[given.set]:
            for kind in given.kinds:
                run = f"{given.set}-{split or 0}-{kind}-{seed}"
                train_and_test(
                    f"rocket_{given.set}" if kind == "rocket" else f"c3d_small_{given.set}_{kind}",
                    weights=Path("work_dirs") / run / "last.safetensors",
                    scores=f"scores/{run}",
                    seed=seed,
                    precision=None if kind == "rocket" else given.precision,
                    options=[f"data.train.split=train{split}", f"data.test.split=test{split}"] if split else [],
                    list_only=given.list,
                )


if __name__ == "__main__":
    main()
