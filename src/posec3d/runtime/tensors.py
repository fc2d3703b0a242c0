"""Tensors as arrays, for compiled loops."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch import nn
from torch._C._functorch import is_functorch_wrapped_tensor
from torch._C._functorch import is_legacy_batchedtensor
from torch.autograd.forward_ad import unpack_dual

# Of what compiled loops compute.
COMPILED_DTYPES = (torch.float32, torch.bfloat16)


def shows_its_memory(tensor: Tensor) -> bool:
    """Tell whether loops may look into a tensor's memory, and that is all there is to it.

    On the processor, and neither traced, nor a stand-in of transforms or of other tools, nor with a tangent.
    """
    return (
        not torch.compiler.is_compiling()
        and tensor.device.type == "cpu"
        and type(tensor) in (Tensor, nn.Parameter)
        and not tensor.is_neg()
        and not is_functorch_wrapped_tensor(tensor)
        and not is_legacy_batchedtensor(tensor)
        and unpack_dual(tensor).tangent is None  # type: ignore[no-untyped-call]
        and not torch.jit.is_tracing()  # type: ignore[attr-defined, no-untyped-call]
    )


def as_array(tensor: Tensor) -> np.ndarray:
    """Return the memory of a tensor on the processor as an array: float32, or bfloat16 as the uint16 of its bits."""
    return tensor.view(torch.uint16).numpy() if tensor.dtype == torch.bfloat16 else tensor.numpy()


def sent(tensor: Tensor, device: torch.device) -> Tensor:
    """Return a tensor on a device; what lies on the processor is copied to a GPU while both go on."""
    if device.type == "cuda" and tensor.device.type == "cpu":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)


def as_frames(volume: Float[Tensor, "B C T H W"]) -> np.ndarray:
    """Return the frames of all clips one after the other, (B * T, H, W, C); no copy if they lie channels last."""
    return as_array(volume.detach().permute(0, 2, 3, 4, 1).contiguous().flatten(0, 1))
