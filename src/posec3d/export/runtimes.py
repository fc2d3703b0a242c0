"""Opening exported files: what they say of themselves, and a function from named inputs to logits."""

from collections.abc import Callable
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from posec3d.export.description import TEXTS
from posec3d.export.description import Description
from posec3d.export.description import Target
from posec3d.export.description import missing_package
from posec3d.export.description import read_description
from posec3d.export.description import target_of
from posec3d.export.first_layer import cut_first_layer
from posec3d.export.openvino_core import openvino_core
from posec3d.published import cache_folder
from posec3d.runtime.tensors import as_array

Run = Callable[[dict[str, Tensor]], Float[Tensor, "B K"]]


def open_exported(path: Path, *, whole: bool = False) -> tuple[Description, Run]:
    """Return what an exported file says, and what runs it on the CPU.

    On OpenVINO the compiled loops do the drawing and the first layer in its place, unless `whole`.

    Raises FileNotFoundError, ValueError for a file that is none or is damaged, and ImportError without its runtime.
    """
    target = target_of(path)
    if target is None:
        raise ValueError(f"{path}: is no exported file; give one that ends in .onnx, .xml or .pt2")
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such exported file")
    open_file: Mapping[Target, Callable[[Path], tuple[Description, Run]]]
    open_file = {"onnx": _open_onnx, "openvino": partial(_open_openvino, whole=whole), "torch": _open_torch}
    return open_file[target](path)


def _open_onnx(path: Path) -> tuple[Description, Run]:
    import onnxruntime

    # Warnings only: of what it optimises away it says much.
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # Of a class of its own for each kind of damage, with no ancestor but Exception.
        raise _damaged(path, "ONNX", error) from error
    texts = {name.removeprefix("posec3d."): text for name, text in session.get_modelmeta().custom_metadata_map.items()}

    def run(inputs: dict[str, Tensor]) -> Float[Tensor, "B K"]:
        (logits,) = session.run(["logits"], {name: tensor.numpy() for name, tensor in inputs.items()})
        return torch.from_numpy(logits)

    return read_description(texts, path), run


def _open_openvino(path: Path, *, whole: bool) -> tuple[Description, Run]:
    try:
        import openvino
    except ImportError as error:
        raise missing_package(error, "openvino") from error
    core = openvino_core()
    try:
        model = core.read_model(path)
    except RuntimeError as error:
        raise _damaged(path, "OpenVINO", error) from error
    names = [name for name in TEXTS if model.has_rt_info(["posec3d", name])]
    description = read_description({name: model.get_rt_info(["posec3d", name]).astype(str) for name in names}, path)
    # By itself OpenVINO takes bfloat16 wherever the processor knows it.
    hint = "bf16" if description.precision == "bf16" else "f32"
    # Compiled once a machine: the second start takes a tenth.
    options = {"INFERENCE_PRECISION_HINT": hint, "CACHE_DIR": str(cache_folder() / "openvino")}
    parts = None if whole else cut_first_layer(model, description.card, half=description.precision == "bf16")
    if parts is not None:
        first_layer, rest = parts
        compiled_rest = core.compile_model(rest, "CPU", options)

        def run_parts(inputs: dict[str, Tensor]) -> Float[Tensor, "B K"]:
            frames = first_layer(inputs)
            kind = openvino.Type.bf16 if frames.dtype == torch.bfloat16 else None
            given = openvino.Tensor(as_array(frames), frames.shape, kind) if kind else frames.numpy()
            outputs = compiled_rest({"frames": given}, share_inputs=True)
            return torch.from_numpy(outputs[0].copy())

        return description, run_parts
    compiled = core.compile_model(model, "CPU", options)

    def run(inputs: dict[str, Tensor]) -> Float[Tensor, "B K"]:
        outputs = compiled({name: tensor.numpy() for name, tensor in inputs.items()}, share_inputs=True)
        return torch.from_numpy(outputs["logits"].copy())

    return description, run


def _open_torch(path: Path) -> tuple[Description, Run]:
    texts: dict[str, str] = dict.fromkeys(TEXTS, "")
    try:
        module = torch.export.load(path, extra_files=texts).module()
    except Exception as error:  # Zip files, pickles and JSON complain each in their own way.
        raise _damaged(path, "torch.export", error) from error

    def run(inputs: dict[str, Tensor]) -> Float[Tensor, "B K"]:
        with torch.inference_mode():
            logits: Tensor = module(*inputs.values())[1]
        return logits

    return read_description({name: text for name, text in texts.items() if text}, path), run


def _damaged(path: Path, kind: str, error: Exception) -> ValueError:
    reason = str(error).strip().splitlines()[-1] if str(error).strip() else type(error).__name__
    return ValueError(f"{path}: not a file of {kind}, or a damaged one ({reason}); export it again")
