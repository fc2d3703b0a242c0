"""Weights out of a `.pth` file of another framework, without importing or running anything that the file names.

Files of mmaction2 0.x, 1.x and pyskl share their parameter names with ours. Those of 1.x also pickle objects of
mmengine (message hubs, history buffers), which `torch.load(weights_only=True)` refuses: here every class that is not
part of a tensor becomes an empty stand-in.
"""

import collections
import os
import pickle
from collections.abc import Callable
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from typing import BinaryIO

import torch
from torch import Tensor


class _Constructor:
    """A function that a file may call but not change, which a hostile one would try (opcode BUILD)."""

    __slots__ = ("_build",)

    def __init__(self, build: Callable[..., object]) -> None:
        object.__setattr__(self, "_build", build)

    def __setattr__(self, name: str, _: object) -> None:
        raise AttributeError(f"{name!r} of a constructor cannot be set")

    def __call__(self, *arguments: object) -> object:
        build: Callable[..., object] = object.__getattribute__(self, "_build")
        return build(*arguments)


def rebuild_tensor(storage: Any, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: object) -> Tensor:
    """Build a tensor over a storage that a file holds; ValueError for one that would reach beyond it.

    torch's own function lets the storage grow, over memory that holds whatever was there before.
    """
    last = offset + sum((length - 1) * step for length, step in zip(size, stride, strict=True))
    beyond = min(size, default=1) > 0 and last >= storage._size()
    if beyond or offset < 0 or min(stride, default=0) < 0:
        raise ValueError(f"a tensor of {size} does not fit into its {storage._size()} stored numbers")
    tensor: Tensor = torch._utils._rebuild_tensor_v2(storage, offset, size, stride, False, None)  # type: ignore[no-untyped-call]
    return tensor


_REAL: dict[tuple[str, str], object] = {
    ("collections", "OrderedDict"): collections.OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _Constructor(rebuild_tensor),
    ("torch._utils", "_rebuild_parameter"): _Constructor(torch._utils._rebuild_parameter),
    ("torch", "Size"): torch.Size,
}


class _StandIn:
    """Takes the place of any object that is not needed: accepts what unpickling does to it and keeps nothing."""

    def __new__(cls, *_: object, **__: object) -> "_StandIn":
        return super().__new__(cls)

    def __init__(self, *_: object, **__: object) -> None: ...

    def __setstate__(self, _: object) -> None: ...

    def __setitem__(self, _: object, __: object) -> None: ...

    def append(self, _: object) -> None: ...

    def extend(self, _: object) -> None: ...

    def add(self, _: object) -> None: ...


class _WeightsUnpickler(pickle.Unpickler):
    """Knows what tensors are made of; everything else is a stand-in, so nothing is imported and nothing runs."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _REAL:
            return _REAL[module, name]
        if module == "torch" and isinstance(getattr(torch, name, None), torch.dtype):
            return getattr(torch, name)
        return _StandIn


def _load(file: BinaryIO, **_: object) -> Any:
    return _WeightsUnpickler(file).load()


# What torch.load asks of a pickle module. It resolves the storage types itself, before `find_class` is asked.
_PICKLE_MODULE = SimpleNamespace(Unpickler=_WeightsUnpickler, load=_load, __name__="posec3d.models.pth_files")


def read_pth(path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """Return the tensors of a checkpoint by parameter name, on the CPU; `module.` in front of a name is cut off.

    Accepts a bare state dictionary or one under "state_dict". Raises ValueError for what is no such file.
    """
    path = Path(path)
    try:
        content = torch.load(path, map_location="cpu", weights_only=False, pickle_module=_PICKLE_MODULE)
    except (FileNotFoundError, IsADirectoryError, PermissionError):
        raise
    except Exception as error:  # torch.load has no error of its own for a file that is damaged.
        is_named_so = path.suffix.lower() in (".pth", ".pt", ".ckpt")
        mend = "download it again" if is_named_so else "give a model, such as a .safetensors or .pth file"
        raise ValueError(
            f"{path}: not a PyTorch checkpoint, or a damaged one ({_first_line(error)}); {mend}"
        ) from error
    weights = content.get("state_dict", content) if isinstance(content, Mapping) else {}
    tensors = {
        str(name).removeprefix("module."): tensor.detach()
        for name, tensor in (weights.items() if isinstance(weights, Mapping) else ())
        if isinstance(tensor, Tensor)
    }
    if not tensors:
        raise ValueError(
            f"{path}: holds no weights; expected tensors by name, or such a dictionary under 'state_dict'; the model "
            "of a training of posec3d is its best.safetensors or last.safetensors"
        )
    return tensors


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
