"""Keypoints in, one logit a class out: the drawing layer, a backbone and a linear head in one module."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from jaxtyping import Int64
from torch import Tensor
from torch import nn

from posec3d.heatmaps import render_keypoints
from posec3d.heatmaps import render_limbs
from posec3d.models.slowonly import SlowOnly
from posec3d.motion import with_motion


class HeatmapLayer(nn.Module):
    """Poses to a volume with one channel a keypoint, or one a limb when `limbs` are given; without parameters.

    With `motion` there are five channels a keypoint: see `with_motion`.
    """

    def __init__(
        self,
        *,
        limbs: Sequence[tuple[int, int]] | None = None,
        motion: bool = False,
        sigma: float = 0.6,
        threshold: float = 1e-4,
    ) -> None:
        super().__init__()
        self.limbs = None if limbs is None else tuple(limbs)
        self.motion = motion
        self.sigma = sigma
        self.threshold = threshold

    def forward(
        self, keypoints: Float[Tensor, "B M T V 2"], scores: Float[Tensor, "B M T V"], size: tuple[int, int]
    ) -> Float[Tensor, "B C T H W"]:
        return self.draw(*self.points(keypoints, scores), size)

    def points(
        self, keypoints: Float[Tensor, "B M T V 2"], scores: Float[Tensor, "B M T V"]
    ) -> tuple[Float[Tensor, "B M T P 2"], Float[Tensor, "B M T P"]]:
        """Return the points that are drawn in each frame, by what is around it in time."""
        return with_motion(keypoints, scores) if self.motion else (keypoints, scores)

    def draw(
        self, keypoints: Float[Tensor, "B M T P 2"], scores: Float[Tensor, "B M T P"], size: tuple[int, int]
    ) -> Float[Tensor, "B C T H W"]:
        """Draw these points, each frame by itself."""
        device = keypoints.device.type
        # Drawn in the precision that the first convolution takes, instead of rounded by it.
        dtype = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else torch.float32
        # Coordinates need float32: bfloat16 cannot tell half pixels apart on a canvas of 64.
        with torch.autocast(device, enabled=False):
            if self.limbs is None:
                return render_keypoints(
                    keypoints, scores, size, sigma=self.sigma, threshold=self.threshold, dtype=dtype
                )
            return render_limbs(
                keypoints, scores, self.limbs, size, sigma=self.sigma, threshold=self.threshold, dtype=dtype
            )


class ClassificationHead(nn.Module):
    """Mean over time and space, dropout, one linear layer."""

    def __init__(self, in_channels: int, num_classes: int, *, dropout: float = 0.5) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.fc_cls = nn.Linear(in_channels, num_classes)
        nn.init.normal_(self.fc_cls.weight, std=0.01)
        nn.init.zeros_(self.fc_cls.bias)

    def forward(self, features: Float[Tensor, "B C T H W"]) -> Float[Tensor, "B K"]:
        logits: Tensor = self.fc_cls(self.dropout(mean_of(features)))
        return logits


def mean_of(features: Float[Tensor, "B C T H W"]) -> Float[Tensor, "B C"]:
    """Return the mean over time and space."""
    return features.mean((2, 3, 4))


class PoseC3D(nn.Module):
    """The whole recogniser. Its parameters have the published names: `backbone.*` and `cls_head.fc_cls.*`.

    `forward` takes B clips of M people (fewer are filled up with score 0) over T frames, in pixels of a canvas of
    `size` (height, width), and gives a logit for each of K classes. The network's cost does not depend on M.
    """

    def __init__(self, heatmaps: HeatmapLayer, backbone: nn.Module, cls_head: ClassificationHead) -> None:
        super().__init__()
        self.heatmaps = heatmaps
        self.backbone = backbone
        self.cls_head = cls_head

    def forward(
        self, keypoints: Float[Tensor, "B M T V 2"], scores: Float[Tensor, "B M T V"], size: tuple[int, int]
    ) -> Float[Tensor, "B K"]:
        return self.classify(self.heatmaps(keypoints, scores, size))

    def classify(self, volume: Float[Tensor, "B C T H W"]) -> Float[Tensor, "B K"]:
        """Return the logits of drawn volumes."""
        logits: Tensor = self.cls_head(self.backbone(volume))
        return logits

    def features_shared(self, volume: Float[Tensor, "1 C F H W"], places: Int64[Tensor, "B T"]) -> Float[Tensor, "B D"]:
        """Return the features of B clips whose frames are among the F drawn ones, at these places.

        The layers that see single frames run once a drawn frame, however many clips it is in. In evaluation
        `cls_head.fc_cls` makes of them the logits that `classify` gives.
        """
        if not isinstance(self.backbone, SlowOnly) or not self.backbone.sees_frames_singly:
            return mean_of(self.backbone(volume[0].transpose(0, 1)[places].transpose(1, 2)))
        frames = self.backbone.frame_features(volume)[0].transpose(0, 1)
        return mean_of(self.backbone.clip_features(frames[places].transpose(1, 2)))
