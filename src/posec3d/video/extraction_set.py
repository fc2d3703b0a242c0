"""The parts of an extraction put together to one annotation file: names, labels, splits, and a single skeleton."""

import os
import re
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np

from posec3d.annotations import Annotation
from posec3d.annotations import AnnotationSet
from posec3d.annotations.labelling import Labels
from posec3d.annotations.splitting import Splits
from posec3d.annotations.video_lists import NamedVideo
from posec3d.annotations.video_lists import VideoPlace
from posec3d.mapping import map_keypoints
from posec3d.skeletons import Skeleton
from posec3d.skeletons import skeleton_of_keypoints
from posec3d.video.sources import VIDEO_SUFFIXES
from posec3d.video.sources import Source
from posec3d.video.sources import is_glob
from posec3d.video.sources import is_posed
from posec3d.video.sources import is_url
from posec3d.video.sources import shown


@dataclass(frozen=True)
class Grouping:
    """The names, labels and splits of all videos."""

    videos: Sequence[NamedVideo]
    labels: Labels
    splits: Splits


def place_of(source: Source, video: str | None = None) -> VideoPlace:
    """Return where a source is, or a video of a source that holds several."""
    if is_url(source):
        parts = urlsplit(shown(source))
        path = Path(f"{parts.netloc}{parts.path}")
    elif is_glob(source):
        # Pictures: "fall/clip1/*.png" is clip1, and so is "fall/clip1_*.png".
        fixed = re.split(r"[*?[]", Path(source).name)[0].rstrip("_-. ")
        path = _whole(Path(source).parent / fixed)
        return VideoPlace(path.as_posix(), "", path.parent.name)
    else:
        path = _whole(source)
    stem, suffix = (path.name, "") if path.is_dir() else _divided(path.name)
    whole = path.with_name(stem).as_posix()
    if video is None:
        return VideoPlace(whole, suffix, path.parent.name)
    stem, suffix = _divided(video) if Path(video).suffix.lower() in VIDEO_SUFFIXES else (video, "")
    return VideoPlace(f"{whole}/{stem}", suffix, path.parent.name)


def places_of(parts: Mapping[Source, AnnotationSet | None]) -> list[VideoPlace]:
    """Return where each video is, source by source; a source that failed, None, counts as one video."""
    places = []
    for source, part in parts.items():
        if part is None or len(part.annotations) == 1:
            places.append(place_of(source))
        else:
            places += [place_of(source, annotation.video) for annotation in part.annotations]
    return places


def come_in_class_folders(given: Sequence[Source], sources: Sequence[Source]) -> bool:
    """Return whether all sources were found in folders below a given one, and in at least two of them."""
    folders = {_whole(source) for source in given if not is_url(source) and Path(source).is_dir()}
    if not folders or any(is_url(source) or is_glob(source) for source in sources):
        return False
    of_sources = {_whole(source).parent for source in sources}
    return len({folder.name for folder in of_sources}) > 1 and all(
        not folders.isdisjoint(folder.parents) for folder in of_sources
    )


def put_together(
    parts: Mapping[Source, AnnotationSet | None], grouping: Grouping
) -> tuple[AnnotationSet, dict[Source, str]]:
    """Return the set of all videos, in the order of the sources, and the reasons of sources that do not fit into it.

    `grouping` is of the places of all `parts`, a source that failed, None, being one video: what the others get does
    not hang on it. The skeleton is that of the videos, or of the first file of poses; others are mapped to it.
    """
    skeleton = _skeleton_of_all(parts)
    names = iter([video.name for video in grouping.videos])
    failures: dict[Source, str] = {}
    annotations: list[Annotation] = []
    for source, part in parts.items():
        if part is None:
            next(names)
            continue
        named = [replace(annotation, video=next(names)) for annotation in part.annotations]
        try:
            annotations += [_mapped(annotation, _skeleton_of(part), skeleton) for annotation in named]
        except ValueError as error:
            failures[source] = f"{shown(source)}: {error}"
    annotations = [replace(video, label=grouping.labels.of_video.get(video.video)) for video in annotations]
    there = {annotation.video for annotation in annotations}
    splits = {split: tuple(name for name in videos if name in there) for split, videos in grouping.splits.items()}
    return AnnotationSet(tuple(annotations), splits, grouping.labels.classes, skeleton.keypoints), failures


def _skeleton_of_all(parts: Mapping[Source, AnnotationSet | None]) -> Skeleton:
    there = {source: part for source, part in parts.items() if part is not None}
    of_videos = [part for source, part in there.items() if not is_posed(source)]
    return _skeleton_of((of_videos or list(there.values()))[0])


def _divided(name: str) -> tuple[str, str]:
    """Return a file's name without its ending, and the ending."""
    stem = name[: -len(".pkl.gz")] if name.lower().endswith(".pkl.gz") else name[: len(name) - len(Path(name).suffix)]
    return stem, name[len(stem) :]


def _whole(path: Source) -> Path:
    # Not resolve(): links are how people sort one video into several folders.
    return Path(os.path.abspath(path))  # noqa: PTH100


def _skeleton_of(part: AnnotationSet) -> Skeleton:
    assert part.keypoint_names is not None
    return skeleton_of_keypoints(part.keypoint_names) or Skeleton("own", part.keypoint_names, ())


def _mapped(annotation: Annotation, source: Skeleton, target: Skeleton) -> Annotation:
    if source.keypoints == target.keypoints:
        return annotation
    assert annotation.scores is not None
    keypoints, scores = map_keypoints(
        annotation.keypoints.astype(np.float32), annotation.scores.astype(np.float32), source, target
    )
    return replace(annotation, keypoints=keypoints, scores=scores)
