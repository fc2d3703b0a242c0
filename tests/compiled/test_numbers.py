import numpy as np
import pytest
from numba import njit

from posec3d.compiled.numbers import exp_of_negative


@njit
def exponentials(numbers):
    """Return exp of each, in a loop that computes several at once."""
    result = np.empty_like(numbers)
    for place in range(len(numbers)):
        result[place] = exp_of_negative(numbers[place])
    return result


def test_the_exponential_is_that_of_numpy():
    numbers = -np.concatenate([[0], np.logspace(-30, np.log10(80), 20_000), np.linspace(0, 80, 100_001)])
    numbers = numbers.astype(np.float32)

    result, expected = exponentials(numbers), np.exp(numbers.astype(np.float64))

    # A float32 has 24 bits; the last is rounded.
    np.testing.assert_allclose(result, expected, rtol=1.5e-7)
    assert result[0] == 1


@pytest.mark.parametrize("number", [-81, -1e4, -3e38, -np.inf])
def test_far_below_zero_it_stays_next_to_nothing(number):
    result = exponentials(np.full(9, number, np.float32))

    assert (result == exponentials(np.full(1, -80, np.float32))[0]).all()
    assert 0 < result[0] < 1e-34
