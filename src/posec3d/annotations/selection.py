"""The videos of a split, once they are known to fit the network."""

import hashlib
import logging
from collections import Counter
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from posec3d.annotations.annotation import Annotation
from posec3d.annotations.columns import choose
from posec3d.annotations.columns import keypoint_counts
from posec3d.annotations.columns import labels_of
from posec3d.annotations.columns import names_of
from posec3d.annotations.columns import somebody_seen
from posec3d.annotations.problems import problem_text
from posec3d.annotations.schema import AnnotationSet
from posec3d.skeletons import Skeleton
from posec3d.skeletons import misplaced_keypoint

_LOGGER = logging.getLogger(__name__)


def usable_videos(
    annotations: AnnotationSet,
    split: str | None,
    *,
    num_classes: int | None,
    skeleton: Skeleton,
    of_model: bool = False,
) -> Sequence[Annotation]:
    """Return the videos of a split, all with a label of 0..num_classes-1 and with the skeleton's keypoints.

    With `num_classes` None labels may be any, or none. `of_model` says that both are those of a trained model, which
    no option changes.

    Raises ValueError, naming file and video, for the first that does not fit, for a name that several videos have, for
    keypoints that the file names in another order, and for a split without a video or without one visible keypoint.
    """
    source = annotations.source
    videos = annotations.split(split)
    named = "the file" if split is None else f"split {split!r}"
    if not videos:
        raise ValueError(f"{source}: {named} has no videos; `posec3d check {source}` lists the splits")
    labels, misfit = labels_of(videos), keypoint_counts(videos) != skeleton.num_keypoints
    if num_classes is not None:
        misfit |= (labels < 0) | (labels >= num_classes)
    misfits = np.flatnonzero(misfit)
    if len(misfits):
        raise ValueError(f"{source}: {_misfit(videos[int(misfits[0])], num_classes, skeleton, of_model)}")
    called = names_of(videos)
    if len(set(called)) < len(called):
        name, count = Counter(called).most_common(1)[0]
        raise ValueError(problem_text(source, name, "duplicate_name", f"{count} times"))
    names = annotations.keypoint_names
    place = None if names is None else misplaced_keypoint(names, skeleton)
    if names is not None and place is not None:
        raise ValueError(
            f"{source}: its keypoint {place} is {names[place]!r}, and {skeleton.keypoints[place]!r} in skeleton "
            f"{skeleton.name!r}; take the skeleton of the file, or correct keypoint_names in it"
        )
    if not any(somebody_seen(videos)):
        raise ValueError(f"{source}: no video of {named} has a visible keypoint; extract its poses again")
    return videos


def check_classes(annotations: AnnotationSet, known: Sequence[str] | None) -> None:
    """Raise ValueError if labels of a file mean other classes than those known to a model; warn if they may."""
    found, source = annotations.classes, annotations.source
    if not found or not known or tuple(found) == tuple(known)[: len(found)]:
        return
    if len(found) == len(known) and not set(found) & set(known):
        _LOGGER.warning(
            "%s: its classes are called %s..., the model's %s...; taken for the same", source, found[0], known[0]
        )
        return
    differing = next((number for number, pair in enumerate(zip(found, known, strict=False)) if len({*pair}) > 1), None)
    what = (
        f"it has {len(found)} classes, the model {len(known)}"
        if differing is None
        else f"class {differing} is {found[differing]!r}, the model's is {known[differing]!r}"
    )
    raise ValueError(
        f"{source}: its labels mean other classes than the model's: {what}; give a file with the classes that the "
        "model was trained on, in their order"
    )


def hold_out(videos: Sequence[Annotation], share: float) -> tuple[Sequence[Annotation], Sequence[Annotation]]:
    """Divide videos into (the rest, the share held out), class by class, always alike for the same ids.

    A class with two videos or more has at least one on either side; order is kept.
    """
    names = names_of(videos)
    of_class: defaultdict[int, list[str]] = defaultdict(list)
    for name, label in zip(names, labels_of(videos).tolist(), strict=True):
        of_class[label].append(name)
    held: set[str] = set()
    for ids in of_class.values():
        if len(ids) > 1:
            # By hash: an order that has nothing to do with how the file was made, the same on every machine.
            held.update(sorted(ids, key=_digest)[: min(max(round(share * len(ids)), 1), len(ids) - 1)])
    is_held = np.array([name in held for name in names], np.bool_)
    return choose(videos, ~is_held), choose(videos, is_held)


def _misfit(video: Annotation, num_classes: int | None, skeleton: Skeleton, of_model: bool) -> str:
    """Return what keeps a video from being used, and what to do."""
    if num_classes is None or (video.label is not None and 0 <= video.label < num_classes):
        mend = (
            "which the model was trained on; keypoint_names in the file say how others are translated"
            if of_model
            else "correct the video, or say the skeleton of the file: --skeleton, in a config heatmaps.skeleton"
        )
        return (
            f"video {video.video!r} has {video.keypoints.shape[2]} keypoints, but skeleton "
            f"{skeleton.name!r} has {skeleton.num_keypoints}{', ' if of_model else '; '}{mend}"
        )
    label = "no label" if video.label is None else f"label {video.label}"
    if of_model and video.label is not None:
        return (
            f"video {video.video!r} has {label}, but the model knows {num_classes} classes, 0..{num_classes - 1}; "
            "leave such videos out of the split, or train with them"
        )
    needed = "give it one" if video.label is None else f"set num_classes={video.label + 1} or correct the label"
    return (
        f"video {video.video!r} has {label}, but num_classes is {num_classes} "
        f"(labels are 0..{num_classes - 1}); {needed}"
    )


def _digest(video: str) -> bytes:
    return hashlib.sha256(video.encode("utf-8", "surrogatepass")).digest()
