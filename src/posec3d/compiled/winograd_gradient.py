"""Gradients of kernels of three frames, or of 3x3 pixels, with fewer products: Winograd's algorithm, backwards."""

from typing import no_type_check

import numpy as np

from posec3d.compiled.jit import njit
from posec3d.compiled.registers import COLUMNS
from posec3d.compiled.registers import FEW_ROWS
from posec3d.compiled.registers import add_product_of_columns
from posec3d.compiled.winograd_tiles import mix_pixels
from posec3d.compiled.winograd_tiles import mix_tiles
from posec3d.compiled.winograd_tiles import place_of


@no_type_check
@njit(nogil=True, error_model="numpy")
def frame_kernel_gradient(frames, gradient, block, sums, first, last):
    """Add what blocks first..last-1 of so many pixels of tiles say to the gradient of the mixed kernel (6, C, O)."""
    num_clips, num_frames, num_pixels, num_channels = frames.shape
    num_outputs = gradient.shape[3]
    num_items = num_clips * ((num_frames + 3) // 4) * num_pixels
    mixed = np.empty((6, block, num_channels), np.float32)
    mixed_gradient = np.empty((6, block, num_outputs), np.float32)
    lines = np.empty((6, block, num_channels), np.float32)
    gradient_lines = np.empty((4, block, num_outputs), np.float32)
    for start in range(first * block, min(last * block, num_items), block):
        end = min(start + block, num_items)
        mix_pixels(frames, start, end, 1, lines, mixed)
        mix_pixels(gradient, start, end, 0, gradient_lines, mixed_gradient)
        _add_all_products(mixed, 0, mixed_gradient, end - start, sums, 0)


@no_type_check
@njit(nogil=True, error_model="numpy")
def pixel_kernel_gradient(frames, gradient, depth, sums, first, last):
    """Add what blocks first..last-1, of `depth` frames, say to the gradient of the mixed kernel (36, frames, C, O)."""
    _, num_frames, height, width, num_channels = frames.shape
    num_outputs, taps = gradient.shape[4], sums.shape[1]
    down, across = (height + 3) // 4, (width + 3) // 4
    num_parts = (num_frames + depth - 1) // depth
    mixed = np.empty((36, (depth + taps - 1) * across, num_channels), np.float32)
    mixed_gradient = np.empty((36, depth * across, num_outputs), np.float32)
    columns = np.zeros((6, 4 * across + 2, num_channels), np.float32)
    gradient_columns = np.zeros((6, 4 * across, num_outputs), np.float32)
    lines = np.empty((6, width, num_channels), np.float32)
    gradient_lines = np.empty((4, width, num_outputs), np.float32)
    for block in range(first, last):
        clip, part, row = place_of(block, num_parts, down)
        start, end = part * depth, min((part + 1) * depth, num_frames)
        mix_tiles(frames, clip, start - taps // 2, end + taps // 2, row, 1, columns, lines, mixed)
        mix_tiles(gradient, clip, start, end, row, 0, gradient_columns, gradient_lines, mixed_gradient)
        for tap in range(taps):
            _add_all_products(mixed, tap * across, mixed_gradient, (end - start) * across, sums, tap)


@no_type_check
@njit(nogil=True, error_model="numpy")
def _add_all_products(mixed, slot, gradient, count, sums, tap):
    """Add to sums (K, taps, C, O) the products of `count` rows: of mixed (K, P, C) from `slot` on, and gradients."""
    num_products, room, num_channels = mixed.shape
    num_outputs, taps = gradient.shape[2], sums.shape[1]
    for number in range(num_products):
        for channel in range(0, num_channels, FEW_ROWS):
            for column in range(0, num_outputs, COLUMNS):
                at = (number * room + slot) * num_channels + channel
                given = number * gradient[0].size + column
                to = ((number * taps + tap) * num_channels + channel) * num_outputs + column
                add_product_of_columns(
                    mixed, at, num_channels, gradient, given, num_outputs, sums, to, num_outputs, count
                )
