"""bfloat16 for compiled loops, the upper half of a float32 as an unsigned whole number of 16 bits, and 8-bit numbers.

Numba knows no bfloat16. Positive ones are in the order of their bits, so the larger number is the larger value.
"""

from typing import no_type_check

import numpy as np
from numba import types
from numba.extending import overload

_HALF = np.uint32(0x7FFF)
_SIXTEEN = np.uint32(16)
_ONE = np.uint32(1)


@no_type_check
def encode(value, array):
    """Return a finite float32 as `array` stores it.

    As it is; rounded to the nearest bfloat16, halves to even (uint16); or to the nearest of 0..255 (uint8), positive.
    """


@no_type_check
def decode(number, array):
    """Return a number of `array` as float32."""


@no_type_check
@overload(encode, inline="always")
def _encode(value, array):
    if array.dtype == types.uint16:

        def rounded(value, array):
            bits = np.float32(value).view(np.uint32)
            return np.uint16((bits + _HALF + ((bits >> _SIXTEEN) & _ONE)) >> _SIXTEEN)

        return rounded
    if array.dtype == types.uint8:
        return lambda value, array: np.uint8(min(value + np.float32(0.5), np.float32(255)))
    return lambda value, array: np.float32(value)


@no_type_check
@overload(decode, inline="always")
def _decode(number, array):
    if array.dtype == types.uint16:
        return lambda number, array: np.uint32(np.uint32(number) << _SIXTEEN).view(np.float32)
    return lambda number, array: number
