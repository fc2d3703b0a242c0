"""Clips of one video share frames: what is looked at once."""

import numpy as np
import torch
from jaxtyping import Float
from jaxtyping import Int64
from torch import Tensor


def shared_frames(
    keypoints: Float[Tensor, "B M T V 2"], scores: Float[Tensor, "B M T V"]
) -> tuple[Float[Tensor, "1 M F V 2"], Float[Tensor, "1 M F V"], Int64[Tensor, "B T"]]:
    """Return each different frame of some clips once, and where the frames of each clip are among them.

    Ten clips of a video of 100 frames have 480 frames, of which at most 100 differ.
    """
    everything = torch.cat([keypoints, scores[..., None]], dim=-1).transpose(1, 2).flatten(0, 1).cpu().contiguous()
    seen: dict[bytes, int] = {}
    places = [seen.setdefault(frame.tobytes(), len(seen)) for frame in everything.numpy()]
    # The first frame of each kind, in the order of their first times.
    first = torch.from_numpy(np.unique(places, return_index=True)[1])
    chosen = everything[first].to(keypoints.device).transpose(0, 1)[None]
    return chosen[..., :2], chosen[..., 2], torch.tensor(places, device=keypoints.device).view(len(scores), -1)
