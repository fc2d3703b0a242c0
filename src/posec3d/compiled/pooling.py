"""The highest of 3x3 neighbours, and where it was, for training: what PyTorch keeps as 64 bits a number is 8 here.

Videos lie channels last; neighbours are rows of all channels, shifted by whole pixels, in loops over whole rows.
"""

from typing import no_type_check

import numpy as np

from posec3d.compiled.jit import njit
from posec3d.compiled.numbers import decode
from posec3d.compiled.numbers import encode


@no_type_check
@njit(nogil=True)
def highest_of_neighbours(frames, output, places, first, last):
    """Write frames first..last-1 of the highest of 3x3 neighbours (F, H, W, C), with stride 1, and their places.

    Numbers are 0 or more; outside the frame lies nothing. `places` (F, H, W * C), uint8: 3 * row + column of the first
    highest one, both 0 to 2.
    """
    height, width, num_channels = frames.shape[1:]
    for frame in range(first, last):
        for row in range(height):
            highest, place = output[frame, row].reshape(-1), places[frame, row]
            # The middle first, so that there is something to compare with.
            _copy(frames[frame, row].reshape(-1), highest, place)
            for number in range(9):
                source = row + number // 3 - 1
                if 0 <= source < height and number != 4:
                    begin, end, ahead = _overlap(number % 3 - 1, width, num_channels)
                    _keep_higher(frames[frame, source].reshape(-1), ahead, number, begin, end, highest, place)


@no_type_check
@njit(nogil=True)
def gradient_of_highest(given, places, gradient, first, last):
    """Write frames first..last-1 of the gradient of the inputs (F, H, W, C), from that of the outputs."""
    height, width, num_channels = given.shape[1:]
    total = np.empty(width * num_channels, np.float32)
    for frame in range(first, last):
        for row in range(height):
            total[:] = 0
            for number in range(9):
                # The windows in which this row is the first, the second or the third.
                target = row - (number // 3 - 1)
                if 0 <= target < height:
                    begin, end, ahead = _overlap(1 - number % 3, width, num_channels)
                    _add_where(
                        given[frame, target].reshape(-1), places[frame, target], ahead, number, begin, end, total, given
                    )
            written = gradient[frame, row].reshape(-1)
            for index in range(len(written)):
                written[index] = encode(total[index], gradient)


@no_type_check
@njit(nogil=True)
def _overlap(columns, width, num_channels):
    """Return the part of a row that has neighbours so many columns ahead: its ends, and how far ahead those are."""
    return max(0, -columns) * num_channels, (width - max(0, columns)) * num_channels, columns * num_channels


@no_type_check
@njit(nogil=True)
def _copy(values, highest, place):
    for index in range(len(values)):
        highest[index] = values[index]
        place[index] = 4


@no_type_check
@njit(nogil=True)
def _keep_higher(values, ahead, number, begin, end, highest, place):
    number = np.uint8(number)
    there, here, where = values[begin + ahead : end + ahead], highest[begin:end], place[begin:end]
    for index in range(len(here)):
        # Of equal ones the first, which may come before the middle.
        higher = there[index] > here[index] or (there[index] == here[index] and number < where[index])
        here[index] = there[index] if higher else here[index]
        where[index] = number if higher else where[index]


@no_type_check
@njit(nogil=True)
def _add_where(values, places, ahead, number, begin, end, total, given):
    number = np.uint8(number)
    there, where, here = values[begin + ahead : end + ahead], places[begin + ahead : end + ahead], total[begin:end]
    for index in range(len(here)):
        here[index] += decode(there[index], given) if where[index] == number else np.float32(0)
