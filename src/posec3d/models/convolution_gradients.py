"""Gradients of a convolution by PyTorch's own operator, of which PyTorch knows gradients as well."""

import torch
from jaxtyping import Float
from torch import Tensor


def gradients_by_torch(
    gradient: Float[Tensor, "B O T2 H2 W2"],
    x: Float[Tensor, "B C T H W"],
    weight: Float[Tensor, "O C KT KH KW"],
    wanted: tuple[bool, bool, bool],
    stride: tuple[int, int, int] = (1, 1, 1),
) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    """Return the gradients of x, the weight and the bias that are `wanted`, in the precision of the given one.

    Of odd kernels, without dilation and groups, that pad as to keep the size before strides.
    """
    padding, ones, zeros = [length // 2 for length in weight.shape[2:]], [1, 1, 1], [0, 0, 0]
    x, weight = x.to(gradient.dtype), weight.to(gradient.dtype)
    gradients: tuple[Tensor | None, Tensor | None, Tensor | None] = torch.ops.aten.convolution_backward(
        gradient, x, weight, [weight.shape[0]], stride, padding, ones, False, zeros, 1, wanted
    )
    return gradients
