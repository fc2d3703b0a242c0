"""Convolutions by three frames, or by 3x3 pixels, with fewer products: Winograd's algorithm, as its tiles explain."""

from typing import no_type_check

import numpy as np

from posec3d.compiled.jit import njit
from posec3d.compiled.registers import COLUMNS
from posec3d.compiled.registers import ROWS
from posec3d.compiled.registers import finishing_line_mixer
from posec3d.compiled.registers import line_mixer
from posec3d.compiled.registers import multiply
from posec3d.compiled.winograd_tiles import OF_PRODUCTS
from posec3d.compiled.winograd_tiles import mix_pixels
from posec3d.compiled.winograd_tiles import mix_tiles
from posec3d.compiled.winograd_tiles import place_of
from posec3d.compiled.winograd_tiles import rounded_up

_mix_products = line_mixer(OF_PRODUCTS)
_finish_products = finishing_line_mixer(OF_PRODUCTS)


@no_type_check
@njit(nogil=True, error_model="numpy")
def convolve_frames(frames, kernel, offsets, lowest, output, first, last):
    """Write blocks first..last-1 of the convolution by three frames, of clips (B, T, P, C), to `output` (B, T, P, O).

    A block is as many pixels of tiles, four frames each, as `offsets` (pixels, O), which are added, has rows: all the
    same. `kernel` (6, panels, C, COLUMNS) is of mixed weights. What is below `lowest` becomes it.
    """
    num_clips, num_frames, num_pixels, num_channels = frames.shape
    block, num_outputs = offsets.shape
    num_tiles = (num_frames + 3) // 4
    num_items = num_clips * num_tiles * num_pixels
    mixed = np.zeros((6, rounded_up(block), num_channels), np.float32)
    products = np.empty((6, rounded_up(block), num_outputs), np.float32)
    lines = np.empty((6, block, num_channels), np.float32)
    results = np.empty((4, block, num_outputs), np.float32)
    for start in range(first * block, min(last * block, num_items), block):
        end = min(start + block, num_items)
        mix_pixels(frames, start, end, 1, lines, mixed)
        _multiply_all(mixed, kernel, 1, 0, products, end - start)
        item = start
        while item < end:
            clip, tile, pixel = place_of(item, num_tiles, num_pixels)
            count = min(end - item, num_pixels - pixel)
            at, step, length = (item - start) * num_outputs, products[0].size, count * num_outputs
            if 4 * tile + 4 <= num_frames:
                to = ((clip * num_frames + 4 * tile) * num_pixels + pixel) * num_outputs
                _finish_products(products, at, step, output, to, num_pixels * num_outputs, length, offsets, lowest)
            else:
                _finish_products(products, at, step, results, 0, results[0].size, length, offsets, lowest)
                for frame in range(4 * tile, num_frames):
                    for number in range(count):
                        for channel in range(num_outputs):
                            output[clip, frame, pixel + number, channel] = results[frame - 4 * tile, number, channel]
            item += count


@no_type_check
@njit(nogil=True, error_model="numpy")
def convolve_pixels(frames, kernel, offsets, lowest, output, depth, first, last):
    """Write blocks first..last-1 of the convolution by 3x3 pixels, of clips (B, T, H, W, C), to output (B, T, H, W, O).

    Of one frame each, or of three. A block is a row of tiles, 4x4 pixels each, of `depth` frames. `kernel` (36, panels,
    frames * C, COLUMNS) is of mixed weights; `offsets` (O,) are added, and what is below `lowest` becomes it.
    """
    _, num_frames, height, width, num_channels = frames.shape
    num_outputs = len(offsets)
    taps = kernel.shape[2] // num_channels
    down, across = (height + 3) // 4, (width + 3) // 4
    num_parts = (num_frames + depth - 1) // depth
    # Rows of products that nobody asked for may look at frames beyond.
    mixed = np.zeros((36, rounded_up(depth * across) + (taps - 1) * across, num_channels), np.float32)
    products = np.empty((36, rounded_up(depth * across), num_outputs), np.float32)
    columns = np.zeros((6, 4 * across + 2, num_channels), np.float32)
    lines = np.empty((6, width, num_channels), np.float32)
    halves = np.empty((4, 6, across, num_outputs), np.float32)
    results = np.empty((4, num_outputs), np.float32)
    for block in range(first, last):
        clip, part, row = place_of(block, num_parts, down)
        start, end = part * depth, min((part + 1) * depth, num_frames)
        mix_tiles(frames, clip, start - taps // 2, end + taps // 2, row, 1, columns, lines, mixed)
        _multiply_all(mixed, kernel, taps, across * num_channels, products, (end - start) * across)
        for frame in range(start, end):
            slot = (frame - start) * across
            _finish_tiles(products, slot, offsets, lowest, output, clip, frame, 4 * row, halves, results)


@no_type_check
@njit(nogil=True, error_model="numpy")
def _finish_tiles(products, slot, offsets, lowest, output, clip, frame, top, halves, results):
    """Write the pixels of a row of tiles, whose products are at places `slot` and after."""
    _, num_frames, height, width, num_outputs = output.shape
    across = halves.shape[2]
    length, step = across * num_outputs, products[0].size
    for line in range(6):
        at = line * step + slot * num_outputs
        _mix_products(products, at, 6 * step, halves, line * length, 6 * length, length)
    for line in range(min(4, height - top)):
        for tile in range(across):
            at = (6 * line * across + tile) * num_outputs
            if 4 * tile + 4 <= width:
                pixel = ((clip * num_frames + frame) * height + top + line) * width + 4 * tile
                to, step = pixel * num_outputs, num_outputs
                _finish_products(halves, at, length, output, to, step, num_outputs, offsets, lowest)
            else:
                _finish_products(halves, at, length, results, 0, num_outputs, num_outputs, offsets, lowest)
                for column in range(4 * tile, width):
                    for channel in range(num_outputs):
                        output[clip, frame, top + line, column, channel] = results[column - 4 * tile, channel]


@no_type_check
@njit(nogil=True, error_model="numpy")
def _multiply_all(mixed, kernel, taps, tap_step, products, count):
    """Set products (K, P, O), the first `count` rows and some more, to mixed (K, P, C) times the kernel, K times.

    With `taps`, to the sum of as many, of rows that lie `tap_step` numbers further on each time.
    """
    num_products, room, num_channels = mixed.shape
    num_outputs = products.shape[2]
    for number in range(num_products):
        for panel in range(kernel.shape[1]):
            weights = (number * kernel.shape[1] + panel) * taps * num_channels * COLUMNS
            for row in range(0, count, ROWS):
                at = (number * room + row) * num_channels
                to = (number * products.shape[1] + row) * num_outputs + panel * COLUMNS
                multiply(
                    mixed, at, num_channels, taps, tap_step, kernel, weights, products, to, num_outputs, num_channels
                )
