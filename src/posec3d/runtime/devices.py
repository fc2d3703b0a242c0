"""Where computation runs: device, precision, number of processes."""

import logging
import os
import platform
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Literal

import torch

from posec3d.runtime.allocator import keep_freed_memory

if TYPE_CHECKING:
    from lightning_fabric import Fabric

_LOGGER = logging.getLogger(__name__)
Precision = Literal["fp32", "bf16", "fp16"]
Accelerator = Literal["auto", "cpu", "cuda", "mps"]

_FABRIC_PRECISION: dict[Precision, Literal["32-true", "bf16-mixed", "16-mixed"]] = {
    "fp32": "32-true",
    "bf16": "bf16-mixed",
    "fp16": "16-mixed",
}

# Whether networks are computed by oneDNN on the processor, as it was measured: on x86.
HAS_ONEDNN: bool = (
    platform.machine().lower() in ("x86_64", "amd64") and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
)


def prepare_device(accelerator: Accelerator, precision: Precision) -> torch.device:
    """Return the device of a run (see `choose_device`), after a warning if it only imitates the precision.

    Raises ValueError for an accelerator that this machine does not have, and for fp16 on a processor.
    """
    device = choose_device(accelerator)
    if precision == "fp16" and device.type == "cpu":
        raise ValueError("--precision fp16: a processor has no arithmetic for it; use fp32, or bf16 where it has that")
    keep_freed_memory()
    # Every process of a run comes here: torchrun numbers them by RANK, Fabric by LOCAL_RANK.
    is_first = os.environ.get("RANK", os.environ.get("LOCAL_RANK", "0")) == "0"
    if precision == "bf16" and device.type == "cpu" and is_first and computes_bfloat16(device) is False:
        _LOGGER.warning(
            "--precision bf16: this processor has no arithmetic for it, and takes many times longer than with fp32; "
            "leave it out"
        )
    return device


def autocast(device: torch.device, precision: Precision) -> torch.autocast:
    """Return the context in which a network computes in a precision."""
    dtype = torch.float16 if precision == "fp16" else torch.bfloat16
    return torch.autocast(device.type, dtype, enabled=precision != "fp32")


def start_fabric(*, accelerator: Accelerator, devices: int, precision: Precision) -> "Fabric":
    """Start the processes of a training: one a device, or those that torchrun has already started.

    Raises ValueError as `prepare_device`.
    """
    prepare_device(accelerator, precision)
    # Imported here: it takes longer than a short video.
    from lightning_fabric import Fabric

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


def precision_of(fabric: "Fabric") -> str:
    """Return the precision that a run was started with, by our name, or by Fabric's if we have none."""
    used = str(fabric.strategy.precision.precision)
    return next((name for name, of_fabric in _FABRIC_PRECISION.items() if of_fabric == used), used)


def choose_device(accelerator: Accelerator) -> torch.device:
    """Return the device that is meant: with "auto" a CUDA device, else an Apple GPU, else the CPU.

    Raises ValueError for an accelerator that this machine does not have.
    """
    has_cuda, has_mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    if accelerator == "cuda" and not has_cuda:
        raise ValueError("--device cuda: PyTorch finds no CUDA device here; use --device cpu or auto")
    if accelerator == "mps" and not has_mps:
        raise ValueError("--device mps: PyTorch finds no Apple GPU here; use --device cpu or auto")
    best = "cuda" if has_cuda else "mps" if has_mps else "cpu"
    return torch.device(best if accelerator == "auto" else accelerator)


def named_device(name: str | torch.device) -> torch.device:
    """Return the device that a program means: by torch's name for it, or "auto", which `choose_device` chooses.

    Raises ValueError for what is no name of a device, and for a device that this machine does not have.
    """
    try:
        device = choose_device("auto") if name == "auto" else torch.device(name)
    except RuntimeError as error:
        raise ValueError(f"device={name!r}: take auto, cpu, cuda, cuda:1 and so on, or mps") from error
    for accelerator in ("cuda", "mps"):
        if device.type == accelerator:
            choose_device(accelerator)
    return device


def default_workers(device: torch.device) -> int:
    """Return how many processes should prepare clips: none where the network itself needs the processors."""
    return 0 if device.type == "cpu" else min(8, os.cpu_count() or 1)


def computes_bfloat16(device: torch.device) -> bool | None:
    """Tell whether a device has arithmetic for bfloat16: then a network takes about half the time with it.

    None where that is not known. Without it, a processor's emulation takes many times longer than float32.
    """
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    cpuinfo = Path("/proc/cpuinfo")
    if device.type != "cpu" or not cpuinfo.is_file():
        return None
    told = set(cpuinfo.read_text(encoding="utf-8", errors="replace").split())
    # Intel and AMD call it so; what other processors have is not known here.
    return not {"avx512_bf16", "amx_bf16"}.isdisjoint(told) if "flags" in told else None
