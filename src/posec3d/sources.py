"""The videos that an experiment names, read and checked to fit it."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from posec3d.annotations import Annotation
from posec3d.annotations import AnnotationSet
from posec3d.annotations.columns import choose
from posec3d.annotations.columns import somebody_seen
from posec3d.annotations.files import load_annotations
from posec3d.annotations.selection import check_classes
from posec3d.annotations.selection import hold_out
from posec3d.annotations.selection import usable_videos
from posec3d.experiment import Experiment
from posec3d.experiment import Source
from posec3d.runtime.names import first_misplaced

_LOGGER = logging.getLogger(__name__)


def training_videos(experiment: Experiment) -> tuple[Sequence[Annotation], Sequence[Annotation]]:
    """Return the videos to train on and those to validate on."""
    train, val, _ = experiment_videos(experiment)
    return train, val


def experiment_videos(
    experiment: Experiment,
) -> tuple[Sequence[Annotation], Sequence[Annotation], Sequence[Annotation] | None]:
    """Return the videos to train on, those to validate on, and those to test on later.

    The last as they are, to be compared with the first; None if they are in a file of their own, which is not read.
    """
    data = experiment.data
    train_file = _read(data.train, "train")
    test = None
    if data.test is not None and data.test.annotations == data.train.annotations:
        # A split that is not there is an error of the test, not of the training.
        test = train_file.split(data.test.split) if data.test.split in (None, *train_file.splits) else None
    train = _with_somebody(_videos(experiment, train_file, data.train), data.train)
    if data.val is None:
        return *hold_out(train, data.held_out), test
    val_file = train_file if data.val.annotations == data.train.annotations else _read(data.val, "val")
    return train, _videos(experiment, val_file, data.val), test


def videos_to_test(experiment: Experiment, split: str | None = None) -> Sequence[Annotation]:
    """Return the videos to test on: of `data.test`, else of `data.val`, else those held out of training.

    With a `split`, those of it in the first of `data.test`, `data.val` and `data.train` that there is.
    """
    data = experiment.data
    source, part = (data.val, "val") if data.test is None else (data.test, "test")
    if split is not None:
        source = replace(source or data.train, split=split)
    return training_videos(experiment)[1] if source is None else _videos(experiment, _read(source, part), source)


def _with_somebody(videos: Sequence[Annotation], source: Source) -> Sequence[Annotation]:
    """Return the videos in which anybody is seen: from the others there is nothing to learn."""
    seen = np.fromiter(somebody_seen(videos), np.bool_)
    if seen.all():
        return videos
    _LOGGER.warning(
        "%s: nobody is seen in %d of %d training videos, which are left out; the first is %r",
        source.annotations,
        (~seen).sum(),
        len(videos),
        videos[int(seen.argmin())].video,
    )
    return choose(videos, seen)


def _read(source: Source, part: str) -> AnnotationSet:
    path = Path(source.annotations)
    if not path.exists():
        name = path.name.split("_")[0].split(".")[0]
        hint = f"`posec3d download {name}` fetches it" if path.parent == Path("data/posec3d") else "correct the path"
        raise FileNotFoundError(
            f"{path}: no such annotation file; {hint}, or set --cfg-options data.{part}.annotations=PATH"
        )
    return load_annotations(path)


def _check_order(annotations: AnnotationSet, classes: Sequence[str]) -> None:
    found = annotations.classes or ()
    label = first_misplaced(classes, found)
    if label is not None:
        raise ValueError(
            f"{annotations.source}: its class {label} is {found[label]!r}, and {classes[label]!r} in the config: "
            "they are in another order; put data.classes in the file's and train anew, or test by --annotations, where "
            "labels follow names"
        )


def _videos(experiment: Experiment, annotations: AnnotationSet, source: Source) -> Sequence[Annotation]:
    if source.annotations != experiment.data.train.annotations:
        check_classes(annotations, experiment.data.classes)
    else:
        # Whoever names the classes of the file that is trained on anew knows what they are, unless they are the same.
        _check_order(annotations, experiment.data.classes or ())
    return usable_videos(
        annotations,
        source.split,
        num_classes=experiment.data.num_classes,
        skeleton=experiment.heatmaps.skeleton,
    )
