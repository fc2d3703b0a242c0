import numpy as np
import pytest

from posec3d.synthetic.curves import through_keys
from posec3d.synthetic.curves import wander

_TIMES = np.array([0.0, 0.3, 0.5, 1.0])
_KEYS = np.array([[0.0], [10.0], [12.0], [0.0]])


@pytest.mark.parametrize("periodic", [False, True])
def test_a_curve_passes_through_its_keys(periodic):
    curve = through_keys(_TIMES, _KEYS, _TIMES, periodic=periodic)

    np.testing.assert_allclose(curve, _KEYS, atol=1e-12)


@pytest.mark.parametrize("periodic", [False, True])
def test_a_curve_never_overshoots_a_key(periodic):
    curve = through_keys(_TIMES, _KEYS, np.linspace(0, 1, 1001), periodic=periodic)

    assert curve.min() >= 0
    assert curve.max() <= 12


def test_a_curve_rests_at_its_ends():
    curve = through_keys(_TIMES, _KEYS, np.array([0, 1e-4, 1 - 1e-4, 1]), periodic=False)[:, 0]

    # At the mean speed of a segment it would go 1e-4 * 10 / 0.3 = 3e-3.
    assert abs(curve[1] - curve[0]) < 1e-5
    assert abs(curve[3] - curve[2]) < 1e-5


def test_a_periodic_curve_runs_through_its_ends():
    ramp = through_keys(np.array([0, 0.5, 1.0]), np.array([[0.0], [8.0], [0.0]]), np.array([0.0, 0.25]), periodic=True)
    rising = through_keys(
        np.array([0, 0.25, 0.75, 1.0]), np.array([[0.0], [1], [-1], [0]]), np.array([1e-4]), periodic=True
    )

    np.testing.assert_allclose(ramp[:, 0], [0, 4])  # turns round at 0: rests there
    # Mean speeds are 4 on both sides of 0, so the speed there is 4 too.
    np.testing.assert_allclose(rising[0, 0], 4e-4, rtol=1e-2)


def test_wandering_is_slow_and_of_unit_size():
    curves = wander(np.random.RandomState(0), np.arange(0, 300, 0.1), 200)

    assert curves.shape == (3000, 200)
    assert 0.95 < curves.std() < 1.05
    assert np.abs(np.diff(curves, axis=0)).max() < 1.3  # 0.1 s at 0.8 Hz, three sines in phase: 3 * sqrt(2/3) * 0.5
