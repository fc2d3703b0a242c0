"""Checkpoints: weights in a safetensors file whose header says how to run them, and weights of other frameworks."""

import re
from collections.abc import Collection
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from pydantic import TypeAdapter
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor
from torch import nn

from posec3d.experiment import Backbone
from posec3d.experiment import Clips
from posec3d.experiment import ModelCard
from posec3d.experiment import Network
from posec3d.models.builders import build_posec3d
from posec3d.models.pth_files import read_pth
from posec3d.models.recognizer import PoseC3D
from posec3d.models.rocket import PoseRocket
from posec3d.runtime.files import replacing
from posec3d.runtime.names import first_misplaced

Recognizer = PoseC3D | PoseRocket
_CARD = TypeAdapter(ModelCard)
_HEADER_KEY = "posec3d"
_HEAD = "cls_head.fc_cls"
_OTHER_NETWORK = "it is of another network, so give the config it was trained with"
# By its first layer, the backbone of weights that do not name it.
_FIRST: dict[str, Backbone] = {
    "backbone.conv1.conv.weight": "slowonly",
    "backbone.conv1a.conv.weight": "c3d",
    "backbone.conv1_s.conv.weight": "x3d",
    "backbone.places.kernels1": "rocket",
}


def build_any(card: ModelCard) -> Recognizer:
    """Build the network that a card describes, with random weights."""
    return build_rocket(card) if card.network.backbone == "rocket" else build_model(card)


def build_rocket(card: ModelCard, *, seed: int = 0) -> PoseRocket:
    """Build the network rocket for a card's skeleton, clips and classes: kernels by the seed, and nothing solved."""
    skeleton = card.heatmaps.skeleton
    return PoseRocket(
        skeleton.num_keypoints, skeleton.limbs, length=card.clips.length, num_classes=card.num_classes, seed=seed
    )


def build_model(card: ModelCard) -> PoseC3D:
    """Build the network on heatmaps that a card describes, with random weights. ValueError for one that has none."""
    if card.network.backbone == "rocket":
        raise ValueError("network.backbone=rocket draws no heatmaps; take slowonly, c3d or x3d here")
    return build_posec3d(
        num_classes=card.num_classes,
        num_keypoints=card.heatmaps.skeleton.num_keypoints,
        limbs=card.heatmaps.limbs,
        motion=card.heatmaps.kind == "motion",
        sigma=card.heatmaps.sigma,
        threshold=card.heatmaps.threshold,
        backbone=card.network.backbone,
        base_channels=card.network.base_channels,
        stage_blocks=card.network.stage_blocks,
        temporal_strides=card.network.temporal_strides,
        dropout=card.network.dropout,
    )


def check_network(card: ModelCard) -> None:
    """Raise ValueError if a card's network cannot be built, or cannot take its clips. Nothing is computed."""
    if card.network.backbone == "rocket":
        build_rocket(card)
        return
    with torch.device("meta"):
        model = build_model(card).eval()
        num_channels = len(card.heatmaps.mirrored_channels)
        for canvas in {card.clips.train_canvas, card.clips.test_canvas}:
            model.classify(torch.empty(1, num_channels, card.clips.length, canvas, canvas))


def save_checkpoint(path: Path, weights: dict[str, Tensor], card: ModelCard) -> None:
    """Write weights and card as one safetensors file, whole or not at all."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}
    # One entry only: safetensors writes several in any order, and then equal weights would not give equal files.
    content = save(tensors, metadata={_HEADER_KEY: _CARD.dump_json(card).decode()})
    with replacing(path) as unfinished:
        unfinished.write_bytes(content)


def read_checkpoint(path: Path) -> tuple[dict[str, Tensor], ModelCard | None]:
    """Return weights by name, on the CPU, and the card; None for a file of another framework, which has no card.

    Nothing in the file is run. Raises ValueError for a file that is no checkpoint or is damaged.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such checkpoint")
    if path.suffix != ".safetensors":
        return read_pth(path), None
    try:
        with safe_open(path, framework="pt") as file:
            header = (file.metadata() or {}).get(_HEADER_KEY)
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (no mapping)
    except SafetensorError as error:
        raise ValueError(f"{path}: not a safetensors file, or a damaged one ({error}); copy it again") from error
    try:
        return weights, _CARD.validate_json(header) if header else None
    except ValidationError as error:
        raise ValueError(f"{path}: its header does not describe a model of this version of posec3d") from error


def load_model(path: Path, card: ModelCard | None = None) -> tuple[Recognizer, ModelCard]:
    """Build the network of a checkpoint with its weights, ready to score; `card` is for files that have none.

    Of a checkpoint with a card of its own, `card` gives the test protocol (clips) and the names of classes.
    Raises ValueError when the two are of different skeletons, networks or numbers of classes.
    """
    weights, own = read_checkpoint(path)
    if own is None and card is None:
        raise ValueError(f"{path}: says nothing of its network; give the config it was trained with")
    chosen = card or own
    assert chosen is not None
    if own is not None and card is not None and own.heatmaps != card.heatmaps:
        raise ValueError(
            f"{path}: was trained on {_drawing(own)}, but the config draws {_drawing(card)}; "
            "use the config it was trained with"
        )
    if own is not None and card is not None:
        _check_order(own.classes or (), card.classes or (), path)
    model = build_any(chosen)
    load_weights(model, weights, path)
    if own is not None and card is not None and _strides(build_any(own)) != _strides(model):
        raise ValueError(
            f"{path}: was trained with temporal_strides={own.network.temporal_strides}, and the config has "
            f"{chosen.network.temporal_strides}; use the config it was trained with"
        )
    return model.eval(), chosen


def _check_order(known: Sequence[str], classes: Sequence[str], path: Path) -> None:
    label = first_misplaced(known, classes)
    if label is not None:
        raise ValueError(
            f"{path}: its class {label} is {known[label]!r}, and {classes[label]!r} in the config; use the config it "
            "was trained with"
        )


def _strides(model: Recognizer) -> list[object]:
    """Return what of a network its weights do not tell: by how much it divides time and space."""
    convolutions = [module.stride for module in model.modules() if isinstance(module, nn.Conv3d)]
    return [getattr(model.backbone, "temporal_strides", None), *convolutions]


def load_weights(model: Recognizer, weights: dict[str, Tensor], path: Path) -> None:
    """Put weights into a model of the same shape; ValueError that says which part differs."""
    expected = model.state_dict()
    # Files of pyskl and mmaction2 0.x may lack the counters of batch normalisation, which nothing here reads.
    given = {name: weights.get(name, expected[name] if "num_batches" in name else None) for name in expected}
    for name, tensor in expected.items():
        found = given[name]
        if found is None or found.shape != tensor.shape:
            raise ValueError(f"{path}: {_misfit(name, weights, tensor)}")
    _refuse_unknown(set(weights) - set(expected), path)
    model.load_state_dict({name: tensor for name, tensor in given.items() if tensor is not None})


def _refuse_unknown(names: Collection[str], path: Path) -> None:
    if names:
        raise ValueError(
            f"{path}: has {min(names)!r}, which the network lacks; its stages have other numbers of blocks"
        )


class Start(NamedTuple):
    """What of a training starts at random: weights of the head that do not fit, or those of classes that are new."""

    left_out: list[str]
    new_classes: list[str]


def start_from(model: PoseC3D, path: Path, classes: Sequence[str] | None = None) -> Start:
    """Put a checkpoint's weights into a model, of whose head those of the same classes by name, or by number.

    For fine-tuning: what of the head is for other classes stays as it was. ValueError when any other layer differs.
    """
    weights, card = read_checkpoint(path)
    expected = model.state_dict()
    new_classes: list[str] = []
    if card is not None and card.classes and classes and tuple(classes) != tuple(card.classes):
        new_classes = [name for name in classes if name not in card.classes]
        weights = weights | _head_of(classes, weights, card.classes, expected)
    left_out = []
    for name, tensor in expected.items():
        found = weights.get(name)
        if "num_batches" in name or (found is not None and found.shape == tensor.shape):
            continue
        if not name.startswith(_HEAD):
            raise ValueError(f"{path}: {_misfit(name, weights, tensor)}")
        left_out.append(name)
    _refuse_unknown({name for name in set(weights) - set(expected) if not name.startswith(_HEAD)}, path)
    fitting = {name: weights[name] for name in expected if name in weights and name not in left_out}
    model.load_state_dict(fitting, strict=False)
    return Start(left_out, new_classes)


def _head_of(
    classes: Sequence[str], weights: Mapping[str, Tensor], known: Sequence[str], fresh: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Return a head for classes: the weights of those that are known by name, and fresh ones of the others."""
    rows = {name: number for number, name in enumerate(known)}
    head = {}
    for name in (name for name in weights if name.startswith(_HEAD) and name in fresh):
        if weights[name].shape[1:] != fresh[name].shape[1:]:
            continue
        head[name] = fresh[name].clone()
        for number, of_class in enumerate(classes):
            if of_class in rows:
                head[name][number] = weights[name][rows[of_class]]
    return head


def network_of(path: Path) -> tuple[Network, Clips]:
    """Return a checkpoint's network, and the clips it was trained on (the published ones if it is silent).

    For fine-tuning on one's own data, where the checkpoint decides. ValueError for weights of another architecture.
    """
    weights, card = read_checkpoint(path)
    if card is not None:
        return card.network, card.clips
    first = _first_layer(weights)
    if first is None:
        raise ValueError(f"{path}: has none of {', '.join(_FIRST)}; {_OTHER_NETWORK}")
    part = r"backbone\.conv(\d+)([a-z])\." if _FIRST[first] == "c3d" else r"backbone\.layer(\d+)\.(\d+)\."
    blocks = {match.groups() for name in weights if (match := re.match(part, name))}
    stages = sorted({stage for stage, _ in blocks})
    counts = tuple(sum(stage == own for own, _ in blocks) for stage in stages)
    return Network(backbone=_FIRST[first], base_channels=weights[first].shape[0], stage_blocks=counts), Clips()


def num_classes_of(path: Path) -> int:
    """Return how many classes a checkpoint's network tells apart; ValueError for weights of another architecture."""
    weights, _ = read_checkpoint(path)
    name = f"{_HEAD}.weight"
    if name not in weights:
        raise ValueError(f"{path}: has no {name!r}; {_OTHER_NETWORK}")
    return int(weights[name].shape[0])


def _first_layer(weights: dict[str, Tensor]) -> str | None:
    return next((name for name in _FIRST if name in weights), None)


def _misfit(name: str, weights: dict[str, Tensor], expected: Tensor) -> str:
    found, first = weights.get(name), _first_layer(weights)
    if found is None and name in _FIRST and first is not None:
        return f"is of {_FIRST[first]}, not of {_FIRST[name]}; set network.backbone={_FIRST[first]}"
    if found is None:
        return f"has no {name!r}; {_OTHER_NETWORK}"
    if name in _FIRST and found.shape[1] != expected.shape[1]:
        return (
            f"takes {found.shape[1]} heatmaps a frame, but {expected.shape[1]} are drawn here; "
            "use the skeleton and kind (keypoint, limb or motion) it was trained with"
        )
    if name in _FIRST:
        return (
            f"its first layer has {found.shape[0]} channels, the network's has {expected.shape[0]}; "
            f"set network.base_channels={found.shape[0]}"
        )
    if name.startswith(_HEAD):
        num_classes = found.shape[0]
        return f"knows {num_classes} classes, but {expected.shape[0]} are expected; set data.num_classes={num_classes}"
    return (
        f"{name!r} is {tuple(found.shape)}, but the network's is {tuple(expected.shape)}; "
        "give the config it was trained with"
    )


def _drawing(card: ModelCard) -> str:
    return f"{card.heatmaps.kind} heatmaps of {card.heatmaps.skeleton.name}, sigma {card.heatmaps.sigma}"
