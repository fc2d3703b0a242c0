"""What a stopped training needs to go on as if it had not stopped."""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

import torch
from pydantic import TypeAdapter
from torch import Tensor

from posec3d.annotations import Annotation
from posec3d.annotations.columns import labels_of
from posec3d.annotations.columns import names_of
from posec3d.config_files import differing_options
from posec3d.experiment import Experiment
from posec3d.experiment import experiment_json
from posec3d.runtime.devices import precision_of
from posec3d.runtime.files import replacing

if TYPE_CHECKING:
    from lightning_fabric import Fabric

STATE_FILE = "resume.pth"


@dataclass(frozen=True)
class TrainingState:
    """A training at the end of an epoch. `best` is the best validation so far, accuracy and log-likelihood, or None.

    `videos` is a digest of those trained and validated on: see `digest_of`. `loss_scaler` is that of fp16, empty for
    another precision. They and `precision` are None in files of versions that did not write them.
    """

    experiment: Experiment
    seed: int
    num_devices: int
    precision: str | None
    epochs_done: int
    best: tuple[float, float] | None
    weights: dict[str, Tensor]
    optimizer: dict[str, Any]
    average: dict[str, Any] | None = None
    loss_scaler: dict[str, Any] | None = None
    videos: str | None = None


def save_state(work_dir: Path, state: TrainingState) -> None:
    """Write the state, whole or not at all."""
    content = {**vars(state), "experiment": experiment_json(state.experiment)}
    with replacing(work_dir / STATE_FILE) as unfinished:
        try:
            torch.save(content, unfinished)
        except RuntimeError as error:  # torch's zip writer has no other error for a full disk.
            raise OSError(None, str(error).splitlines()[0], str(work_dir / STATE_FILE)) from error


def load_state(work_dir: Path) -> TrainingState:
    """Read the state that a training left in its work directory."""
    path = work_dir / STATE_FILE
    if not path.is_file():
        raise FileNotFoundError(f"{path}: nothing to resume here; start without --resume")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        experiment = TypeAdapter(Experiment).validate_json(content.pop("experiment"))
        if isinstance(content["best"], float):  # As earlier versions wrote it.
            content["best"] = (content["best"], -math.inf)
        return TrainingState(experiment=experiment, **{"precision": None, **content})
    except Exception as error:  # torch.load has no error of its own for a file that is damaged.
        raise ValueError(f"{path}: a damaged state, which cannot be resumed; start without --resume") from error


def digest_of(train_videos: Sequence[Annotation], val_videos: Sequence[Annotation] | None) -> str:
    """Return what differs as soon as other videos are trained or validated on, in another order, or labelled anew.

    It is of two parts, with a colon between them: of those to train on, and of those to validate on, empty without any.
    """
    digests = []
    for videos in (train_videos, val_videos):
        said = "" if videos is None else repr((names_of(videos), labels_of(videos).tolist()))
        digests.append(hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest() if said else "")
    return ":".join(digests)


def refuse_other_run(
    state: TrainingState, experiment: Experiment, *, seed: int, videos: str, fabric: "Fabric", path: Path
) -> None:
    """Raise ValueError when a state was made with other settings than those asked for: it would not be one training.

    `videos` is the digest of those asked for.
    """
    differing = differing_options(state.experiment, experiment)
    if state.seed != seed:
        differing.append(f"--seed ({state.seed} before, {seed} asked for)")
    if state.num_devices != fabric.world_size:
        differing.append(f"--devices ({state.num_devices} before, {fabric.world_size} asked for)")
    if state.precision not in (None, precision_of(fabric)):
        differing.append(f"--precision ({state.precision} before, {precision_of(fabric)} asked for)")
    # Earlier versions wrote none, or one without parts.
    known = state.videos if ":" in (state.videos or "") else None
    before, now = ((digest or videos).partition(":") for digest in (known, videos))
    if before[0] == now[0] and "" in (before[2], now[2]) and before[2] != now[2]:
        words = "--no-validate", "--validate"
        differing.append(f"validation ({words[bool(before[2])]} before, {words[bool(now[2])]} asked for)")
    if not differing and before != now:
        raise ValueError(
            f"{path / STATE_FILE}: was made with other videos or labels than "
            f"{experiment.data.train.annotations} has now; start anew without --resume, or put the file back"
        )
    if differing:
        raise ValueError(
            f"{path / STATE_FILE}: was made with other settings: {', '.join(differing)}; "
            "use those again, or another --work-dir"
        )
