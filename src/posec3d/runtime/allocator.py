"""Memory that stays with the process."""

import ctypes
import sys

# glibc's malloc.h.
_M_TRIM_THRESHOLD = -1
_M_TOP_PAD = -2
_M_MMAP_MAX = -4
_LARGE = 1_000_000_000


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
    mallopt(_M_TRIM_THRESHOLD, _LARGE)
    mallopt(_M_TOP_PAD, _LARGE // 4)
