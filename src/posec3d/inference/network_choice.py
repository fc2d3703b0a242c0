"""What a model runs on: torch as it is, an exported file on its runtime, or one that is exported on the way."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from posec3d.checkpoints import Recognizer
from posec3d.experiment import ModelCard
from posec3d.export.cached import exported_once
from posec3d.export.description import Target
from posec3d.export.description import target_of
from posec3d.export.networks import ClipNetwork
from posec3d.export.networks import ExportedNetwork
from posec3d.inference.model_choice import choose_model
from posec3d.inference.model_choice import models_together
from posec3d.models.rocket import PoseRocket

Arithmetic = Literal["fp32", "bf16"]


def choose_network(
    name: str | None, runtime: Target | None, precision: Arithmetic, device: str
) -> tuple[Recognizer | ClipNetwork, ModelCard]:
    """Return what runs a model, and its card: a checkpoint, by path or published name, or an exported file.

    Exported files run on the runtime of their suffix; a checkpoint runs on torch without a `runtime`.
    Raises ValueError for what does not go together.
    """
    path = Path(name) if name is not None and target_of(Path(name)) is not None else None
    if path is not None:
        network = open_network(path, runtime, precision, device)
        return network, network.card
    check_runtime(runtime, precision, device)
    model, card = choose_model(name)
    return on_runtime(model, card, runtime, precision), card


def networks_together(
    names: Sequence[str], runtime: Target | None, precision: Arithmetic, device: str
) -> list[tuple[Recognizer | ClipNetwork, ModelCard]]:
    """Return the networks whose answers are averaged, at least one: of each name, or of the package without names.

    The name of a work directory means its network, and the one on coordinates that was solved for besides, if there is
    one: that one runs on torch whatever the `runtime`, as the package's does.
    """
    chosen = []
    for name in names or (None,):
        first, *besides = models_together(name)
        chosen += [choose_network(first, runtime, precision, device), *(choose_model(one) for one in besides)]
    return chosen


def open_network(
    path: Path, runtime: Target | None, precision: str, device: str, card: ModelCard | None = None
) -> ExportedNetwork:
    """Return what runs an exported file; `card` says another test protocol. ValueError for options of no use."""
    own = target_of(path)
    if runtime is not None and runtime != own:
        raise ValueError(f"--runtime {runtime}: {path} is a file for {own}; leave the option out")
    if precision != "fp32":
        raise ValueError(f"--precision {precision}: {path} has its own already; export it again with this option")
    _check_device(device, f"{path} runs")
    return ExportedNetwork(path, card)


def check_runtime(runtime: Target | None, precision: str, device: str) -> None:
    """Raise ValueError for options that do not go together, before anything is read."""
    if runtime in ("onnx", "openvino"):
        _check_device(device, f"--runtime {runtime} runs")
    if precision == "fp16" and runtime in ("onnx", "openvino"):
        raise ValueError(f"--precision fp16: --runtime {runtime} has none on a CPU; use bf16 with openvino, or fp32")
    if precision == "bf16" and runtime == "onnx":
        raise ValueError("--precision bf16: ONNX Runtime is no faster with it on a CPU; use --runtime openvino")


def on_runtime(model: Recognizer, card: ModelCard, runtime: Target | None, precision: str) -> Recognizer | ClipNetwork:
    """Return a model as it is for torch; else what it is exported to, once, into the cache folder."""
    if runtime in (None, "torch"):
        return model
    assert runtime is not None
    if isinstance(model, PoseRocket):
        raise ValueError(f"--runtime {runtime}: the network rocket runs on torch alone; leave the option out")
    return ExportedNetwork(exported_once(model, card, runtime, "bf16" if precision == "bf16" else "fp32"), card)


def _check_device(device: str, what: str) -> None:
    if device not in ("auto", "cpu"):
        raise ValueError(f"--device {device}: {what} on the CPU; leave the option out")
