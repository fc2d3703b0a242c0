"""One network with all it takes to score videos."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float

from posec3d.annotations import Annotation
from posec3d.annotations.translation import with_keypoints_of
from posec3d.checkpoints import Recognizer
from posec3d.evaluation.scoring import score_videos
from posec3d.evaluation.scoring import views_loader
from posec3d.experiment import ModelCard
from posec3d.export.networks import ClipNetwork
from posec3d.export.networks import as_network
from posec3d.models.recognizer import PoseC3D
from posec3d.skeletons import Skeleton


class Scorer:
    """A trained network on a device, torch's or an exported one, and how it is run.

    Videos are of `skeleton`, and brought into the network's own.
    """

    def __init__(
        self, model: Recognizer | ClipNetwork, card: ModelCard, device: torch.device, *, skeleton: Skeleton
    ) -> None:
        self.card = card
        self._skeleton = skeleton
        self.model = model.to(device) if isinstance(model, PoseC3D) else model
        # Made once: weights are prepared for it.
        self._network = as_network(self.model, card)

    def __repr__(self) -> str:
        solved = self.card.network.backbone == "rocket"
        return f"{self.card.network.backbone} on {'coordinates' if solved else f'{self.card.heatmaps.kind} heatmaps'}"

    def probabilities(
        self, videos: Sequence[Annotation], *, num_clips: int | None, mirrored: bool
    ) -> Float[np.ndarray, "N K"]:
        """Return the probability of each class for each video: the mean over clips, and their mirrors if `mirrored`."""
        clips = self.card.clips
        batches = views_loader(
            self.card,
            [with_keypoints_of(self.card.heatmaps.skeleton, video, self._skeleton) for video in videos],
            num_clips=num_clips or clips.test_clips,
            mirrored=mirrored and clips.test_mirror == "keypoints",
            batch_size=8 if num_clips == 1 else 1,
        )
        return score_videos(
            self._network,
            self.card,
            batches,
            mirror_volumes=mirrored and clips.test_mirror == "volume",
        )
