"""Values that hold arrays, compared like any other."""

from collections.abc import Sequence
from dataclasses import fields

import numpy as np


class ByValue:
    """Equality and hash of a dataclass (with eq=False) by its fields: arrays, and sequences of such values, as well.

    What is not a number equals what is not a number. The hash is of the text among them, which alone equals nothing of
    another type.
    """

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(_same(getattr(self, field.name), getattr(other, field.name)) for field in fields(self))  # type: ignore[arg-type]

    def __hash__(self) -> int:
        values = (getattr(self, field.name) for field in fields(self))  # type: ignore[arg-type]
        return hash((type(self), *(value for value in values if isinstance(value, str))))


def _same(one: object, other: object) -> bool:
    if one is other:
        return True
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        are_floats = one.dtype.kind in "fc" and other.dtype.kind in "fc"
        return bool(np.array_equal(one, other, equal_nan=are_floats))
    if isinstance(one, np.ndarray | str) or isinstance(other, np.ndarray | str):
        return isinstance(one, str) and isinstance(other, str) and one == other
    if isinstance(one, Sequence) and isinstance(other, Sequence):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other or (one != one and other != other))
