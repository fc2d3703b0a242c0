"""Numba's compiler, with results kept on disk where there is a place for them."""

from collections.abc import Callable
from typing import Any

import numba


def njit(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Compile a function at its first call in each process; from disk if it has been before.

    Without a folder that can be written to, beside the code or of the user, every process compiles for itself: a few
    seconds.
    """

    def compiled(function: Callable[..., Any]) -> Any:
        try:
            return numba.njit(cache=True, **options)(function)
        except RuntimeError:
            # Numba says so at once, when it looks for the folder.
            return numba.njit(**options)(function)

    return compiled
