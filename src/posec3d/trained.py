"""What a training leaves in its work directory: the names of its weights, and which of them answer together."""

from pathlib import Path

CONFIG_FILE = "config.py"
BEST_FILE = "best.safetensors"
LAST_FILE = "last.safetensors"
# A work directory in the work directory: of the network on coordinates that is solved for besides one on heatmaps.
COORDINATES_FOLDER = "coordinates"


def trained_parts(folder: Path) -> list[Path]:
    """Return a work directory and, if it has one with weights, that of its network on coordinates."""
    besides = folder / COORDINATES_FOLDER
    return [folder, besides] if _weights_in(besides) else [folder]


def weights_of(name: str) -> list[str]:
    """Return the checkpoints of the networks of a work directory, or the name itself, if it is that of no folder.

    Raises FileNotFoundError for a folder without weights.
    """
    return [str(checkpoint_in(folder)) for folder in trained_parts(Path(name))] if Path(name).is_dir() else [name]


def checkpoint_in(folder: Path) -> Path:
    """Return the best weights of a work directory, or the last ones where none were validated.

    Raises FileNotFoundError for a folder without either.
    """
    found = _weights_in(folder)
    if found is None:
        raise FileNotFoundError(
            f"{folder}: is a folder without {BEST_FILE} or {LAST_FILE}; give a checkpoint, or the work directory of a "
            "training"
        )
    return found


def _weights_in(folder: Path) -> Path | None:
    return next((path for name in (BEST_FILE, LAST_FILE) if (path := folder / name).is_file()), None)
