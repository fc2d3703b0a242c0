"""Late fusion: the weighted sum of what several models say about the same videos.

Source: PoseC3D, section 4.3 (keypoint and limb, 1:1); as mmaction2 1.x `report_accuracy.py` adds scores.
"""

from collections.abc import Sequence

import numpy as np

from posec3d.evaluation.scores import Scores


def fuse(streams: Sequence[Scores], weights: Sequence[float]) -> Scores:
    """Return the weighted mean of the scores of several models; labels, ids and class names from whoever has them.

    Streams that all carry video ids may list them in different orders. Raises ValueError when numbers of videos or
    classes, names of classes, ids or labels differ between streams.
    """
    if len(weights) != len(streams):
        raise ValueError(f"{len(weights)} weights for {len(streams)} files of scores; give one weight a file")
    if not all(0 <= weight < float("inf") for weight in weights) or sum(weights) == 0:
        raise ValueError(f"weights {tuple(weights)} must be numbers from 0 on, and not all 0")
    first = streams[0]
    _check_classes([stream.classes for stream in streams])
    aligned = [first, *(_in_order_of(first, stream, position) for position, stream in enumerate(streams[1:], start=2))]
    total = sum(weight * stream.values for weight, stream in zip(weights, aligned, strict=True))
    labels = _agreed([stream.labels for stream in aligned if stream.labels is not None])
    return Scores(
        values=np.asarray(total / sum(weights), np.float32),
        labels=labels,
        videos=next((stream.videos for stream in aligned if stream.videos), None),
        classes=next((stream.classes for stream in aligned if stream.classes), None),
    )


def _in_order_of(first: Scores, other: Scores, position: int) -> Scores:
    if other.values.shape != first.values.shape:
        raise ValueError(
            f"file {position} has scores of {other.values.shape[0]} videos and {other.values.shape[1]} classes, "
            f"the first of {first.values.shape[0]} and {first.values.shape[1]}; fuse results of one test split"
        )
    if first.videos is None or other.videos is None or first.videos == other.videos:
        return other
    if len(set(other.videos)) < len(other.videos):
        raise ValueError(f"file {position} lists a video twice, so it cannot be put in the order of the first")
    if set(first.videos) != set(other.videos):
        stranger = sorted(set(other.videos) - set(first.videos))[0]
        raise ValueError(
            f"file {position} has video {stranger!r}, which the first has not; fuse results of the same split"
        )
    place = {video: index for index, video in enumerate(other.videos)}
    order = [place[video] for video in first.videos]
    labels = None if other.labels is None else other.labels[order]
    return Scores(other.values[order], labels, first.videos, other.classes)


def _check_classes(names: Sequence[tuple[str, ...] | None]) -> None:
    known = [(position, one) for position, one in enumerate(names, start=1) if one is not None]
    for position, others in known[1:]:
        place, first = known[0]
        for label, (name, other) in enumerate(zip(first, others, strict=False)):
            # What the first has no class of is another word for the same.
            if name != other and other in first:
                raise ValueError(
                    f"class {label} is {name!r} in file {place} and {other!r} in file {position}; fuse results of "
                    "models that know the same classes in the same order"
                )


def _agreed(labels: Sequence[np.ndarray]) -> np.ndarray | None:
    for other in labels[1:]:
        if not np.array_equal(labels[0], other):
            video = int(np.flatnonzero(labels[0] != other)[0])
            raise ValueError(
                f"the files disagree about the label of video number {video}; fuse results of the same split"
            )
    return labels[0] if labels else None
