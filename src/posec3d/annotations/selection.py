"""The videos of a split, once they are known to fit the network."""

import hashlib
from collections.abc import Sequence

from posec3d.annotations.schema import Annotation
from posec3d.annotations.schema import AnnotationSet
from posec3d.skeletons import Skeleton


def usable_videos(
    annotations: AnnotationSet, split: str | None, *, num_classes: int, skeleton: Skeleton
) -> tuple[Annotation, ...]:
    """Return the videos of a split, all with a label of 0..num_classes-1 and with the skeleton's keypoints.

    Raises ValueError, naming file and video, for the first that does not fit, and for a split without a video or
    without a single visible keypoint.
    """
    source = annotations.source
    videos = annotations.split(split)
    named = "the file" if split is None else f"split {split!r}"
    if not videos:
        raise ValueError(f"{source}: {named} has no videos; `posec3d check {source}` lists the splits")
    for video in videos:
        if video.label is None or not 0 <= video.label < num_classes:
            label = "no label" if video.label is None else f"label {video.label}"
            needed = "give it one" if video.label is None else f"set num_classes={video.label + 1} or correct the label"
            raise ValueError(
                f"{source}: video {video.video!r} has {label}, but num_classes is {num_classes} "
                f"(labels are 0..{num_classes - 1}); {needed}"
            )
        if video.keypoints.shape[2] != skeleton.num_keypoints:
            raise ValueError(
                f"{source}: video {video.video!r} has {video.keypoints.shape[2]} keypoints, but skeleton "
                f"{skeleton.name!r} has {skeleton.num_keypoints}; set heatmaps.skeleton to the one of the file"
            )
    if not any((video.poses().scores > 0).any() for video in videos):
        raise ValueError(f"{source}: no video of {named} has a visible keypoint; extract its poses again")
    return videos


def hold_out(videos: Sequence[Annotation], share: float) -> tuple[tuple[Annotation, ...], tuple[Annotation, ...]]:
    """Divide videos into (the rest, the share held out), class by class, always alike for the same ids.

    A class with two videos or more has at least one on either side; order is kept.
    """
    held: set[str] = set()
    for label in {video.label for video in videos}:
        # By hash: an order that has nothing to do with how the file was made, the same on every machine.
        ids = sorted((video.video for video in videos if video.label == label), key=_digest)
        if len(ids) > 1:
            held.update(ids[: min(max(round(share * len(ids)), 1), len(ids) - 1)])
    return tuple(video for video in videos if video.video not in held), tuple(v for v in videos if v.video in held)


def _digest(video: str) -> bytes:
    return hashlib.sha256(video.encode()).digest()
