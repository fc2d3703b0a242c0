"""Exporting on the way: once for weights, precision and version, into the cache folder."""

import hashlib
import logging
from pathlib import Path

from posec3d.experiment import ModelCard
from posec3d.export.description import SUFFIXES
from posec3d.export.description import Description
from posec3d.export.description import Precision
from posec3d.export.description import Target
from posec3d.export.exporting import export_model
from posec3d.models.recognizer import PoseC3D
from posec3d.published import cache_folder

_LOGGER = logging.getLogger(__name__)


def exported_once(model: PoseC3D, card: ModelCard, target: Target, precision: Precision) -> Path:
    """Return an exported file of a recogniser in the cache folder; it is written unless it is there."""
    digest = hashlib.sha256()
    for text in (*Description(card, precision).as_texts().values(), target):
        digest.update(text.encode())
    for name, tensor in model.state_dict().items():
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    path = cache_folder() / "exported" / f"{digest.hexdigest()[:16]}{SUFFIXES[target]}"
    if not path.is_file():
        _LOGGER.info("exporting for %s, once: %s", target, path)
        export_model(model, card, path, precision=precision)
    return path
