"""Scores on disk: what `test --out` writes and `fuse` reads.

A `.pkl` is what mmaction2 0.x writes: a list of one score array a video, and nothing else. `.json` and `.npz` also
carry video ids, labels and class names.
"""

import io
import json
import pickle
from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from jaxtyping import Int

from posec3d.annotations.columns import labels_of
from posec3d.annotations.columns import names_of
from posec3d.annotations.files import load_annotations
from posec3d.annotations.unpickling import load_pickle
from posec3d.models.pth_files import rebuild_tensor
from posec3d.runtime.files import replacing


@dataclass(frozen=True)
class Scores:
    """One row of class probabilities for each of N videos; ids, labels and class names where the file has them."""

    values: Float[np.ndarray, "N K"]
    labels: Int[np.ndarray, " N"] | None = None
    videos: tuple[str, ...] | None = None
    classes: tuple[str, ...] | None = None


def check_scores_path(path: Path) -> None:
    """Raise ValueError unless the suffix names a format, and make the folder: to be called before hours of scoring."""
    if path.suffix not in _WRITERS:
        given = path.suffix or "a file without suffix"
        raise ValueError(f"{path}: scores are written as .pkl, .json or .npz, not as {given}")
    path.parent.mkdir(parents=True, exist_ok=True)


def save_scores(path: Path, scores: Scores) -> None:
    """Write scores in the format that the suffix names: .pkl, .json or .npz. ValueError for another one."""
    check_scores_path(path)
    with replacing(path) as unfinished:
        _WRITERS[path.suffix](unfinished, scores)


def load_scores(path: Path) -> Scores:
    """Read scores of ours, of mmaction2 0.x and pyskl (list of arrays), or of mmaction2 1.x (list of dictionaries).

    Raises ValueError for a file that holds anything else.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"{path}: no such scores file; `posec3d test CONFIG CHECKPOINT --out {path.name}` writes one"
        )
    try:
        if path.suffix == ".json":
            return _from_json(path)
        if path.suffix == ".npz":
            return _from_npz(path)
        return _from_pickle(path)
    # RuntimeError: a tensor that does not fit its bytes.
    except (KeyError, TypeError, IndexError, RuntimeError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ValueError(
            f"{path}: not a scores file ({_said(error)}); expected what `posec3d test --out` writes"
        ) from error


def _said(error: Exception) -> str:
    return f"it has no {error.args[0]!r}" if isinstance(error, KeyError) and error.args else str(error)


def load_labels(path: Path, scores: Scores) -> Int[np.ndarray, " N"]:
    """Read the true labels of scored videos, from a scores file that has them or from an annotation file.

    By the ids of videos where the file has those that are scored; else it has the same videos in the same order.
    ValueError for a file that has some of them alone, or one of them twice with different labels.
    """
    if path.suffix in (".json", ".npz"):
        truth = load_scores(path)
        labels, videos = truth.labels, truth.videos
    else:
        annotations = load_annotations(path).annotations
        labels, videos = labels_of(annotations), tuple(names_of(annotations))
    if labels is not None and videos is not None and scores.videos not in (None, videos):
        ordered = _by_ids(path, videos, labels, scores.videos or ())
        if ordered is not None:
            return ordered
    num_videos = len(scores.values)
    if labels is None or len(labels) != num_videos:
        found = "no labels" if labels is None else f"{len(labels)} labels"
        raise ValueError(f"{path}: has {found} for {num_videos} scored videos; give the file of the same test split")
    return labels


def _by_ids(
    path: Path, videos: Sequence[str], labels: Int[np.ndarray, " M"], wanted: Sequence[str]
) -> Int[np.ndarray, " N"] | None:
    """Return the labels of the wanted videos, or None where the file calls all of them otherwise."""
    known: dict[str, int] = {}
    missing = set(wanted).difference(videos)
    if len(missing) == len(set(wanted)):
        return None
    for video, label in zip(videos, labels.tolist(), strict=True):
        if known.setdefault(video, label) != label and video in wanted:
            raise ValueError(f"{path}: has video {video!r} twice, with labels {known[video]} and {label}; correct one")
    if missing:
        raise ValueError(f"{path}: lacks scored video {min(missing)!r}; give the file of the same test split")
    return np.array([known[video] for video in wanted])


def _write_pickle(path: Path, scores: Scores) -> None:
    with path.open("wb") as file:
        pickle.dump(list(scores.values.astype(np.float32)), file, protocol=4)


def _write_npz(path: Path, scores: Scores) -> None:
    optional = {"labels": scores.labels, "videos": scores.videos, "classes": scores.classes}
    given: dict[str, Any] = {name: np.asarray(value) for name, value in optional.items() if value is not None}
    np.savez_compressed(path, scores=scores.values.astype(np.float32), **given)


def _write_json(path: Path, scores: Scores) -> None:
    rows = []
    for index, row in enumerate(scores.values):
        video: dict[str, object] = {"video": scores.videos[index] if scores.videos else str(index)}
        if scores.labels is not None:
            video["label"] = int(scores.labels[index])
        rows.append(video | {"predicted": int(row.argmax()), "scores": [float(f"{value:.9g}") for value in row]})
    content = {"classes": scores.classes, "videos": rows}
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


_WRITERS = {".pkl": _write_pickle, ".npz": _write_npz, ".json": _write_json}


def _from_json(path: Path) -> Scores:
    content = json.loads(path.read_text(encoding="utf-8"))
    rows = content["videos"]
    return Scores(
        values=_table(path, [row["scores"] for row in rows]),
        labels=np.array([row["label"] for row in rows]) if "label" in rows[0] else None,
        videos=tuple(row["video"] for row in rows),
        classes=tuple(content["classes"]) if content["classes"] else None,
    )


def _from_npz(path: Path) -> Scores:
    try:
        with np.load(path) as file:
            content = dict(file)
    except Exception as error:  # A damaged zip raises errors of many kinds.
        raise ValueError(f"{path}: not an .npz file, or a damaged one ({error}); write it again") from error
    names = {name: tuple(content[name].tolist()) if name in content else None for name in ("videos", "classes")}
    return Scores(content["scores"], content.get("labels"), names["videos"], names["classes"])


def _from_pickle(path: Path) -> Scores:
    rows: Any = load_pickle(path, also=_TENSORS)
    if not isinstance(rows, list) or not rows:
        raise ValueError(f"{path}: not a scores file; expected a list with the scores of each video")
    if not isinstance(rows[0], dict):
        return Scores(_table(path, rows))
    # mmaction2 1.x: `pred_score` and `gt_label` (rc versions: `pred_scores.item`, `gt_labels.item`) are tensors.
    values = [row["pred_score"] if "pred_score" in row else row["pred_scores"]["item"] for row in rows]
    labels = [row["gt_label"] if "gt_label" in row else row["gt_labels"]["item"] for row in rows]
    return Scores(
        _table(path, values),
        np.array([int(np.asarray(label).reshape(-1)[0]) for label in labels]),
    )


def _table(path: Path, rows: Sequence[Any]) -> Float[np.ndarray, "N K"]:
    try:
        return np.stack([np.asarray(row, np.float32).reshape(-1) for row in rows])
    except ValueError as error:
        raise ValueError(f"{path}: not a scores file ({error}); every video needs one number a class") from error


def _storage(raw: bytes) -> object:
    return torch.load(io.BytesIO(raw), map_location="cpu", weights_only=True)


# What a pickled tensor is made of, with the limited loader of torch in place of its own.
_TENSORS: dict[tuple[str, str], Callable[..., object]] = {
    ("torch._utils", "_rebuild_tensor_v2"): rebuild_tensor,
    ("torch.storage", "_load_from_bytes"): _storage,
}
