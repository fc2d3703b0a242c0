"""What is recognised: stretches of time in which somebody does something."""

from collections.abc import Iterable
from dataclasses import dataclass
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from posec3d.runtime.values import ByValue

UNSURE = "unsure"


@dataclass(frozen=True, eq=False)
class Segment(ByValue):
    """What `people` do from `start_seconds` to `end_seconds` of a video: a probability for each class.

    `people` are the identities it is about; None for everybody in the picture together. Where no class reaches
    `threshold` the answer is "unsure".
    """

    video: str
    start_seconds: float
    end_seconds: float
    people: tuple[int, ...] | None
    probabilities: Float[np.ndarray, " K"]
    classes: tuple[str, ...]
    threshold: float = 0.0

    @property
    def score(self) -> float:
        """The probability of the likeliest class."""
        return float(self.probabilities.max())

    @property
    def action(self) -> str:
        """The likeliest class, or "unsure"."""
        return self.classes[int(self.probabilities.argmax())] if self.score >= self.threshold else UNSURE

    @property
    def who(self) -> str:
        """The people in words: "everybody", "person 2", "persons 1 and 2"."""
        if self.people is None:
            return "everybody"
        return f"person{'s' * (len(self.people) > 1)} {' and '.join(map(str, self.people))}"

    def top(self, count: int = 5) -> list[tuple[str, float]]:
        """Return the likeliest classes with their probabilities, best first."""
        best = np.argsort(-self.probabilities, kind="stable")[:count]
        return [(self.classes[label], float(self.probabilities[label])) for label in best]

    def __str__(self) -> str:
        time = f"{self.start_seconds:.1f}-{self.end_seconds:.1f} s"
        shares = ", ".join(f"{name} {share:.0%}" for name, share in self.top(3))
        return f"{self.video} {time} {self.who}: {f'{UNSURE} ({shares})' if self.action == UNSURE else shares}"


def joined(segments: Iterable[Segment]) -> list[Segment]:
    """Put neighbouring segments of the same people and action together; probabilities are the mean over their time.

    Segments come in order of time, and so do those returned, by start and then people.
    """
    last: dict[tuple[int, ...] | None, Segment] = {}
    whole: list[Segment] = []
    for segment in segments:
        before = last.get(segment.people)
        if before is not None and before.action == segment.action and are_neighbours(before, segment):
            last[segment.people] = _together(before, segment)
            continue
        if before is not None:
            whole.append(before)
        last[segment.people] = segment
    return sorted([*whole, *last.values()], key=lambda segment: (segment.start_seconds, segment.people or ()))


def are_neighbours(before: Segment, after: Segment) -> bool:
    """Return whether one segment begins where the other ends."""
    return abs(after.start_seconds - before.end_seconds) < 1e-6


def _together(before: Segment, after: Segment) -> Segment:
    first, second = (part.end_seconds - part.start_seconds for part in (before, after))
    mean = (first * before.probabilities + second * after.probabilities) / max(first + second, 1e-9)
    return replace(before, end_seconds=after.end_seconds, probabilities=mean)
