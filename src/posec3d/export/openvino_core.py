"""OpenVINO's entry, one a process."""

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import openvino


@cache
def openvino_core() -> "openvino.Core":
    """Return the Core that everything here compiles with; it is never taken down. Raises ImportError without OpenVINO.

    Its CPU plugin (2026.4, seen on a processor with AVX-512) gives the thread that makes a Core a stack for signal
    handlers, and takes that away with the Core. Of two Cores the first one taken down frees a stack that the second
    puts back later: the next signal with a handler, Ctrl-C or the end of a child process, is a segmentation fault.
    """
    import openvino

    return openvino.Core()
