"""An experiment for an annotation file of one's own, without writing a config."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Int64

from posec3d.annotations import AnnotationSet
from posec3d.annotations.columns import keypoint_counts
from posec3d.annotations.columns import labels_of
from posec3d.annotations.labelling import read_classes
from posec3d.annotations.video_lists import some
from posec3d.experiment import Backbone
from posec3d.experiment import Data
from posec3d.experiment import Experiment
from posec3d.experiment import Source
from posec3d.recipes import Kind
from posec3d.recipes import Recipe
from posec3d.recipes import own_data
from posec3d.recipes import solved
from posec3d.runtime.names import first_misplaced
from posec3d.skeletons import SKELETONS
from posec3d.skeletons import Skeleton
from posec3d.skeletons import mirrored_name
from posec3d.skeletons import named_skeleton
from posec3d.skeletons import side_of
from posec3d.skeletons import skeleton_meant
from posec3d.skeletons import skeleton_of_keypoints
from posec3d.skeletons import skeletons_of_number
from posec3d.skeletons import spelt_out
from posec3d.training.solving import most_copies

Size = Literal["small", "full"]
# Up to so many training videos the recipe for small data is taken. UCF101 and FineGYM, with 9,000 and 20,000, are
# trained as published.
_FEW_VIDEOS = 2000
# The recipe for few goes through the videos until it has seen this many clips, within limits: on the official splits
# of JHMDB-14, of 433 videos, 150 epochs gave 3 points more than 40 (one seed; docs/results.md).
_FEW_CLIPS, _FEWEST_EPOCHS, _MOST_EPOCHS = 80_000, 60, 150
# Classes differ in size by more than this before the rare ones are shown more often, at most so often.
_LARGEST_RATIO, _LARGEST_WEIGHT = 2.0, 4.0
_LOGGER = logging.getLogger(__name__)


def experiment_for(
    annotations: AnnotationSet,
    *,
    kind: Kind,
    size: Size,
    epochs: int | None = None,
    backbone: Backbone | None = None,
    recipe: Recipe | None = None,
    classes: Path | None = None,
    skeleton: str | None = None,
    train_split: str | None = None,
    val_split: str | None = None,
) -> Experiment:
    """Return an experiment that fits a file: its splits, its classes, its skeleton.

    What is not given is read off the file and logged: splits by their names, classes from the file or the largest
    label, the skeleton by the names or the number of its keypoints, the recipe and the number of epochs by that of
    training videos. Without a split to validate on, a part of the training videos is held out. Raises ValueError where
    the file leaves a choice open.
    """
    path = annotations.source
    if not annotations.annotations:
        raise ValueError(f"{path}: has no videos; write at least one a class, as docs/annotations.md shows")
    largest = int(labels_of(annotations.annotations).max())
    if largest < 0:
        raise ValueError(f"{path}: no video has a label; give each the number of its class, from 0 on")
    names = read_classes(classes) if classes else annotations.classes
    if classes is not None and names is not None:
        _refuse_other_classes(classes, names, annotations)
    train, val, test = _splits(annotations, train_split, val_split)
    for name in (train, val):
        annotations.split(name)  # Which refuses one that is not there, before anything is said of it.
    num_classes = len(names) if names else 1 + largest
    if num_classes < 2:
        raise ValueError(f"{path}: has one class only; give a second one, such as moments in which nothing happens")
    data = Data(
        train=Source(annotations=path, split=train),
        val=None if val is None else Source(annotations=path, split=val),
        test=None if test is None else Source(annotations=path, split=test),
        num_classes=num_classes,
        classes=names,
    )
    body = named_skeleton(skeleton) if skeleton else _skeleton_of(annotations, kind)
    _LOGGER.info(
        "%s: %d classes, skeleton %s, training on %s, validating on %s",
        path,
        num_classes,
        body.name,
        "all videos" if train is None else f"split {train!r}",
        f"{data.held_out:.0%} of these, held out, one a class at least" if val is None else f"split {val!r}",
    )
    pairs = mirrored_classes(names or ())
    _say_mirroring(pairs, body)
    if backbone == "rocket":
        return _solved_for(data, body, num_videos=len(annotations.split(train)), mirrored=not pairs)
    labels = labels_of(annotations.split(train))
    if recipe is None:
        recipe = "small" if len(labels) <= _FEW_VIDEOS else "published"
    weights = class_weights_for(labels, num_classes) if recipe == "small" else None
    _say_recipe(recipe, len(labels), weights)
    if epochs is None:
        epochs = _enough_epochs(recipe, len(labels))
        _LOGGER.info("epochs: %d, for %d training videos (--epochs gives another number)", epochs, len(labels))
    return own_data(
        kind,
        data,
        skeleton=body,
        size=size,
        epochs=epochs,
        backbone=backbone,
        recipe=recipe,
        class_weights=weights,
        mirrored=not pairs,
    )


def coordinates_besides(experiment: Experiment, num_videos: int) -> Experiment | None:
    """Return the experiment that gives a network on heatmaps of few videos a second opinion, on coordinates.

    None for many videos, or a single one: there it is not known to bring anything, or cannot be solved for.
    """
    if not 2 <= num_videos <= _FEW_VIDEOS:
        return None
    mirrored = experiment.clips.test_mirror != "none"
    return _solved_for(experiment.data, experiment.heatmaps.skeleton, num_videos=num_videos, mirrored=mirrored)


def mirrored_classes(names: Sequence[str]) -> list[tuple[str, str]]:
    """Return pairs of classes whose names differ by left and right only: the mirror of one is the other."""
    spelt = {spelt_out(name): name for name in names}
    return [
        (name, spelt[mirrored_name(words)])
        for words, name in spelt.items()
        if side_of(words) == "left" and mirrored_name(words) in spelt
    ]


def class_weights_for(labels: Int64[np.ndarray, " N"], num_classes: int) -> tuple[float, ...] | None:
    """Return how often to show the videos of each class, so that rare ones are not forgotten; None if none is rare.

    The square root of how much rarer a class is than the commonest, at most 4: shown as often as that one, a few videos
    would be learnt by heart.
    """
    counts = np.bincount(labels[labels >= 0], minlength=num_classes)[:num_classes]
    if not counts.any():
        return None
    if counts.max() <= _LARGEST_RATIO * counts[counts > 0].min():
        return None
    rarer = counts.max() / np.maximum(counts, 1)
    return tuple(np.minimum(np.sqrt(rarer), _LARGEST_WEIGHT).round(2).tolist())


def _solved_for(data: Data, skeleton: Skeleton, *, num_videos: int, mirrored: bool) -> Experiment:
    copies = most_copies(num_videos, mirrored=mirrored)
    return solved(data, skeleton=skeleton, mirrored=mirrored, copies=max(0, min(2, copies)))


def _refuse_other_classes(path: Path, names: Sequence[str], annotations: AnnotationSet) -> None:
    """Refuse too few names, and one that the file has for another class; what it does not have are other words."""
    own = annotations.classes or ()
    needed = 1 + int(labels_of(annotations.annotations).max())
    labels = labels_of(annotations.annotations)
    if needed == len(names) + 1 and labels[labels >= 0].min() == 1:
        raise ValueError(
            f"{annotations.source}: labels run from 1 to {needed - 1}, and the {len(names)} classes of {path} are 0 to "
            f"{len(names) - 1}; subtract 1 from each label"
        )
    if len(names) < needed:
        told = f": {', '.join(own[:needed])}" if own else ""
        raise ValueError(
            f"{path}: names {len(names)} classes, and {annotations.source} has {needed}{told}; give each a line"
        )
    label = first_misplaced(own, names)
    if label is not None:
        raise ValueError(
            f"{path}: calls class {label} {names[label]!r}, and {annotations.source} calls it {own[label]!r}; leave "
            "--classes out, or put the names in the order of the file's"
        )


def _enough_epochs(recipe: Recipe, num_videos: int) -> int:
    if recipe == "published":
        return _FEWEST_EPOCHS
    return int(np.clip(_FEW_CLIPS // max(num_videos, 1), _FEWEST_EPOCHS, _MOST_EPOCHS))


def _say_recipe(recipe: Recipe, num_videos: int, weights: tuple[float, ...] | None) -> None:
    if recipe == "published":
        _LOGGER.info("recipe: as published, for %d training videos (--recipe small is for few)", num_videos)
        return
    _LOGGER.info(
        "recipe: small data, for %d training videos: clips turned, cut, with noise and gaps; smoothed labels; averaged "
        "weights%s (--recipe published trains without)",
        num_videos,
        "" if weights is None else "; rare classes shown more often",
    )


def _say_mirroring(classes: Sequence[tuple[str, str]], skeleton: Skeleton) -> None:
    if classes:
        _LOGGER.info(
            "classes %r and %r mirror each other: no clip is mirrored, in training or testing (clips.train_mirror, "
            "clips.test_mirror)",
            *classes[0],
        )
    elif skeleton.keypoints not in {row.keypoints for row in SKELETONS.values()} and not any(
        place != mirror for place, mirror in enumerate(skeleton.mirrored_keypoints)
    ):
        _LOGGER.warning(
            "none of the keypoints %s has a partner on the other side by its name: in mirrored clips left ones stand "
            "where right ones do; call partners as left_hand and right_hand",
            some(skeleton.keypoints),
        )


def _splits(
    annotations: AnnotationSet, train: str | None, val: str | None
) -> tuple[str | None, str | None, str | None]:
    """Return the names of the splits to train, validate and test on; None for all videos, a part, and as validated.

    By its name, no split is taken to validate or test on that is trained on, as "trainval".
    """
    # A split of nothing, as a single long video leaves, is none to validate on; one to train on is told as such.
    names = [name for name, videos in annotations.splits.items() if videos or "train" in name.lower()]
    if train is None and names:
        train = _only(names, "train", annotations.source, "--train-split")
    if val is not None and sum("test" in name.lower() for name in names if name != train) > 1:
        # Several, as of HMDB51: the one given to validate on is the one meant.
        return train, val, None
    if val is None:
        val = _only(names, "val", annotations.source, "--val-split", required=False, trained_on=train)
    # One of several, as of JHMDB: train1 is tested on test1.
    partner = train.replace("train", "test") if train else ""
    if partner in names and partner != train:
        return train, val, partner
    return train, val, _only(names, "test", annotations.source, "--val-split", required=False, trained_on=train)


def _only(
    names: list[str], word: str, source: str, option: str, *, required: bool = True, trained_on: str | None = None
) -> str | None:
    fitting = [name for name in names if word in name.lower() and name != trained_on]
    if word in fitting:
        return word
    if len(fitting) > 1 or (required and not fitting):
        raise ValueError(f"{source}: which split is for {word}? The file has {', '.join(names)}; say {option} NAME")
    return fitting[0] if fitting else None


def _skeleton_of(annotations: AnnotationSet, kind: Kind) -> Skeleton:
    # That of most videos: a few odd ones are told as such.
    names, count = annotations.keypoint_names, int(np.bincount(keypoint_counts(annotations.annotations)).argmax())
    fitting = () if names else skeletons_of_number(count)
    chosen = skeleton_of_keypoints(names) if names else skeleton_meant(fitting)
    if chosen is None and names and kind == "keypoint" and len(names) == count:
        chosen = Skeleton("own", names, ())
    if chosen is not None:
        return chosen
    which = f", as {' and '.join(one.name for one in fitting)} have" if fitting else " of no skeleton known here"
    raise ValueError(
        f"{annotations.source}: {count} keypoints a person{which}; say --skeleton NAME, one of "
        f"{', '.join(SKELETONS)}, or a .json file with names and limbs"
    )
