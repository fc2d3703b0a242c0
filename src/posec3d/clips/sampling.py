"""Which frames a clip takes from a video: uniform sampling, one frame from each of `clip_length` equal parts.

Source: PoseC3D, section 3.4; exact rules and random draws as mmaction2 0.24.1 `UniformSampleFrames`.
"""

import numpy as np
from jaxtyping import Int

# The seed of the published test clips (mmaction2 0.24.1, `UniformSampleFrames(seed=255)`).
TEST_SEED = 255


def uniform_frames(num_frames: int, clip_length: int, rng: np.random.RandomState) -> Int[np.ndarray, " T"]:
    """Draw the frames of one training clip from a video of `num_frames`, in order.

    A long video gives one random frame from each of `clip_length` equal parts. From one with less than two frames a
    part, frames are left out at random places. One shorter than the clip is looped from a random start.
    """
    if num_frames < clip_length:
        return _looped(rng.randint(0, num_frames), num_frames, clip_length)
    return _one_frame_a_part(num_frames, clip_length, rng)


def fixed_frames(num_frames: int, clip_length: int, num_clips: int = 1) -> Int[np.ndarray, "C T"]:
    """Return the frames of `num_clips` test clips of a video: always the same for the same three numbers.

    Clips are drawn as in training, one after the other, from a stream of their own. A video shorter than the clip is
    looped from starts spread over it.
    """
    # RandomState, not Generator: its stream is frozen, so published test clips stay reproducible.
    rng = np.random.RandomState(TEST_SEED)
    clips = []
    for clip in range(num_clips):
        if num_frames < clip_length:
            start = clip if num_frames < num_clips else clip * num_frames // num_clips
            clips.append(_looped(start, num_frames, clip_length))
        else:
            clips.append(_one_frame_a_part(num_frames, clip_length, rng))
    return np.stack(clips)


def _looped(start: int, num_frames: int, clip_length: int) -> Int[np.ndarray, " T"]:
    return np.arange(start, start + clip_length) % num_frames


def _one_frame_a_part(num_frames: int, clip_length: int, rng: np.random.RandomState) -> Int[np.ndarray, " T"]:
    if num_frames < 2 * clip_length:
        left_out = np.zeros(clip_length + 1, np.int64)
        left_out[rng.choice(clip_length + 1, num_frames - clip_length, replace=False)] = 1
        return np.arange(clip_length) + np.cumsum(left_out)[:-1]
    edges = np.arange(clip_length + 1) * num_frames // clip_length
    return edges[:-1] + rng.randint(np.diff(edges))
