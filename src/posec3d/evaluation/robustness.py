"""How much accuracy is lost when poses are worse: a network scored on the same videos, perturbed."""

from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from posec3d.annotations import Annotation
from posec3d.annotations.columns import labels_of
from posec3d.checkpoints import Recognizer
from posec3d.evaluation.metrics import measure
from posec3d.evaluation.perturbations import Perturbation
from posec3d.evaluation.perturbations import perturbations
from posec3d.evaluation.scoring import score_videos
from posec3d.evaluation.scoring import views_loader
from posec3d.experiment import ModelCard
from posec3d.export.networks import ClipNetwork


@dataclass(frozen=True)
class Curve:
    """Accuracies, 0 to 1, of one perturbation at its levels; the first level is 0, the videos as they are."""

    name: str
    about: str
    levels: tuple[float, ...]
    top1: tuple[float, ...]
    mean_class: tuple[float, ...]


def measure_robustness(
    networks: Sequence[tuple[Recognizer | ClipNetwork, ModelCard]],
    videos: Sequence[Annotation],
    *,
    num_clips: int = 1,
    mirrored: bool = False,
    seed: int = 0,
    advance: Callable[[int], object] = lambda _: None,
) -> list[Curve]:
    """Score videos at every level of every perturbation by networks together, and return a curve for each.

    A video is perturbed alike whatever the number of clips: by (seed, its place). `advance` is called with the number
    of videos done after each batch; there are `num_passes` times as many as videos in all, for each network.
    """
    labels = labels_of(videos)

    def accuracy(perturbation: Perturbation | None, level: float) -> tuple[float, float]:
        changed = videos if perturbation is None else _changed(videos, perturbation, level, seed)
        of_each = []
        for model, card in networks:
            batches = views_loader(card, changed, num_clips=num_clips, mirrored=mirrored, batch_size=8)
            of_each.append(score_videos(model, card, batches, views_at_once=16, advance=advance))
        measured = measure(np.mean(of_each, axis=0), labels)
        return measured.top1, measured.mean_class

    clean = accuracy(None, 0.0)
    curves = []
    for perturbation in perturbations(networks[0][1].heatmaps.skeleton, videos):
        values = [clean, *(accuracy(perturbation, level) for level in perturbation.levels)]
        top1, mean_class = (tuple(column) for column in zip(*values, strict=True))
        levels = (0.0, *perturbation.levels)
        curves.append(Curve(perturbation.name, perturbation.about, levels, top1, mean_class))
    return curves


def num_passes(card: ModelCard) -> int:
    """Return how often `measure_robustness` scores all videos."""
    return 1 + sum(len(perturbation.levels) for perturbation in perturbations(card.heatmaps.skeleton, ()))


def table_of(curves: Sequence[Curve]) -> str:
    """Return the curves as text: top-1 in percent at each level, and what is lost at the last one, in points."""
    rows = []
    for curve in curves:
        cells = "  ".join(
            f"{level:.3g}: {100 * value:5.1f}" for level, value in zip(curve.levels, curve.top1, strict=True)
        )
        rows.append(f"{curve.name:8}  {cells}   ({100 * (curve.top1[-1] - curve.top1[0]):+.1f})")
    notes = [f"{curve.name}: {curve.about}" for curve in curves]
    return "\n".join(["top-1 in % at each level (and the change in points at the last)", *rows, "", *notes])


def _changed(videos: Sequence[Annotation], perturbation: Perturbation, level: float, seed: int) -> list[Annotation]:
    return [
        perturbation.change(video, level, np.random.RandomState([seed, place])) for place, video in enumerate(videos)
    ]
