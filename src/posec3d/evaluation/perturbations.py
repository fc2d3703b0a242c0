"""What goes wrong with estimated poses, done on purpose: the same video, harder to recognise.

Each function takes an annotation, how strong, and `rng`, and returns a changed copy; level 0 changes nothing.
Missing keypoints stay missing, with their coordinates.
"""

from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace

import numpy as np
from jaxtyping import Bool
from jaxtyping import Float32
from jaxtyping import Int

from posec3d.annotations import Annotation
from posec3d.clips.augmentation import heights
from posec3d.skeletons import Skeleton
from posec3d.skeletons import spelt_out

_LIMB_KEYPOINTS = frozenset(("elbow", "wrist", "knee", "ankle"))


@dataclass(frozen=True)
class Perturbation:
    """One thing that goes wrong. `change(video, level, rng)` does it; `levels` are shares, mildest first."""

    name: str
    about: str
    levels: tuple[float, ...]
    change: Callable[[Annotation, float, np.random.RandomState], Annotation]


def limb_keypoints(skeleton: Skeleton) -> Int[np.ndarray, " L"]:
    """Return the places of elbows, wrists, knees and ankles; of all keypoints in a skeleton without any."""
    places = [
        place
        for place, name in enumerate(skeleton.keypoints)
        if not _LIMB_KEYPOINTS.isdisjoint(spelt_out(name).split("_"))
    ]
    return np.array(places or range(skeleton.num_keypoints))


def drop_limb_keypoint(
    video: Annotation, probability: float, rng: np.random.RandomState, places: Int[np.ndarray, " L"]
) -> Annotation:
    """Make one of the keypoints at `places`, drawn anew for each person and frame, missing with a probability.

    Source: PoseC3D, section 4.2: one limb keypoint a frame is dropped with probability p.
    """
    poses = video.poses()
    people, frames = np.nonzero(rng.random_sample(poses.scores.shape[:2]) < probability)
    scores = poses.scores.copy()
    scores[people, frames, rng.choice(places, len(frames))] = 0
    return _with(video, poses.keypoints, scores)


def add_noise(video: Annotation, share: float, rng: np.random.RandomState) -> Annotation:
    """Move every keypoint of every frame each way by a normal distribution of this share of the person's height."""
    poses = video.poses()
    deviation = (share * heights(poses))[:, None, None, None]
    noise = rng.standard_normal(poses.keypoints.shape).astype(np.float32) * deviation
    seen = (poses.scores > 0)[..., None]
    return _with(video, np.where(seen, poses.keypoints + noise, poses.keypoints), poses.scores)


def lose_frames(video: Annotation, probability: float, rng: np.random.RandomState) -> Annotation:
    """Lose everybody in a frame with a probability; a random one is kept if that would be all."""
    poses = video.poses()
    kept = rng.random_sample(poses.num_frames) >= probability
    if not kept.any():
        kept[rng.randint(poses.num_frames)] = True
    return _with(video, poses.keypoints, poses.scores * kept[:, None])


def swap_people(
    video: Annotation, probability: float, rng: np.random.RandomState, others: Sequence[Annotation]
) -> Annotation:
    """Take somebody else for each person in a frame with a probability, as a tracker does that jumps to a bystander.

    It is the first person of one other video, drawn for the whole video, in the frame at the same share of it, moved
    and scaled onto the box around the person whose place is taken. Frames without either stay as they are.
    """
    poses = video.poses()
    other = others[rng.randint(len(others))].poses()
    if not other.num_people or not other.num_frames:
        return video
    frames = np.arange(poses.num_frames) * other.num_frames // poses.num_frames
    theirs, shown = other.keypoints[0, frames], other.scores[0, frames]
    keypoints, scores = poses.keypoints.copy(), poses.scores.copy()
    for person, frame in np.argwhere(rng.random_sample(scores.shape[:2]) < probability):
        here, there = scores[person, frame] > 0, shown[frame] > 0
        if here.sum() < 2 or there.sum() < 2:
            continue
        keypoints[person, frame] = _onto(theirs[frame], there, keypoints[person, frame], here)
        scores[person, frame] = shown[frame]
    return _with(video, keypoints, scores)


def perturbations(skeleton: Skeleton, videos: Sequence[Annotation]) -> tuple[Perturbation, ...]:
    """Return all there are, for videos of a skeleton."""
    places = limb_keypoints(skeleton)
    return (
        Perturbation(
            "dropped",
            "one elbow, wrist, knee or ankle a frame missing, with probability",
            (1 / 8, 1 / 4, 1 / 2, 1.0),
            lambda video, level, rng: drop_limb_keypoint(video, level, rng, places),
        ),
        Perturbation("noise", "noise, of the person's height", (0.01, 0.02, 0.04, 0.08), add_noise),
        Perturbation("frames", "frames in which nobody is found", (1 / 8, 1 / 4, 1 / 2), lose_frames),
        Perturbation(
            "swapped",
            "frames in which somebody else is taken for the person",
            (1 / 8, 1 / 4, 1 / 2),
            lambda video, level, rng: swap_people(video, level, rng, videos),
        ),
    )


def _with(
    video: Annotation, keypoints: Float32[np.ndarray, "M T V 2"], scores: Float32[np.ndarray, "M T V"]
) -> Annotation:
    return replace(video, keypoints=keypoints, scores=scores)


def _onto(
    points: Float32[np.ndarray, "V 2"],
    seen: Bool[np.ndarray, " V"],
    target: Float32[np.ndarray, "V 2"],
    seen_there: Bool[np.ndarray, " V"],
) -> Float32[np.ndarray, "V 2"]:
    """Return points moved and scaled so that the box around those seen has the centre and longer side of another."""
    low, high = points[seen].min(0), points[seen].max(0)
    to_low, to_high = target[seen_there].min(0), target[seen_there].max(0)
    scale = (to_high - to_low).max() / max((high - low).max(), np.float32(1e-6))
    moved: Float32[np.ndarray, "V 2"] = (points - (low + high) / 2) * scale + (to_low + to_high) / 2
    return moved
