"""From one annotation to the clips that the network is given; each function reads like the paper."""

from collections.abc import Callable

import numpy as np

from posec3d.annotations import Annotation
from posec3d.clips.augmentation import change
from posec3d.clips.augmentation import frames_of_part
from posec3d.clips.geometry import center_crop
from posec3d.clips.geometry import crop_to_people
from posec3d.clips.geometry import mirror
from posec3d.clips.geometry import random_resized_crop
from posec3d.clips.geometry import resize_short_side
from posec3d.clips.geometry import stretch
from posec3d.clips.resampling import evenly_spaced
from posec3d.clips.sampling import fixed_frames
from posec3d.clips.sampling import uniform_frames
from posec3d.clips.subjects import without_bystanders
from posec3d.poses import Poses
from posec3d.skeletons import Skeleton


def train_clip(
    annotation: Annotation,
    rng: np.random.RandomState,
    *,
    skeleton: Skeleton,
    length: int = 48,
    seen_only: bool = False,
    short_side: int = 64,
    area: tuple[float, float] = (0.56, 1.0),
    canvas: int = 56,
    mirror_probability: float = 0.5,
    most_people: int | None = None,
    shortest_part: float = 1.0,
    rotation: float = 0.0,
    noise: float = 0.0,
    dropout: float = 0.0,
) -> Poses:
    """Draw one training clip: uniform frames, around the people, a random part of the canvas, perhaps mirrored.

    The last five are not in the paper, and change nothing as they are: see `posec3d.clips.subjects` and
    `posec3d.clips.augmentation`.
    """
    if most_people is not None:
        annotation = without_bystanders(annotation, most_people)
    if shortest_part < 1:
        frames = frames_of_part(annotation.num_frames, length, rng, shortest_part)
    else:
        frames = uniform_frames(annotation.num_frames, length, rng)
    poses = crop_to_people(annotation.poses(frames), seen_only=seen_only)
    poses = resize_short_side(poses, short_side)
    poses = change(poses, rng, rotation=rotation, noise=noise, dropout=dropout)
    poses = random_resized_crop(poses, rng, area)
    poses = stretch(poses, (canvas, canvas))
    return mirror(poses, skeleton) if rng.rand() < mirror_probability else poses


def scored_views(
    annotation: Annotation,
    *,
    skeleton: Skeleton,
    length: int = 48,
    num_clips: int = 10,
    seen_only: bool = False,
    canvas: int = 64,
    fit: str = "crop",
    mirrored: bool = True,
    most_people: int | None = None,
    even: bool = False,
    changed: Callable[[Poses], Poses] | None = None,
) -> list[Poses]:
    """Return the views of a video that are scored: `num_clips` clips, and then, if `mirrored`, the mirror of each.

    All clips share one crop around the people. `fit` "crop" keeps proportions and cuts the middle, "stretch" does not.
    Of all people the `most_people` who are seen best are looked at. `even` makes one clip of poses that are evenly
    spaced over the video, however many are asked for; `changed`, if it is given, is applied to the poses of its frames
    first.
    """
    if most_people is not None:
        annotation = without_bystanders(annotation, most_people)
    if even:
        num_clips, poses = 1, evenly_spaced(annotation, length, changed)
    else:
        poses = annotation.poses(fixed_frames(annotation.num_frames, length, num_clips).reshape(-1))
    poses = crop_to_people(poses, seen_only=seen_only)
    if fit == "crop":
        poses = center_crop(resize_short_side(poses, canvas), canvas)
    else:
        poses = stretch(poses, (canvas, canvas))
    return [
        Poses(view.keypoints[:, start : start + length], view.scores[:, start : start + length], view.canvas)
        for view in ([poses, mirror(poses, skeleton)] if mirrored else [poses])
        for start in range(0, num_clips * length, length)
    ]
