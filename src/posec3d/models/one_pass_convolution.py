"""Convolution, the sum with a shortcut, and ReLU in one pass over memory, for scoring on a processor.

By the fused operators of oneDNN, which PyTorch carries for its own compiler, where it has them (seen with 2.13 on x86).
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch import nn

from posec3d.runtime.devices import HAS_ONEDNN
from posec3d.runtime.tensors import shows_its_memory

_HAS_OPERATORS = HAS_ONEDNN and all(
    hasattr(torch.ops.mkldnn, name) for name in ("_convolution_pointwise", "_is_mkldnn_bf16_supported")
)


def fits_one_pass(convolution: nn.Conv3d, x: Float[Tensor, "B C T H W"]) -> bool:
    """Tell whether `convolve_and_rectify` can run: nothing is learnt or traced, and oneDNN computes the precision."""
    if not _HAS_OPERATORS or torch.is_grad_enabled() or not shows_its_memory(x):
        return False
    if not torch.backends.mkldnn.enabled or isinstance(convolution.padding, str) or not x.numel():
        return False
    dtype = _dtype(x)
    return dtype == torch.float32 or (dtype == torch.bfloat16 and torch.ops.mkldnn._is_mkldnn_bf16_supported())


def convolve_and_rectify(
    convolution: nn.Conv3d, x: Float[Tensor, "B C T H W"], shortcut: Float[Tensor, "B O T2 H2 W2"] | None = None
) -> Float[Tensor, "B O T2 H2 W2"]:
    """Return max(0, convolution(x) + shortcut), in the network's precision; rounded once, at the end."""
    dtype = _dtype(x)
    weight = convolution.weight.to(dtype)
    bias = None if convolution.bias is None else convolution.bias.to(dtype)
    sizes = [list(size) for size in (convolution.padding, convolution.stride, convolution.dilation)]
    operator = torch.ops.mkldnn._convolution_pointwise
    # What the operators take and give is chosen already: autocast does not know them.
    with torch.autocast("cpu", enabled=False):
        x, settings = x.to(dtype), (weight, bias, *sizes, convolution.groups)
        result: Tensor
        if shortcut is None:
            result = operator(x, *settings, "relu", [], "")
        elif _adds_at_once(convolution, x):
            result = operator.binary(x, shortcut.to(dtype), *settings, "add", 1.0, "relu", [], "")
        else:
            result = operator(x, *settings, "none", [], "").add_(shortcut).relu_()
    return result


def _adds_at_once(convolution: nn.Conv3d, x: Tensor) -> bool:
    """Tell whether PyTorch adds in the same pass: elsewhere it would do without, and not know how in bfloat16."""
    channels_last = x.is_contiguous(memory_format=torch.channels_last_3d) and not x.is_contiguous()
    return channels_last and convolution.groups == 1


def _dtype(x: Tensor) -> torch.dtype:
    return torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else x.dtype
