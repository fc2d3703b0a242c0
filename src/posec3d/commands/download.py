"""`posec3d download`: fetch published annotations and weights, or list them."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Annotated

import tyro

if TYPE_CHECKING:
    from posec3d.published import PublishedFile


def download(
    names: Annotated[
        tuple[str, ...],
        tyro.conf.Positional,
        tyro.conf.arg(
            help="Data sets and checkpoints, by name; without any, all names are listed.",
            metavar="[NAME ...]",
            help_behavior_hint="",
        ),
    ] = (),
    *,
    folder: Annotated[
        Path | None,
        tyro.conf.arg(
            help="Where to put the files.", metavar="PATH", help_behavior_hint="(default: data/posec3d and checkpoints)"
        ),
    ] = None,
) -> None:
    """Fetch published annotations and weights by name, or list them all when no name is given.

    As in `posec3d download gym gym-keypoint`: a checkpoint goes by a short name and by that of its config. A download
    that breaks off goes on from there when the same command runs again; weights are checked against the hash in their
    file name. POSEC3D_MIRROR=https://mirror.example.org fetches from a mirror of https://download.openmmlab.com.
    """
    from posec3d.published import ANNOTATIONS
    from posec3d.published import CHECKPOINTS
    from posec3d.published import fetch_published
    from posec3d.published import find_published
    from posec3d.runtime.download import part_of

    if not names:
        print(_listing("annotations", ANNOTATIONS), _listing("checkpoints", CHECKPOINTS), sep="\n\n")
        return
    # All names are looked up first: a misspelt one must not show after an hour of downloading.
    files = dict.fromkeys(file for name in names for file in find_published(name, ANNOTATIONS + CHECKPOINTS))
    for file in files:
        place = folder or file.folder
        try:
            print(fetch_published(file, place), flush=True)
        except KeyboardInterrupt:
            part = part_of(place / file.file_name)
            kept = (
                f"{part} is kept; run the same command again to go on from there" if part.exists() else "nothing came"
            )
            raise KeyboardInterrupt(kept) from None
        if file.note:
            print(f"note: {file.note}", file=sys.stderr)


def _listing(title: str, files: "tuple[PublishedFile, ...]") -> str:
    """Return a table: name, what it is, published accuracy in percent, size."""
    rows = [(title, "what", "accuracy", "size")]
    for file in files:
        size = f"{file.num_bytes / 1e9:.2f} GB" if file.num_bytes else ""
        # The other name of a checkpoint is that of its config, too long for a column.
        shown = file.names[0] if file.file_name.endswith(".pth") else ", ".join(file.names)
        rows.append((shown, file.description, file.accuracy, size))
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join(lines)
