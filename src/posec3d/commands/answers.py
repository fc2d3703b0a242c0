"""What the commands that give answers share: what they check before they compute, and how they get their model."""

import logging
import os
from collections.abc import Iterable
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Literal

if TYPE_CHECKING:
    from posec3d.inference.recognizer import ActionRecognizer
    from posec3d.video.sources import Source

_LOGGER = logging.getLogger(__name__)


def check_output(option: str, path: Path | None, sources: "Iterable[Source]") -> None:
    """Raise ValueError where an output would replace what is read, or cannot be written."""
    from posec3d.video.sources import is_glob
    from posec3d.video.sources import is_url
    from posec3d.video.sources import pictures_of
    from posec3d.video.sources import would_be_read

    if path is None:
        return
    there = next(place for place in (path, *path.absolute().parents) if place.exists())
    if there != path and not there.is_dir():
        raise ValueError(f"{option} {path}: {there} is a file, so nothing can be below it; give another name")
    if not os.access(there, os.W_OK):
        raise ValueError(f"{option} {path}: {there} cannot be written; give another place, or the right to write there")
    if path.is_dir():
        raise ValueError(f"{option} {path}: is a folder; give the name of a file")
    for source in sources:
        if is_url(source):
            continue
        if path.resolve() == Path(source).resolve():
            raise ValueError(f"{option} {path}: is the source itself; give another name")
        in_folder = Path(source).is_dir() and path.resolve().parent == Path(source).resolve()
        of_pattern = is_glob(source) and path.resolve() in [file.resolve() for file in pictures_of(source) or ()]
        if of_pattern or (in_folder and would_be_read(path, beside=Path(source).iterdir())):
            raise ValueError(f"{option} {path}: would be taken for a file of the source {source}; give another name")


def check_answers(top: int, threshold: float) -> None:
    """Raise ValueError for numbers of answers and for probabilities that are none."""
    if top < 1:
        raise ValueError(f"--top {top}: tell at least 1 action")
    if not 0 <= threshold <= 1:
        hint = f"; {threshold:g} % is {threshold / 100:g}" if 1 < threshold <= 100 else ""
        raise ValueError(f"--threshold {threshold:g}: a probability lies between 0 and 1{hint}")


def load_recognizer(
    models: Sequence[str],
    device: Literal["auto", "cpu", "cuda", "mps"],
    runtime: Literal["torch", "onnx", "openvino"] | None,
    precision: Literal["fp32", "bf16"],
    *,
    people: Literal["scene", "each", "pairs"],
) -> "ActionRecognizer":
    """Return the recogniser that the options ask for, the packaged one without models.

    ValueError for options that do not go together; a warning for `people` that the models do not see.
    """
    from posec3d.inference.recognizer import ActionRecognizer
    from posec3d.runtime.allocator import keep_freed_memory

    keep_freed_memory()
    recognizer = ActionRecognizer.load(models, device=device, runtime=runtime, precision=precision)
    if people == "pairs" and recognizer.most_people == 1:
        _LOGGER.warning(
            "--people pairs: the model looks at one person, and answers for the one of the two who is seen best; "
            "give a model of what two people do, such as --model ntu60-keypoint"
        )
    return recognizer
