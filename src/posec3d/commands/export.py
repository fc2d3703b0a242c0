"""`posec3d export`: a model as one file for another runtime, checked before it is left there."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Annotated
from typing import Literal

import tyro

from posec3d.commands.options import OptionalName
from posec3d.commands.options import OptionalPath

if TYPE_CHECKING:
    from collections.abc import Sequence

    from posec3d.annotations import Annotation
    from posec3d.experiment import ModelCard
    from posec3d.export.exporting import Agreement

_LOGGER = logging.getLogger(__name__)

# What people ask for in the words of other exporters.
REFUSED = {
    "--shape": "every size is free but the number of keypoints",
    "--opset-version": "the file says its own",
    "--output-file": "use --out",
    "--verify": "every file is compared with torch before it is left on disk",
}


def export(
    checkpoint: Annotated[
        str, tyro.conf.Positional, tyro.conf.arg(metavar="[CHECKPOINT]", help_behavior_hint="")
    ] = "packaged",
    *,
    to: Literal["onnx", "openvino", "torch"],
    precision: Literal["fp32", "bf16", "int8"] = "fp32",
    calibrate: OptionalPath = None,
    split: OptionalName = None,
    out: OptionalPath = None,
) -> None:
    """Write a model as one file from keypoints to probabilities, which needs nothing of posec3d to run.

    ONNX:          posec3d export best.safetensors --to onnx

    Fast on CPUs:  posec3d export best.safetensors --to openvino --precision bf16

    Faster still:  posec3d export best.safetensors --to openvino --precision int8 --calibrate my.pkl --split train

    Inputs are keypoints in pixels of the canvas, their scores, and the canvas (height, width); batch, people, frames
    and canvas are of any size. The file is compared with torch on clips, and not written if it says something else.

    Args:
        checkpoint: A checkpoint file or a published name (posec3d download lists them); "packaged", as without it, is
            the model of the package.
        to: The runtime: onnx writes .onnx, openvino .xml and .bin, torch a .pt2 for torch.export.load.
        precision: Arithmetic of the network; heatmaps are always drawn in fp32.
        calibrate: Annotations of real videos: they show int8 which values occur (200 clips are taken), and the file is
            compared on them; without, on made-up people.
        split: With --calibrate: the split to take, best the one trained on; all videos without.
        out: The file to write; without it the checkpoint's name with another suffix, in the current folder: that of
            work_dirs/my/best.safetensors is my-best.onnx, since every training leaves a best.
    """
    from posec3d.commands.answers import check_output
    from posec3d.export.description import SUFFIXES
    from posec3d.export.description import target_of
    from posec3d.export.exporting import check_export
    from posec3d.export.exporting import export_model
    from posec3d.inference.model_choice import choose_model
    from posec3d.models.rocket import PoseRocket
    from posec3d.runtime.allocator import keep_freed_memory

    check_export(to, precision, calibrated=calibrate is not None)
    if split is not None and calibrate is None:
        raise ValueError(f"--split {split} needs --calibrate ANNOTATIONS, the file whose split it is")
    path = out or Path(f"{_name(checkpoint)}{'' if precision == 'fp32' else f'-{precision}'}{SUFFIXES[to]}")
    if path.suffix != SUFFIXES[to]:
        raise ValueError(f"--out {path}: --to {to} writes {SUFFIXES[to]}; end it so")
    if target_of(Path(checkpoint)) is not None:
        raise ValueError(f"{checkpoint}: is exported already; give the checkpoint it was made from")
    check_output("--out", path, [checkpoint, *([] if calibrate is None else [calibrate])])
    keep_freed_memory()
    model, card = choose_model(checkpoint)
    if isinstance(model, PoseRocket):
        raise ValueError(f"{checkpoint}: is of the network rocket, which runs on torch alone; export another one")
    videos = () if calibrate is None else _videos(calibrate, split, card)
    agreement = export_model(model, card, path, precision=precision, videos=videos, say=_LOGGER.info)
    print(_result(path, agreement, made_up=calibrate is None))


def _name(checkpoint: str) -> str:
    """Return what a file is called: by the training as well, where the checkpoint has the name that all have."""
    path = Path(checkpoint)
    training = path.parent.name if path.stem in ("best", "last") else ""
    return f"{training}-{path.stem}" if training else path.stem


def _videos(annotations: Path, split: str | None, card: "ModelCard") -> "Sequence[Annotation]":
    from posec3d.annotations.files import load_annotations
    from posec3d.annotations.selection import usable_videos
    from posec3d.annotations.translation import translated

    skeleton = card.heatmaps.skeleton
    found = translated(load_annotations(annotations), classes=card.classes, skeleton=skeleton)
    return usable_videos(found, split, num_classes=card.num_classes, skeleton=skeleton, of_model=True)


def _result(path: Path, agreement: "Agreement", *, made_up: bool) -> str:
    size = sum(part.stat().st_size for part in {path, path.with_suffix(".bin")} if part.is_file()) / 1e6
    return (
        f"{path}: {size:.1f} MB; on {agreement.num_clips} clips {'of made-up people ' if made_up else ''}"
        f"its probabilities differ from torch by at most {agreement.probability:.1g}, and it names the same class in "
        f"{agreement.same_class:.0%}"
    )
