"""What `posec3d test` and `posec3d robustness` test: which network, on which videos."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Literal

from posec3d.trained import CONFIG_FILE
from posec3d.trained import checkpoint_in
from posec3d.trained import trained_parts

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Sequence

    import torch

    from posec3d.annotations import Annotation
    from posec3d.checkpoints import Recognizer
    from posec3d.clips.dataset import Batch
    from posec3d.experiment import ModelCard
    from posec3d.export.networks import ClipNetwork
    from posec3d.runtime.devices import Precision

_LOGGER = logging.getLogger(__name__)


def scoring_network(
    weights: Path,
    card: "ModelCard | None",
    *,
    device: Literal["auto", "cpu", "cuda", "mps"],
    runtime: Literal["torch", "onnx", "openvino"] | None,
    precision: Literal["fp32", "bf16", "fp16"],
) -> "tuple[Recognizer | ClipNetwork, ModelCard, torch.device, Precision]":
    """Return what scores, its card, its device, and the precision to compute in around it."""
    import torch

    from posec3d.checkpoints import load_model
    from posec3d.export.description import target_of
    from posec3d.inference.model_choice import choose_model
    from posec3d.inference.model_choice import is_packaged
    from posec3d.inference.network_choice import check_runtime
    from posec3d.inference.network_choice import on_runtime
    from posec3d.inference.network_choice import open_network
    from posec3d.published import cache_folder
    from posec3d.published import checkpoint_path
    from posec3d.runtime.devices import prepare_device

    if target_of(weights) is not None:
        network = open_network(weights, runtime, precision, device, card)
        return network, network.card, torch.device("cpu"), "fp32"
    check_runtime(runtime, precision, device)
    if is_packaged(str(weights)) or weights.is_dir():
        # Which says of a folder what to give instead.
        model, card = choose_model(str(weights))
    else:
        model, card = load_model(checkpoint_path(str(weights), cache_folder()), card)
    if runtime in ("onnx", "openvino"):
        return on_runtime(model, card, runtime, precision), card, torch.device("cpu"), "fp32"
    place = prepare_device(device, precision)
    return model.to(place), card, place, precision


def views_to_look_at(
    card: "ModelCard",
    videos: "Sequence[Annotation]",
    place: "torch.device",
    *,
    fast: bool,
    batch_size: int,
    workers: int | None,
) -> "tuple[Iterable[Batch], bool]":
    """Return the views of each video that a model's test protocol has, and whether drawn volumes are mirrored besides.

    With `fast` one clip each, not mirrored.
    """
    from posec3d.evaluation.scoring import views_loader
    from posec3d.runtime.devices import default_workers

    mirrored = "none" if fast else card.clips.test_mirror
    batches = views_loader(
        card,
        videos,
        num_clips=1 if fast else card.clips.test_clips,
        mirrored=mirrored == "keypoints",
        batch_size=batch_size,
        num_workers=default_workers(place) if workers is None else workers,
    )
    return batches, mirrored == "volume"


def check_picture_path(path: Path, what: str) -> None:
    """Raise ValueError for another format than the one there is, and make the folder, before hours of scoring."""
    if path.suffix != ".png":
        given = path.suffix or "a file without suffix"
        raise ValueError(f"{path}: {what} is written as .png, not as {given}")
    path.parent.mkdir(parents=True, exist_ok=True)


def parts_to_test(config: Path, checkpoint: Path | None) -> list[tuple[Path, Path | None]]:
    """Return the config and the checkpoint of each network of a work directory; what is given, if it is none.

    A work directory with a checkpoint behind it stands for its config. Where the config was left behind, the checkpoint
    alone.
    """
    if checkpoint is not None and (config / CONFIG_FILE).is_file():
        return [(config / CONFIG_FILE, checkpoint)]
    if checkpoint is not None or not config.is_dir():
        return [(config, checkpoint)]
    parts = [(folder / CONFIG_FILE, checkpoint_in(folder)) for folder in trained_parts(config)]
    return [(config_file, weights) if config_file.is_file() else (weights, None) for config_file, weights in parts]


def what_to_test(
    config: Path, checkpoint: Path | None, annotations: Path | None, split: str | None, cfg_options: "Sequence[str]"
) -> "tuple[ModelCard | None, Path, Sequence[Annotation] | None]":
    """Return the config's card, the weights, and the config's videos; neither card nor videos without a config."""
    from posec3d.config_files import load_experiment
    from posec3d.experiment import card_of
    from posec3d.sources import videos_to_test

    if checkpoint is None:
        if not config.exists() and config.parent != Path():
            raise FileNotFoundError(f"{config}: no such file or folder")
        if config.suffix == ".py":
            raise ValueError(f"{config}: says which videos, not by which weights; give a checkpoint behind it")
        if annotations is None:
            absent = "" if config.exists() else "is no file or folder here, and a published name "
            raise ValueError(
                f"{config}: {absent}does not say on which videos; give --annotations FILE, or the config of its "
                "training first"
            )
        if cfg_options:
            raise ValueError(f"--cfg-options {cfg_options[0]}: changes a config, and none is given; give it first")
        return None, config, None
    experiment = load_experiment(config, cfg_options)
    card = card_of(experiment)
    if annotations is None:
        return card, checkpoint, videos_to_test(experiment, split)
    return card, checkpoint, annotated_videos(annotations, split, card)


def annotated_videos(annotations: Path, split: str | None, card: "ModelCard") -> "Sequence[Annotation]":
    """Return the videos of an annotation file that a model can be tested on."""
    from posec3d.annotations.files import load_annotations
    from posec3d.annotations.selection import check_classes
    from posec3d.annotations.selection import usable_videos
    from posec3d.annotations.translation import translated

    found = translated(load_annotations(annotations), classes=card.classes, skeleton=card.heatmaps.skeleton)
    check_classes(found, card.classes)
    trained = [name for name in found.splits if "train" in name.lower()]
    if split is None and trained:
        count = len(found.split(trained[0]))
        all_videos = "%s: all %d videos are tested, of which %d are of split %r; --split takes others alone"
        _LOGGER.warning(all_videos, annotations, len(found.annotations), count, trained[0])
    return usable_videos(found, split, num_classes=card.num_classes, skeleton=card.heatmaps.skeleton, of_model=True)
