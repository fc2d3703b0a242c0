"""Tiles for Winograd's algorithm: of four frames, or of 4x4 pixels, each mixed from the inputs that it depends on.

Four outputs of three weights take six products in place of twelve: of sums of their six inputs and of sums of the
weights (made beforehand); the outputs are sums of the products. In rows and columns both, 16 outputs take 36 in place
of 144. Each product is one of matrices, tiles by channels; as many tiles at a time as stay in a processor's cache.

Source: Lavin and Gray, Fast Algorithms for Convolutional Neural Networks (arXiv:1509.09308), F(4, 3).
"""

import math
from fractions import Fraction
from typing import no_type_check

from posec3d.compiled.jit import njit
from posec3d.compiled.registers import ROWS
from posec3d.compiled.registers import line_mixer

_Rows = tuple[tuple[float, ...], ...]


def _sums(points: tuple[Fraction, ...]) -> tuple[_Rows, _Rows, _Rows]:
    """Return the sums of three weights, of six inputs and of six products: the paper's G, B^T and A^T.

    Inputs and weights are polynomials, which are multiplied where they have their values at five points and, for the
    sixth, at infinity (Toom and Cook).
    """
    of_weights, of_inputs = [], []
    for point in points:
        others = [other for other in points if other != point]
        divisor = math.prod(point - other for other in others)
        of_weights.append([point**power / divisor for power in range(3)])
        of_inputs.append([*_coefficients(others), Fraction(0)])
    of_weights.append([Fraction(0), Fraction(0), Fraction(1)])
    of_inputs.append(_coefficients(list(points)))
    of_products = [[*(point**power for point in points), Fraction(power == 3)] for power in range(4)]
    return _as_floats(of_weights), _as_floats(of_inputs), _as_floats(of_products)


def _as_floats(rows: list[list[Fraction]]) -> _Rows:
    return tuple(tuple(map(float, row)) for row in rows)


def _coefficients(roots: list[Fraction]) -> list[Fraction]:
    """Return the coefficients of the polynomial with these roots, the constant first."""
    coefficients = [Fraction(1)]
    for root in roots:
        shifted = [Fraction(0), *coefficients]
        coefficients = [high - root * low for high, low in zip(shifted, [*coefficients, Fraction(0)], strict=True)]
    return coefficients


# Of points near 1 and its inverse, in pairs, sums are a third as far from the exact ones as of the usual 1 and 2
# (Barabasz et al., arXiv:1803.10986; benchmarks/NOTES.md). What inputs and products are multiplied with is exact.
OF_WEIGHTS, _OF_INPUTS, OF_PRODUCTS = _sums(
    (Fraction(0), Fraction(5, 8), Fraction(-5, 8), Fraction(3, 2), Fraction(-3, 2))
)

_mix_inputs = line_mixer(_OF_INPUTS)
# Of the outputs' gradients come those of the products.
_mix_gradients = line_mixer(tuple(zip(*OF_PRODUCTS, strict=True)))


@no_type_check
@njit(nogil=True, error_model="numpy")
def mix_pixels(frames, start, end, reach, lines, mixed):
    """Mix the frames of tiles of pixels start..end-1: four of gradients, or with a `reach` of 1 six inputs."""
    _, num_frames, num_pixels, num_channels = frames.shape
    num_tiles, num_lines, step = (num_frames + 3) // 4, 4 + 2 * reach, mixed[0].size
    item = start
    while item < end:
        clip, tile, pixel = place_of(item, num_tiles, num_pixels)
        count, earliest = min(end - item, num_pixels - pixel), 4 * tile - reach
        length, to = count * num_channels, (item - start) * num_channels
        if earliest >= 0 and earliest + num_lines <= num_frames:
            at = ((clip * num_frames + earliest) * num_pixels + pixel) * num_channels
            _mix(frames, at, num_pixels * num_channels, reach, mixed, to, step, length)
        else:
            for line in range(num_lines):
                frame = earliest + line
                for number in range(count):
                    for channel in range(num_channels):
                        lines[line, number, channel] = (
                            frames[clip, frame, pixel + number, channel] if 0 <= frame < num_frames else 0
                        )
            _mix(lines, 0, lines[0].size, reach, mixed, to, step, length)
        item += count


@no_type_check
@njit(nogil=True, error_model="numpy")
def mix_tiles(frames, clip, start, end, row, reach, columns, lines, mixed):
    """Mix a row of tiles of frames start..end-1, one frame after the other; outside the clip all is zero."""
    num_frames, across = frames.shape[1], (frames.shape[3] + 3) // 4
    for frame in range(start, end):
        slot = (frame - start) * across
        if 0 <= frame < num_frames:
            _mix_tiles_of_frame(frames, clip, frame, 4 * row, reach, columns, lines, mixed, slot)
        else:
            for number in range(len(mixed)):
                for place in range(slot, slot + across):
                    for channel in range(mixed.shape[2]):
                        mixed[number, place, channel] = 0


@no_type_check
@njit(nogil=True, error_model="numpy")
def _mix_tiles_of_frame(frames, clip, frame, top, reach, columns, lines, mixed, slot):
    """Mix a row of tiles: four rows and columns of gradients each, or with a `reach` of 1 six of inputs.

    Down the columns first, then along the rows. `columns` has zeros beside the frame.
    """
    _, num_frames, height, width, num_channels = frames.shape
    size, length, num_lines, highest = columns[0].size, width * num_channels, 4 + 2 * reach, top - reach
    to = reach * num_channels
    if highest >= 0 and highest + num_lines <= height:
        at = ((clip * num_frames + frame) * height + highest) * length
        _mix(frames, at, length, reach, columns, to, size, length)
    else:
        for line in range(num_lines):
            row = highest + line
            for column in range(width):
                for channel in range(num_channels):
                    lines[line, column, channel] = frames[clip, frame, row, column, channel] if 0 <= row < height else 0
        _mix(lines, 0, length, reach, columns, to, size, length)
    step = mixed[0].size
    for tile in range((width + 3) // 4):
        for line in range(6):
            at, to = size * line + 4 * tile * num_channels, 6 * line * step + (slot + tile) * num_channels
            _mix(columns, at, num_channels, reach, mixed, to, step, num_channels)


@no_type_check
@njit(nogil=True, error_model="numpy", inline="always")
def _mix(lines, start, step, reach, mixed, mixed_start, mixed_step, length):
    if reach == 1:
        _mix_inputs(lines, start, step, mixed, mixed_start, mixed_step, length)
    else:
        _mix_gradients(lines, start, step, mixed, mixed_start, mixed_step, length)


@no_type_check
@njit(inline="always")
def place_of(number, middle, inner):
    """Return which of the outer, of `middle` and of `inner` items a number counts, the innermost first."""
    return number // (middle * inner), number // inner % middle, number % inner


@no_type_check
@njit(inline="always")
def rounded_up(count):
    """Return a count of rows as products take them."""
    return (count + ROWS - 1) // ROWS * ROWS
