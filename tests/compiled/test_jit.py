import numba

from posec3d.compiled.jit import njit


def double(value):
    return 2 * value


def test_without_a_place_to_keep_results_functions_are_compiled_all_the_same(monkeypatch):
    real, asked = numba.njit, []

    def homeless(**options):
        asked.append(options)
        if options.get("cache"):
            raise RuntimeError("cannot cache function: no locator available")
        return real(**options)

    real(nogil=True)(double)(21)  # numba imports parts of itself, which use its njit, when it first compiles
    monkeypatch.setattr(numba, "njit", homeless)

    assert njit(nogil=True)(double)(21) == 42
    assert asked == [{"cache": True, "nogil": True}, {"nogil": True}]
