"""Run a model over every view of every video and average the probabilities."""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Sequence
from functools import partial
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.utils.data import DataLoader

from posec3d.annotations import Annotation
from posec3d.checkpoints import Recognizer
from posec3d.clips.dataset import Batch
from posec3d.clips.dataset import ScoredViews
from posec3d.clips.dataset import collate
from posec3d.clips.pipeline import scored_views
from posec3d.experiment import ModelCard
from posec3d.export.networks import ClipNetwork
from posec3d.export.networks import RocketNetwork
from posec3d.export.networks import TorchNetwork
from posec3d.export.networks import as_network
from posec3d.poses import Poses
from posec3d.runtime.overlapping import each_after_the_next

Average = Literal["prob", "score"]


def views_loader(
    card: ModelCard,
    annotations: Sequence[Annotation],
    *,
    num_clips: int,
    mirrored: bool,
    batch_size: int = 1,
    num_workers: int = 0,
    changed: Callable[[Poses], Poses] | None = None,
) -> Iterable[Batch]:
    """Return batches with the scored views of videos: `num_clips` clips each, and their mirrors if `mirrored`.

    For the network rocket it is one clip each, evenly spaced, to which `changed` is applied if it is given. Mirrors of
    the drawn volume are not among them: `score_videos` makes those.
    """
    make_views = partial(
        scored_views,
        skeleton=card.heatmaps.skeleton,
        length=card.clips.length,
        num_clips=num_clips,
        most_people=card.clips.most_people,
        seen_only=card.clips.crop_to == "seen",
        canvas=card.clips.test_canvas,
        fit=card.clips.test_fit,
        mirrored=mirrored,
        even=card.network.backbone == "rocket",
        changed=changed,
    )
    views: Iterable[Batch] = DataLoader(
        ScoredViews(annotations, make_views), batch_size=batch_size, num_workers=num_workers, collate_fn=collate
    )
    return views


@torch.inference_mode()
def score_videos(
    model: Recognizer | ClipNetwork,
    card: ModelCard,
    batches: Iterable[Batch],
    *,
    mirror_volumes: bool = False,
    average: Average = "prob",
    views_at_once: int = 10,
    advance: Callable[[int], object] = lambda _: None,
) -> Float[np.ndarray, "N K"]:
    """Return one row of scores a video: over its views, the mean of probabilities ("prob") or of logits ("score").

    `mirror_volumes` adds to each view the mirror of its drawn volume. `advance` is called with the number of videos
    done after each batch. A model computes on the device where it lies, an exported one on the CPU.
    """
    network = as_network(model, card)

    def of_views(keypoints: Tensor, scores: Tensor) -> Float[Tensor, "N B K"]:
        logits = network.view_logits(keypoints, scores, mirrored=mirror_volumes)
        return logits.softmax(-1) if average == "prob" else logits

    rows = _over_views(of_views, batches, views_at_once, advance)
    return rows if len(rows) else np.zeros((0, card.num_classes), np.float32)


@torch.inference_mode()
def features_of_videos(
    model: Recognizer | ClipNetwork,
    card: ModelCard,
    batches: Iterable[Batch],
    *,
    mirror_volumes: bool = False,
    views_at_once: int = 10,
    advance: Callable[[int], object] = lambda _: None,
) -> Float[np.ndarray, "N D"]:
    """Return one row of features a video: the mean over its views of what the last layer makes logits of.

    Arguments as of `score_videos`. Raises ValueError for an exported file, which keeps its features to itself.
    """
    network = as_network(model, card)
    if not isinstance(network, TorchNetwork | RocketNetwork):
        raise ValueError("an exported file answers only, and gives no features; take the checkpoint it was made of")

    def of_views(keypoints: Tensor, scores: Tensor) -> Float[Tensor, "N B D"]:
        return network.view_features(keypoints, scores, mirrored=mirror_volumes).float()

    return _over_views(of_views, batches, views_at_once, advance)


def _over_views(
    of_views: Callable[[Tensor, Tensor], Float[Tensor, "N B X"]],
    batches: Iterable[Batch],
    views_at_once: int,
    advance: Callable[[int], object],
) -> Float[np.ndarray, "V X"]:
    """Return for each video the mean over its views, and over the N ways in which each is looked at."""

    def of_videos(batch: Batch) -> Float[Tensor, "B X"]:
        num_videos, num_views = batch.scores.shape[:2]
        keypoints, scores = batch.keypoints.flatten(0, 1), batch.scores.flatten(0, 1)
        parts = zip(torch.split(keypoints, views_at_once), torch.split(scores, views_at_once), strict=True)
        values = torch.cat([of_views(*part).mean(0) for part in parts])
        return values.view(num_videos, num_views, -1).mean(1)

    rows = []
    for values in each_after_the_next(map(of_videos, batches)):
        rows.append(values.cpu().numpy())
        advance(len(values))
    return np.concatenate(rows) if rows else np.zeros((0, 0), np.float32)
