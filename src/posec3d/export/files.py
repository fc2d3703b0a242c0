"""Writing a traced recogniser as ONNX, OpenVINO or torch.export file, with its description inside."""

import contextlib
import importlib
import io
import logging
import os
import warnings
from collections.abc import Iterator
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import torch
from torch.export import ExportedProgram

from posec3d.export.description import Description
from posec3d.export.description import Precision
from posec3d.export.description import Target
from posec3d.export.description import missing_package
from posec3d.export.graph import INPUTS
from posec3d.export.graph import OUTPUTS
from posec3d.export.graph import mirrors_volumes
from posec3d.export.openvino_core import openvino_core
from posec3d.export.quantization import operations_before_network
from posec3d.export.quantization import quantize

_FREE = {0: "batch", 1: "people", 2: "frames"}
Clip = dict[str, np.ndarray]


def check_packages(target: Target, precision: Precision) -> None:
    """Raise ImportError, with the line that installs it, for an absent package: before minutes of work, not after."""
    needed = {"torch": [], "onnx": ["onnxscript"], "openvino": ["onnxscript", "openvino"]}[target]
    # Otherwise NNCF reports each use to its makers, over the network.
    os.environ.setdefault("NNCF_CI", "1")
    for package in needed + ["nncf"] * (precision == "int8"):
        try:
            importlib.import_module(package)
        except ImportError as error:
            raise missing_package(error, target) from error


def write_torch(program: ExportedProgram, path: Path, description: Description) -> None:
    """Write a .pt2 file: torch.export.load(path).module() runs it."""
    torch.export.save(program, path, extra_files=dict(description.as_texts()))


def write_onnx(program: ExportedProgram, path: Path, description: Description) -> None:
    """Write one ONNX file with its weights."""
    inputs = INPUTS if mirrors_volumes(description.card) else INPUTS[:-1]
    with _quietly():
        # What is free was said when the program was traced; here it gets names.
        free: list[dict[int, str] | None] = [_FREE, _FREE, None, {0: _FREE[0]}]
        written = torch.onnx.export(
            program,
            dynamo=True,
            input_names=inputs,
            output_names=OUTPUTS,
            dynamic_shapes=tuple(free[: len(inputs)]),
            verbose=False,
        )
    assert written is not None
    written.model.metadata_props.update({f"posec3d.{name}": text for name, text in description.as_texts().items()})
    written.save(path, external_data=False)


def write_openvino(onnx: Path, path: Path, description: Description, clips: Sequence[Clip]) -> None:
    """Write an ONNX file as .xml and .bin; for int8, `clips` show the range of values."""
    import openvino

    model = openvino_core().read_model(onnx)
    if description.precision == "int8":
        model = quantize(model, clips)
    for name, text in description.as_texts().items():
        model.set_rt_info(text, ["posec3d", name])
    openvino.save_model(model, path, compress_to_fp16=False)
    if description.precision == "bf16":
        _keep_exact(path, operations_before_network(model))


def _keep_exact(path: Path, operations: Sequence[str]) -> None:
    """Mark operations that OpenVINO is not to compute in less than float32: a bfloat16 knows no half pixels at 64.

    The mark is the one of its own transformation DisableFP16Compression, which Python cannot set.
    """
    tree = ElementTree.parse(path)
    wanted = set(operations)
    for layer in tree.getroot().iter("layer"):
        if layer.get("name") in wanted:
            marks = layer.find("rt_info")
            if marks is None:
                marks = ElementTree.Element("rt_info")
                layer.insert(0 if layer.find("data") is None else 1, marks)
            ElementTree.SubElement(marks, "attribute", name="precise", version="0")
    tree.write(path)


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Keep torch.onnx from telling what it does, and from warning of what it does itself."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
