"""What an exported file says of itself: the card of its model, its precision, and the version that wrote it."""

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter
from pydantic import ValidationError

from posec3d.experiment import ModelCard

Precision = Literal["fp32", "bf16", "int8"]
Target = Literal["onnx", "openvino", "torch"]
SUFFIXES: dict[Target, str] = {"onnx": ".onnx", "openvino": ".xml", "torch": ".pt2"}
# The names under which a file says it.
TEXTS = ("card", "precision", "version")
_CARD = TypeAdapter(ModelCard)


@dataclass(frozen=True)
class Description:
    """The card of the model in a file, in which arithmetic it was written, and by which version of posec3d."""

    card: ModelCard
    precision: Precision
    version: str = field(default_factory=lambda: version("posec3d"))

    def as_texts(self) -> dict[str, str]:
        """Return it as the named texts that every format can hold."""
        return {"card": _CARD.dump_json(self.card).decode(), "precision": self.precision, "version": self.version}


def read_description(texts: Mapping[str, str], path: Path) -> Description:
    """Return what a file's texts say; ValueError for a file that posec3d did not export."""
    if "card" not in texts:
        raise ValueError(f"{path}: says nothing of how it is run; give a file that `posec3d export` wrote")
    try:
        card = _CARD.validate_json(texts["card"])
    except ValidationError as error:
        raise ValueError(f"{path}: does not describe a model of this version of posec3d; export it again") from error
    return Description(card, texts["precision"], texts["version"])  # type: ignore[arg-type]  # only we write it


def target_of(path: Path) -> Target | None:
    """Return the kind of an exported file by its suffix; None for any other, such as a checkpoint."""
    return next((target for target, suffix in SUFFIXES.items() if path.suffix.lower() == suffix), None)


def missing_package(error: ImportError, extra: str) -> ImportError:
    """Return what to raise where an optional package is absent."""
    return ImportError(f'{error.name or error} cannot be imported; install it: pip install "posec3d[{extra}]"')
