"""What `posec3d train --annotations` trains, by its options, by the device, and by the weights that it starts from."""

import logging
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Literal

if TYPE_CHECKING:
    from posec3d.experiment import Experiment
    from posec3d.recipes import Kind

# A check of so many videos takes a moment beside their training.
_MOST_CHECKED = 10_000
_LOGGER = logging.getLogger(__name__)


def own_experiment(
    annotations: Path,
    classes: Path | None,
    skeleton: str | None,
    kind: "Kind",
    size: Literal["auto", "small", "full"],
    backbone: Literal["auto", "slowonly", "c3d", "x3d", "rocket"],
    recipe: Literal["auto", "small", "published"],
    epochs: int | None,
    train_split: str | None,
    val_split: str | None,
    device: str,
    init: str | None,
) -> "Experiment":
    """Return the experiment for an annotation file: of the size that the device suits, or of a checkpoint's network."""
    import torch

    from posec3d.annotations.files import load_annotations
    from posec3d.checkpoints import network_of
    from posec3d.published import cache_folder
    from posec3d.published import checkpoint_path
    from posec3d.training.own_data import experiment_for

    if init is not None:
        # Weights that know something need no more epochs for fewer videos.
        size, epochs = "full", epochs or 60
    elif size == "auto" and backbone != "rocket":
        slow = device == "cpu" or (device == "auto" and not torch.accelerator.is_available())
        size = "small" if slow else "full"
        _LOGGER.info("network: %s (--size %s trains the other)", size, "full" if slow else "small")
    found = load_annotations(annotations)
    experiment = experiment_for(
        found,
        kind=kind,
        size="small" if size == "auto" else size,
        epochs=epochs,
        backbone=None if backbone == "auto" else backbone,
        recipe=None if recipe == "auto" else recipe,
        classes=classes,
        skeleton=skeleton,
        train_split=train_split,
        val_split=val_split,
    )
    if len(found.annotations) <= _MOST_CHECKED:
        _say_errors(annotations, experiment)
    if init is None:
        return experiment
    network, clips = network_of(checkpoint_path(init, cache_folder()))
    _LOGGER.info(
        "network: that of %s, on clips of %d frames, %dx%d pixels",
        init,
        clips.length,
        clips.train_canvas,
        clips.train_canvas,
    )
    if experiment.clips.train_mirror == 0:
        clips = replace(clips, train_mirror=0.0, test_mirror="none")
    return replace(experiment, network=network, clips=clips)


def _say_errors(annotations: Path, experiment: "Experiment") -> None:
    """Say what makes the result of a training wrong without stopping it."""
    from posec3d.annotations.checks import check_annotations

    skeleton, num_classes = experiment.heatmaps.skeleton, experiment.data.num_classes
    errors = check_annotations(annotations, skeleton=skeleton, num_classes=num_classes).errors_in_short()
    for error in errors:
        _LOGGER.warning("warning: %s: %s", annotations, error)
    if errors:
        _LOGGER.warning("what is learnt from it will be wrong; `posec3d check %s` tells how to mend it", annotations)
