"""A GPU for machines without one: its tensors lie on a device of their own and refuse what those of a GPU refuse.

Each tensor carries its values on the processor, where they are computed. What is checked is that nothing of one device
meets something of the other, nor becomes an array without being fetched; speed, rounding and memory are not.

The device is PyTorch's own place for devices that others bring, set up in Python (seen with 2.13). It is there for the
rest of the process, and autograd counts devices once, at its first gradient: so it needs a process of its own.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from lightning_fabric.accelerators import CPUAccelerator
from torch.utils import backend_registration
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._python_dispatch import return_and_correct_aliasing
from torch.utils._pytree import tree_leaves
from torch.utils._pytree import tree_map_only

NAME = "emulated"
_ATEN = torch.ops.aten
# What takes tensors of both devices: copies, and places to look up, which may lie on the processor.
_BETWEEN_DEVICES = {
    _ATEN.copy_.default,
    _ATEN._to_copy.default,
    _ATEN.index.Tensor,
    _ATEN.index_put_.default,
    _ATEN._index_put_impl_.default,
}


@contextmanager
def emulated_gpu() -> Iterator[torch.device]:
    """Have a GPU, and give its device; once in a process, and before its first gradient."""
    backend_registration._setup_privateuseone_for_python_backend(NAME, _Module())
    # Parameters change places with those on the device: the memory of these cannot be set into them.
    torch.__future__.set_swap_module_params_on_conversion(True)
    # Has torch.tensor make its values on the processor and copy them, where both is seen here.
    torch._C._set_only_lift_cpu_tensors(True)
    with _Everything():
        yield torch.device(NAME, 0)


class EmulatedAccelerator(CPUAccelerator):
    """What Fabric needs to know of the device: nothing is to be set up."""

    def setup_device(self, device: torch.device) -> None:
        """Leave the device as it is."""


class GpuTensor(torch.Tensor):
    """A tensor on the device, whose values lie on the processor."""

    values: torch.Tensor

    @staticmethod
    def __new__(cls, values: torch.Tensor) -> "GpuTensor":
        tensor: GpuTensor = torch.Tensor._make_wrapper_subclass(
            cls,
            values.shape,
            strides=values.stride(),
            storage_offset=values.storage_offset(),
            dtype=values.dtype,
            layout=values.layout,
            device=torch.device(NAME, 0),
        )
        tensor.values = values
        return tensor

    __torch_function__ = torch._C._disabled_torch_function_impl

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        raise AssertionError(f"{func} is called where the emulation has ended")

    # A GPU's tensors are pickled, too; torch.save leaves out which device they are from.
    def __reduce_ex__(self, protocol: Any) -> Any:
        return self.values.__reduce_ex__(protocol)

    def __tensor_flatten__(self) -> tuple[list[str], None]:
        return ["values"], None

    @staticmethod
    def __tensor_unflatten__(inner: Any, meta: Any, size: Any, stride: Any) -> "GpuTensor":
        return GpuTensor(inner["values"])


class _Module(backend_registration._DummyBackendModule):
    def get_amp_supported_dtype(self) -> list[torch.dtype]:
        return [torch.bfloat16, torch.float16]


class _Everything(TorchDispatchMode):
    """Sees every operation of PyTorch's, and computes those of the device."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func._can_decompose():
            with self:
                return func.decompose(*args, **kwargs)
        tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
        there = [tensor for tensor in tensors if isinstance(tensor, GpuTensor)]
        asked = kwargs.get("device")
        ends_there = bool(there) if asked is None else torch.device(asked).type == NAME
        if not (there or ends_there):
            return func(*args, **kwargs)
        # Numbers may lie anywhere.
        here = [tensor for tensor in tensors if not isinstance(tensor, GpuTensor) and tensor.dim()]
        if there and here and func not in _BETWEEN_DEVICES:
            raise RuntimeError(f"{func}: expected all tensors to be on the same device, but found {NAME}:0 and cpu")

        plain, named = tree_map_only(GpuTensor, lambda tensor: tensor.values, (args, kwargs))
        if asked is not None:
            named = {**named, "device": torch.device("cpu")}
        result = func(*plain, **named)
        if func is _ATEN.copy_.default and not isinstance(args[0], GpuTensor):
            return args[0]
        if func is _ATEN._to_copy.default:
            return GpuTensor(result) if ends_there else result.clone()
        if ends_there:
            result = tree_map_only(torch.Tensor, GpuTensor, result)
        return return_and_correct_aliasing(func, args, kwargs, result) if there else result
