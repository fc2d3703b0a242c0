"""How published weights are run: what their files do not say, and their projects' configs do."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Literal

from posec3d.checkpoints import network_of
from posec3d.checkpoints import num_classes_of
from posec3d.checkpoints import read_checkpoint
from posec3d.class_names import class_names_of
from posec3d.class_names import dataset_of
from posec3d.experiment import Clips
from posec3d.experiment import Heatmaps
from posec3d.experiment import ModelCard
from posec3d.published import CHECKPOINTS
from posec3d.published import PublishedFile
from posec3d.published import find_published
from posec3d.skeletons import get_skeleton


def card_of_published(file: PublishedFile, path: Path) -> ModelCard:
    """Return the card of a published checkpoint that lies at `path`.

    Test protocols are those of the configs of mmaction2 0.24.1 and 1.2.0, and of pyskl. Raises ValueError for networks
    that see pictures.
    """
    name = file.names[0]
    refuse_pictures(file)
    network, _ = network_of(path)
    if name == "ntu60-pose-1x":
        # mmaction2 1.2.0, rgbpose_conv3d/pose_only.py: the two streams keep their frames side by side.
        network = replace(network, temporal_strides=(1, 1, 1))
    num_classes = num_classes_of(path)
    dataset = dataset_of(name)
    names = class_names_of(dataset) if dataset else None
    return ModelCard(
        heatmaps=_heatmaps(name),
        network=network,
        clips=_clips(name),
        num_classes=num_classes,
        classes=names if names is not None and len(names) == num_classes else None,
    )


def card_of_weights(name: str, path: Path) -> ModelCard | None:
    """Return the card of weights at `path` that go by `name`: their own, or the one published; None where none is."""
    _, card = read_checkpoint(path)
    if card is not None or Path(name).exists():
        return card
    return card_of_published(find_published(name, CHECKPOINTS)[0], path)


def refuse_pictures(file: PublishedFile) -> None:
    """Raise ValueError for a published network that sees pictures."""
    name = file.names[0]
    if re.search(r"-(rgb|rgbpose)\b", name):
        raise ValueError(
            f"{name}: is {file.description}; posec3d runs networks that see poses alone, such as ntu60-keypoint"
        )


def _heatmaps(name: str) -> Heatmaps:
    pyskl = name.endswith("-pyskl")
    # The configs that pyskl calls "joint" for NTU120 draw limbs.
    limb_order = "coco17_default_limbs" if "-joint" in name else "coco17"
    return Heatmaps(
        kind="limb" if "-limb" in name or "-joint" in name else "keypoint",
        skeleton=get_skeleton(limb_order),
        threshold=1e-3 if pyskl else 1e-4,
    )


def _clips(name: str) -> Clips:
    train_canvas, test_canvas = (48, 56) if name.startswith(("ucf101", "hmdb51")) else (56, 64)
    stretched = name.endswith("-pyskl") or name in ("k400-keypoint-1x", "ntu60-pose-1x")
    mirror: Literal["volume", "keypoints"] = "volume" if stretched or name.endswith("-1x") else "keypoints"
    return Clips(
        length=32 if name == "ntu60-pose-1x" else 48,
        train_canvas=train_canvas,
        test_canvas=test_canvas,
        test_fit="stretch" if stretched else "crop",
        test_mirror="none" if name == "ntu60-pose-1x" else mirror,
    )
