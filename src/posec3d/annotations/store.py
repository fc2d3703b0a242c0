"""Annotation stores: a set of any size in one Arrow file, mapped into memory and read video by video."""

import json
import os
from bisect import bisect_right
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from typing import overload

import numpy as np
from jaxtyping import Bool
from jaxtyping import Int64

from posec3d.annotations.annotation import Annotation
from posec3d.annotations.schema import AnnotationSet
from posec3d.annotations.store_layout import LAYOUT
from posec3d.annotations.store_layout import LAYOUT_KEY
from posec3d.annotations.store_layout import SET_KEY
from posec3d.annotations.store_layout import StoredBatch
from posec3d.annotations.store_layout import arrow_schema
from posec3d.annotations.store_layout import import_pyarrow
from posec3d.annotations.store_layout import read_batch

SUFFIX = ".arrow"
_MAGIC = b"ARROW1"


@dataclass(frozen=True)
class StoreFile:
    """An open store: its batches, the first row of each, and what it says of the set as a whole.

    `absent` maps each split, by number in order, to names that it lists and the store does not have.
    """

    path: str
    batches: tuple[StoredBatch, ...]
    starts: tuple[int, ...]
    absent: Mapping[str, tuple[str, ...]]
    classes: tuple[str, ...] | None
    keypoint_names: tuple[str, ...] | None

    @property
    def num_videos(self) -> int:
        """Number of videos: N."""
        return self.starts[-1] + len(self.batches[-1].labels)

    def annotation(self, row: int) -> Annotation:
        """Return the video of one row."""
        place = bisect_right(self.starts, row) - 1
        return self.batches[place].annotation(row - self.starts[place])

    def names(self) -> list[str]:
        """Return the names of all videos."""
        return [name for batch in self.batches for name in batch.video_names()]

    def rows_of_split(self, name: str) -> Int64[np.ndarray, " R"]:
        """Return the rows of the videos of one split, in file order."""
        number = list(self.absent).index(name)
        rows = [
            start + np.repeat(np.arange(len(batch.labels)), np.diff(batch.split_starts))[batch.split_numbers == number]
            for start, batch in zip(self.starts, self.batches, strict=True)
        ]
        return np.concatenate(rows).astype(np.int64)


class StoredVideos(Sequence[Annotation]):
    """Some videos of a store, each made when it is asked for, with arrays that are read-only views of the file.

    A copy in another process opens the file again, and shares its pages.
    """

    def __init__(self, file: StoreFile, rows: Int64[np.ndarray, " N"]) -> None:
        self._file = file
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, place: int) -> Annotation: ...

    @overload
    def __getitem__(self, place: slice) -> "StoredVideos": ...

    def __getitem__(self, place: int | slice) -> "Annotation | StoredVideos":
        if isinstance(place, slice):
            return StoredVideos(self._file, self._rows[place])
        return self._file.annotation(int(self._rows[place]))

    def __reduce__(self) -> tuple[Any, ...]:
        return _reopened, (self._file.path, self._rows)

    def labels(self) -> Int64[np.ndarray, " N"]:
        labels = [np.where(batch.labelled, batch.labels, -1) for batch in self._file.batches]
        return self._of_rows(labels)

    def names(self) -> list[str]:
        names = self._file.names()
        return [names[row] for row in self._rows.tolist()]

    def keypoint_counts(self) -> Int64[np.ndarray, " N"]:
        return self._of_rows([batch.num_keypoints for batch in self._file.batches]).astype(np.int64)

    def somebody_seen(self) -> Bool[np.ndarray, " N"]:
        return self._of_rows([batch.seen for batch in self._file.batches])

    def chosen(self, wanted: Bool[np.ndarray, " N"]) -> "StoredVideos":
        return StoredVideos(self._file, self._rows[wanted])

    def _of_rows(self, column: Sequence[np.ndarray]) -> np.ndarray:
        values: np.ndarray = np.concatenate(column)[self._rows]
        return values


class StoredSplits(Mapping[str, tuple[str, ...]]):
    """The splits of a store: names of videos in file order, and last those that a split lists and the file lacks."""

    def __init__(self, file: StoreFile) -> None:
        self._file = file

    def __getitem__(self, name: str) -> tuple[str, ...]:
        absent = self._file.absent[name]
        names = self._file.names()
        # A file may have a name twice; a split has it once.
        return *dict.fromkeys(names[row] for row in self._file.rows_of_split(name).tolist()), *absent

    def __iter__(self) -> Iterator[str]:
        return iter(self._file.absent)

    def __len__(self) -> int:
        return len(self._file.absent)


def is_store(path: Path) -> bool:
    """Tell whether a file is an Arrow file, or would be one by its name."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC or path.suffix == SUFFIX


def load_store(path: str | os.PathLike[str]) -> AnnotationSet:
    """Open a store: the file is mapped into memory, and its videos are read when they are asked for.

    Raises ValueError for an Arrow file that is no store of ours, and for one that is damaged or cut short.
    """
    file = open_store(path)
    return AnnotationSet(
        annotations=StoredVideos(file, np.arange(file.num_videos)),
        splits=StoredSplits(file),
        classes=file.classes,
        keypoint_names=file.keypoint_names,
        source=str(path),
    )


def open_store(path: str | os.PathLike[str]) -> StoreFile:
    """Map a store into memory and check that it is whole, but for the values of its arrays."""
    pa = import_pyarrow()
    try:
        reader = pa.ipc.open_file(pa.memory_map(str(path)))
        if (reader.schema.metadata or {}).get(LAYOUT_KEY) == LAYOUT and reader.schema.equals(arrow_schema()):
            # Absolute: a worker may stand in another folder.
            return _read_all(reader, str(Path(path).absolute()))
    except (pa.ArrowException, OSError, ValueError, TypeError, KeyError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(
            f"{path}: not an annotation store, or damaged, or cut short ({reason}); copy it or pack it again"
        ) from error
    raise ValueError(
        f"{path}: an Arrow file, but no annotation store of this version of posec3d; `posec3d pack` writes one"
    )


def _read_all(reader: Any, path: str) -> StoreFile:
    last = reader.num_record_batches - 1
    final, metadata = reader.get_batch_with_custom_metadata(last)
    about = json.loads(metadata[SET_KEY])
    batches = (*(read_batch(reader.get_batch(number)) for number in range(last)), read_batch(final))
    sizes = [len(batch.labels) for batch in batches]
    return StoreFile(
        path=path,
        batches=batches,
        starts=tuple(np.cumsum([0, *sizes[:-1]]).tolist()),
        absent={name: tuple(names) for name, names in about["splits"]},
        classes=None if about["classes"] is None else tuple(about["classes"]),
        keypoint_names=None if about["keypoint_names"] is None else tuple(about["keypoint_names"]),
    )


def _reopened(path: str, rows: Int64[np.ndarray, " N"]) -> StoredVideos:
    return StoredVideos(open_store(path), rows)
