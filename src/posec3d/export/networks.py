"""Running a recogniser on clips, whatever it is written in: weights on torch, or an exported file on its runtime."""

import copy
from dataclasses import replace
from pathlib import Path
from typing import Protocol
from typing import runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from posec3d.experiment import ModelCard
from posec3d.export.graph import mirrors_volumes
from posec3d.export.runtimes import open_exported
from posec3d.heatmaps import mirror_volume
from posec3d.models.frame_sharing import shared_frames
from posec3d.models.layers import freeze_convolutions
from posec3d.models.layers import fuse_normalisation
from posec3d.models.recognizer import PoseC3D
from posec3d.models.rocket import PoseRocket
from posec3d.runtime.tensors import sent


@runtime_checkable
class ClipNetwork(Protocol):
    """A network that tells the classes of clips apart; its card says how it is run."""

    card: ModelCard

    def view_logits(
        self, keypoints: Float[Tensor, "B M T V 2"], scores: Float[Tensor, "B M T V"], *, mirrored: bool
    ) -> Float[Tensor, "N B K"]:
        """Return the logits of clips on the card's test canvas, and, if `mirrored`, those of their mirrored volumes."""
        ...


class TorchNetwork:
    """Weights at hand, as they are now, on the device where they lie; clips may lie elsewhere."""

    def __init__(self, model: PoseC3D, card: ModelCard) -> None:
        self.card = card
        fused = copy.deepcopy(model).eval()
        fuse_normalisation(fused)
        # Channels last: a third faster on a CPU, and what tensor cores want.
        self._model = fused.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
        freeze_convolutions(self._model)
        self._device = next(fused.parameters()).device

    def view_logits(
        self, keypoints: Float[Tensor, "B M T V 2"], scores: Float[Tensor, "B M T V"], *, mirrored: bool
    ) -> Float[Tensor, "N B K"]:
        logits: Tensor = self._model.cls_head.fc_cls(self.view_features(keypoints, scores, mirrored=mirrored))
        return logits.float()

    def view_features(
        self, keypoints: Float[Tensor, "B M T V 2"], scores: Float[Tensor, "B M T V"], *, mirrored: bool
    ) -> Float[Tensor, "N B D"]:
        """Return what the last layer makes logits of."""
        canvas = self.card.clips.test_canvas
        heatmaps = self._model.heatmaps
        # Of clips that do not lie on it yet, a GPU need not be waited for.
        shared = shared_frames(*heatmaps.points(keypoints, scores))
        frames, frame_scores, places = (sent(part, self._device) for part in shared)
        volumes = [heatmaps.draw(frames, frame_scores, (canvas, canvas))]
        if mirrored:
            volumes.append(mirror_volume(volumes[0], self.card.heatmaps.mirrored_channels))
        return torch.stack([self._model.features_shared(volume, places) for volume in volumes])


class RocketNetwork:
    """The network rocket with its weights at hand, on the CPU in float32."""

    def __init__(self, model: PoseRocket, card: ModelCard) -> None:
        self.card = card
        self._model = model.cpu().eval()

    def view_logits(
        self, keypoints: Float[Tensor, "B M T V 2"], scores: Float[Tensor, "B M T V"], *, mirrored: bool
    ) -> Float[Tensor, "N B K"]:
        with torch.autocast("cpu", enabled=False):
            logits: Tensor = self._model.cls_head(self.view_features(keypoints, scores, mirrored=mirrored)[0])
        return logits[None]

    def view_features(
        self, keypoints: Float[Tensor, "B M T V 2"], scores: Float[Tensor, "B M T V"], *, mirrored: bool
    ) -> Float[Tensor, "N B D"]:
        """Return what the last layer makes logits of."""
        if mirrored:
            raise ValueError("clips.test_mirror=volume: the network rocket draws none to mirror; take keypoints")
        # Shares of time need float32, whatever the arithmetic around.
        with torch.autocast("cpu", enabled=False):
            return self._model.features(keypoints.float().cpu(), scores.float().cpu())[None]


class ExportedNetwork:
    """A file that `posec3d export` wrote, on its runtime, on the CPU.

    `card` says the test protocol instead of the file's own; ValueError if it is of another model. `whole` leaves
    nothing of the file to loops of our own that are faster.
    """

    def __init__(self, path: Path, card: ModelCard | None = None, *, whole: bool = False) -> None:
        self.description, self._run = open_exported(path, whole=whole)
        own = self.description.card
        if card is not None and (card.heatmaps, card.num_classes) != (own.heatmaps, own.num_classes):
            raise ValueError(
                f"{path}: draws {own.heatmaps.kind} heatmaps of {own.heatmaps.skeleton.name} for {own.num_classes} "
                "classes, and the config does not; use the config it was trained with"
            )
        self.card = own if card is None else replace(own, clips=card.clips)
        self._can_mirror = mirrors_volumes(own)
        self._path = path

    def view_logits(
        self, keypoints: Float[Tensor, "B M T V 2"], scores: Float[Tensor, "B M T V"], *, mirrored: bool
    ) -> Float[Tensor, "N B K"]:
        if mirrored and not self._can_mirror:
            raise ValueError(
                f"{self._path}: has no input to mirror volumes, as its own test protocol does not; test its checkpoint"
            )
        canvas = torch.tensor([self.card.clips.test_canvas] * 2)
        inputs = {"keypoints": keypoints.float().cpu(), "scores": scores.float().cpu(), "canvas": canvas}
        if not self._can_mirror:
            return self._run(inputs)[None]
        views = [False, True] if mirrored else [False]
        return torch.stack([self._run({**inputs, "mirrored": torch.full((len(scores),), view)}) for view in views])


def as_network(model: PoseC3D | PoseRocket | ClipNetwork, card: ModelCard) -> ClipNetwork:
    """Return weights as a network that runs on torch, and any other network as it is."""
    if isinstance(model, PoseRocket):
        return RocketNetwork(model, card)
    return TorchNetwork(model, card) if isinstance(model, PoseC3D) else model
