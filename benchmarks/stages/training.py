"""A training step, from annotations to new weights: batches of eight clips of 48x56x56, per clip."""

from collections.abc import Callable
from typing import Literal

import numpy as np
import torch
from torch.nn import functional

from benchmarks import reference
from benchmarks.timing import Row
from benchmarks.timing import compared
from benchmarks.timing import medians
from benchmarks.videos import made_up_video
from posec3d.checkpoints import build_model
from posec3d.clips.dataset import collate
from posec3d.clips.pipeline import train_clip
from posec3d.experiment import Clips
from posec3d.experiment import Heatmaps
from posec3d.experiment import ModelCard
from posec3d.experiment import Network
from posec3d.models.recognizer import PoseC3D
from posec3d.poses import Poses
from posec3d.skeletons import get_skeleton

Backbone = Literal["slowonly", "c3d", "x3d"]
_SKELETON = get_skeleton("coco17")
_BATCH = 8
_ASKED: dict[Backbone, float] = {"slowonly": 3.5, "c3d": 2.0, "x3d": 2.0}


def measure_training(rounds: int) -> list[Row]:
    """Time a step of each backbone: the plain network on drawn volumes, and ours in both precisions."""
    rows = []
    for backbone, asked in _ASKED.items():
        times = _times(backbone, max(3, rounds // 3))
        # The better precision counts, which depends on the processor.
        best = min(("posec3d float32", "posec3d bfloat16"), key=times.__getitem__)
        rows += compared("training step", backbone, times, reference="reference", asked={best: asked})
    return rows


def _times(backbone: Backbone, rounds: int) -> dict[str, float]:
    card = ModelCard(heatmaps=Heatmaps(), network=Network(backbone=backbone), clips=Clips(), num_classes=60)
    videos = [made_up_video(1 + number % 2, seed=number) for number in range(_BATCH)]
    plain, step_plainly = _learner(card, channels_last=False)
    model, step = _learner(card, channels_last=True)

    def clips() -> list[Poses]:
        return [train_clip(video, np.random.RandomState(0), skeleton=_SKELETON) for video in videos]

    def theirs() -> float:
        with reference.plain_convolutions():
            volumes = torch.from_numpy(np.stack([reference.drawn(clip, None) for clip in clips()]))
            return step_plainly(plain.classify(volumes))

    def ours() -> float:
        batch = collate([([clip], 0) for clip in clips()])
        return step(model(batch.keypoints[:, 0], batch.scores[:, 0], (56, 56)))

    def in_bfloat16() -> float:
        with torch.autocast("cpu", torch.bfloat16):
            return ours()

    ways = {"reference": theirs, "posec3d float32": ours, "posec3d bfloat16": in_bfloat16}
    return {name: taken / _BATCH for name, taken in medians(ways, rounds=rounds).items()}


def _learner(card: ModelCard, *, channels_last: bool) -> tuple[PoseC3D, Callable[[torch.Tensor], float]]:
    torch.manual_seed(0)
    model = build_model(card)
    if channels_last:
        model = model.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    optimizer = torch.optim.SGD(model.parameters(), 0.01, momentum=0.9, weight_decay=3e-4)
    labels = torch.arange(_BATCH) % 60

    def step(logits: torch.Tensor) -> float:
        loss = functional.cross_entropy(logits.float(), labels)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 40.0)
        optimizer.step()
        return float(loss.detach())

    return model, step
