"""Why a network sees an action: how much each keypoint of each frame speaks for it."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from jaxtyping import Float32
from jaxtyping import Int64
from torch import Tensor

from posec3d.annotations import Annotation
from posec3d.clips.dataset import collate
from posec3d.clips.pipeline import scored_views
from posec3d.clips.sampling import fixed_frames
from posec3d.experiment import ModelCard
from posec3d.models.recognizer import PoseC3D


@dataclass(frozen=True)
class Explanation:
    """What spoke for one class, whose probability in these clips was `probability`.

    `importance` is what each keypoint of the video's `frames` adds to the log-odds of the class against all others, to
    first order: positive speaks for it, negative against, and a missing keypoint neither. Frames that no clip looked at
    are not among `frames`, which go up.
    """

    importance: Float32[np.ndarray, "M T V"]
    frames: Int64[np.ndarray, " T"]
    label: int
    probability: float


def explain(
    model: PoseC3D, card: ModelCard, video: Annotation, label: int | None = None, *, num_clips: int = 1
) -> Explanation:
    """Tell which keypoints and moments made the network see a class in a video; the likeliest one without `label`.

    A heatmap is as high as its keypoint is sure, so the gradient of the class with regard to a keypoint's score, times
    the score, is the part of that keypoint. Of limb heatmaps the less sure end gets it; both do, half each, if equal.
    Looks at `num_clips` clips, not mirrored, and takes their mean.

    Raises ValueError for a label that the network does not know.
    """
    if label is not None and not 0 <= label < card.num_classes:
        raise ValueError(f"label {label} cannot be explained: the network knows classes 0..{card.num_classes - 1}")
    clips = card.clips
    views = scored_views(
        video,
        skeleton=card.heatmaps.skeleton,
        length=clips.length,
        num_clips=num_clips,
        seen_only=clips.crop_to == "seen",
        canvas=clips.test_canvas,
        fit=clips.test_fit,
        mirrored=False,
    )
    device = next(model.parameters()).device
    batch = collate([(views, -1)])
    keypoints, scores = batch.keypoints[0].to(device), batch.scores[0].to(device).requires_grad_()
    model.eval()
    with torch.enable_grad():
        logits = model(keypoints, scores, (clips.test_canvas, clips.test_canvas)).float()
        probabilities = logits.detach().softmax(-1).mean(0)
        label = int(probabilities.argmax()) if label is None else label
        (gradient,) = torch.autograd.grad(log_odds(logits, label).sum(), scores)
    parts = (gradient * scores.detach()).cpu().numpy()[:, : video.keypoints.shape[0]] / num_clips
    looked_at = fixed_frames(video.num_frames, clips.length, num_clips)
    frames, place = np.unique(looked_at, return_inverse=True)
    importance = np.zeros((len(frames), parts.shape[1], parts.shape[3]), np.float32)
    # A short video is looped: a frame that is looked at twice adds twice.
    np.add.at(importance, place.reshape(-1), parts.transpose(0, 2, 1, 3).reshape(-1, *importance.shape[1:]))
    return Explanation(importance.swapaxes(0, 1), frames.astype(np.int64), label, float(probabilities[label]))


def log_odds(logits: Float[Tensor, "B K"], label: int) -> Float[Tensor, " B"]:
    """Return the logarithm of p / (1 - p) of a class.

    What raises all classes alike is left out, and unlike a probability it does not saturate.
    """
    others = torch.cat([logits[:, :label], logits[:, label + 1 :]], dim=1)
    return logits[:, label] - others.logsumexp(-1)
