"""Why a network sees an action: how much each keypoint of each frame speaks for it."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from jaxtyping import Float32
from jaxtyping import Int64
from torch import Tensor

from posec3d.annotations import Annotation
from posec3d.checkpoints import Recognizer
from posec3d.clips.dataset import collate
from posec3d.clips.pipeline import scored_views
from posec3d.clips.sampling import fixed_frames
from posec3d.experiment import ModelCard
from posec3d.models.recognizer import PoseC3D
from posec3d.models.rocket import PoseRocket
from posec3d.runtime.values import ByValue
from posec3d.series import seen_best

# The network rocket is asked what it would say without a keypoint for an eighth of the frames.
_NUM_PARTS, _BATCH = 8, 32


@dataclass(frozen=True, eq=False)
class Explanation(ByValue):
    """What spoke for one class, whose probability in these clips was `probability`.

    `importance` is what each keypoint of the video's `frames` adds to the log-odds of the class against all others:
    positive speaks for it, negative against, and a missing keypoint neither. Frames that no clip looked at are not
    among `frames`, which go up. `network` says to which of several it spoke.
    """

    importance: Float32[np.ndarray, "M T V"]
    frames: Int64[np.ndarray, " T"]
    label: int
    probability: float
    network: str = ""


def explain(
    model: Recognizer, card: ModelCard, video: Annotation, label: int | None = None, *, num_clips: int = 1
) -> Explanation:
    """Tell which keypoints and moments made the network see a class in a video; the likeliest one without `label`.

    Of networks on heatmaps it is the part of each keypoint to first order, see `_by_gradient`; of the network rocket
    what it would not say if the keypoint were not seen for a while, see `_by_masking`. Looks at `num_clips` clips, not
    mirrored, and takes their mean; rocket looks at the whole video.

    Raises ValueError for a label that the network does not know.
    """
    check_label(label, card)
    clips = card.clips
    is_rocket = isinstance(model, PoseRocket)
    views = scored_views(
        video,
        skeleton=card.heatmaps.skeleton,
        length=clips.length,
        num_clips=num_clips,
        most_people=clips.most_people,
        seen_only=clips.crop_to == "seen",
        canvas=clips.test_canvas,
        fit=clips.test_fit,
        mirrored=False,
        even=is_rocket,
    )
    if is_rocket:
        looked_at = np.rint(np.linspace(0, video.num_frames - 1, clips.length)).astype(np.int64)[None]
    else:
        looked_at = fixed_frames(video.num_frames, clips.length, num_clips)
    frames, places = np.unique(looked_at, return_inverse=True)
    of_frames = torch.from_numpy(places.reshape(looked_at.shape))
    device = next(model.parameters()).device
    batch = collate([(views, -1)])
    keypoints, scores = batch.keypoints[0].to(device), batch.scores[0].to(device)
    model.eval()
    if isinstance(model, PoseRocket):
        parts, label, probability = _by_masking(model, keypoints, scores, of_frames[0], label)
    else:
        parts, label, probability = _by_gradient(model, keypoints, scores, of_frames, clips.test_canvas, label)
    importance = parts[: video.keypoints.shape[0]].cpu().numpy()
    return Explanation(importance, frames.astype(np.int64), label, probability)


def check_label(label: int | None, card: ModelCard) -> None:
    """Raise ValueError for a label that the network does not know."""
    if label is not None and not 0 <= label < card.num_classes:
        raise ValueError(f"label {label} cannot be explained: the network knows classes 0..{card.num_classes - 1}")


def _by_gradient(
    model: PoseC3D,
    keypoints: Float[Tensor, "B M T V 2"],
    scores: Float[Tensor, "B M T V"],
    of_frames: Int64[Tensor, "B T"],
    canvas: int,
    label: int | None,
) -> tuple[Float[Tensor, "M F V"], int, float]:
    """Return the part of each keypoint of F frames in the log-odds, and the class and its probability.

    `of_frames` says which of the frames each pose of a clip is. A heatmap is as high as its keypoint is sure, so the
    gradient of the class with regard to a keypoint's score, times the score, is the part of that keypoint. Of limb
    heatmaps the less sure end gets it; both do, half each, if equal.
    """
    scores = scores.requires_grad_()
    with torch.enable_grad():
        logits = model(keypoints, scores, (canvas, canvas)).float()
        label, probability = _named(logits.detach(), label)
        (gradient,) = torch.autograd.grad(log_odds(logits, label).sum(), scores)
    shares = (gradient * scores.detach()).cpu() / len(scores)
    parts = torch.zeros(shares.shape[1], int(of_frames.max()) + 1, shares.shape[3])
    # A short video is looped: a frame that is looked at twice adds twice.
    for of_clip, places in zip(shares, of_frames, strict=True):
        parts.index_add_(1, places, of_clip)
    return parts, label, probability


@torch.inference_mode()
def _by_masking(
    model: PoseRocket,
    keypoints: Float[Tensor, "1 M T V 2"],
    scores: Float[Tensor, "1 M T V"],
    of_frames: Int64[Tensor, " T"],
    label: int | None,
) -> tuple[Float[Tensor, "M F V"], int, float]:
    """Return the part of each keypoint of F frames in the log-odds, and the class and its probability.

    `of_frames` says which of the frames each pose is nearest to. A keypoint that is not seen for a while goes straight,
    for the network, from where it was seen before to where it is seen next. So what its way in an eighth of the frames
    says is how much lower the log-odds are if it is missing there, and each sight of it there has the same share of
    that. One that never moves says nothing by this measure.
    """
    person = int(seen_best(keypoints, scores))
    one, sure = keypoints[:, person : person + 1], scores[:, person : person + 1]
    logits = model(one, sure)
    label, probability = _named(logits, label)
    num_frames = int(of_frames.max()) + 1
    parts = torch.zeros(scores.shape[1], num_frames, scores.shape[3])
    pieces = [torch.isin(of_frames, frames) for frames in torch.arange(num_frames).tensor_split(_NUM_PARTS)]
    masks = [
        (piece, keypoint)
        for piece in pieces
        for keypoint in range(scores.shape[3])
        if sure[0, 0, piece, keypoint].any()
    ]
    for start in range(0, len(masks), _BATCH):
        some = masks[start : start + _BATCH]
        masked = sure.repeat(len(some), 1, 1, 1)
        for row, (piece, keypoint) in zip(masked, some, strict=True):
            row[0, piece, keypoint] = 0
        without = log_odds(model(one.expand(len(some), -1, -1, -1, -1), masked), label)
        for value, (piece, keypoint) in zip(log_odds(logits, label) - without, some, strict=True):
            sights = torch.unique(of_frames[piece & (sure[0, 0, :, keypoint] > 0)])
            parts[person, sights, keypoint] = value / len(sights)
    return parts, label, probability


def _named(logits: Float[Tensor, "B K"], label: int | None) -> tuple[int, float]:
    probabilities = logits.softmax(-1).mean(0)
    label = int(probabilities.argmax()) if label is None else label
    return label, float(probabilities[label])


def log_odds(logits: Float[Tensor, "B K"], label: int) -> Float[Tensor, " B"]:
    """Return the logarithm of p / (1 - p) of a class.

    What raises all classes alike is left out, and unlike a probability it does not saturate.
    """
    others = torch.cat([logits[:, :label], logits[:, label + 1 :]], dim=1)
    return logits[:, label] - others.logsumexp(-1)
