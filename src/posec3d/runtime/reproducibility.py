"""The same numbers twice."""

import os

import torch


def use_deterministic_algorithms() -> None:
    """Let PyTorch use only algorithms that give the same bits each time; one that cannot is an error."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.backends.cudnn.benchmark = False
    torch.use_deterministic_algorithms(True)


def seed_torch(seed: int, *, epoch: int = 0, process: int = 0) -> None:
    """Start torch's random stream for an epoch, so that a resumed run draws what an unbroken one does."""
    torch.manual_seed((seed * 1_000_003 + epoch * 1_009 + process) % 2**63)
