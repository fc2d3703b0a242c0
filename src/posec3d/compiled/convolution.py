"""Convolutions of frames that are nearly empty, as heatmaps are: only what is not zero is multiplied.

Each number that is not zero adds the kernel, that much of it, to the outputs around it, and the gradient of the kernel
takes from the outputs' gradients likewise. Channel by channel, so that one kernel and the outputs around one keypoint
stay in the processor's nearest cache. The size is kept, or divided by a stride in both directions.
"""

from typing import no_type_check

import numpy as np

from posec3d.compiled.jit import njit
from posec3d.compiled.numbers import decode
from posec3d.compiled.numbers import encode

# Unsigned places spare the compiler the thought of negative ones, which keeps it from using wide registers.
_U = np.uint64


@no_type_check
@njit(nogil=True, fastmath={"contract"})
def convolve(frames, length, kernel, bias, stride, output, first, last):
    """Write frames first..last-1 of the convolution of clips to `output` (F, H, W, O).

    Every `stride`-th pixel of both directions has outputs. `frames` (F, H, W, C) are those of clips of `length` frames
    each, one after the other. `kernel` (KT, C, KH, KW * O) is float32, with rows and columns turned around; `bias`
    (O,).
    """
    height, width, num_outputs = output.shape[1:]
    half_height, half_width, sums = _margins(kernel, frames, num_outputs)
    heats, places, counts = _room_for_heats(frames)
    for frame in range(first, last):
        _sum_up(frames, frame, length, kernel, heats, places, counts, num_outputs, sums)
        for row in range(height):
            total = sums[row * stride + half_height]
            for column in range(width):
                start = (column * stride + half_width) * num_outputs
                here = total[start : start + num_outputs]
                there = output[frame, row, column]
                for channel in range(num_outputs):
                    there[channel] = encode(here[channel] + bias[channel], output)


@no_type_check
@njit(nogil=True, fastmath={"contract"})
def convolve_and_pool(frames, length, kernel, bias, output, first, last):
    """Do the same, then set what is below zero to zero, and take the highest of 3x3 neighbours with stride 1."""
    height, width = frames.shape[1:3]
    num_outputs = output.shape[3]
    half_height, half_width, sums = _margins(kernel, frames, num_outputs)
    heats, places, counts = _room_for_heats(frames)
    # Below zero lies nothing any more, so outside the frame may be zero. The highest of three in a row, row by row.
    row_highest = np.zeros((height + 2, width * num_outputs), np.float32)
    rectified = np.zeros((width + 2) * num_outputs, np.float32)
    for frame in range(first, last):
        _sum_up(frames, frame, length, kernel, heats, places, counts, num_outputs, sums)
        for row in range(height):
            start = half_width * num_outputs
            total = sums[row + half_height, start : start + width * num_outputs]
            middle = rectified[num_outputs : num_outputs + width * num_outputs]
            for column in range(width):
                here = total[column * num_outputs : (column + 1) * num_outputs]
                there = middle[column * num_outputs : (column + 1) * num_outputs]
                for channel in range(num_outputs):
                    there[channel] = max(here[channel] + bias[channel], np.float32(0))
            _highest_of_three(rectified, rectified[num_outputs:], rectified[2 * num_outputs :], row_highest[row + 1])
        for row in range(height):
            written = output[frame, row].reshape(-1)
            above, here, below = row_highest[row], row_highest[row + 1], row_highest[row + 2]
            for place in range(width * num_outputs):
                written[place] = encode(max(max(above[place], here[place]), below[place]), output)


@no_type_check
@njit(nogil=True, fastmath={"contract"})
def kernel_gradient(frames, length, output_gradient, stride, gradient, first, last):
    """Add what frames first..last-1 say to the gradient of the kernel, float32, from that of the outputs."""
    height, width, num_outputs = output_gradient.shape[1:]
    half_height, half_width, incoming = _margins(gradient, frames, num_outputs)
    heats, places, counts = _room_for_heats(frames)
    incoming[:] = 0
    for frame in range(first, last):
        for row in range(height):
            copied = incoming[row * stride + half_height]
            for column in range(width):
                start = (column * stride + half_width) * num_outputs
                here, given = copied[start : start + num_outputs], output_gradient[frame, row, column]
                for channel in range(num_outputs):
                    here[channel] = decode(given[channel], output_gradient)
        for step in range(gradient.shape[0]):
            source = frame + step - gradient.shape[0] // 2
            if source // length == frame // length:
                _find_heats(frames[source], heats, places, counts, incoming.shape[1], num_outputs)
                _add_outputs(incoming, heats, places, counts, gradient[step])


@no_type_check
@njit(nogil=True)
def num_not_zero(values):
    """Return how many of these numbers are not zero."""
    flat = values.reshape(-1)
    count = 0
    for place in range(flat.size):
        count += flat[place] != 0
    return count


@no_type_check
@njit(nogil=True)
def _margins(kernel, frames, num_outputs):
    """Return half the kernel's height and width, and room for one frame of outputs with these margins all around.

    For outputs at every pixel, though of those between strides nothing will be asked: heats are few.
    """
    height, width = frames.shape[1:3]
    half_height, half_width = kernel.shape[2] // 2, kernel.shape[3] // num_outputs // 2
    room = np.empty((height + 2 * half_height, (width + 2 * half_width) * num_outputs), np.float32)
    return half_height, half_width, room


@no_type_check
@njit(nogil=True)
def _room_for_heats(frames):
    """Return room for the numbers of a frame that are not zero, channel by channel: values, places, and how many."""
    height, width, num_channels = frames.shape[1:]
    values = np.empty((num_channels, height * width), np.float32)
    places = np.empty((num_channels, height * width), np.int64)
    return values, places, np.zeros(num_channels, np.int64)


@no_type_check
@njit(nogil=True)
def _find_heats(frame, heats, places, counts, row_length, num_outputs):
    """Fill in what of a frame is not zero; a place is the corner, among outputs with margins, of those it adds to."""
    height, width, num_channels = frame.shape
    counts[:] = 0
    for row in range(height):
        for column in range(width):
            anything = False
            for channel in range(num_channels):
                anything |= frame[row, column, channel] != 0
            if not anything:
                continue
            for channel in range(num_channels):
                if frame[row, column, channel] != 0:
                    count = counts[channel]
                    heats[channel, count] = decode(frame[row, column, channel], frame)
                    places[channel, count] = row * row_length + column * num_outputs
                    counts[channel] = count + 1


@no_type_check
@njit(nogil=True)
def _sum_up(frames, frame, length, kernel, heats, places, counts, num_outputs, sums):
    """Set the sums to what the frames around one of them, in its clip, give at it."""
    sums[:] = 0
    for step in range(kernel.shape[0]):
        source = frame + step - kernel.shape[0] // 2
        if source // length == frame // length:
            _find_heats(frames[source], heats, places, counts, sums.shape[1], num_outputs)
            _add_kernels(kernel[step], heats, places, counts, sums)


@no_type_check
@njit(nogil=True, fastmath={"contract"})
def _add_kernels(kernel, heats, places, counts, sums):
    """Add to the sums what the heats of one frame give."""
    kernel_height, run = kernel.shape[1:]
    row_length = _U(sums.shape[1])
    flat, kernel_flat = sums.reshape(-1), kernel.reshape(-1)
    for channel in range(len(counts)):
        for one in range(counts[channel]):
            heat, corner = heats[channel, one], _U(places[channel, one])
            for offset in range(kernel_height):
                target = corner + _U(offset) * row_length
                source = _U((channel * kernel_height + offset) * run)
                for place in range(_U(run)):
                    flat[target + place] += heat * kernel_flat[source + place]


@no_type_check
@njit(nogil=True, fastmath={"contract"})
def _add_outputs(outputs, heats, places, counts, gradient):
    """Add to the gradient of a kernel what the outputs around the heats of one frame give."""
    kernel_height, run = gradient.shape[1:]
    row_length = _U(outputs.shape[1])
    flat, outputs_flat = gradient.reshape(-1), outputs.reshape(-1)
    for channel in range(len(counts)):
        for one in range(counts[channel]):
            heat, corner = heats[channel, one], _U(places[channel, one])
            for offset in range(kernel_height):
                source = corner + _U(offset) * row_length
                target = _U((channel * kernel_height + offset) * run)
                for place in range(_U(run)):
                    flat[target + place] += heat * outputs_flat[source + place]


@no_type_check
@njit(nogil=True)
def _highest_of_three(first, second, third, highest):
    for place in range(len(highest)):
        highest[place] = max(max(first[place], second[place]), third[place])
