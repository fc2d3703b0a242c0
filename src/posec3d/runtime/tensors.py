"""Tensors as arrays, for compiled loops."""

import numpy as np
import torch
from torch import Tensor


def as_array(tensor: Tensor) -> np.ndarray:
    """Return the memory of a tensor on the processor as an array: float32, or bfloat16 as the uint16 of its bits."""
    return tensor.view(torch.uint16).numpy() if tensor.dtype == torch.bfloat16 else tensor.numpy()
