"""How well scores agree with labels: top-1, top-5 and mean class accuracy, as mmaction2 counts them."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from jaxtyping import Int


@dataclass(frozen=True)
class Accuracy:
    """Shares, 0 to 1, of `num_videos` videos. `mean_class` weighs every class alike."""

    top1: float
    top5: float
    mean_class: float
    num_videos: int

    def __str__(self) -> str:
        return (
            f"top-1 {self.top1:.4f}, top-5 {self.top5:.4f}, mean class accuracy {self.mean_class:.4f} "
            f"({self.num_videos} videos)"
        )


@dataclass(frozen=True)
class ClassAccuracy:
    """How well one class is told from the others: numbers of videos that are of it, taken for it, and both.

    `mistaken_for` is the label that most of the rest are taken for, with their number; None without any.
    """

    label: int
    num_videos: int
    num_taken: int
    num_right: int
    mistaken_for: tuple[int, int] | None

    @property
    def recall(self) -> float:
        """The share of the class's videos that are right; NaN without any."""
        return self.num_right / self.num_videos if self.num_videos else float("nan")

    @property
    def precision(self) -> float:
        """The share of what is taken for the class that is right; NaN without any."""
        return self.num_right / self.num_taken if self.num_taken else float("nan")

    @property
    def f1(self) -> float:
        """The harmonic mean of both, 0 where nothing is right."""
        return 2 * self.num_right / (self.num_videos + self.num_taken)


def measure(scores: Float[np.ndarray, "N K"], labels: Int[np.ndarray, " N"]) -> Accuracy:
    """Compare scores with labels 0..K-1.

    Mean class accuracy averages over classes that occur among labels or predictions, as mmaction2 0.24.1 does; with
    fewer than five classes, top-5 takes them all.

    Raises ValueError for a label that has no score.
    """
    num_classes = scores.shape[1]
    if len(labels) == 0:
        raise ValueError("there is nothing to measure: there are no videos")
    if labels.min() < 0 or labels.max() >= num_classes:
        wrong = labels[(labels < 0) | (labels >= num_classes)][0]
        raise ValueError(f"label {wrong} has no score: the scores are of classes 0..{num_classes - 1}")
    matrix = confusion(scores, labels)
    occurs = (matrix.sum(0) + matrix.sum(1)) > 0
    right_of_class = matrix.diagonal()[occurs] / np.maximum(matrix.sum(1)[occurs], 1)
    # Of equal scores the first class's is the higher, as it is for argmax: so what is right is among the first five.
    first_five = np.argsort(-np.asarray(scores, np.float64), axis=1, kind="stable")[:, :5]
    return Accuracy(
        top1=float(matrix.trace() / len(labels)),
        top5=float((first_five == labels[:, None]).any(1).mean()),
        mean_class=float(right_of_class.mean()),
        num_videos=len(labels),
    )


def measure_classes(scores: Float[np.ndarray, "N K"], labels: Int[np.ndarray, " N"]) -> list[ClassAccuracy]:
    """Compare scores with labels 0..K-1 for each class that occurs among labels or predictions."""
    matrix = confusion(scores, labels)
    found = []
    for label in np.flatnonzero(matrix.sum(0) + matrix.sum(1)).tolist():
        others = matrix[label].copy()
        others[label] = 0
        commonest = int(others.argmax())
        found.append(
            ClassAccuracy(
                label=label,
                num_videos=int(matrix[label].sum()),
                num_taken=int(matrix[:, label].sum()),
                num_right=int(matrix[label, label]),
                mistaken_for=(commonest, int(others[commonest])) if others[commonest] else None,
            )
        )
    return found


def log_likelihood(probabilities: Float[np.ndarray, "N K"], labels: Int[np.ndarray, " N"]) -> float:
    """Return the mean natural logarithm of the probability of each video's label: 0 at most, the higher the better.

    A probability of nothing counts as 1e-9.
    """
    of_labels = np.take_along_axis(np.asarray(probabilities, np.float64), labels[:, None], axis=1)
    return float(np.log(np.maximum(of_labels, 1e-9)).mean())


def confusion(scores: Float[np.ndarray, "N K"], labels: Int[np.ndarray, " N"]) -> Int[np.ndarray, "K K"]:
    """Count videos by label (row) and prediction (column)."""
    num_classes = scores.shape[1]
    pairs = np.asarray(labels, np.int64) * num_classes + scores.argmax(1)
    return np.bincount(pairs, minlength=num_classes**2).reshape(num_classes, num_classes)
