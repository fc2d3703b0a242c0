"""A training and its two tests as the commands that a user would give, printed and run.

What is done stays done, and a training that was stopped goes on.
"""

import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path


def train_and_test(
    config: str,
    *,
    weights: Path,
    scores: str,
    seed: int,
    precision: str | None,
    options: Sequence[str],
    init: Path | None = None,
    list_only: bool = False,
) -> None:
    """Train `config` into the folder of `weights`, the last ones, and score them with 1 and with 20 views.

    The scores go to `scores`, a path without its end: {scores}-1.npz and {scores}-20.npz. The network rocket takes no
    `precision`, and of 20 views two: a video and its mirror.
    """
    also = [] if precision is None else ["--precision", precision]
    also += ["--cfg-options", *options] if options else []
    start = [] if init is None else ["--init", str(init)]
    # Weights are there from the first epoch on; this says that all epochs are done.
    trained = weights.parent / "trained"
    resume = ["--resume"] if (weights.parent / "resume.pth").exists() and not trained.exists() else []
    folder = ["--seed", str(seed), "--work-dir", str(weights.parent)]
    _run(trained, ["train", config, *folder, *(resume or start), *also], list_only)
    if not list_only:
        trained.touch()
    for views, fast in (("1", ["--fast"]), ("20", [])):
        out = Path(f"{scores}-{views}.npz")
        _run(out, ["test", config, str(weights), "--out", str(out), *fast, *also], list_only)


def _run(done: Path, words: list[str], list_only: bool) -> None:
    print(shlex.join(["posec3d", *words]), flush=True)
    if not list_only and not done.exists():
        subprocess.run([sys.executable, "-m", "posec3d.cli", *words], check=True)
