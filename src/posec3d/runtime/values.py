"""Values that hold arrays, compared like any other."""

from collections.abc import Sequence
from dataclasses import fields

import numpy as np


class ByValue:
    """Equality and hash of a dataclass (with eq=False) by its fields: arrays, and sequences of such values, as well.

    What is not a number equals what is not a number. The hash is of what is short: text, numbers and tuples of them.
    """

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(_same(getattr(self, field.name), getattr(other, field.name)) for field in fields(self))  # type: ignore[arg-type]

    def __hash__(self) -> int:
        values = (getattr(self, field.name) for field in fields(self))  # type: ignore[arg-type]
        return hash((type(self), *(value for value in values if _is_short(value))))


def _same(one: object, other: object) -> bool:
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        return bool(np.array_equal(one, other, equal_nan=one.dtype.kind in "fc"))
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        return False
    if isinstance(one, Sequence) and isinstance(other, Sequence) and not isinstance(one, str):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other)


def _is_short(value: object) -> bool:
    if isinstance(value, tuple):
        return all(map(_is_short, value))
    return value is None or isinstance(value, str | int | float)
