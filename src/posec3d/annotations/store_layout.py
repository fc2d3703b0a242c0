"""What a store looks like inside: the columns of its Arrow file, and how a batch of videos is read without a copy."""

from dataclasses import dataclass
from itertools import pairwise
from types import ModuleType
from typing import Any

import numpy as np
from jaxtyping import Bool
from jaxtyping import Int
from jaxtyping import Int32
from jaxtyping import Int64
from jaxtyping import UInt8
from jaxtyping import UInt16

from posec3d.annotations.annotation import Annotation

# In the schema's metadata: the version of this layout. In the last batch's: what is said of the set as a whole.
LAYOUT_KEY = b"posec3d store"
LAYOUT = b"1"
SET_KEY = b"posec3d set"
_FLOATS = {bits: np.dtype(f"<f{bits // 8}") for bits in (16, 32, 64)}


def import_pyarrow() -> ModuleType:
    """Return pyarrow; ImportError, with the way to install it, without."""
    try:
        import pyarrow.ipc
    except ImportError as error:
        raise ImportError("annotation stores (.arrow) need pyarrow: pip install posec3d[store]") from error
    return pyarrow  # type: ignore[no-any-return]


def arrow_schema() -> Any:
    """Return the columns of a store; keypoints and scores are bytes, little-endian, in C order (M, T, V[, 2])."""
    pa = import_pyarrow()
    columns = [
        ("name", pa.string()),
        ("label", pa.int64()),
        ("height", pa.int32()),
        ("width", pa.int32()),
        ("num_people", pa.int32()),
        ("num_frames", pa.int32()),
        ("num_keypoints", pa.int32()),
        ("keypoint_bits", pa.uint8()),
        ("score_bits", pa.uint8()),
        ("somebody_seen", pa.bool_()),
        ("splits", pa.list_(pa.field("item", pa.uint16(), nullable=False))),
        ("keypoints", pa.large_binary()),
        ("scores", pa.large_binary()),
    ]
    fields = [pa.field(name, kind, nullable=name in ("label", "scores")) for name, kind in columns]
    return pa.schema(fields, metadata={LAYOUT_KEY: LAYOUT})


@dataclass(frozen=True)
class Pieces:
    """A column of bytes: those of row i are `content[starts[i]:starts[i + 1]]`, so that S is one more than rows."""

    starts: Int[np.ndarray, " S"]
    content: UInt8[np.ndarray, " B"]

    def row(self, row: int) -> UInt8[np.ndarray, " b"]:
        """Return the bytes of one row, as a view."""
        return self.content[self.starts[row] : self.starts[row + 1]]


@dataclass(frozen=True)
class StoredBatch:
    """Some hundred videos: views of the mapped file, but for labels and what is less than a byte a video."""

    names: Pieces
    labels: Int64[np.ndarray, " N"]
    labelled: Bool[np.ndarray, " N"]
    heights: Int32[np.ndarray, " N"]
    widths: Int32[np.ndarray, " N"]
    num_people: Int32[np.ndarray, " N"]
    num_frames: Int32[np.ndarray, " N"]
    num_keypoints: Int32[np.ndarray, " N"]
    keypoint_bits: UInt8[np.ndarray, " N"]
    score_bits: UInt8[np.ndarray, " N"]
    seen: Bool[np.ndarray, " N"]
    split_starts: Int[np.ndarray, " S"]
    split_numbers: UInt16[np.ndarray, " R"]
    keypoints: Pieces
    scored: Bool[np.ndarray, " N"]
    scores: Pieces

    def video_names(self) -> list[str]:
        """Return the names of all videos of the batch."""
        content = self.names.content.tobytes()
        starts = self.names.starts.tolist()
        return [content[start:end].decode() for start, end in pairwise(starts)]

    def annotation(self, row: int) -> Annotation:
        """Return one video, its arrays as read-only views."""
        shape = (int(self.num_people[row]), int(self.num_frames[row]), int(self.num_keypoints[row]))
        scores = None
        if self.scored[row]:
            scores = self.scores.row(row).view(_FLOATS[int(self.score_bits[row])]).reshape(shape)
        return Annotation(
            video=self.names.row(row).tobytes().decode(),
            label=int(self.labels[row]) if self.labelled[row] else None,
            canvas=(int(self.heights[row]), int(self.widths[row])),
            keypoints=self.keypoints.row(row).view(_FLOATS[int(self.keypoint_bits[row])]).reshape(*shape, 2),
            scores=scores,
        )


def read_batch(batch: Any) -> StoredBatch:
    """Return the columns of a record batch of a store; ValueError if they do not fit each other."""
    batch.validate(full=True)
    column = {name: batch.column(name) for name in batch.schema.names}
    numbers = {
        name: _values(column[name], np.int32)
        for name in ("height", "width", "num_people", "num_frames", "num_keypoints")
    }
    splits = column["splits"]
    read = StoredBatch(
        names=_pieces(column["name"], np.int32),
        labels=column["label"].fill_null(-1).to_numpy(),
        labelled=column["label"].is_valid().to_numpy(zero_copy_only=False),
        heights=numbers["height"],
        widths=numbers["width"],
        num_people=numbers["num_people"],
        num_frames=numbers["num_frames"],
        num_keypoints=numbers["num_keypoints"],
        keypoint_bits=_values(column["keypoint_bits"], np.uint8),
        score_bits=_values(column["score_bits"], np.uint8),
        seen=column["somebody_seen"].to_numpy(zero_copy_only=False),
        split_starts=splits.offsets.to_numpy(),
        split_numbers=splits.values.to_numpy(),
        keypoints=_pieces(column["keypoints"], np.int64),
        scored=column["scores"].is_valid().to_numpy(zero_copy_only=False),
        scores=_pieces(column["scores"], np.int64),
    )
    _check_sizes(read)
    return read


def _check_sizes(batch: StoredBatch) -> None:
    shapes = np.stack([batch.num_people, batch.num_frames, batch.num_keypoints]).astype(np.int64)
    sizes = np.prod(shapes, axis=0)
    score_sizes = np.where(batch.scored, sizes * (batch.score_bits // 8), 0)
    fits = (
        (shapes >= 0).all()
        and np.isin(batch.keypoint_bits, list(_FLOATS)).all()
        and np.isin(batch.score_bits[batch.scored], list(_FLOATS)).all()
        and (np.diff(batch.keypoints.starts) == 2 * sizes * (batch.keypoint_bits // 8)).all()
        and (np.diff(batch.scores.starts) == score_sizes).all()
    )
    if not fits:
        raise ValueError("the sizes of its arrays contradict each other")


def _values(column: Any, dtype: type[np.number[Any]]) -> np.ndarray:
    """Return a column without nulls, as a view."""
    return _bytes_of(column.buffers()[1], dtype)[: len(column)]


def _pieces(column: Any, of_starts: type[np.number[Any]]) -> Pieces:
    _, starts, content = column.buffers()
    if len(column) == 0:
        return Pieces(np.zeros(1, of_starts), np.zeros(0, np.uint8))
    return Pieces(_bytes_of(starts, of_starts)[: len(column) + 1], _bytes_of(content, np.uint8))


def _bytes_of(buffer: Any, dtype: type[np.number[Any]]) -> np.ndarray:
    if buffer is None or buffer.size == 0:
        return np.zeros(0, dtype)
    return np.frombuffer(buffer, dtype, count=buffer.size // np.dtype(dtype).itemsize)
