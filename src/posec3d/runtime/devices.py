"""Where computation runs: device, precision, number of processes."""

import os
from typing import Literal

import torch
from lightning_fabric import Fabric

from posec3d.runtime.allocator import keep_freed_memory

Precision = Literal["fp32", "bf16", "fp16"]
Accelerator = Literal["auto", "cpu", "cuda", "mps"]

_FABRIC_PRECISION: dict[str, Literal["32-true", "bf16-mixed", "16-mixed"]] = {
    "fp32": "32-true",
    "bf16": "bf16-mixed",
    "fp16": "16-mixed",
}


def start_fabric(*, accelerator: Accelerator, devices: int, precision: Precision) -> Fabric:
    """Start the processes of a run: one a device, or those that torchrun has already started.

    Raises ValueError for an accelerator that this machine does not have.
    """
    if accelerator == "cuda" and not torch.cuda.is_available():
        raise ValueError("--device cuda: PyTorch finds no CUDA device here; use --device cpu or auto")
    if accelerator == "mps" and not torch.backends.mps.is_available():
        raise ValueError("--device mps: PyTorch finds no Apple GPU here; use --device cpu or auto")
    keep_freed_memory()
    launched = int(os.environ.get("WORLD_SIZE", "1"))
    fabric = Fabric(
        accelerator=accelerator,
        devices=int(os.environ.get("LOCAL_WORLD_SIZE", devices)),
        num_nodes=max(1, launched // int(os.environ.get("LOCAL_WORLD_SIZE", launched))),
        strategy="ddp" if max(launched, devices) > 1 else "auto",
        precision=_FABRIC_PRECISION[precision],
    )
    fabric.launch()
    return fabric


def default_workers(device: torch.device) -> int:
    """Return how many processes should prepare clips: none where the network itself needs the processors."""
    return 0 if device.type == "cpu" else min(8, os.cpu_count() or 1)
