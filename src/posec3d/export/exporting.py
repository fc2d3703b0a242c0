"""Export: trace, write, compare with torch on clips, and only then leave the file on disk."""

import shutil
import tempfile
from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from posec3d.annotations import Annotation
from posec3d.experiment import ModelCard
from posec3d.export.clips import clips_of
from posec3d.export.clips import made_up_videos
from posec3d.export.description import SUFFIXES
from posec3d.export.description import Description
from posec3d.export.description import Precision
from posec3d.export.description import Target
from posec3d.export.files import Clip
from posec3d.export.files import check_packages
from posec3d.export.files import write_onnx
from posec3d.export.files import write_openvino
from posec3d.export.files import write_torch
from posec3d.export.graph import trace
from posec3d.export.networks import ClipNetwork
from posec3d.export.networks import ExportedNetwork
from posec3d.export.networks import TorchNetwork
from posec3d.models.recognizer import PoseC3D

# Clips that show int8 the range of values, and clips that a file is compared on.
CALIBRATION_CLIPS = 200
CHECKED_CLIPS = 24
# fp32: of probabilities, and of logits relative to the largest, where float32 in another order of sums differs by so
# much. Otherwise: of the mean over clips of the largest difference in a probability; what is trained stays below 0.03.
_EXACT, _CLOSE = 1e-5, 0.1


@dataclass(frozen=True)
class Agreement:
    """How an exported file compares with torch in fp32, over `num_clips` clips.

    The largest difference of a probability, its mean over clips, the largest of logits, relative to the largest logit,
    and the share of clips with the same likeliest class.
    """

    num_clips: int
    probability: float
    mean_probability: float
    logit: float
    same_class: float


def check_export(target: Target, precision: Precision, *, calibrated: bool) -> None:
    """Raise ValueError for what cannot be exported."""
    if precision == "int8" and target == "torch":
        raise ValueError("--to torch --precision int8: torch has no fast 8-bit 3-D convolution; use --to openvino")
    if precision != "fp32" and target == "onnx":
        raise ValueError(
            f"--to onnx --precision {precision}: ONNX Runtime is no faster with it on a CPU; use --to openvino"
        )
    if precision == "int8" and not calibrated:
        raise ValueError(
            "--precision int8 needs --calibrate ANNOTATIONS: some hundred videos, best those trained on, show which "
            "values occur"
        )


def export_model(
    model: PoseC3D,
    card: ModelCard,
    path: Path,
    *,
    precision: Precision = "fp32",
    videos: Sequence[Annotation] = (),
    say: Callable[[str], object] = lambda _: None,
) -> Agreement:
    """Write a recogniser for the runtime that the suffix of `path` means, if it agrees with torch, and tell how well.

    `videos` calibrate int8 and are compared on; made-up ones are compared on without. `say` is told each step.
    Raises ValueError, and leaves nothing, where the file's answers differ from torch.
    """
    target: Target = next(target for target, suffix in SUFFIXES.items() if suffix == path.suffix)
    check_export(target, precision, calibrated=bool(videos))
    check_packages(target, precision)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Beside the place it goes to, so that moving it there is one step.
    with tempfile.TemporaryDirectory(prefix=f".{path.stem}.unfinished-", dir=path.parent) as folder:
        written = Path(folder) / path.name
        description = Description(card, precision)
        say("tracing")
        program = trace(model, card, half=target == "torch" and precision == "bf16")
        if target == "torch":
            write_torch(program, written, description)
        else:
            onnx = written.with_suffix(".onnx")
            write_onnx(program, onnx, description)
        if target == "openvino":
            say("calibrating" if precision == "int8" else "converting")
            write_openvino(onnx, written, description, _calibration(videos, card) if precision == "int8" else [])
        say("comparing with torch")
        agreement = _compare(
            TorchNetwork(model, card), ExportedNetwork(written, whole=True), videos or made_up_videos(card, 8)
        )
        _refuse_disagreement(path, precision, agreement)
        for file in sorted(Path(folder).iterdir()):
            if file.suffix in (path.suffix, ".bin"):
                shutil.move(file, path.with_suffix(file.suffix))
    return agreement


def _calibration(videos: Sequence[Annotation], card: ModelCard) -> list[Clip]:
    canvas = torch.tensor([card.clips.test_canvas] * 2).numpy()
    mirrored = {"mirrored": torch.tensor([False]).numpy()} if card.clips.test_mirror == "volume" else {}
    return [
        {"keypoints": keypoints.numpy(), "scores": scores.numpy(), "canvas": canvas, **mirrored}
        for keypoints, scores in clips_of(videos, card, CALIBRATION_CLIPS)
    ]


@torch.inference_mode()
def _compare(plain: ClipNetwork, exported: ClipNetwork, videos: Sequence[Annotation]) -> Agreement:
    clips = clips_of(videos, plain.card, CHECKED_CLIPS)
    mirrored = plain.card.clips.test_mirror == "volume"

    def logits_of(network: ClipNetwork) -> Float[Tensor, "B K"]:
        return torch.cat([network.view_logits(*clip, mirrored=mirrored).flatten(0, 1) for clip in clips])

    expected, found = logits_of(plain), logits_of(exported)
    differences = (expected.softmax(-1) - found.softmax(-1)).abs().amax(-1)
    return Agreement(
        num_clips=len(clips),
        probability=float(differences.max()),
        mean_probability=float(differences.mean()),
        logit=float((expected - found).abs().max() / expected.abs().max().clamp(min=1)),
        same_class=float((expected.argmax(-1) == found.argmax(-1)).float().mean()),
    )


def _refuse_disagreement(path: Path, precision: Precision, agreement: Agreement) -> None:
    exact = precision == "fp32"
    # Written so that a NaN is refused as well.
    agrees = max(agreement.probability, agreement.logit) <= _EXACT if exact else agreement.mean_probability <= _CLOSE
    if not agrees:
        raise ValueError(
            f"{path}: not written, as its probabilities differ from torch by up to {agreement.probability:.2g} on "
            f"{agreement.num_clips} clips; "
            + ("report this with the versions of torch and of the runtime" if exact else "use --precision fp32")
        )
