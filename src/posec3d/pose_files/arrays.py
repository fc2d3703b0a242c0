"""Poses as arrays in an .npz file."""

import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from posec3d.pose_files.contents import FileVideo
from posec3d.pose_files.contents import Person
from posec3d.pose_files.contents import stem_of

_SHAPES = "(T, V, 2), (T, V, 3) with scores, or the same for several people, (M, T, V, 2) and (M, T, V, 3)"


def array_video(path: Path) -> FileVideo:
    """Return the video of an .npz file with the array `keypoints` and, if there are any, `scores`.

    One person's keypoints are (T, V, 2) or (T, V, 3), a score after x and y; several people's (M, T, V, 2) or
    (M, T, V, 3), a row an identity. `canvas` (height, width), `frames_per_second` and `keypoint_names` may be there.
    """
    stored = _read(path)
    keypoints = _floats(stored, "keypoints", path)
    assert keypoints is not None
    if keypoints.ndim not in (3, 4) or keypoints.shape[-1] not in (2, 3) or 0 in keypoints.shape:
        raise ValueError(f"{path}: keypoints has shape {keypoints.shape}; write {_SHAPES}")
    scores = _floats(stored, "scores", path)
    if keypoints.shape[-1] == 3:
        keypoints, scores = keypoints[..., :2], keypoints[..., 2] if scores is None else scores
    scores = np.ones(keypoints.shape[:-1]) if scores is None else scores
    if scores.shape != keypoints.shape[:-1]:
        raise ValueError(
            f"{path}: scores has shape {scores.shape}, keypoints {keypoints.shape}; write a score for each keypoint"
        )
    if keypoints.ndim == 3:
        keypoints, scores = keypoints[None], scores[None]
    frames = {
        time: [
            Person(keypoints[row, time], scores[row, time], row, f"frame {time}, person {row}")
            for row in range(len(keypoints))
        ]
        for time in range(keypoints.shape[1])
    }
    names = stored.get("keypoint_names")
    return FileVideo(
        stem_of(path),
        frames,
        canvas=_canvas(stored, path),
        frames_per_second=_rate(stored, path),
        keypoints=None if names is None else [str(name) for name in names.ravel()],
    )


_ALSO_CALLED = {
    "keypoints": ("keypoint",),
    "scores": ("keypoint_scores", "keypoint_score"),
    "canvas": ("img_shape",),
    "frames_per_second": ("fps",),
    "keypoint_names": ("names",),
}


def _read(path: Path) -> Mapping[str, np.ndarray]:
    """Return the arrays that are understood, by the first of their names."""
    wanted = {other: name for name, others in _ALSO_CALLED.items() for other in (name, *others)}
    try:
        archive = np.load(path, allow_pickle=False)
        names = archive.files if isinstance(archive, np.lib.npyio.NpzFile) else []
        stored = {wanted[name]: archive[name] for name in names if name in wanted}
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError) as error:
        raise ValueError(f"{path}: not an .npz file of plain arrays, or damaged ({error}); write it again") from None
    if "keypoints" not in stored:
        found = ", ".join(map(repr, names)) or "no array with a name"
        raise ValueError(f"{path}: holds {found}, but no 'keypoints'; save it with np.savez(path, keypoints=array)")
    return stored


def _floats(stored: Mapping[str, np.ndarray], name: str, path: Path) -> np.ndarray | None:
    if name not in stored:
        return None
    if stored[name].dtype.kind not in "biuf":
        raise ValueError(f"{path}: {name} holds {stored[name].dtype} values; write numbers")
    return stored[name].astype(np.float64)


def _canvas(stored: Mapping[str, Any], path: Path) -> tuple[int, int] | None:
    size = _floats(stored, "canvas", path)
    if size is None:
        return None
    if size.shape != (2,) or not (size >= 1).all() or (size % 1).any():
        raise ValueError(f"{path}: canvas is {size.tolist()}; write (height, width) in pixels")
    return int(size[0]), int(size[1])


def _rate(stored: Mapping[str, Any], path: Path) -> float | None:
    rate = _floats(stored, "frames_per_second", path)
    if rate is None:
        return None
    if rate.size != 1 or not rate.item() > 0 or not np.isfinite(rate.item()):
        raise ValueError(f"{path}: frames_per_second is {rate.tolist()}; write one number above 0")
    return float(rate.item())
