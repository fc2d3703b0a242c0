"""Random convolutions over time and one linear layer: a network that is solved for, instead of trained, in seconds.

After MultiRocket (arXiv 2102.00457; its kernels, dilations, padding and biases are those of MiniRocket, arXiv
2012.08791): the series and its first difference, of its four poolings the two that tell the most here.
"""

from collections.abc import Iterator
from collections.abc import Sequence
from itertools import combinations

import numpy as np
import torch
from jaxtyping import Float
from jaxtyping import Int8
from torch import Tensor
from torch import nn
from torch.nn import functional

from posec3d.series import num_series
from posec3d.series import pose_series

# Kernels of nine numbers, three of them 2 and the others -1: all 84 there are (MiniRocket, section 3.1).
_KERNEL = 9
_CHOSEN = np.array(list(combinations(range(_KERNEL), 3)))
_NUM_KERNELS = len(_CHOSEN)
# Each kernel sees so many series at most; and has so many dilations at most (MiniRocket's reference).
_MOST_SERIES, _MOST_DILATIONS = 9, 32
_GOLDEN_RATIO = (5**0.5 + 1) / 2
# The shortest series that all differences of a kernel lie in.
SHORTEST = _KERNEL + 1


class Rocket(nn.Module):
    """Series of C channels over `length` frames to features: of each of 84 kernels, `biases` times two poolings.

    A kernel, dilated, gives a new series, summed over a few channels. Of where that lies above a bias, the features are
    the share of time, and the mean height. `fit` takes the biases from what the kernels give on examples. Kernels and
    biases are buffers: drawn by a seed, kept in checkpoints.
    """

    def __init__(self, channels: int, length: int, *, biases: int = 74, seed: int = 0) -> None:
        super().__init__()
        rng = np.random.RandomState(seed)
        self._dilations = _dilations(length, biases)
        for dilation, count in self._dilations.items():
            self.register_buffer(f"kernels{dilation}", torch.from_numpy(_kernels(channels, rng)))
            self.register_buffer(f"biases{dilation}", torch.zeros(_NUM_KERNELS, count))

    @property
    def num_features(self) -> int:
        """How many features a clip gives."""
        return 2 * _NUM_KERNELS * sum(self._dilations.values())

    def fit(self, series: Float[Tensor, "N C T"], rng: np.random.RandomState) -> None:
        """Set the biases: quantiles, spread evenly, of what each kernel gives on one example drawn for it."""
        place = 1
        for dilation, count in self._dilations.items():
            examples = torch.from_numpy(rng.randint(len(series), size=_NUM_KERNELS))
            given = self._convolved(series[examples], dilation)
            own = given[torch.arange(_NUM_KERNELS), torch.arange(_NUM_KERNELS)]
            places = np.arange(place, place + _NUM_KERNELS * count).reshape(_NUM_KERNELS, count)
            shares = torch.from_numpy(places * _GOLDEN_RATIO % 1).to(own.dtype)
            biases = torch.stack([torch.quantile(row, share) for row, share in zip(own, shares, strict=True)])
            self.get_buffer(f"biases{dilation}").copy_(biases)
            place += _NUM_KERNELS * count

    def forward(self, series: Float[Tensor, "B C T"]) -> Float[Tensor, "B F"]:
        return torch.cat([part.flatten(1) for part in self._pooled(series)], dim=1)

    def _pooled(self, series: Float[Tensor, "B C T"]) -> Iterator[Float[Tensor, "B K2 Q"]]:
        for number, dilation in enumerate(self._dilations):
            given = self._convolved(series, dilation)
            biases = self.get_buffer(f"biases{dilation}")
            margin = _KERNEL // 2 * dilation
            # By turns all of the series, and the part of it that no kernel looks beyond.
            for turn, part in enumerate((given, given[..., margin : given.shape[-1] - margin])):
                own = slice((turn + number) % 2, None, 2)
                above = part[:, own, None] - biases[own, :, None]
                count = (above > 0).sum(-1)
                yield count / part.shape[-1]
                yield above.relu().sum(-1) / count.clamp(min=1)

    def _convolved(self, series: Float[Tensor, "B C T"], dilation: int) -> Float[Tensor, "B K T"]:
        kernels = self.get_buffer(f"kernels{dilation}").to(series.dtype)
        return functional.conv1d(series, kernels, dilation=dilation, padding=_KERNEL // 2 * dilation)


class RocketFeatures(nn.Module):
    """The features of coordinates over time, and of how they change from one frame to the next."""

    def __init__(self, channels: int, length: int, *, seed: int = 0) -> None:
        super().__init__()
        if length < SHORTEST + 1:
            raise ValueError(f"clips.length={length}: the network rocket needs {SHORTEST + 1} frames or more")
        self.places = Rocket(channels, length, seed=2 * seed % 2**32)
        self.changes = Rocket(channels, length - 1, seed=(2 * seed + 1) % 2**32)

    @property
    def num_features(self) -> int:
        """How many features a clip gives."""
        return self.places.num_features + self.changes.num_features

    def fit(self, series: Float[Tensor, "N C T"], rng: np.random.RandomState) -> None:
        """Set the biases of both by examples."""
        self.places.fit(series, rng)
        self.changes.fit(series.diff(dim=-1), rng)

    def forward(self, series: Float[Tensor, "B C T"]) -> Float[Tensor, "B F"]:
        return torch.cat([self.places(series), self.changes(series.diff(dim=-1))], dim=1)


class _Head(nn.Module):
    """One linear layer, of the name that all networks here have it under."""

    def __init__(self, num_features: int, num_classes: int) -> None:
        super().__init__()
        self.fc_cls = nn.Linear(num_features, num_classes)

    def forward(self, features: Float[Tensor, "B F"]) -> Float[Tensor, "B K"]:
        logits: Tensor = self.fc_cls(features)
        return logits


class PoseRocket(nn.Module):
    """The whole recogniser: B clips of M people over T frames to a logit for each of K classes.

    It looks at the coordinates of one person, see `pose_series`, and draws nothing.
    """

    def __init__(
        self,
        num_keypoints: int,
        limbs: Sequence[tuple[int, int]],
        *,
        length: int,
        num_classes: int,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.limbs = tuple(limbs)
        self.backbone = RocketFeatures(num_series(num_keypoints, len(limbs)), length, seed=seed)
        self.cls_head = _Head(self.backbone.num_features, num_classes)

    def forward(self, keypoints: Float[Tensor, "B M T V 2"], scores: Float[Tensor, "B M T V"]) -> Float[Tensor, "B K"]:
        logits: Tensor = self.cls_head(self.features(keypoints, scores))
        return logits

    def features(self, keypoints: Float[Tensor, "B M T V 2"], scores: Float[Tensor, "B M T V"]) -> Float[Tensor, "B F"]:
        """Return what the last layer makes logits of."""
        features: Tensor = self.backbone(self.series(keypoints, scores))
        return features

    def series(self, keypoints: Float[Tensor, "B M T V 2"], scores: Float[Tensor, "B M T V"]) -> Float[Tensor, "B C T"]:
        """Return what it looks at."""
        return pose_series(keypoints, scores, self.limbs)


def _dilations(length: int, biases: int) -> dict[int, int]:
    """Return dilations, exponentially spread up to where a kernel is as long as the series, and biases of each."""
    most = min(_MOST_DILATIONS, biases)
    spread = np.logspace(0, np.log2((length - 1) / (_KERNEL - 1)), most, base=2).astype(int)
    dilations, counts = np.unique(spread, return_counts=True)
    counts = counts * biases // most
    # What rounding left goes to the smallest, one each.
    counts[: biases - counts.sum()] += 1
    return dict(zip(dilations.tolist(), counts.tolist(), strict=True))


def _kernels(channels: int, rng: np.random.RandomState) -> Int8[np.ndarray, "K C 9"]:
    """Return all kernels, each on a few channels: one to nine, fewer being likelier (MultiRocket's reference)."""
    kernels = np.zeros((_NUM_KERNELS, channels, _KERNEL), np.int8)
    for kernel, chosen in zip(kernels, _CHOSEN, strict=True):
        count = int(2 ** rng.uniform(0, np.log2(min(channels, _MOST_SERIES) + 1)))
        few = rng.choice(channels, count, replace=False)
        kernel[few] = -1
        kernel[np.ix_(few, chosen)] = 2
    return kernels
