"""Whom a network sees of the people in a video: all, or those whom the camera is near to."""

from dataclasses import replace

import numpy as np
from jaxtyping import Float
from jaxtyping import Int64

from posec3d.annotations import Annotation


def without_bystanders(annotation: Annotation, most_people: int) -> Annotation:
    """Return a video in which only the `most_people` who are seen best are there; all others are missing throughout.

    Rows stay, so that people keep their places.
    """
    if len(annotation.keypoints) <= most_people:
        return annotation
    poses = annotation.poses()
    others = people_by_sight(poses.keypoints, poses.scores)[most_people:]
    poses.keypoints[others], poses.scores[others] = 0, 0
    return replace(annotation, keypoints=poses.keypoints, scores=poses.scores)


def people_by_sight(
    keypoints: Float[np.ndarray, "M T V 2"], scores: Float[np.ndarray, "M T V"]
) -> Int64[np.ndarray, " M"]:
    """Return people in the order of how well they are seen: of their scores, times how large they are, over all frames.

    How large is the longer side of the box around their keypoints, a pixel at least. Among many, the action is that of
    who is near. `posec3d.series.seen_best` is the first of these.
    """
    return np.argsort(-sight(keypoints, scores).sum(1), kind="stable")


def sight(keypoints: Float[np.ndarray, "*any V 2"], scores: Float[np.ndarray, "*any V"]) -> Float[np.ndarray, "*any"]:
    """Return how well each person of each frame is seen, as `people_by_sight` adds it up."""
    seen = scores > 0
    low = np.where(seen[..., None], keypoints, np.inf).min(-2, initial=np.inf)
    high = np.where(seen[..., None], keypoints, -np.inf).max(-2, initial=-np.inf)
    # Of nobody, the difference of infinities is none.
    sides = np.where(seen.any(-1), np.maximum((high - low).max(-1), 1), 0)
    return np.asarray(scores.sum(-1) * sides)
