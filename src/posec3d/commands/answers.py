"""What the commands that give answers check before they compute: where answers go, and how many are told."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from posec3d.video.sources import Source


def refuse_overwriting(option: str, path: Path | None, sources: "Iterable[Source]") -> None:
    """Raise ValueError if an output would take the place of what is read."""
    from posec3d.video.sources import is_url

    for source in sources:
        if path is not None and not is_url(source) and path.resolve() == Path(source).resolve():
            raise ValueError(f"{option} {path}: is the source itself; give another name")


def check_answers(top: int, threshold: float) -> None:
    """Raise ValueError for numbers of answers and for probabilities that are none."""
    if top < 1:
        raise ValueError(f"--top {top}: tell at least 1 action")
    if not 0 <= threshold <= 1:
        hint = f"; {threshold:g} % is {threshold / 100:g}" if 1 < threshold <= 100 else ""
        raise ValueError(f"--threshold {threshold:g}: a probability lies between 0 and 1{hint}")
