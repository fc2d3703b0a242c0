"""How far a long job has come: a bar with the time left on a terminal, a line now and then in a log, or a listener."""

import logging
import sys
import time
from collections.abc import Callable
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import TracebackType

from tqdm import tqdm

_LOGGER = logging.getLogger(__name__)
_SECONDS_BETWEEN_LINES = 30.0

# Hears what is done, how much of it, and of how much, if that is known.
Listener = Callable[[str, int, int | None], None]
_LISTENER: ContextVar[Listener | None] = ContextVar("listener", default=None)


@contextmanager
def heard_by(listener: Listener) -> Iterator[None]:
    """Have all progress of the block told to `listener`, when it begins and at each step, instead of to people."""
    before = _LISTENER.set(listener)
    try:
        yield
    finally:
        _LISTENER.reset(before)


class Progress:
    """Counts what is done of `total` units; None if nobody knows how many there are.

    Where standard error is no terminal, a line is logged every half minute, with the time left. In a block of
    `heard_by`, its listener is told instead.
    """

    def __init__(self, total: int | None, unit: str, *, what: str = "") -> None:
        self._listener = _LISTENER.get()
        quiet = self._listener is not None or not sys.stderr.isatty()
        self._bar = tqdm(total=total, unit=unit, desc=what or None, dynamic_ncols=True, disable=quiet, leave=False)
        self._total, self._unit, self._what = total, unit, what
        self._done = 0
        self._started = self._said = time.monotonic()
        self._tell()

    def __enter__(self) -> "Progress":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._bar.close()

    def advance(self, number: int = 1) -> None:
        """Count `number` more units as done."""
        self._done += number
        self._bar.update(number)
        self._tell()
        now = time.monotonic()
        if self._listener is None and self._bar.disable and now - self._said >= _SECONDS_BETWEEN_LINES:
            self._said = now
            _LOGGER.info("%s", self._line(now - self._started))

    def _tell(self) -> None:
        if self._listener is not None:
            self._listener(self._what, self._done, self._total)

    def _line(self, seconds: float) -> str:
        what = f"{self._what}: " if self._what else ""
        if self._total is None or not self._done:
            return f"{what}{self._done:,} {self._unit}s, {tqdm.format_interval(seconds)}"
        left = max(0.0, seconds / self._done * (self._total - self._done))
        return f"{what}{self._done:,} of {self._total:,} {self._unit}s, {tqdm.format_interval(left)} left"
