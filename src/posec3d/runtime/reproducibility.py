"""The same numbers twice, or sooner."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch


def use_deterministic_algorithms() -> None:
    """Let PyTorch use only algorithms that give the same bits each time; one that cannot is an error."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.backends.cudnn.benchmark = False
    torch.use_deterministic_algorithms(True)


@contextmanager
def fastest_convolutions() -> Iterator[None]:
    """Let cuDNN try its algorithms on each new size of input and keep the fastest, unless they must be deterministic.

    For training, whose inputs are all of one size: with sizes that change, it would try for longer than it computes.
    """
    before = torch.backends.cudnn.benchmark
    torch.backends.cudnn.benchmark = not torch.are_deterministic_algorithms_enabled()
    try:
        yield
    finally:
        torch.backends.cudnn.benchmark = before


def seed_torch(seed: int, *, epoch: int = 0, process: int = 0) -> None:
    """Start torch's random stream for an epoch, so that a resumed run draws what an unbroken one does."""
    torch.manual_seed((seed * 1_000_003 + epoch * 1_009 + process) % 2**63)
