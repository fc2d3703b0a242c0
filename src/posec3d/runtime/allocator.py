"""Memory that stays with the process."""

import ctypes
import sys

# glibc's malloc.h.
_M_TRIM_THRESHOLD = -1
_M_TOP_PAD = -2
_M_MMAP_MAX = -4
_M_ARENA_MAX = -8
_TOP_PAD = 250_000_000


def keep_freed_memory() -> None:
    """Tell glibc to keep freed memory for reuse; elsewhere do nothing.

    By default every large tensor is fetched from the system and given back, and the page faults of that take longer
    than the network's arithmetic. Call before the first large allocation.
    """
    if sys.platform != "linux":
        return
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return
    mallopt(_M_MMAP_MAX, 0)
    # Threads have regions of memory of their own, which go back to the system when empty: gradients are made in one.
    mallopt(_M_ARENA_MAX, 1)
    # -1 is never: a step of training frees more than the largest number that fits here.
    mallopt(_M_TRIM_THRESHOLD, -1)
    mallopt(_M_TOP_PAD, _TOP_PAD)
