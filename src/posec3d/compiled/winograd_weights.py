"""Weights mixed for Winograd's algorithm, and gradients of mixed weights turned into those of the weights."""

from typing import no_type_check

import numpy as np

from posec3d.compiled.jit import njit
from posec3d.compiled.registers import COLUMNS
from posec3d.compiled.registers import line_mixer
from posec3d.compiled.winograd_tiles import OF_WEIGHTS

# So many numbers of a line are mixed in rows and columns both while they are in the cache.
_PART = 1024

_mix = line_mixer(OF_WEIGHTS)
_mix_gradients = line_mixer(tuple(zip(*OF_WEIGHTS, strict=True)))


@no_type_check
@njit(nogil=True, error_model="numpy")
def mix_weights(weights, mixed, first, last):
    """Mix weights (3, N) of three frames into mixed (6, N), or (9, N) of 3x3 pixels into (36, N).

    All of which `COLUMNS` numbers are a part, parts first..last-1.
    """
    length = weights.shape[1]
    halves = np.empty((6, 3, _PART), np.float32)
    for start in range(first * COLUMNS, last * COLUMNS, _PART):
        count = min(_PART, last * COLUMNS - start)
        if len(weights) == 3:
            _mix(weights, start, length, mixed, start, length, count)
        else:
            for column in range(3):
                at = column * length + start
                _mix(weights, at, 3 * length, halves, column * _PART, halves[0].size, count)
            for line in range(6):
                _mix(halves, line * halves[0].size, _PART, mixed, 6 * line * length + start, length, count)


@no_type_check
@njit(nogil=True, error_model="numpy")
def unmix_gradients(mixed, weights, first, last):
    """Turn gradients of mixed weights, (6, N) or (36, N), into those of weights, (3, N) or (9, N), part by part."""
    length = weights.shape[1]
    halves = np.empty((3, 6, _PART), np.float32)
    for start in range(first * COLUMNS, last * COLUMNS, _PART):
        count = min(_PART, last * COLUMNS - start)
        if len(weights) == 3:
            _mix_gradients(mixed, start, length, weights, start, length, count)
        else:
            for column in range(6):
                at = column * length + start
                _mix_gradients(mixed, at, 6 * length, halves, column * _PART, halves[0].size, count)
            for line in range(3):
                to = 3 * line * length + start
                _mix_gradients(halves, line * halves[0].size, _PART, weights, to, length, count)
