"""A whole video as so many poses, evenly spaced in time, for networks that look at how coordinates go."""

import numpy as np

from posec3d.annotations import Annotation
from posec3d.poses import Poses


def evenly_spaced(annotation: Annotation, length: int) -> Poses:
    """Return `length` poses from the first frame to the last, evenly spaced.

    A keypoint between two frames lies on the line between them, and so does its score, where both have it; else it is
    that of the nearer frame, missing if it is missing there.
    """
    moments = np.linspace(0, annotation.num_frames - 1, length)
    lower = moments.astype(np.int64)
    share = (moments - lower).astype(np.float32)[:, None]
    first = annotation.poses(lower)
    second = annotation.poses(np.minimum(lower + 1, annotation.num_frames - 1))
    nearer = np.broadcast_to(share >= 0.5, first.scores.shape)
    share = np.where((first.scores > 0) & (second.scores > 0), share, nearer)
    keypoints = first.keypoints + (second.keypoints - first.keypoints) * share[..., None]
    scores = first.scores + (second.scores - first.scores) * share
    return Poses(keypoints.astype(np.float32), scores.astype(np.float32), first.canvas)
