"""Two clips as one, with both labels: mixup for poses."""

import torch
from jaxtyping import Float
from jaxtyping import Int64
from jaxtyping import Shaped
from torch import Tensor
from torch.nn import functional

from posec3d.runtime.tensors import sent


def mix_clips(
    keypoints: Float[Tensor, "B M T V 2"],
    scores: Float[Tensor, "B M T V"],
    labels: Int64[Tensor, " B"],
    num_classes: int,
    alpha: float,
) -> tuple[tuple[Float[Tensor, "B M2 T V 2"], Float[Tensor, "B M2 T V"]], Shaped[Tensor, "B ..."]]:
    """Return clips in which the people of another clip of the batch stand too, and the share of each class in them.

    A clip's people keep a share of their scores from Beta(alpha, alpha), one a batch, and those of the other get the
    rest. Where they do not meet, this is the mix of the two drawn volumes; where they do, the higher counts.
    With `alpha` 0 everything is returned as it is, labels too.

    Source: mixup, arXiv 1710.09412.
    """
    if not alpha:
        return (keypoints, scores), labels
    share = float(torch.distributions.Beta(alpha, alpha).sample())
    others = sent(torch.randperm(len(labels)), labels.device)
    classes = functional.one_hot(labels, num_classes).to(scores.dtype)
    mixed = (
        torch.cat([keypoints, keypoints[others]], dim=1),
        torch.cat([share * scores, (1 - share) * scores[others]], dim=1),
    )
    return mixed, share * classes + (1 - share) * classes[others]
