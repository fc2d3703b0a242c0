"""Work of compiled loops, which leave Python alone meanwhile, spread over as many threads as PyTorch uses."""

import functools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import torch


def in_parallel(work: Callable[[int, int], object], num_items: int, *, fewest: int = 8) -> None:
    """Call `work(first, last)` for parts of 0..num_items-1 that lie side by side, all at once; return when all is done.

    `work` must release the interpreter lock, and must not care where the parts are cut. Handing fewer items than
    `fewest` to a thread takes longer than doing them.
    """
    num_parts = max(1, min(torch.get_num_threads(), num_items // fewest))
    edges = [num_items * part // num_parts for part in range(num_parts + 1)]
    if num_parts == 1:
        work(0, num_items)
        return
    others = [_pool(num_parts).submit(work, *edges[part : part + 2]) for part in range(1, num_parts)]
    try:
        work(*edges[:2])
    finally:
        # Nobody may go on while a thread still writes.
        for other in others:
            other.result()


@functools.cache
def _pool(num_threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=num_threads, thread_name_prefix="posec3d")


# The child of a fork has the pool, but not its threads.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)
