"""A file's videos as a model knows them: keypoints and labels, by their names."""

import logging
from collections.abc import Sequence
from dataclasses import replace

from posec3d.annotations.annotation import Annotation
from posec3d.annotations.columns import keypoint_counts
from posec3d.annotations.schema import AnnotationSet
from posec3d.mapping import check_mappable
from posec3d.mapping import map_keypoints
from posec3d.skeletons import Skeleton
from posec3d.skeletons import misplaced_keypoint
from posec3d.skeletons import skeleton_of_keypoints

_LOGGER = logging.getLogger(__name__)


def translated(annotations: AnnotationSet, *, classes: Sequence[str] | None, skeleton: Skeleton) -> AnnotationSet:
    """Return the set with the keypoints of `skeleton`, and with labels that count in `classes`.

    What is not named, or as the model has it, stays as it is; so do labels where the model lacks one of the classes.
    Raises ValueError where the file lacks keypoints of `skeleton` (see `map_keypoints`).
    """
    source, found = annotations.source, annotations.classes
    names = annotations.keypoint_names
    if (
        names is not None
        and _are_others(names, skeleton)
        and (keypoint_counts(annotations.annotations) == len(names)).any()
    ):
        body = _mappable_body(names, skeleton, source)
        _LOGGER.info("%s: keypoints of %s are taken as those of %s, by their names", source, body.name, skeleton.name)
        videos = [
            with_keypoints_of(skeleton, video, body) if video.keypoints.shape[2] == body.num_keypoints else video
            for video in annotations.annotations
        ]
        annotations = replace(annotations, annotations=videos, keypoint_names=skeleton.keypoints)
    if found and classes and set(found) <= set(classes) and tuple(found) != tuple(classes)[: len(found)]:
        _LOGGER.info("%s: has its classes in another order than the model: labels follow their names", source)
        labels: dict[int | None, int] = dict(enumerate(map(list(classes).index, found)))
        videos = [replace(video, label=labels.get(video.label, video.label)) for video in annotations.annotations]
        annotations = replace(annotations, annotations=videos, classes=tuple(classes))
    return annotations


def _are_others(names: Sequence[str], skeleton: Skeleton) -> bool:
    return len(names) != skeleton.num_keypoints or misplaced_keypoint(names, skeleton) is not None


def _mappable_body(names: Sequence[str], target: Skeleton, source: str) -> Skeleton:
    try:
        body = skeleton_of_keypoints(names) or Skeleton("own", tuple(names), ())
        check_mappable(body, target)
    except ValueError as error:
        raise ValueError(f"{source}: {error}") from error
    return body


def with_keypoints_of(skeleton: Skeleton, video: Annotation, own: Skeleton) -> Annotation:
    """Return a video of the skeleton `own` with the keypoints of another; the same video if these are the same."""
    if own.keypoints == skeleton.keypoints:
        return video
    poses = video.poses()
    keypoints, scores = map_keypoints(poses.keypoints, poses.scores, own, skeleton)
    return replace(video, keypoints=keypoints, scores=scores)
