"""What goes wrong without an error: said before the hours are spent, or as soon as it shows."""

import logging
import math
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float
from jaxtyping import Int

from posec3d.annotations import Annotation
from posec3d.annotations.columns import labels_of
from posec3d.annotations.columns import names_of
from posec3d.evaluation.metrics import Accuracy
from posec3d.evaluation.metrics import confusion
from posec3d.experiment import Experiment
from posec3d.experiment import ModelCard
from posec3d.experiment import Training
from posec3d.trained import COORDINATES_FOLDER

_LOGGER = logging.getLogger(__name__)

# Statistics of so few clips say little of all others. PoseC3D trains on 16 a device (section 4.1).
_FEWEST_CLIPS = 4
# So many clips a step are no mistake, however few videos there are.
_FEW_CLIPS_A_STEP = 32
# Per clip of a step: four times the rate of the published schedule, 0.2 for 128 clips.
_HIGHEST_RATE_A_CLIP = 4 * 0.2 / 128
# Adam's steps are as long as the rate, whatever the gradient.
_HIGHEST_ADAM_RATE = 0.01
# From scratch; 28 videos in 48 steps gave chance, and in 120 all of them right.
_FEWEST_STEPS_IN_ALL = 100
# Before so many steps nothing can be said of what is learnt.
_FEWEST_STEPS = 200
# How far above always the same class, in standard deviations of guessing.
_DEVIATIONS = 2.0


def before_training(
    experiment: Experiment, parts: Mapping[str, Sequence[Annotation]], num_devices: int = 1
) -> list[str]:
    """Return what looks wrong before the first step, a sentence each.

    `parts` are the videos to train, validate and test on, by the names "training", "validation" and "test".
    """
    return [
        *_shared_videos(parts),
        *_classes_without_videos(experiment, parts["training"]),
        *_steps(experiment.training, num_devices),
        *_large_steps(experiment.training, len(parts["training"]), num_devices),
        *_few_steps(experiment, len(parts["training"]), num_devices),
    ]


def other_start(card: ModelCard, of_weights: ModelCard | None, init: str) -> str | None:
    """Return what is wrong with weights to start from that fit a network and saw something else; None without."""
    if of_weights is None:
        return None
    here, there = card.heatmaps, of_weights.heatmaps
    same = (here.kind, here.skeleton.keypoints) == (there.kind, there.skeleton.keypoints)
    if same and (here.kind != "limb" or here.skeleton.limbs == there.skeleton.limbs):
        return None
    return (
        f"{init} was trained on {there.kind} heatmaps of {there.skeleton.name}, in number the same as the {here.kind} "
        f"heatmaps of {here.skeleton.name} here: its first layers start from what meant something else; weights of the "
        "same kind and skeleton are the better start"
    )


def chance_level(scores: Float[np.ndarray, "N K"], labels: Int[np.ndarray, " N"], epoch: int) -> str | None:
    """Return what to do if the scores of the validation videos are no better than chance; None if they are.

    Chance is what answering always with the commonest class gives, and two standard deviations more.
    """
    right, commonest = confusion(scores, labels).trace() / len(labels), _share_of_commonest(labels)
    if _is_above_chance(right, labels):
        return None
    return (
        f"after epoch {epoch}, accuracy ({right:.1%}) is not above always answering one class ({commonest:.1%}): look "
        "for wrong labels and poses with `posec3d check` and `posec3d visualize`, train longer, or lower "
        "training.learning_rate"
    )


def no_help(heatmaps: Accuracy, coordinates: Accuracy, labels: Int[np.ndarray, " N"], work_dir: Path) -> str | None:
    """Return what to do if, of two networks, the one on heatmaps guesses and the other does not; None otherwise."""
    if _is_above_chance(heatmaps.top1, labels) or not _is_above_chance(coordinates.top1, labels):
        return None
    return (
        "the network on heatmaps is no better than guessing, and makes the answers of the other less sure: train "
        f"longer, or ask the other alone, --model {work_dir / COORDINATES_FOLDER}"
    )


def never_answered(
    experiment: Experiment,
    scores: Float[np.ndarray, "N K"],
    labels: Int[np.ndarray, " N"],
    train_labels: Int[np.ndarray, " N2"],
) -> str | None:
    """Return what to do if there are classes among the validation videos for which none is taken; None without.

    Of classes without a training video, of which the beginning of the training warns, nothing is said.
    """
    matrix = confusion(scores, labels)
    shown = np.bincount(train_labels[train_labels >= 0], minlength=len(matrix)) > 0
    never = np.flatnonzero((matrix.sum(1) > 0) & (matrix.sum(0) == 0) & shown).tolist()
    if not never:
        return None
    return (
        f"the network on heatmaps takes no validation video for {_some_classes(experiment, never)}: more videos help, "
        "longer training, or training.class_weights, which shows a class more often"
    )


def worth_judging(experiment: Experiment, epoch: int, steps_done: int) -> bool:
    """Tell whether so much has been learnt, a quarter and some hundred steps, that accuracy should be above chance."""
    return steps_done >= _FEWEST_STEPS and 4 * epoch >= experiment.training.epochs


def warn(*sentences: str | None) -> bool:
    """Log each as a warning, and tell whether there was any."""
    found = [sentence for sentence in sentences if sentence]
    for sentence in found:
        _LOGGER.warning("warning: %s", sentence)
    return bool(found)


def _is_above_chance(right: float, labels: Int[np.ndarray, " N"]) -> bool:
    commonest = _share_of_commonest(labels)
    deviation = (commonest * (1 - commonest) / len(labels)) ** 0.5
    return bool(right >= min(commonest + _DEVIATIONS * deviation, 1))


def _share_of_commonest(labels: Int[np.ndarray, " N"]) -> float:
    return float(np.bincount(labels).max() / len(labels))


def _shared_videos(parts: Mapping[str, Sequence[Annotation]]) -> list[str]:
    names = {part: set(names_of(videos)) for part, videos in parts.items()}
    training = names.pop("training")
    return [
        f"{len(shared):,} of {len(others):,} {part} videos are trained on, such as {min(shared)!r}: accuracy on them "
        "says nothing; take them out of one of the two splits"
        for part, others in names.items()
        if (shared := training & others)
    ]


def _classes_without_videos(experiment: Experiment, videos: Sequence[Annotation]) -> list[str]:
    counts = np.bincount(labels_of(videos), minlength=experiment.data.num_classes)
    missing = np.flatnonzero(counts == 0).tolist()
    if not missing:
        return []
    return [f"no training video shows {_some_classes(experiment, missing)}: what is never seen is never answered"]


def _steps(settings: Training, num_devices: int) -> list[str]:
    found = []
    if settings.batch_size < _FEWEST_CLIPS:
        found.append(
            f"batch normalisation needs more than {settings.batch_size} clips a step on each device: "
            f"training.batch_size={_FEWEST_CLIPS} at least, 16 where memory allows"
        )
    rate = settings.scaled_learning_rate(num_devices)
    clips = settings.batch_size * num_devices
    highest = _HIGHEST_ADAM_RATE if settings.optimizer == "adamw" else _HIGHEST_RATE_A_CLIP * clips
    if rate > highest:
        found.append(
            f"a learning rate of {rate:g} is high for {settings.optimizer} with {clips} clips a step; up to "
            f"{highest:g} is usual. Lower training.learning_rate if the loss does not fall"
        )
    return found


def _large_steps(settings: Training, num_videos: int, num_devices: int) -> list[str]:
    clips = settings.batch_size * num_devices
    if clips <= max(2 * num_videos, _FEW_CLIPS_A_STEP) or not settings.scale_learning_rate:
        return []
    return [
        f"the learning rate is scaled to {clips} clips a step, and there are {num_videos} training videos: take "
        f"--batch-size {max(1, num_videos // num_devices)} at most"
    ]


def _few_steps(experiment: Experiment, num_videos: int, num_devices: int) -> list[str]:
    settings = experiment.training
    an_epoch = max(1, math.ceil(num_videos / (settings.batch_size * num_devices)))
    steps = settings.epochs * an_epoch
    if steps >= _FEWEST_STEPS_IN_ALL or experiment.network.backbone == "rocket" or experiment.init is not None:
        return []
    are = "epoch is" if settings.epochs == 1 else "epochs are"
    return [
        f"{settings.epochs} {are} {steps} steps in all, and a network seldom learns in less than "
        f"{_FEWEST_STEPS_IN_ALL}: take --epochs {math.ceil(_FEWEST_STEPS_IN_ALL / an_epoch)} or more"
    ]


def _some_classes(experiment: Experiment, labels: Sequence[int]) -> str:
    classes = experiment.data.classes
    names = [repr(classes[label]) if classes else f"class {label}" for label in labels]
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
