"""The gradients of depthwise convolutions: every channel is convolved by itself.

Videos lie channels last, so a row of a frame with all its channels is one stretch of memory. A row of inputs is split
into as many as the stride: its first, third, fifth... column, and its second, fourth... Then what a column of the
kernel meets at all places of a row of outputs is one stretch, too, and long loops compute many numbers at once,
whatever the number of channels. Sums are in float32.
"""

from typing import no_type_check

import numpy as np

from posec3d.compiled.jit import njit
from posec3d.compiled.numbers import decode
from posec3d.compiled.numbers import encode


@no_type_check
@njit(nogil=True, fastmath={"contract"})
def depthwise_kernel_gradient(frames, length, given, stride, gradient, first, last):
    """Add what output frames first..last-1 say to the gradient of the kernel (KT, KH, KW, C), float32.

    `frames` (F, H, W, C) are those of clips of `length` frames each, one after the other; `given` (F, H2, W2, C) is the
    gradient of the outputs, which stand at every `stride`-th row and column. Kernels have odd sides, and zeros all
    around.
    """
    height, width, num_channels = frames.shape[1:]
    num_rows, num_columns = given.shape[1:3]
    kernel_length, kernel_height, kernel_width = gradient.shape[:3]
    split, margin = _room(width, num_columns, num_channels, kernel_width, stride)
    sums = np.zeros((kernel_length, kernel_height, kernel_width, num_columns * num_channels), np.float32)
    for frame in range(first, last):
        for step in range(kernel_length):
            source = frame + step - kernel_length // 2
            if source // length != frame // length:
                continue
            for row in range(height):
                _split(frames[source, row], stride, split, margin, frames)
                for line in range(kernel_height):
                    target, beside = divmod(row - line + kernel_height // 2, stride)
                    if beside == 0 and 0 <= target < num_rows:
                        incoming = given[frame, target].reshape(-1)
                        for column in range(kernel_width):
                            total = sums[step, line, column]
                            met = _met(split, margin, num_channels, column, kernel_width, stride)
                            for place in range(len(total)):
                                total[place] += met[place] * decode(incoming[place], given)
    for column in range(num_columns):
        gradient += sums[..., column * num_channels : (column + 1) * num_channels]


@no_type_check
@njit(nogil=True, fastmath={"contract"})
def depthwise_input_gradient(given, length, kernel, stride, gradient, first, last):
    """Write frames first..last-1 of the gradient of the inputs (F, H, W, C), from that of the outputs (F, H2, W2, C).

    `kernel` is (KT, KH, KW, C), float32.
    """
    height, width, num_channels = gradient.shape[1:]
    num_rows, num_columns = given.shape[1:3]
    kernel_length, kernel_height, kernel_width = kernel.shape[:3]
    split, margin = _room(width, num_columns, num_channels, kernel_width, stride)
    repeated = np.empty((kernel_length, kernel_height, kernel_width, num_columns * num_channels), np.float32)
    for column in range(num_columns):
        repeated[..., column * num_channels : (column + 1) * num_channels] = kernel
    for source in range(first, last):
        for row in range(height):
            split[:] = 0
            for step in range(kernel_length):
                frame = source - step + kernel_length // 2
                if frame // length != source // length:
                    continue
                for line in range(kernel_height):
                    target, beside = divmod(row - line + kernel_height // 2, stride)
                    if beside == 0 and 0 <= target < num_rows:
                        incoming = given[frame, target].reshape(-1)
                        for column in range(kernel_width):
                            weights = repeated[step, line, column]
                            met = _met(split, margin, num_channels, column, kernel_width, stride)
                            for place in range(len(weights)):
                                met[place] += weights[place] * decode(incoming[place], given)
            _put_together(split, stride, margin, gradient[source, row], gradient)


@no_type_check
@njit(nogil=True)
def _room(width, num_columns, num_channels, kernel_width, stride):
    """Return room for a row split into `stride` rows, with zeros at both ends, and how many at the first."""
    margin = (kernel_width // 2 + stride - 1) // stride
    columns = margin + max(num_columns, (width + stride - 1) // stride) + margin + 1
    return np.zeros((stride, columns * num_channels), np.float32), margin * num_channels


@no_type_check
@njit(nogil=True)
def _met(split, margin, num_channels, column, kernel_width, stride):
    """Return what a column of the kernel meets, from the first output on: a view."""
    ahead, part = divmod(column - kernel_width // 2, stride)
    return split[part, margin + ahead * num_channels :]


@no_type_check
@njit(nogil=True)
def _split(row, stride, split, margin, frames):
    """Split a row (W, C); the margins stay as they are."""
    if stride == 1:
        _decode_all(row.reshape(-1), split[0, margin:], frames)
        return
    num_channels = row.shape[1]
    for column in range(row.shape[0]):
        _decode_all(row[column], split[column % stride, margin + column // stride * num_channels :], frames)


@no_type_check
@njit(nogil=True)
def _put_together(split, stride, margin, row, gradient):
    """Write a row (W, C) from its split rows."""
    num_channels = row.shape[1]
    for column in range(row.shape[0]):
        values, target = split[column % stride, margin + column // stride * num_channels :], row[column]
        for channel in range(num_channels):
            target[channel] = encode(values[channel], gradient)


@no_type_check
@njit(nogil=True)
def _decode_all(values, target, frames):
    for place in range(len(values)):
        target[place] = decode(values[place], frames)
