"""Which model is meant: a checkpoint file, a published one by name, or the one that comes with the package."""

import difflib
import logging
from importlib.resources import as_file
from importlib.resources import files
from pathlib import Path

from posec3d.checkpoints import Recognizer
from posec3d.checkpoints import load_model
from posec3d.experiment import ModelCard
from posec3d.published import CHECKPOINTS
from posec3d.published import cache_folder
from posec3d.published import checkpoint_path
from posec3d.published import find_published
from posec3d.published_cards import card_of_published
from posec3d.published_cards import refuse_pictures
from posec3d.trained import checkpoint_in
from posec3d.trained import weights_of

# What comes with the package: one network on heatmaps, and one on coordinates to ask besides.
PACKAGED, PACKAGED_COORDINATES = "packaged", "packaged-coordinates"
PACKAGED_MODELS = (PACKAGED, PACKAGED_COORDINATES)
_FILES = {PACKAGED: "starter.safetensors", PACKAGED_COORDINATES: "starter_coordinates.safetensors"}
_LOGGER = logging.getLogger(__name__)


def choose_model(name: str | None = None) -> tuple[Recognizer, ModelCard]:
    """Return a model and its card: of a checkpoint's path, or of a published name (fetched once).

    Without a name, or as "packaged", the one of the package on heatmaps; as "packaged-coordinates" the other.

    Raises FileNotFoundError for what is neither, and ValueError for files that do not say how they are run.
    """
    name = PACKAGED if name is None else name
    if is_packaged(name):
        with as_file(files("posec3d") / "weights" / _FILES[name]) as path:
            model, card = load_model(path)
        if name == PACKAGED:
            _LOGGER.info("the package's models %s", _about_packaged(card))
        return model, card
    if Path(name).is_file():
        try:
            return load_model(Path(name))
        except ValueError as error:
            if "says nothing of its network" not in str(error):
                raise
            raise ValueError(
                f"{name}: says nothing of how it is run; give a checkpoint that `posec3d train` wrote, or the name of "
                "a published one, such as ntu60-keypoint (`posec3d download` lists them)"
            ) from None
    if Path(name).is_dir():
        raise FileNotFoundError(f"{name}: is a folder; give a checkpoint in it, such as {checkpoint_in(Path(name))}")
    known = [one for file in CHECKPOINTS for one in file.names]
    if name.lower() not in known:
        near = difflib.get_close_matches(name.lower(), [*_FILES, *known], n=1, cutoff=0.6)
        hint = f"did you mean {near[0]!r}?" if near else "`posec3d download` lists what is published"
        raise FileNotFoundError(f"no model {name!r}: neither a file nor published; {hint}")
    (file,) = find_published(name.lower(), CHECKPOINTS)
    refuse_pictures(file)
    path = checkpoint_path(file.names[0], cache_folder())
    return load_model(path, card_of_published(file, path))


def models_together(name: str | None) -> list[str]:
    """Return the models that a name stands for: those of a work directory, of the package without a name, or itself.

    Raises FileNotFoundError for a folder without weights.
    """
    return [*PACKAGED_MODELS] if name is None else weights_of(name)


def is_packaged(name: str) -> bool:
    """Tell whether a name means a model of the package."""
    return name in _FILES and not Path(name).exists()


def _about_packaged(card: ModelCard) -> str:
    return f"know {card.num_classes} actions, and take any other for one of them: {', '.join(card.classes or ())}"
