"""Batch normalisation in training, with the sum and the ReLU after it: two passes over memory each way.

Numbers lie in rows (R, L): those of one pixel, or of several one after the other, so that rows are long enough to loop
over; what belongs to channels is repeated as often. No branches, so that the compiler computes several at once. Sums
take rows from several places of memory at once: a processor fetches them sooner than one after the other.
"""

from typing import no_type_check

import numpy as np

from posec3d.compiled.jit import njit
from posec3d.compiled.numbers import decode
from posec3d.compiled.numbers import encode


@no_type_check
@njit(nogil=True, fastmath={"contract"})
def moments(rows, middle, sums, squares):
    """Set sums and squares (L,) to those of what rows (R, L) differ by from a number near their mean.

    So squares of large means do not hide small differences.
    """
    num_rows, length = rows.shape
    for place in range(length):
        sums[place], squares[place] = 0, 0
    part = num_rows // 4
    for row in range(part):
        first, second, third, fourth = rows[row], rows[row + part], rows[row + 2 * part], rows[row + 3 * part]
        for place in range(length):
            a, b = decode(first[place], rows) - middle[place], decode(second[place], rows) - middle[place]
            c, d = decode(third[place], rows) - middle[place], decode(fourth[place], rows) - middle[place]
            sums[place] += (a + b) + (c + d)
            squares[place] += (a * a + b * b) + (c * c + d * d)
    for row in range(4 * part, num_rows):
        for place in range(length):
            difference = decode(rows[row, place], rows) - middle[place]
            sums[place] += difference
            squares[place] += difference * difference


@no_type_check
@njit(nogil=True, fastmath={"contract"})
def scale(rows, factor, offset, lowest, output, first, last):
    """Write rows first..last-1 of rows * factor + offset, but `lowest` at least; what is not a number stays so."""
    for row in range(first, last):
        given, written = rows[row], output[row]
        for place in range(len(given)):
            value = decode(given[place], rows) * factor[place] + offset[place]
            written[place] = encode(lowest if value < lowest else value, output)


@no_type_check
@njit(nogil=True, fastmath={"contract"})
def scale_and_add(rows, factor, offset, shortcut, lowest, output, first, last):
    """Write the same, with what stands in the shortcut added."""
    for row in range(first, last):
        given, added, written = rows[row], shortcut[row], output[row]
        for place in range(len(given)):
            value = decode(given[place], rows) * factor[place] + offset[place] + decode(added[place], shortcut)
            written[place] = encode(lowest if value < lowest else value, output)


@no_type_check
@njit(nogil=True, fastmath={"contract"})
def gradient_sums(rows, gradient, factor, offset, lowest, middle, sums, products):
    """Set sums and products (L,) to those of the gradient (R, L), and of it times what rows differ by from the middle.

    The gradient counts where the scaled rows are above `lowest`.
    """
    num_rows, length = rows.shape
    for place in range(length):
        sums[place], products[place] = 0, 0
    half = num_rows // 2
    for row in range(half):
        values, given, more_values, more_given = rows[row], gradient[row], rows[row + half], gradient[row + half]
        for place in range(length):
            a, b = decode(values[place], rows), decode(more_values[place], rows)
            of_a = decode(given[place], gradient) if a * factor[place] + offset[place] > lowest else np.float32(0)
            of_b = decode(more_given[place], gradient) if b * factor[place] + offset[place] > lowest else np.float32(0)
            sums[place] += of_a + of_b
            products[place] += of_a * (a - middle[place]) + of_b * (b - middle[place])
    for row in range(2 * half, num_rows):
        for place in range(length):
            value = decode(rows[row, place], rows)
            if value * factor[place] + offset[place] > lowest:
                sums[place] += decode(gradient[row, place], gradient)
                products[place] += decode(gradient[row, place], gradient) * (value - middle[place])


@no_type_check
@njit(nogil=True, fastmath={"contract"})
def passed_gradient_sums(rows, gradient, result, lowest, middle, passed, sums, products):
    """Do the same with the gradient where the result (R, L) is above `lowest`, and write that to `passed`, else 0."""
    num_rows, length = rows.shape
    nothing = encode(np.float32(0), gradient)
    for place in range(length):
        sums[place], products[place] = 0, 0
    for row in range(num_rows):
        values, given, kept, written = rows[row], gradient[row], result[row], passed[row]
        for place in range(length):
            written[place] = given[place] if decode(kept[place], result) > lowest else nothing
            value = decode(written[place], gradient)
            sums[place] += value
            products[place] += value * (decode(values[place], rows) - middle[place])


@no_type_check
@njit(nogil=True, fastmath={"contract"})
def gradient_of_rows(rows, gradient, factor, offset, lowest, middle, slope, constant, output, first, last):
    """Write rows first..last-1 of factor * gradient + slope * (rows - middle) + constant.

    The gradient counts where the scaled rows are above `lowest`.
    """
    for row in range(first, last):
        values, given, written = rows[row], gradient[row], output[row]
        for place in range(len(values)):
            value = decode(values[place], rows)
            counted = (
                decode(given[place], gradient) if value * factor[place] + offset[place] > lowest else np.float32(0)
            )
            through_moments = slope[place] * (value - middle[place]) + constant[place]
            written[place] = encode(factor[place] * counted + through_moments, output)
