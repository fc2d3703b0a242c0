"""What networks see in videos before they name a class: kept in a file, compared, and flattened for a picture."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from jaxtyping import Int

from posec3d.runtime.files import replacing

# So many rows are compared with all others at once.
_ROWS_AT_ONCE = 1_000


@dataclass(frozen=True)
class Features:
    """One row of D features for each of N videos, with its name and its label, -1 for one without."""

    values: Float[np.ndarray, "N D"]
    labels: Int[np.ndarray, " N"]
    videos: tuple[str, ...]
    classes: tuple[str, ...] | None = None


def check_features_path(path: Path) -> None:
    """Raise ValueError unless it is an .npz, and make the folder: to be called before hours of computing."""
    if path.suffix != ".npz":
        given = path.suffix or "a file without suffix"
        raise ValueError(f"{path}: features are written as .npz, not as {given}")
    path.parent.mkdir(parents=True, exist_ok=True)


def save_features(path: Path, features: Features) -> None:
    """Write an .npz: `features` (N, D), `labels` (N), `videos` (N) and, where they have names, `classes` (K)."""
    check_features_path(path)
    arrays: dict[str, Any] = {
        "features": features.values,
        "labels": features.labels,
        "videos": np.array(features.videos),
    }
    if features.classes is not None:
        arrays["classes"] = np.array(features.classes)
    with replacing(path) as unfinished, unfinished.open("wb") as file:
        np.savez(file, **arrays)


def nearest_is_alike(features: Features, advance: Callable[[int], object] = lambda _: None) -> dict[int, float]:
    """Return for each class of two videos or more the share of these whose nearest other video is of it too.

    Nearest by the angle between features, among all videos with a label. `advance` is called with the number of videos
    that were compared, every thousand.
    """
    known = features.labels >= 0
    directions, labels = _directions(features.values[known]), features.labels[known]
    alike = np.zeros(len(labels), np.bool_)
    for start in range(0, len(labels), _ROWS_AT_ONCE):
        rows = np.arange(start, min(start + _ROWS_AT_ONCE, len(labels)))
        nearness = directions[rows] @ directions.T
        nearness[np.arange(len(rows)), rows] = -np.inf
        alike[rows] = labels[nearness.argmax(1)] == labels[rows]
        advance(len(rows))
    return {
        int(label): float(alike[labels == label].mean())
        for label, count in zip(*np.unique(labels, return_counts=True), strict=True)
        if count > 1
    }


def flattened(values: Float[np.ndarray, "N D"]) -> Float[np.ndarray, "N 2"]:
    """Return the first two principal components of the features' directions: where videos lie farthest apart."""
    directions = _directions(values)
    centred = directions - directions.mean(0)
    *_, axes = np.linalg.svd(centred, full_matrices=False)
    plane = np.zeros((len(values), 2))
    plane[:, : len(axes[:2])] = centred @ axes[:2].T
    return plane


def _directions(values: Float[np.ndarray, "N D"]) -> Float[np.ndarray, "N D"]:
    """Return features of length 1, of which the angle is all that is left."""
    exact = values.astype(np.float64)
    directions: Float[np.ndarray, "N D"] = exact / np.maximum(np.linalg.norm(exact, axis=1, keepdims=True), 1e-12)
    return directions
