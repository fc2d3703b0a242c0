"""`posec3d fuse`: what several models say together."""

import logging
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Annotated

import tyro

from posec3d.commands.options import OptionalPath

if TYPE_CHECKING:
    from collections.abc import Sequence

    from posec3d.evaluation.scores import Scores

_LOGGER = logging.getLogger(__name__)


def fuse(
    files: Annotated[tuple[Path, ...], tyro.conf.Positional],
    *,
    weights: tuple[float, ...] = (),
    labels: OptionalPath = None,
    out: OptionalPath = None,
) -> None:
    """Add up the scores of several models for the same videos, and measure each of them and the sum.

    Example: posec3d fuse keypoint.pkl limb.pkl --labels keypoint.json --weights 1 1 --out fused.npz

    Args:
        files: Scores, as `posec3d test --out` writes them, or the pickles of mmaction2 and pyskl.
        weights: One number a file; all alike by default.
        labels: A file that has the true labels, where no scores file has them: scores as .json or .npz, or an
            annotation file with the same videos in the same order.
        out: Where the sum goes: .pkl, .json or .npz.
    """
    import numpy as np

    from posec3d.commands.answers import check_output
    from posec3d.evaluation.fusion import fuse as fuse_scores
    from posec3d.evaluation.fusion import in_one_order
    from posec3d.evaluation.metrics import measure
    from posec3d.evaluation.scores import load_labels
    from posec3d.evaluation.scores import load_scores
    from posec3d.evaluation.scores import save_scores

    if len(files) < 2:
        raise ValueError("give at least two files of scores to fuse")
    given = weights or (1.0,) * len(files)
    check_output("--out", out, [*files, *([] if labels is None else [labels])])
    loaded = [load_scores(file) for file in files]
    _say_whose_order(files, loaded)
    streams = in_one_order(loaded)
    fused = fuse_scores(streams, given)
    truth = fused.labels if labels is None else load_labels(labels, fused)
    if truth is None:
        raise ValueError(
            f"{files[0]}: no file has labels to measure against (a .pkl of scores has none); "
            "add --labels FILE, or fuse .json or .npz files"
        )
    if out is not None:
        save_scores(out, replace(fused, labels=truth))
        _LOGGER.info("scores of %d videos written to %s", len(fused.values), out)
    named = [(str(file), stream.values) for file, stream in zip(files, streams, strict=True)]
    rule = ":".join(f"{weight:g}" for weight in given)
    width = max(len(name) for name, _ in [*named, (f"fused {rule}", None)])
    print(f"{'':{width}}   top-1   top-5  mean class")
    for name, values in [*named, (f"fused {rule}", fused.values)]:
        accuracy = measure(np.asarray(values), truth)
        print(f"{name:{width}}  {accuracy.top1:6.4f}  {accuracy.top5:6.4f}      {accuracy.mean_class:6.4f}")


def _say_whose_order(files: "Sequence[Path]", loaded: "Sequence[Scores]") -> None:
    """Warn of scores that do not say of which videos they are, beside others that do."""
    silent = [str(file) for file, scores in zip(files, loaded, strict=True) if scores.videos is None]
    naming = [str(file) for file, scores in zip(files, loaded, strict=True) if scores.videos is not None]
    if silent and naming:
        _LOGGER.warning(
            "warning: %s: says of no score whose it is, taken to be in the order of %s; .json and .npz of "
            "`posec3d test --out` say it",
            ", ".join(silent),
            naming[0],
        )
