"""The parts of an extraction put together to one annotation file: names, labels, splits, and a single skeleton."""

import logging
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
from posec3d.annotations.labelling import SegmentLabels
from posec3d.annotations.segment_tables import between
from posec3d.annotations.segment_tables import segment_name
from posec3d.annotations.splitting import Splits
from posec3d.annotations.video_lists import NamedVideo
from posec3d.annotations.video_lists import VideoPlace
from posec3d.mapping import check_mappable
from posec3d.mapping import map_keypoints
from posec3d.people import PosedVideo
from posec3d.people import PosedVideos
from posec3d.people import end_of
from posec3d.skeletons import Skeleton
from posec3d.video.extraction import annotation_of
from posec3d.video.extraction import part_of
from posec3d.video.extraction_parts import Part
from posec3d.video.sources import VIDEO_SUFFIXES
from posec3d.video.sources import Source
from posec3d.video.sources import is_glob
from posec3d.video.sources import is_posed
from posec3d.video.sources import is_url
from posec3d.video.sources import shown

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class Grouping:
    """The names, labels and splits of all videos."""

    videos: Sequence[NamedVideo]
    labels: Labels | SegmentLabels
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


def places_of(parts: Mapping[Source, Part | None]) -> list[VideoPlace]:
    """Return where each video is, source by source; a source that failed, None, counts as one video."""
    places = []
    for source, part in parts.items():
        if part is None or len(part.videos) == 1:
            places.append(place_of(source))
        else:
            places += [place_of(source, name) for name in part.videos.names]
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


def put_together(parts: Mapping[Source, Part | None], grouping: Grouping) -> tuple[AnnotationSet, dict[Source, str]]:
    """Return the set of all videos, in the order of the sources, and the reasons of sources that do not fit into it.

    Where segments of videos are labelled, each of these is a video of its own, in the splits of the whole.
    `grouping` is of the places of all `parts`, a source that failed, None, being one video: what the others get does
    not hang on it. The skeleton is that of the videos, or of the first file of poses; others are mapped to it.

    Raises ValueError for a segment without a frame, as one that begins after its video has ended.
    """
    skeleton = _skeleton_of_all(parts)
    names = iter([video.name for video in grouping.videos])
    failures: dict[Source, str] = {}
    annotations: list[Annotation] = []
    pieces: dict[str, list[str]] = {}
    for source, part in parts.items():
        if part is None:
            next(names)
            continue
        named = [next(names) for _ in part.videos.names]
        try:
            check_mappable(part.skeleton, skeleton)
        except ValueError as error:
            failures[source] = f"{shown(source)}: {error}"
            continue
        if isinstance(grouping.labels, SegmentLabels) and not grouping.labels.in_frames:
            _say_the_rate(source, part.videos)
        for name, video in zip(named, part.videos, strict=True):
            found = _annotations_of(name, video, grouping.labels)
            own = [_mapped(annotation, part.skeleton, skeleton) for annotation in found]
            pieces[name] = [annotation.video for annotation in own]
            annotations += own
    splits = {
        split: tuple(piece for name in videos for piece in pieces.get(name, ()))
        for split, videos in grouping.splits.items()
    }
    return AnnotationSet(tuple(annotations), splits, grouping.labels.classes, skeleton.keypoints), failures


def _say_the_rate(source: Source, videos: PosedVideos) -> None:
    """Say where the times of segments rest on an assumption."""
    if not videos.rate_is_known:
        _LOGGER.warning(
            "%s: does not say how many frames a second: taken as %g, for the times of segments (--fps says another)",
            shown(source), videos[0].frames_per_second,
        )  # fmt: skip


def _annotations_of(name: str, video: PosedVideo, labels: Labels | SegmentLabels) -> list[Annotation]:
    """Return a video as it is stored: whole, or in the segments that are labelled."""
    if isinstance(labels, Labels):
        return [_with_somebody(annotation_of(video, name, labels.of_video.get(name)))]
    end = float(len(video.frames)) if labels.in_frames else end_of(video)
    segments = labels.of_video.get(name, ())
    cuts = [(segment.start, segment.end, label, segment.line) for segment, label in segments]
    if labels.background is not None:
        pieces = between([cut[:2] for cut in cuts], end, labels.usual_length)
        cuts += [(start, stop, labels.background, "") for start, stop in pieces]
    annotations = []
    for start, stop, label, line in sorted(cuts):
        part = part_of(video, start, stop, in_frames=labels.in_frames)
        if part.frames:
            annotations.append(_with_somebody(annotation_of(part, segment_name(name, start, stop), label)))
        elif line:
            unit = "frame" if labels.in_frames else "second"
            raise ValueError(
                f"{line}: from {unit} {start:g} to {stop:g} there is nothing of {name!r}, which ends at {end:.4g}; "
                "correct it"
            )
    return annotations


def _with_somebody(annotation: Annotation) -> Annotation:
    """Return the annotation with at least one row: mmaction2 and pyskl stop at videos that have none."""
    if len(annotation.keypoints):
        return annotation
    assert annotation.scores is not None
    keypoints = np.zeros((1, *annotation.keypoints.shape[1:]), np.float32)
    return replace(annotation, keypoints=keypoints, scores=np.zeros(keypoints.shape[:-1], np.float32))


def _skeleton_of_all(parts: Mapping[Source, Part | None]) -> Skeleton:
    there = {source: part for source, part in parts.items() if part is not None}
    of_videos = [part for source, part in there.items() if not is_posed(source)]
    return (of_videos or list(there.values()))[0].skeleton


def _divided(name: str) -> tuple[str, str]:
    """Return a file's name without its ending, and the ending."""
    stem = name[: -len(".pkl.gz")] if name.lower().endswith(".pkl.gz") else name[: len(name) - len(Path(name).suffix)]
    return stem, name[len(stem) :]


def _whole(path: Source) -> Path:
    # Not resolve(): links are how people sort one video into several folders.
    return Path(os.path.abspath(path))  # noqa: PTH100


def _mapped(annotation: Annotation, source: Skeleton, target: Skeleton) -> Annotation:
    if source.keypoints == target.keypoints:
        return annotation
    assert annotation.scores is not None
    keypoints, scores = map_keypoints(
        annotation.keypoints.astype(np.float32), annotation.scores.astype(np.float32), source, target
    )
    return replace(annotation, keypoints=keypoints, scores=scores)
