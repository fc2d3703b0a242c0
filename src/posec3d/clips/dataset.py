"""Clips as torch sees them: samples by draw, batches of keypoints, and the order in which an epoch visits videos.

Workers hand over keypoints, never drawn volumes. A sample depends on (seed, epoch, position in the epoch) alone, so the
number of workers and devices, and a stop and resume, change nothing.
"""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float32
from jaxtyping import Int64
from torch import Tensor
from torch.utils.data import Dataset
from torch.utils.data import Sampler

from posec3d.annotations import Annotation
from posec3d.poses import Poses


class Draw(NamedTuple):
    """One sample to make: of which video, as the how-manieth of which epoch."""

    epoch: int
    position: int
    video: int


class Batch(NamedTuple):
    """Clips of B videos, N views of each, padded with people of score 0 to the most of any; -1 labels are unknown."""

    keypoints: Float32[Tensor, "B N M T V 2"]
    scores: Float32[Tensor, "B N M T V"]
    labels: Int64[Tensor, " B"]


class TrainingClips(Dataset[tuple[list[Poses], int]]):
    """A random clip for each draw."""

    def __init__(
        self,
        annotations: Sequence[Annotation],
        make_clip: Callable[[Annotation, np.random.RandomState], Poses],
        seed: int,
    ) -> None:
        self.annotations = annotations
        self.make_clip = make_clip
        self.seed = seed
        self._rng = np.random.RandomState()

    def __len__(self) -> int:
        return len(self.annotations)

    def __getitem__(self, draw: Draw) -> tuple[list[Poses], int]:
        annotation = self.annotations[draw.video]
        # Seeded anew, not made anew, which takes eight times as long for the same numbers.
        self._rng.seed([self.seed, draw.epoch, draw.position])
        return [self.make_clip(annotation, self._rng)], label_of(annotation)


class ScoredViews(Dataset[tuple[list[Poses], int]]):
    """All views of each video, in file order."""

    def __init__(self, annotations: Sequence[Annotation], make_views: Callable[[Annotation], list[Poses]]) -> None:
        self.annotations = annotations
        self.make_views = make_views

    def __len__(self) -> int:
        return len(self.annotations)

    def __getitem__(self, video: int) -> tuple[list[Poses], int]:
        annotation = self.annotations[video]
        return self.make_views(annotation), label_of(annotation)


class EpochOrder(Sampler[Draw]):
    """The draws of one epoch: every video once, shuffled; this process takes every `num_processes`-th.

    With `class_weights`, a class is seen that many times in an epoch: whole times over, and the rest by a random part.
    The last draws are repeated from the first ones until every process has equally many.
    """

    def __init__(
        self,
        labels: Sequence[int] | Int64[np.ndarray, " N"],
        seed: int,
        *,
        class_weights: Sequence[float] | None = None,
        process: int = 0,
        num_processes: int = 1,
    ) -> None:
        self.labels = np.asarray(labels)
        self.seed = seed
        self.class_weights = class_weights
        self.process = process
        self.num_processes = num_processes
        self.epoch = 0

    def __len__(self) -> int:
        return -(-len(self._videos()) // self.num_processes)

    def __iter__(self) -> Iterator[Draw]:
        videos = self._videos()
        videos = np.resize(videos, len(self) * self.num_processes)
        for position in range(self.process, len(videos), self.num_processes):
            yield Draw(self.epoch, position, int(videos[position]))

    def _videos(self) -> Int64[np.ndarray, " D"]:
        rng = np.random.RandomState([self.seed, self.epoch])
        if self.class_weights is None:
            return rng.permutation(len(self.labels))
        chosen = []
        for label, weight in enumerate(self.class_weights):
            videos = np.flatnonzero(self.labels == label)
            rest = rng.permutation(videos)[: round((weight % 1) * len(videos))]
            chosen += [videos] * int(weight) + [rest]
        return rng.permutation(np.concatenate(chosen))


def label_of(annotation: Annotation) -> int:
    """Return the label, -1 for a video without one."""
    return -1 if annotation.label is None else annotation.label


def collate(samples: Sequence[tuple[Sequence[Poses], int]]) -> Batch:
    """Stack samples into a batch, padding people with score 0."""
    most = max(1, *(view.num_people for views, _ in samples for view in views))
    first = samples[0][0][0]
    shape = (len(samples), len(samples[0][0]), most, first.num_frames, first.num_keypoints)
    keypoints, scores = np.zeros((*shape, 2), np.float32), np.zeros(shape, np.float32)
    for sample, (views, _) in enumerate(samples):
        for view, poses in enumerate(views):
            keypoints[sample, view, : poses.num_people] = poses.keypoints
            scores[sample, view, : poses.num_people] = poses.scores
    labels = torch.tensor([label for _, label in samples], dtype=torch.int64)
    return Batch(torch.from_numpy(keypoints), torch.from_numpy(scores), labels)
