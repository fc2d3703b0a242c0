"""Smooth curves over time: through key poses, and low-frequency noise."""

import numpy as np
from jaxtyping import Float


def through_keys(
    times: Float[np.ndarray, " K"], keys: Float[np.ndarray, "K C"], at: Float[np.ndarray, " T"], *, periodic: bool
) -> Float[np.ndarray, "T C"]:
    """Interpolate key poses at the times `at`, never overshooting a key.

    `times` rise from 0 to 1. A curve rests at its two ends and wherever it turns round; a periodic one, whose first
    and last keys are the same pose, runs through its ends.

    Source: monotone cubic Hermite interpolation, Fritsch and Butland (1984).
    """
    if periodic:
        times = np.concatenate([times[-2:-1] - 1, times, times[1:2] + 1])
        keys = np.concatenate([keys[-2:-1], keys, keys[1:2]])
    widths = np.diff(times)[:, None]
    rates = np.diff(keys, axis=0) / widths
    before, after = rates[:-1], rates[1:]
    same_way = before * after > 0
    weight = (widths[:-1] + 2 * widths[1:]) / (3 * (widths[:-1] + widths[1:]))
    blended = np.where(same_way, weight * after + (1 - weight) * before, 1.0)
    slopes = np.zeros_like(keys)
    slopes[1:-1] = np.where(same_way, before * after / blended, 0.0)

    left = np.clip(np.searchsorted(times, at, side="right") - 1, 0, len(times) - 2)
    width = widths[left]
    u = np.clip((at - times[left])[:, None] / width, 0, 1)
    start, end = keys[left], keys[left + 1]
    curve: Float[np.ndarray, "T C"] = (
        start
        + (end - start) * u**2 * (3 - 2 * u)
        + width * u * (1 - u) * ((1 - u) * slopes[left] - u * slopes[left + 1])
    )
    return curve


def wander(rng: np.random.RandomState, seconds: Float[np.ndarray, " T"], num_curves: int) -> Float[np.ndarray, "T N"]:
    """Return `num_curves` slow random curves around zero with standard deviation 1: sums of sines of 0.1 to 0.8 Hz."""
    rates = rng.uniform(0.1, 0.8, (3, num_curves))
    phases = rng.uniform(0, 2 * np.pi, (3, num_curves))
    waves = np.sin(2 * np.pi * rates * seconds[:, None, None] + phases)
    curves: Float[np.ndarray, "T N"] = np.sqrt(2 / 3) * waves.sum(axis=1)
    return curves
