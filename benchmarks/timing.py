"""Times of what is compared, taken in turns, so that a machine that is busy for a while is so for all of them."""

import statistics
import time
from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import asdict
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table: what was done, by whom, in how many milliseconds, and what had been asked for.

    `ratio` is how many times faster than the reference of the same stage and case; `asked` the least it should be.
    `milliseconds` is None for what was not measured, and `note` says why.
    """

    stage: str
    case: str
    way: str
    milliseconds: float | None = None
    ratio: float | None = None
    asked: float | None = None
    note: str = ""

    def as_dict(self) -> dict[str, object]:
        """Return the row for JSON."""
        return asdict(self)


def medians(ways: Mapping[str, Callable[[], object]], *, rounds: int, calls: int = 1) -> dict[str, float]:
    """Return the median milliseconds of a call of each way: `rounds` rounds of `calls` calls each, in turns.

    Each way is called once before, for what it sets up at its first call.
    """
    times: dict[str, list[float]] = {name: [] for name in ways}
    for way in ways.values():
        way()
    for _ in range(rounds):
        for name, way in ways.items():
            started = time.perf_counter()
            for _ in range(calls):
                way()
            times[name].append((time.perf_counter() - started) / calls * 1e3)
    return {name: statistics.median(taken) for name, taken in times.items()}


def compared(
    stage: str,
    case: str,
    times: Mapping[str, float],
    *,
    reference: str,
    asked: Mapping[str, float],
    notes: Mapping[str, str] | None = None,
) -> list[Row]:
    """Return a row for each way, the reference first, with how many times faster it is."""
    ordered = [reference, *(name for name in times if name != reference)]
    return [
        Row(
            stage=stage,
            case=case,
            way=name,
            milliseconds=times[name],
            ratio=times[reference] / times[name],
            asked=asked.get(name),
            note=(notes or {}).get(name, ""),
        )
        for name in ordered
    ]
