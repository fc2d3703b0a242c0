"""Late fusion: the weighted sum of what several models say about the same videos.

Source: PoseC3D, section 4.3 (keypoint and limb, 1:1); as mmaction2 1.x `report_accuracy.py` adds scores.
"""

from collections.abc import Sequence

import numpy as np

from posec3d.evaluation.scores import Scores
from posec3d.runtime.names import first_misplaced


def fuse(streams: Sequence[Scores], weights: Sequence[float]) -> Scores:
    """Return the weighted mean of the scores of several models; labels, ids and class names from whoever has them.

    Videos are in the order of `in_one_order`. Raises ValueError as that does, and when names of classes or labels
    differ between streams.
    """
    if len(weights) != len(streams):
        raise ValueError(f"{len(weights)} weights for {len(streams)} files of scores; give one weight a file")
    if not all(0 <= weight < float("inf") for weight in weights) or sum(weights) == 0:
        raise ValueError(f"weights {tuple(weights)} must be numbers from 0 on, and not all 0")
    _check_classes([stream.classes for stream in streams])
    aligned = in_one_order(streams)
    total = sum(weight * stream.values for weight, stream in zip(weights, aligned, strict=True))
    labels = _agreed([stream.labels for stream in aligned if stream.labels is not None])
    return Scores(
        values=np.asarray(total / sum(weights), np.float32),
        labels=labels,
        videos=next((stream.videos for stream in aligned if stream.videos), None),
        classes=next((stream.classes for stream in aligned if stream.classes), None),
    )


def in_one_order(streams: Sequence[Scores]) -> list[Scores]:
    """Return streams with their videos in the order of the first one that has ids.

    Those without ids are taken to be in that order. Raises ValueError when numbers of videos or classes, or ids, differ
    between streams.
    """
    first, named = streams[0], next((place for place, stream in enumerate(streams) if stream.videos is not None), 0)
    for position, other in enumerate(streams[1:], start=2):
        if other.values.shape != first.values.shape:
            raise ValueError(
                f"file {position} has scores of {other.values.shape[0]} videos and {other.values.shape[1]} classes, "
                f"the first of {first.values.shape[0]} and {first.values.shape[1]}; fuse results of one test split"
            )
    order = streams[named].videos
    return [
        stream
        if order is None or stream.videos is None or stream.videos == order
        else _in_order(stream, order, f"file {position}", f"file {named + 1}")
        for position, stream in enumerate(streams, start=1)
    ]


def _in_order(stream: Scores, order: Sequence[str], name: str, name_of_order: str) -> Scores:
    assert stream.videos is not None
    if len(set(stream.videos)) < len(stream.videos):
        raise ValueError(f"{name} lists a video twice, so it cannot be put in the order of {name_of_order}")
    if set(order) != set(stream.videos):
        stranger = sorted(set(stream.videos) - set(order))[0]
        raise ValueError(
            f"{name} has video {stranger!r}, which {name_of_order} has not; fuse results of the same split"
        )
    place = {video: index for index, video in enumerate(stream.videos)}
    places = [place[video] for video in order]
    labels = None if stream.labels is None else stream.labels[places]
    return Scores(stream.values[places], labels, tuple(order), stream.classes)


def _check_classes(names: Sequence[tuple[str, ...] | None]) -> None:
    known = [(position, one) for position, one in enumerate(names, start=1) if one is not None]
    for position, others in known[1:]:
        place, first = known[0]
        label = first_misplaced(first, others)
        if label is not None:
            raise ValueError(
                f"class {label} is {first[label]!r} in file {place} and {others[label]!r} in file {position}; fuse "
                "results of models that know the same classes in the same order"
            )


def _agreed(labels: Sequence[np.ndarray]) -> np.ndarray | None:
    for other in labels[1:]:
        if not np.array_equal(labels[0], other):
            video = int(np.flatnonzero(labels[0] != other)[0])
            raise ValueError(
                f"the files disagree about the label of video number {video}; fuse results of the same split"
            )
    return labels[0] if labels else None
