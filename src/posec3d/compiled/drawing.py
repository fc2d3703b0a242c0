"""Keypoints and limbs drawn on the processor: only the pixels near them are touched.

The definition is in `posec3d.heatmaps`; these give the same values to 2e-6. Frames are counted over all clips, T of the
first, then T of the second and so on, and parts of them can be drawn side by side.
"""

import math
from typing import no_type_check

import numpy as np

from posec3d.compiled.jit import njit
from posec3d.compiled.numbers import encode
from posec3d.compiled.numbers import exp_of_negative

# exp(-20) is 2e-9: less than float32 can tell from nothing beside a height of 1. Zeros are what convolutions skip.
_FAINTEST = 20.0
# So many pixels of a row are computed at once, whether the row needs all or not.
_AT_ONCE = 8
# Unsigned places spare the compiler the thought of negative ones.
_U = np.uint64


@no_type_check
@njit(nogil=True)
def draw_keypoints(keypoints, scores, volume, sigma, smallest, first, last):
    """Draw frames first..last-1 of keypoints (B, M, T, V, 2), on nothing, in a volume (B * T, H, W, V).

    Scores (B, M, T, V) below `smallest` are not drawn.
    """
    num_people, num_frames, num_keypoints = scores.shape[1:]
    height, width = volume.shape[1:3]
    # As many as three sigma to both sides can be, in whole vectors, whether a keypoint needs all or not.
    widest = min(int(min(6.0 * sigma, 1e9)) + 2, max(height, width))
    num_computed = (widest + _AT_ONCE - 1) // _AT_ONCE * _AT_ONCE
    across, down = np.empty(num_computed, np.float32), np.empty(num_computed, np.float32)
    falloff = 1.0 / (2.0 * sigma * sigma)
    for place in range(first, last):
        clip, frame = place // num_frames, place % num_frames
        # Frame by frame, as it then is in the processor's cache.
        volume[place] = 0
        heats = volume[place].reshape(-1)
        for person in range(num_people):
            for keypoint in range(num_keypoints):
                score = scores[clip, person, frame, keypoint]
                x = np.float64(keypoints[clip, person, frame, keypoint, 0])
                y = np.float64(keypoints[clip, person, frame, keypoint, 1])
                if not (score >= smallest and math.isfinite(x) and math.isfinite(y)):
                    continue
                left, right = _pixels_within(x, x, 3.0 * sigma, width)
                top, bottom = _pixels_within(y, y, 3.0 * sigma, height)
                for pixel in range(num_computed):
                    off_x, off_y = left + pixel - x, top + pixel - y
                    across[pixel] = exp_of_negative(np.float32(-(off_x * off_x) * falloff))
                    down[pixel] = score * exp_of_negative(np.float32(-(off_y * off_y) * falloff))
                for row in range(bottom - top):
                    start = _U(((top + row) * width + left) * num_keypoints + keypoint)
                    for column in range(_U(right - left)):
                        heat = encode(down[row] * across[column], volume)
                        target = start + column * _U(num_keypoints)
                        if heat > heats[target]:
                            heats[target] = heat


@no_type_check
@njit(nogil=True)
def draw_limbs(keypoints, scores, limbs, volume, sigma, smallest, first, last):
    """Draw frames first..last-1 of limbs (L, 2), pairs of keypoints (B, M, T, V, 2), in a volume (B * T, H, W, L)."""
    num_people, num_frames = scores.shape[1:3]
    row_of_heats = np.empty(volume.shape[2] + _AT_ONCE, np.float32)
    for place in range(first, last):
        clip, frame = place // num_frames, place % num_frames
        # Frame by frame, as it then is in the processor's cache.
        volume[place] = 0
        for person in range(num_people):
            for limb in range(limbs.shape[0]):
                start, end = limbs[limb]
                score, score_of_end = scores[clip, person, frame, start], scores[clip, person, frame, end]
                # Each by itself: of a number and NaN, min gives one or the other.
                if not (score >= smallest and score_of_end >= smallest):
                    continue
                lower = min(score, score_of_end)
                x = np.float64(keypoints[clip, person, frame, start, 0])
                y = np.float64(keypoints[clip, person, frame, start, 1])
                along_x = np.float64(keypoints[clip, person, frame, end, 0]) - x
                along_y = np.float64(keypoints[clip, person, frame, end, 1]) - y
                squared_length = along_x * along_x + along_y * along_y
                if not (math.isfinite(x) and math.isfinite(y) and math.isfinite(squared_length)):
                    continue
                # Shorter than a pixel: its first keypoint, with that keypoint's score.
                if squared_length < 1.0:
                    along_x, along_y, lower = 0.0, 0.0, score
                _draw_segment(volume[place], limb, x, y, along_x, along_y, lower, sigma, row_of_heats)


@no_type_check
@njit(nogil=True)
def _draw_segment(frame, channel, x, y, along_x, along_y, score, sigma, row_of_heats):
    """Draw the segment from (x, y) as far as `along` into a channel of a frame (H, W, C), where it is the highest."""
    height, width, num_channels = frame.shape
    heats = frame.reshape(-1)
    falloff = 1.0 / (2.0 * sigma * sigma)
    left, right = _pixels_within(min(x, x + along_x), max(x, x + along_x), 3.0 * sigma, width)
    top, bottom = _pixels_within(min(y, y + along_y), max(y, y + along_y), 3.0 * sigma, height)
    squared_length = max(along_x * along_x + along_y * along_y, 1.0)
    share_of_column, share_of_row = along_x / squared_length, along_y / squared_length
    num_computed = (right - left + _AT_ONCE - 1) // _AT_ONCE * _AT_ONCE
    for row in range(top, bottom):
        share_at_left = (left - x) * share_of_column + (row - y) * share_of_row
        # No branches and no writing into the frame, and the compiler computes several pixels at once.
        for column in range(num_computed):
            share = share_at_left + column * share_of_column
            share = share if share > 0.0 else 0.0
            share = share if share < 1.0 else 1.0
            off_x = left - x + column - share * along_x
            off_y = row - y - share * along_y
            faintness = (off_x * off_x + off_y * off_y) * falloff
            heat = score * exp_of_negative(np.float32(-faintness))
            row_of_heats[column] = heat if faintness < _FAINTEST else np.float32(0)
        start = _U((row * width + left) * num_channels + channel)
        for column in range(right - left):
            heat = encode(row_of_heats[column], frame)
            target = start + _U(column) * _U(num_channels)
            if heat > heats[target]:
                heats[target] = heat


@no_type_check
@njit(nogil=True)
def _pixels_within(low, high, reach, length):
    """Return the pixels of 0..length-1 within `reach` of low..high: the first, and the one after the last."""
    # First within the canvas, then cut off: whole numbers end where coordinates do not.
    first = int(min(max(low - reach, 0.0), float(length)))
    last = min(int(min(max(high + reach, -1.0), float(length))) + 1, length)
    return first, last
