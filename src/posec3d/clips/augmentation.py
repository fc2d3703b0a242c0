"""Random changes of a training clip that leave its action what it is: pure functions of poses and `rng`.

Each is used only if asked for, and draws nothing from `rng` otherwise: published experiments use none of these.
"""

import math

import numpy as np
from jaxtyping import Float32
from jaxtyping import Int

from posec3d.clips.sampling import uniform_frames
from posec3d.poses import Poses


def frames_of_part(
    num_frames: int, clip_length: int, rng: np.random.RandomState, shortest: float
) -> Int[np.ndarray, " T"]:
    """Draw the frames of a clip from a random part of a video: another beginning and end, another speed.

    The part is a share of the video uniform between `shortest` (0 to 1) and 1, at a uniform place, but never shorter
    than the clip, as far as the video is not.
    """
    share = rng.uniform(shortest, 1)
    part = max(round(share * num_frames), min(num_frames, clip_length), 1)
    return rng.randint(0, num_frames - part + 1) + uniform_frames(part, clip_length, rng)


def change(
    poses: Poses, rng: np.random.RandomState, *, rotation: float = 0.0, noise: float = 0.0, dropout: float = 0.0
) -> Poses:
    """Turn the people, then move their keypoints, then make some missing: see the three functions below."""
    poses = rotate(poses, rng, rotation) if rotation else poses
    poses = jitter(poses, rng, noise) if noise else poses
    return drop_keypoints(poses, rng, dropout) if dropout else poses


def rotate(poses: Poses, rng: np.random.RandomState, degrees: float) -> Poses:
    """Turn all people in all frames by one angle, uniform within -degrees and degrees, about the canvas's centre."""
    angle = math.radians(rng.uniform(-degrees, degrees))
    turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]], np.float32)
    center = np.array([(poses.canvas[1] - 1) / 2, (poses.canvas[0] - 1) / 2], np.float32)
    return Poses((poses.keypoints - center) @ turn + center, poses.scores, poses.canvas)


def jitter(poses: Poses, rng: np.random.RandomState, share: float) -> Poses:
    """Move every keypoint of every frame by itself, as an estimator does that is not sure.

    By a normal distribution each way; its standard deviation is, for each person, a share of the person's height
    (see `heights`) that is uniform between 0 and `share`.
    """
    deviation = rng.uniform(0, share, poses.num_people).astype(np.float32) * heights(poses)
    noise = rng.standard_normal(poses.keypoints.shape).astype(np.float32)
    return Poses(poses.keypoints + noise * deviation[:, None, None, None], poses.scores, poses.canvas)


def drop_keypoints(poses: Poses, rng: np.random.RandomState, probability: float) -> Poses:
    """Make every keypoint of every frame missing (score 0) with a probability."""
    kept = rng.random_sample(poses.scores.shape) >= probability
    return Poses(poses.keypoints, poses.scores * kept, poses.canvas)


def heights(poses: Poses) -> Float32[np.ndarray, " M"]:
    """Return the height of each person in pixels: the median over frames of the longer side of the box around them.

    Around keypoints with a score above 0; 0 for a person without two of these in any frame. The longer side, as who
    lies down has the same size.
    """
    seen = (poses.scores > 0)[..., None]
    low = np.where(seen, poses.keypoints, np.inf).min(2)
    high = np.where(seen, poses.keypoints, -np.inf).max(2)
    sides = (high - low).max(-1)
    return np.array([np.median(of[of > 0]) if (of > 0).any() else 0 for of in sides], np.float32)
