"""What `posec3d train --annotations` trains, by its options, by the device, and by the weights that it starts from."""

import logging
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Literal

if TYPE_CHECKING:
    from posec3d.experiment import Experiment
    from posec3d.recipes import Kind

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
        _LOGGER.info("network: that of %s", init)
    elif size == "auto" and backbone != "rocket":
        slow = device == "cpu" or (device == "auto" and not torch.accelerator.is_available())
        size = "small" if slow else "full"
        _LOGGER.info("network: %s (--size %s trains the other)", size, "full" if slow else "small")
    experiment = experiment_for(
        load_annotations(annotations),
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
    if init is None:
        return experiment
    network, clips = network_of(checkpoint_path(init, cache_folder()))
    if experiment.clips.train_mirror == 0:
        clips = replace(clips, train_mirror=0.0, test_mirror="none")
    return replace(experiment, network=network, clips=clips)
