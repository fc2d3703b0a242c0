"""Pickles from strangers: NumPy arrays and plain containers are read, anything else is named and refused."""

import gzip
import math
import os
import pickle
import re
import zlib
from collections import OrderedDict
from collections import defaultdict
from collections.abc import Callable
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

_GZIP = b"\x1f\x8b"
_OTHER_FORMATS = {
    b"PK": "a zip archive (an .npz file or a checkpoint?)",
    b"\x93NUMPY": "a NumPy .npy file",
    b"\x89HDF": "an HDF5 file",
    b"ARROW1": "an Arrow file",
    b"BZh": "compressed with bzip2",
    b"\xfd7zXZ": "compressed with xz",
    b"\x28\xb5\x2f\xfd": "compressed with zstandard",
    b"{": "text that looks like JSON",
    b"[": "text that looks like JSON",
    b"version https://git-lfs": "a Git LFS pointer (fetch the file itself with `git lfs pull`)",
}
_OF_POSES = ", or the file that `posec3d extract` makes of videos and poses"
_BROKEN = (
    pickle.UnpicklingError,
    EOFError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    OverflowError,
    MemoryError,
    RecursionError,
    gzip.BadGzipFile,
    zlib.error,
)


def load_pickle(
    path: str | os.PathLike[str], *, also: Mapping[tuple[str, str], Callable[..., object]] = MappingProxyType({})
) -> object:
    """Return what a pickle, gzipped or not, holds: NumPy arrays and scalars, plain containers, text and numbers.

    Nothing in the file is imported or run: the names that it calls are looked up in a short table of harmless
    constructors. Protocols 0 to 5, NumPy 1 and 2, and Python 2 (its strings read as Latin-1). Arrays are read-only.
    `also` adds constructors to the table, by (module, name); they must be harmless with any arguments.

    Raises ValueError, with the name, for a file that holds or calls anything else, and for one that is no whole pickle.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; give the path of a pickle")
    with path.open("rb") as file:
        try:
            compressed = file.peek(len(_GZIP)).startswith(_GZIP)
            stream: Any = gzip.GzipFile(fileobj=file) if compressed else file
            _refuse_other_formats(stream.peek(32))
            known = {**_KNOWN, **{name: _Constructor(build) for name, build in also.items()}}
            return _finished(_LimitedUnpickler(stream, known).load(), {})
        except _RefusedError as error:
            raise ValueError(f"{path}: {error}") from None
        except _BROKEN as error:
            raise ValueError(
                f"{path}: not a pickle, or damaged, or cut short ({error or type(error).__name__}); "
                f"give a pickle, or copy or write this one again{_OF_POSES}"
            ) from error


class _RefusedError(Exception):
    """What the file is or holds that is not read, and what to do."""


def _refuse_other_formats(start: bytes) -> None:
    if not start:
        raise _RefusedError("the file is empty; copy or write it again")
    for magic, name in _OTHER_FORMATS.items():
        if start.startswith(magic):
            raise _RefusedError(f"not a pickle but {name}; give a pickle, plain or gzipped{_OF_POSES}")


def _refuse(what: str) -> _RefusedError:
    return _RefusedError(
        f"contains {what}, which was not run: only NumPy arrays and plain containers are read; "
        "turn such values into arrays, lists or numbers and save the file again"
    )


class _LimitedUnpickler(pickle.Unpickler):
    def __init__(self, stream: Any, known: Mapping[tuple[str, str], object]) -> None:
        super().__init__(stream, encoding="latin1")
        self._known = known

    def find_class(self, module: str, name: str, /) -> object:
        if (module, name) not in self._known:
            raise _refuse(f"{module}.{name}")
        return self._known[module, name]

    def persistent_load(self, pid: object) -> object:
        raise _refuse("a reference to something outside the file (a persistent id)")


class _Constructor:
    """A function that a file may call. It cannot be changed, which a hostile file would try (opcode BUILD)."""

    __slots__ = ("_build",)
    _build: Callable[..., object]

    def __init__(self, build: Callable[..., object]) -> None:
        object.__setattr__(self, "_build", build)

    def __setattr__(self, name: str, value: object) -> None:
        raise _refuse(f"an instruction that sets {name!r} of a constructor")

    def __call__(self, *arguments: object) -> object:
        return self._build(*arguments)


# numpy.dtype.__setstate__ trusts its input: a forged state turns bytes into pointers. So NumPy's own constructors never
# see what a file says; these two keep it until the file is read, and then only simple dtypes become real.
class _StoredDtype:
    __slots__ = ("byte_order", "code")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, code: object, *_: object) -> None:
        # Booleans, integers, floats, complex numbers, bytes, text, objects; no records, whose fields could overlap.
        if not isinstance(code, str) or not re.fullmatch(r"[biufcSU]\d+|O\d?", code):
            raise _refuse(f"a NumPy dtype {code!r}")
        self.code, self.byte_order = code, "="

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        if state[1] not in ("<", ">", "|", "=") or state[2] is not None or state[3] is not None or state[4] is not None:
            raise _refuse("a NumPy dtype with fields")
        self.byte_order = "=" if state[1] == "|" else state[1]

    def real(self) -> np.dtype[Any]:
        return np.dtype(object if self.code.startswith("O") else self.byte_order + self.code)


class _StoredArray:
    __slots__ = ("dtype", "fortran", "raw", "shape")
    __hash__ = None  # type: ignore[assignment]

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        *_, self.shape, self.dtype, fortran, self.raw = state
        self.fortran = bool(fortran)

    def real(self, finished: dict[int, tuple[object, object]]) -> np.ndarray:
        if not isinstance(self.dtype, _StoredDtype):
            raise TypeError("an array without a dtype")
        dtype = self.dtype.real()
        if dtype.hasobject:
            return self._real_objects(finished)
        # Python 2 wrote the bytes of an array as a string.
        raw = self.raw.encode("latin1") if isinstance(self.raw, str) else self.raw
        if not isinstance(raw, bytes | bytearray) or len(raw) != math.prod(self.shape) * dtype.itemsize:
            raise ValueError(f"an array of shape {self.shape} whose bytes do not fill it")
        array: np.ndarray = np.ndarray(self.shape, dtype, buffer=raw, order="F" if self.fortran else "C")
        array.flags.writeable = False
        return array

    def _real_objects(self, finished: dict[int, tuple[object, object]]) -> np.ndarray:
        if not isinstance(self.raw, list) or len(self.raw) != math.prod(self.shape):
            raise ValueError(f"an array of {self.shape} objects whose list does not fill it")
        array: np.ndarray = np.empty(self.shape, object)
        finished[id(self)] = (self, array)
        for position, value in zip(np.ndindex(array.shape), self.raw, strict=True):
            array[position] = _finished(value, finished)
        array.flags.writeable = False
        return array


def _finished(value: object, finished: dict[int, tuple[object, object]]) -> object:
    """Return `value` with real arrays and dtypes in it; lists and dictionaries are completed where they stand.

    `finished` maps an id to (the object, what it became): shared and cyclic parts are done once and kept alive.
    """
    if not isinstance(value, list | dict | tuple | _StoredArray | _StoredDtype):
        return value
    if id(value) in finished:
        return finished[id(value)][1]
    result: object = value
    if isinstance(value, list):
        finished[id(value)] = (value, value)
        value[:] = [_finished(item, finished) for item in value]
    elif isinstance(value, dict):
        finished[id(value)] = (value, value)
        for key, item in value.items():
            value[key] = _finished(item, finished)
    elif isinstance(value, tuple):
        result = tuple(_finished(item, finished) for item in value)
    else:
        result = value.real() if isinstance(value, _StoredDtype) else value.real(finished)
    finished[id(value)] = (value, result)
    return result


def _stored_array(shape: object, dtype: object, raw: object, order: object) -> _StoredArray:
    array = _StoredArray()
    array.__setstate__((shape, dtype, order == "F", raw))
    return array


def _scalar(dtype: object, raw: object) -> object:
    if isinstance(dtype, _StoredDtype) and dtype.code.startswith("O"):
        raise _refuse("a NumPy scalar of objects")
    return _stored_array((), dtype, raw, "C").real({})[()]


def _bytes_of_text(text: str = "", encoding: str = "latin1") -> bytes:
    if not isinstance(text, str) or encoding != "latin1":
        raise _refuse(f"text in the encoding {encoding!r}")
    return text.encode("latin1")


def _bytearray(raw: object = b"") -> bytearray:
    if not isinstance(raw, bytes):
        raise _refuse(f"a bytearray made from {type(raw).__name__}")
    return bytearray(raw)


# Types built into Python may stand for themselves: they cannot be changed, and calling one of these does no harm.
_PLAIN = {kind.__name__: kind for kind in (list, dict, tuple, set, frozenset, int, float, bool, complex)}
# NumPy 2 has these in numpy._core, NumPy 1 in numpy.core.
_HOMES = ("numpy.core", "numpy._core")
_MOVED = {
    ("multiarray", "_reconstruct"): _Constructor(lambda *_: _StoredArray()),
    ("multiarray", "scalar"): _Constructor(_scalar),
    ("numeric", "_frombuffer"): _Constructor(lambda raw, dtype, shape, order: _stored_array(shape, dtype, raw, order)),
}
_KNOWN: dict[tuple[str, str], object] = {
    **{(module, name): kind for module in ("builtins", "__builtin__") for name, kind in _PLAIN.items()},
    **{(module, "bytearray"): _Constructor(_bytearray) for module in ("builtins", "__builtin__")},
    **{(module, "bytes"): _Constructor(_bytes_of_text) for module in ("builtins", "__builtin__")},
    ("collections", "OrderedDict"): OrderedDict,
    ("collections", "defaultdict"): defaultdict,
    ("_codecs", "encode"): _Constructor(_bytes_of_text),
    ("numpy", "dtype"): _Constructor(_StoredDtype),
    ("numpy", "ndarray"): _Constructor(lambda shape, dtype, raw: _stored_array(shape, dtype, raw, "C")),
    **{(f"{home}.{module}", name): made for home in _HOMES for (module, name), made in _MOVED.items()},
}
