"""A whole video as so many poses, evenly spaced in time, for networks that look at how coordinates go."""

from collections.abc import Callable

import numpy as np

from posec3d.annotations import Annotation
from posec3d.poses import Poses


def evenly_spaced(annotation: Annotation, length: int, changed: Callable[[Poses], Poses] | None = None) -> Poses:
    """Return `length` poses from the first frame to the last, evenly spaced.

    A keypoint between two frames lies on the line between them, and so does its score, where both have it; else it is
    that of the nearer frame, missing if it is missing there. `changed`, if it is given, is applied to the poses of the
    frames first.
    """
    moments = np.linspace(0, annotation.num_frames - 1, length)
    lower = moments.astype(np.int64)
    share = (moments - lower).astype(np.float32)[:, None]
    frames = np.array([lower, np.minimum(lower + 1, annotation.num_frames - 1)])
    needed, places = np.unique(frames, return_inverse=True)
    poses = annotation.poses(needed) if changed is None else changed(annotation.poses(needed))
    lower, upper = places.reshape(frames.shape)
    first, second = poses.keypoints[:, lower], poses.keypoints[:, upper]
    first_scores, second_scores = poses.scores[:, lower], poses.scores[:, upper]
    nearer = np.broadcast_to(share >= 0.5, first_scores.shape)
    share = np.where((first_scores > 0) & (second_scores > 0), share, nearer)
    keypoints = first + (second - first) * share[..., None]
    scores = first_scores + (second_scores - first_scores) * share
    return Poses(keypoints.astype(np.float32), scores.astype(np.float32), poses.canvas)
