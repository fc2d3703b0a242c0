import numba

from posec3d.compiled import jit
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


def test_results_are_kept_until_any_file_of_loops_has_changed(monkeypatch, tmp_path):
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    for digest, hits in (("one", 0), ("one", 1), ("other", 0), ("other", 1)):
        monkeypatch.setattr(jit, "digest_of_loops", lambda told=digest: told)
        compiled = njit(nogil=True)(double)

        assert compiled(21) == 42
        assert sum(compiled.stats.cache_hits.values()) == hits


def test_the_digest_is_of_all_files_beside_the_compiler(monkeypatch, tmp_path):
    monkeypatch.setattr(jit, "__file__", str(tmp_path / "jit.py"))
    digests = []
    for name, text in (("jit.py", "a"), ("loops.py", "b"), ("loops.py", "c")):
        (tmp_path / name).write_text(text)
        digests.append(jit.digest_of_loops.__wrapped__())

    assert len(set(digests)) == 3
    assert jit.digest_of_loops.__wrapped__() == digests[-1]
