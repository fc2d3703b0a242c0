"""Point a checkpoint at poses and get the action."""

import os
from collections.abc import Iterable
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from posec3d.annotations import Annotation
from posec3d.checkpoints import load_model
from posec3d.evaluation.scoring import score_videos
from posec3d.evaluation.scoring import views_loader
from posec3d.experiment import ModelCard
from posec3d.models.recognizer import PoseC3D
from posec3d.poses import Poses


@dataclass(frozen=True)
class Recognition:
    """What the people of one video do: a probability for each class."""

    video: str
    probabilities: Float[np.ndarray, " K"]
    classes: tuple[str, ...]

    def top(self, count: int = 5) -> list[tuple[str, float]]:
        """Return the likeliest classes with their probabilities, best first."""
        best = np.argsort(-self.probabilities, kind="stable")[:count]
        return [(self.classes[label], float(self.probabilities[label])) for label in best]

    def __str__(self) -> str:
        return f"{self.video}: " + ", ".join(f"{name} {share:.0%}" for name, share in self.top(3))


class ActionRecognizer:
    """A trained network together with all it takes to run it."""

    def __init__(self, model: PoseC3D, card: ModelCard, *, device: str | torch.device = "cpu") -> None:
        self.card = card
        self.device = torch.device(device)
        self._model = model.to(self.device)

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, device: str | torch.device = "cpu") -> "ActionRecognizer":
        """Read a checkpoint that `posec3d train` wrote; those of other frameworks do not say how they are run."""
        return cls(*load_model(Path(path)), device=device)

    def recognize(self, poses: Annotation | Poses) -> Recognition:
        """Return what the people in these poses do, over the same clips and mirrors as `posec3d test` scores.

        Raises ValueError for poses of another skeleton than the network's.
        """
        return next(iter(self.recognize_all([poses])))

    def recognize_all(self, videos: Iterable[Annotation | Poses]) -> Iterator[Recognition]:
        """Recognise one video after the other."""
        clips = self.card.clips
        names = tuple(self.card.class_name(label) for label in range(self.card.num_classes))
        for number, given in enumerate(videos):
            video = given if isinstance(given, Annotation) else _annotation(given, str(number))
            self._refuse_other_skeleton(video)
            batches = views_loader(
                self.card, [video], num_clips=clips.test_clips, mirrored=clips.test_mirror == "keypoints"
            )
            scores = score_videos(
                self._model, self.card, batches, device=self.device, mirror_volumes=clips.test_mirror == "volume"
            )
            yield Recognition(video.video, scores[0], names)

    def _refuse_other_skeleton(self, video: Annotation) -> None:
        skeleton = self.card.heatmaps.skeleton
        if video.num_frames == 0:
            raise ValueError(f"video {video.video!r} has no frames; give at least one")
        if video.keypoints.shape[2] != skeleton.num_keypoints:
            raise ValueError(
                f"video {video.video!r} has {video.keypoints.shape[2]} keypoints, but the network was trained on "
                f"{skeleton.name!r} with {skeleton.num_keypoints}: {', '.join(skeleton.keypoints)}"
            )


def _annotation(poses: Poses, name: str) -> Annotation:
    return Annotation(name, None, poses.canvas, poses.keypoints, poses.scores)
