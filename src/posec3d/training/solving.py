"""The network rocket's last layer, solved for: ridge regression, with answers for each video by all the others."""

import logging
from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import fields
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from jaxtyping import Int64
from torch import Tensor
from torch.nn import functional

from posec3d.annotations import Annotation
from posec3d.annotations.columns import labels_of
from posec3d.checkpoints import build_rocket
from posec3d.checkpoints import save_checkpoint
from posec3d.clips.augmentation import change
from posec3d.evaluation.metrics import measure
from posec3d.evaluation.scoring import score_videos
from posec3d.evaluation.scoring import views_loader
from posec3d.experiment import Augmentation
from posec3d.experiment import Experiment
from posec3d.experiment import ModelCard
from posec3d.experiment import Training
from posec3d.experiment import card_of
from posec3d.models.rocket import PoseRocket
from posec3d.poses import Poses
from posec3d.recipes import solved
from posec3d.runtime.progress import Progress
from posec3d.trained import BEST_FILE
from posec3d.trained import LAST_FILE
from posec3d.training.loop import TrainingResult

# The table of all products of two clips, and its inverse, take 8 bytes a pair.
MOST_CLIPS = 10_000
_PENALTIES = (1.0, 1e2, 1e3, 1e4)
_SHARPNESSES = np.geomspace(1, 30, 35).tolist()
# A feature that hardly differs between the clips says nothing of others.
_SMALLEST_SPREAD = 1e-6
_COLUMNS_AT_ONCE, _VIDEOS_AT_ONCE = 4096, 16
_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class Solution:
    """A linear layer, and what it says of each video when that is left out: probabilities of N videos."""

    weight: Float[Tensor, "K F"]
    bias: Float[Tensor, " K"]
    held_out: Float[Tensor, "N K"]


def solve(
    experiment: Experiment,
    train_videos: Sequence[Annotation],
    val_videos: Sequence[Annotation] | None,
    *,
    work_dir: Path,
    seed: int = 0,
) -> TrainingResult:
    """Solve for the network rocket on all training videos, and keep it in `work_dir`: as last, as best if validated.

    ValueError for too few or too many videos, and for settings that would change nothing.
    """
    check_solvable(experiment, len(train_videos))
    card = card_of(experiment)
    model = build_rocket(card, seed=seed).eval()
    labels = labels_of(train_videos)
    _LOGGER.info("looking at each video, and at %d changed copies of each", experiment.augmentation.copies)
    features = _features(model, experiment, train_videos, seed)
    solution = ridge(features, torch.from_numpy(labels), card.num_classes)
    model.cls_head.fc_cls.weight.data.copy_(solution.weight)
    model.cls_head.fc_cls.bias.data.copy_(solution.bias)
    _say_held_out(solution.held_out.numpy(), labels)
    best = None
    if val_videos is not None:
        batches = views_loader(card, val_videos, num_clips=1, mirrored=card.clips.test_mirror == "keypoints")
        scores = score_videos(model, card, batches)
        accuracy = measure(scores, labels_of(val_videos))
        best = getattr(accuracy, experiment.training.best_by)
        _LOGGER.info("validation: top-1 %.1f %%, mean class %.1f %%", 100 * accuracy.top1, 100 * accuracy.mean_class)
        save_checkpoint(work_dir / BEST_FILE, model.state_dict(), card)
    save_checkpoint(work_dir / LAST_FILE, model.state_dict(), card)
    return TrainingResult(None if best is None else work_dir / BEST_FILE, work_dir / LAST_FILE, best)


def _say_held_out(held_out: Float[np.ndarray, "N K"], labels: Int64[np.ndarray, " N"]) -> None:
    """Say how well each video is told by all others: of classes of one video, nothing is left to tell it by."""
    told = np.bincount(labels)[labels] > 1
    if told.any():
        left_out = measure(held_out[told], labels[told])
        _LOGGER.info("each training video by all others: top-1 %.1f %%", 100 * left_out.top1)
    else:
        _LOGGER.info("one training video a class: how well others are told apart, only other videos can say")


@torch.inference_mode()
def ridge(features: Float[Tensor, "N W F"], labels: Int64[Tensor, " N"], num_classes: int) -> Solution:
    """Return the linear layer by which a ridge regression tells N videos apart, of W views each.

    Features are standardised, targets are 1 and -1. How strongly weights are held down, and how sharp probabilities
    are, is what makes the answers for each video likeliest that its own views had no part in: these follow from the
    same inverse (the leave-one-out formula of ridge regression, by blocks).
    """
    num_videos, num_views, _ = features.shape
    rows = features.flatten(0, 1)
    mean, spread = rows.mean(0), rows.std(0)
    factor = torch.where(spread > _SMALLEST_SPREAD, 1 / spread, 0)
    targets = 2.0 * functional.one_hot(labels, num_classes).double().repeat_interleave(num_views, 0) - 1
    centre = targets.mean(0)
    products = torch.zeros(len(rows), len(rows), dtype=torch.float64)
    for columns in _columns(rows):
        part = _standardised(rows, mean, factor, columns)
        products.addmm_(part, part.T)
    likelihood, solved, sharpness, held_out = -torch.inf, targets, 1.0, targets
    for penalty in _PENALTIES:
        inverse = torch.cholesky_inverse(torch.linalg.cholesky(products + penalty * torch.eye(len(rows))))
        coefficients = inverse @ (targets - centre)
        # The mean is not held down: what the inverse has of it, and coefficients have not, is taken out.
        inverse -= 1 / (penalty * len(rows))
        blocks = inverse.view(num_videos, num_views, num_videos, num_views).diagonal(dim1=0, dim2=2).permute(2, 0, 1)
        own = coefficients.view(num_videos, num_views, -1)
        answers = targets.view_as(own) - torch.linalg.solve(blocks, own)
        for sharp in _SHARPNESSES:
            probabilities = (sharp * answers).softmax(-1).mean(1)
            value = float(probabilities[torch.arange(num_videos), labels].log().mean())
            if value > likelihood:
                likelihood, solved, sharpness, held_out = value, coefficients, sharp, probabilities
    weight = torch.cat([_standardised(rows, mean, factor, columns).T @ solved for columns in _columns(rows)])
    weight = sharpness * weight * factor[:, None]
    return Solution(weight.T.float(), (sharpness * centre - mean.double() @ weight).float(), held_out.float())


def _columns(rows: Float[Tensor, "R F"]) -> list[slice]:
    return [slice(start, start + _COLUMNS_AT_ONCE) for start in range(0, rows.shape[1], _COLUMNS_AT_ONCE)]


def _standardised(
    rows: Float[Tensor, "R F"], mean: Float[Tensor, " F"], factor: Float[Tensor, " F"], columns: slice
) -> Float[Tensor, "R F2"]:
    return ((rows[:, columns] - mean[columns]) * factor[columns]).double()


@torch.inference_mode()
def _features(
    model: PoseRocket, experiment: Experiment, videos: Sequence[Annotation], seed: int
) -> Float[Tensor, "N W F"]:
    """Set the network's biases by all videos, and return the features of each, of changed copies, and of mirrors."""
    card, changes = card_of(experiment), experiment.augmentation
    rng = np.random.RandomState(seed)
    changed = partial(change, rng=rng, rotation=changes.rotation, noise=changes.noise, dropout=changes.dropout)
    first = _series(model, card, videos)
    model.backbone.fit(first.flatten(0, 1), rng)
    copies = [_series(model, card, videos, changed) for _ in range(changes.copies)]
    series = torch.cat([first, *copies], dim=1).flatten(0, 1)
    del first, copies
    features = torch.empty(len(series), model.backbone.num_features)
    with Progress(len(videos), "video", what="features") as progress:
        for start in range(0, len(series), 2 * _VIDEOS_AT_ONCE):
            part = slice(start, start + 2 * _VIDEOS_AT_ONCE)
            features[part] = model.backbone(series[part])
            progress.advance(len(series[part]) * len(videos) // len(series))
    return features.view(len(videos), -1, model.backbone.num_features)


def _series(
    model: PoseRocket,
    card: ModelCard,
    videos: Sequence[Annotation],
    changed: Callable[[Poses], Poses] | None = None,
) -> Float[Tensor, "N W C T"]:
    """Return what the network sees of each video, and of its mirror where that is looked at."""
    mirrored = card.clips.test_mirror != "none"
    batches = views_loader(card, videos, num_clips=1, mirrored=mirrored, batch_size=_VIDEOS_AT_ONCE, changed=changed)
    series = [model.series(batch.keypoints.flatten(0, 1), batch.scores.flatten(0, 1)) for batch in batches]
    of_views = torch.cat(series)
    return of_views.view(len(videos), -1, *of_views.shape[1:])


def most_copies(num_videos: int, *, mirrored: bool) -> int:
    """Return how many changed copies of each video there is room for; below 0 where the videos alone are too many."""
    return MOST_CLIPS // max(num_videos * (2 if mirrored else 1), 1) - 1


def check_solvable(experiment: Experiment, num_videos: int) -> None:
    """Raise ValueError for too few or too many videos, and for settings that would change nothing."""
    plain, clips = solved(experiment.data, skeleton=experiment.heatmaps.skeleton), experiment.clips
    changes = experiment.augmentation
    looked_at = {name: getattr(changes, name) for name in ("rotation", "noise", "dropout", "copies")}
    seen = {
        name: getattr(clips, name)
        for name in ("length", "most_people", "crop_to", "test_canvas", "test_fit", "test_mirror")
    }
    for name, usual in (
        ("training", Training(best_by=experiment.training.best_by)),
        ("augmentation", Augmentation(**looked_at)),
        ("clips", replace(plain.clips, **seen)),
        ("heatmaps", plain.heatmaps),
        ("network", plain.network),
    ):
        given = getattr(experiment, name)
        changed = [field.name for field in fields(given) if getattr(given, field.name) != getattr(usual, field.name)]
        if changed:
            setting = f"{name}.{changed[0]}={getattr(given, changed[0])}"
            raise ValueError(
                f"{setting} changes nothing in the network rocket, which draws nothing and is solved for; leave it out"
            )
    if clips.test_mirror == "volume":
        raise ValueError("clips.test_mirror=volume: the network rocket draws none to mirror; take keypoints or none")
    if num_videos < 2:
        raise ValueError(f"the network rocket learns from at least 2 videos, and there is {num_videos}; give more")
    does_change = any(getattr(changes, name) for name in ("rotation", "noise", "dropout"))
    if does_change != (changes.copies > 0):
        raise ValueError(
            f"augmentation.copies={changes.copies}: the network rocket looks at so many copies of each video, changed "
            "by augmentation.rotation, noise and dropout; give one of these and copies, or neither"
        )
    mirrored = clips.test_mirror != "none"
    if most_copies(num_videos, mirrored=mirrored) < changes.copies:
        clips_of_each = (1 + changes.copies) * (2 if mirrored else 1)
        most = MOST_CLIPS // clips_of_each
        raise ValueError(
            f"the network rocket is solved for on at most {most:,} videos where it looks at {clips_of_each} clips of "
            f"each, and there are {num_videos:,}; "
            + ("take fewer augmentation.copies, " if changes.copies else "")
            + "train --backbone c3d instead, or give a smaller split"
        )
