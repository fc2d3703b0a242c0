"""Writing annotation stores: videos go to the file one after another, so that a set of any size fits in memory."""

import json
import os
from collections import defaultdict
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from posec3d.annotations.annotation import Annotation
from posec3d.annotations.annotation import as_floats
from posec3d.annotations.columns import is_somebody_seen
from posec3d.annotations.schema import VideoStream
from posec3d.annotations.store_layout import SET_KEY
from posec3d.annotations.store_layout import arrow_schema
from posec3d.annotations.store_layout import import_pyarrow
from posec3d.runtime.files import replacing

# Of a batch. Opening reads the heads of all batches, from places far apart: fewer are sooner read from a cold disk.
_MOST_VIDEOS = 8192
_MOST_BYTES = 1 << 26


@dataclass(frozen=True)
class StoreSummary:
    """What was written: the number of videos, and of those in which nobody is seen."""

    videos: int
    nobody_seen: int


def write_store(
    path: str | os.PathLike[str],
    streams: Iterable[VideoStream],
    *,
    advance: Callable[[int], object] = lambda _: None,
    check_labels: bool = False,
) -> StoreSummary:
    """Write streams after each other into one store; it appears whole or not at all, and alike for the same streams.

    Splits of one name are put together. `advance` is called with 1 after each video. Raises ValueError for streams that
    differ in classes or keypoint names, or share a video, and with `check_labels` for one that is none of the classes,
    whichever stream says these.
    """
    pa = import_pyarrow()
    with replacing(path) as unfinished, pa.OSFile(str(unfinished), "wb") as sink:
        writer = _StoreWriter(sink)
        for stream in streams:
            writer.add(stream, advance)
        if check_labels:
            writer.check_labels()
        return writer.finish()


class _StoreWriter:
    def __init__(self, sink: Any) -> None:
        self._schema = arrow_schema()
        self._file = import_pyarrow().ipc.new_file(sink, self._schema)
        self._rows: list[dict[str, Any]] = []
        self._num_bytes = self._num_videos = self._nobody_seen = 0
        self._sources: dict[str, str] = {}
        # By the order of its keys a split has its number.
        self._absent: dict[str, list[str]] = {}
        self._said: dict[str, tuple[tuple[str, ...], str]] = {}
        # The largest label, and whose it is.
        self._largest: tuple[int, str] = (-1, "")

    def add(self, stream: VideoStream, advance: Callable[[int], object]) -> None:
        source = stream.source
        self._agree("classes", stream.classes, source)
        self._agree("keypoint_names", stream.keypoint_names, source)
        splits_of = self._splits_of_videos(stream.splits)
        names: set[str] = set()
        for annotation in stream.videos:
            if annotation.video in self._sources:
                earlier = self._sources[annotation.video]
                raise ValueError(f"{source}: video {annotation.video!r} is also in {earlier}; give each video once")
            names.add(annotation.video)
            self._write(annotation, splits_of.get(annotation.video, []))
            advance(1)
        self._sources.update(dict.fromkeys(names, source))
        for name, videos in stream.splits.items():
            self._absent[name] += [video for video in videos if video not in names]

    def check_labels(self) -> None:
        classes, _ = self._said.get("classes", (None, ""))
        label, video = self._largest
        if classes is not None and label >= len(classes):
            raise ValueError(
                f"{self._sources[video]}: video {video!r} has label {label}, and there are {len(classes)} classes, of "
                f"labels 0..{len(classes) - 1}; correct the label or the list of classes"
            )

    def finish(self) -> StoreSummary:
        self._flush()
        about: dict[str, Any] = {"splits": list(self._absent.items()), "classes": None, "keypoint_names": None}
        about |= {what: names for what, (names, _) in self._said.items()}
        nothing = import_pyarrow().RecordBatch.from_pylist([], schema=self._schema)
        # What is known of the whole only at the end stands there; a file that lacks it is refused.
        self._file.write_batch(nothing, {SET_KEY: json.dumps(about, ensure_ascii=False).encode()})
        self._file.close()
        return StoreSummary(self._num_videos, self._nobody_seen)

    def _agree(self, what: str, names: tuple[str, ...] | None, source: str) -> None:
        if names is None:
            return
        known, earlier = self._said.setdefault(what, (names, source))
        if names != known:
            raise ValueError(f"{source}: has other {what} than {earlier}; make them the same, or pack them apart")

    def _splits_of_videos(self, splits: Mapping[str, Sequence[str]]) -> Mapping[str, list[int]]:
        splits_of: defaultdict[str, list[int]] = defaultdict(list)
        for name, videos in splits.items():
            self._absent.setdefault(name, [])
            number = list(self._absent).index(name)
            for video in dict.fromkeys(videos):
                splits_of[video].append(number)
        return splits_of

    def _write(self, annotation: Annotation, splits: list[int]) -> None:
        # Whole numbers would be read back as floats of the same bits.
        keypoints = as_floats(annotation.keypoints)
        scores = None if annotation.scores is None else as_floats(annotation.scores)
        seen = is_somebody_seen(annotation)
        num_people, num_frames, num_keypoints, _ = keypoints.shape
        row = {
            "name": annotation.video,
            "label": annotation.label,
            "height": annotation.canvas[0],
            "width": annotation.canvas[1],
            "num_people": num_people,
            "num_frames": num_frames,
            "num_keypoints": num_keypoints,
            "keypoint_bits": 8 * keypoints.itemsize,
            "score_bits": 0 if scores is None else 8 * scores.itemsize,
            "somebody_seen": seen,
            "splits": splits,
            "keypoints": _little_endian(keypoints),
            "scores": None if scores is None else _little_endian(scores),
        }
        if annotation.label is not None:
            self._largest = max(self._largest, (annotation.label, annotation.video))
        self._rows.append(row)
        self._num_videos += 1
        self._nobody_seen += not seen
        self._num_bytes += keypoints.nbytes + (0 if scores is None else scores.nbytes)
        if len(self._rows) >= _MOST_VIDEOS or self._num_bytes >= _MOST_BYTES:
            self._flush()

    def _flush(self) -> None:
        if self._rows:
            pa = import_pyarrow()
            columns = [pa.array([row[field.name] for row in self._rows], field.type) for field in self._schema]
            self._file.write_batch(pa.RecordBatch.from_arrays(columns, schema=self._schema))
        self._rows, self._num_bytes = [], 0


def _little_endian(array: np.ndarray) -> bytes:
    return array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
