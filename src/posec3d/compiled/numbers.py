"""Numbers for compiled loops: an exponential, 8-bit numbers, and bfloat16, the upper half of a float32, as uint16.

Numba knows no bfloat16. Positive ones are in the order of their bits, so the larger number is the larger value.
"""

from typing import no_type_check

import numpy as np
from numba import types
from numba.extending import overload

from posec3d.compiled.jit import njit

_HALF = np.uint32(0x7FFF)
_SIXTEEN = np.uint32(16)
_ONE = np.uint32(1)

# exp(-80) is 2e-35; far below, the exponent of a float32 would not hold it.
_LEAST = np.float32(-80)
_LOG2_E = np.float32(1.4426950408889634)
# The logarithm of 2 in two parts, of which a whole number times the first is exact.
_LN_2 = (np.float32(0.693359375), np.float32(-2.12194440e-4))
_ROUNDED = np.float32(0.5)
_WHOLE = np.float32(1)
# (exp(r) - 1 - r) / r^2 for |r| <= ln(2) / 2, the highest power first. These and ln(2): Cephes 2.8, expf.c.
_POWERS = tuple(
    np.float32(factor)
    for factor in (1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1)
)
_BIAS, _MANTISSA = np.int32(127), np.int32(23)


@no_type_check
@njit(inline="always")
def exp_of_negative(x):
    """Return exp(x) of a float32 that is 0 or less, right to 5e-8; exp(-80) below -80.

    Without a branch or a call, so that loops over it compute several at once.
    """
    x = x if x > _LEAST else _LEAST
    power = np.int32(x * _LOG2_E - _ROUNDED)
    rest = (x - np.float32(power) * _LN_2[0]) - np.float32(power) * _LN_2[1]
    mantissa = _POWERS[0]
    mantissa = mantissa * rest + _POWERS[1]
    mantissa = mantissa * rest + _POWERS[2]
    mantissa = mantissa * rest + _POWERS[3]
    mantissa = mantissa * rest + _POWERS[4]
    mantissa = mantissa * rest + _POWERS[5]
    mantissa = mantissa * rest * rest + rest + _WHOLE
    return mantissa * np.int32((power + _BIAS) << _MANTISSA).view(np.float32)


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
