"""Numba's compiler, with results kept on disk where there is a place for them."""

import functools
import hashlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numba


def njit(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Compile a function at its first call in each process; from disk if it has been before.

    Without a folder that can be written to, beside the code or of the user, every process compiles for itself: a few
    seconds.
    """

    def compiled(function: Callable[..., Any]) -> Any:
        try:
            dispatcher = numba.njit(cache=True, **options)(function)
        except RuntimeError:
            # Numba says so at once, when it looks for the folder.
            return numba.njit(**options)(function)
        if not numba.config.DISABLE_JIT:  # type: ignore[attr-defined]
            # Numba compiles anew when the function's own file has changed. Parts and constants come from others.
            # Where Numba has it (0.61 to 0.68); elsewhere its own rule is left.
            with suppress(AttributeError):
                dispatcher._cache._cache_file._source_stamp = digest_of_loops()
        return dispatcher

    return compiled


@functools.cache
def digest_of_loops() -> str:
    """Return a digest of all files that compiled functions are made of."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
