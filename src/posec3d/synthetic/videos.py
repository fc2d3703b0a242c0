"""Made-up videos: people in motion, filmed and estimated, as an annotation set with classes and splits."""

from collections.abc import Mapping
from collections.abc import Sequence
from types import MappingProxyType

import numpy as np
from jaxtyping import Float

from posec3d.annotations.annotation import Annotation
from posec3d.annotations.schema import AnnotationSet
from posec3d.synthetic.body import KEYPOINTS
from posec3d.synthetic.cameras import random_camera
from posec3d.synthetic.estimation import estimate_poses
from posec3d.synthetic.motions import MOTIONS
from posec3d.synthetic.motions import motion_3d

_COMPANY = 0.3  # how likely each further person is there
_SAME_MOVE = 0.4  # how likely they do the same; else they stand or walk by


def make_annotations(
    num_videos: int,
    *,
    seed: int = 0,
    motions: Sequence[str] = MOTIONS,
    max_people: int = 2,
    noise: float = 1.0,
    missing: float = 0.03,
    splits: Mapping[str, float] = MappingProxyType({"train": 0.8, "val": 0.2}),
) -> AnnotationSet:
    """Make up videos of people who do one of `motions` each, like scikit-learn's `make_classification`.

    For trying things out, never as proof of quality. Video i shows motion i % len(motions), its label, and depends on
    nothing else but (seed, i): more videos leave the first ones as they were. The first person is the one who does
    it; up to `max_people` are there. `noise` scales the estimator's errors (0: none), `missing` is about the share of
    keypoints it loses inside the canvas. Keypoints and scores are float32; what is missing is (0, 0) with score 0.

    `splits` gives each split its share of every class; a class with as many videos as there are splits is in each.

    Raises ValueError for numbers outside their range and KeyError for an unknown motion.
    """
    _check(num_videos, motions, max_people, noise, missing, splits)
    annotations = tuple(
        _video(i, i % len(motions), motions, seed, max_people, noise, missing) for i in range(num_videos)
    )
    split_names = _split_names(-(-num_videos // len(motions)), splits)
    videos: dict[str, list[str]] = {name: [] for name in splits}
    for i, annotation in enumerate(annotations):
        videos[split_names[i // len(motions)]].append(annotation.video)
    chosen = {name: tuple(names) for name, names in videos.items()}
    return AnnotationSet(annotations, chosen, tuple(motions), KEYPOINTS, "synthetic")


def _check(
    num_videos: int,
    motions: Sequence[str],
    max_people: int,
    noise: float,
    missing: float,
    splits: Mapping[str, float],
) -> None:
    if num_videos < 0:
        raise ValueError(f"num_videos is {num_videos}; it must be 0 or more")
    if not motions or len(set(motions)) < len(motions):
        raise ValueError(f"motions are {tuple(motions)}; name at least one, and each once")
    if max_people < 1:
        raise ValueError(f"max_people is {max_people}; it must be 1 or more")
    if not (noise >= 0 and 0 <= missing < 1):
        raise ValueError(f"noise is {noise} and missing {missing}; noise must be 0 or more, missing from 0 to below 1")
    if not splits or min(splits.values()) <= 0 or abs(sum(splits.values()) - 1) > 1e-6:
        raise ValueError(f"splits are {dict(splits)}; the shares must be above 0 and add up to 1")


def _video(
    i: int, label: int, motions: Sequence[str], seed: int, max_people: int, noise: float, missing: float
) -> Annotation:
    # RandomState, not Generator: its stream is frozen, so a seed gives the same videos for ever.
    rng = np.random.RandomState([seed, i])
    name = motions[label]
    num_frames, rate = rng.randint(45, 121), rng.choice([25.0, 30.0])

    def act(motion: str) -> Float[np.ndarray, "T 17 3"]:
        return motion_3d(motion, num_frames=num_frames, rng=rng, frames_per_second=rate)

    people = [act(name)]
    camera = random_camera(people[0], rng)
    for _ in range(max_people - 1):
        if rng.rand() < _COMPANY:
            same = rng.rand() < _SAME_MOVE
            company = act(name if same else rng.choice(["stand", "stand", "walk"]))
            people.append(_placed(company, rng.normal(0, 0.4) if same else rng.uniform(-np.pi, np.pi), rng))

    keypoints, depth = camera.project(np.stack(people))
    poses = estimate_poses(
        keypoints, depth, focal_length=camera.focal_length, canvas=camera.canvas, rng=rng, noise=noise, missing=missing
    )
    seen = (poses.scores > 0).any(axis=(1, 2)) | (np.arange(len(people)) == 0)
    return Annotation(f"{name}_{i:06d}", label, camera.canvas, poses.keypoints[seen], poses.scores[seen])


def _placed(
    points: Float[np.ndarray, "T 17 3"], turn: float, rng: np.random.RandomState
) -> Float[np.ndarray, "T 17 3"]:
    """Turn a person to the left, in radians, and put them one to three metres from the origin."""
    cos, sin = np.cos(turn), np.sin(turn)
    around = np.array([[cos, sin, 0], [-sin, cos, 0], [0, 0, 1]])
    bearing, distance = rng.uniform(-np.pi, np.pi), rng.uniform(1.0, 3.0)
    placed: Float[np.ndarray, "T 17 3"] = points @ around + distance * np.array([np.cos(bearing), np.sin(bearing), 0])
    return placed


def _split_names(num_members: int, splits: Mapping[str, float]) -> list[str]:
    """Return the split of each video of a class: first one for each split, then whichever lags its share most."""
    chosen = list(splits)[:num_members]
    counts = {name: chosen.count(name) for name in splits}
    for member in range(len(chosen), num_members):
        chosen.append(max(splits, key=lambda name: splits[name] * (member + 1) - counts[name]))
        counts[chosen[-1]] += 1
    return chosen
