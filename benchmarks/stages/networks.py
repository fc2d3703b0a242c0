"""The network: one clip from keypoints to logits, 48x56x56, on each runtime; and all 20 views of a video."""

import tempfile
from collections.abc import Callable
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from benchmarks import reference
from benchmarks.timing import Row
from benchmarks.timing import compared
from benchmarks.timing import medians
from benchmarks.videos import made_up_video
from posec3d.annotations import Annotation
from posec3d.checkpoints import build_model
from posec3d.clips.dataset import collate
from posec3d.clips.pipeline import scored_views
from posec3d.evaluation.scoring import score_videos
from posec3d.evaluation.scoring import views_loader
from posec3d.experiment import Clips
from posec3d.experiment import Heatmaps
from posec3d.experiment import ModelCard
from posec3d.experiment import Network
from posec3d.export.exporting import export_model
from posec3d.export.networks import ClipNetwork
from posec3d.export.networks import ExportedNetwork
from posec3d.export.networks import TorchNetwork
from posec3d.skeletons import get_skeleton

_SKELETON = get_skeleton("coco17")
_ASKED = {"torch bfloat16": 2.8, "OpenVINO bfloat16": 4.0, "OpenVINO int8": 6.0}


def card_of_published_size(canvas: int) -> ModelCard:
    """Return the card of the published network for NTU RGB+D 60, on a canvas of so many pixels either way."""
    return ModelCard(heatmaps=Heatmaps(), network=Network(), clips=Clips(test_canvas=canvas), num_classes=60)


def measure_networks(rounds: int) -> list[Row]:
    """Time one and eight clips of two people; the reference is given drawn volumes, all others keypoints."""
    card = card_of_published_size(56)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        networks = _networks(card, Path(folder))
        for batch_size in (1, 8):
            ways = _ways_of_one_batch(card, networks, batch_size)
            per_batch = medians(ways, rounds=rounds if batch_size == 1 else max(3, rounds // 3))
            times = {name: taken / batch_size for name, taken in per_batch.items()}
            rows += compared("network", f"batch {batch_size}", times, reference="reference", asked=_ASKED)
    return rows


def _networks(card: ModelCard, folder: Path) -> dict[str, ClipNetwork]:
    torch.manual_seed(0)
    model = build_model(card).eval()
    videos = [made_up_video(1 + number % 2, seed=number) for number in range(24)]
    networks: dict[str, ClipNetwork] = {"torch float32": TorchNetwork(model, card)}
    for name, suffix, precision in (
        ("ONNX Runtime float32", ".onnx", "fp32"),
        ("OpenVINO float32", ".xml", "fp32"),
        ("OpenVINO bfloat16", ".xml", "bf16"),
        ("OpenVINO int8", ".xml", "int8"),
    ):
        path = folder / f"{precision}{suffix}"
        export_model(model, card, path, precision=precision, videos=videos)  # type: ignore[arg-type]
        networks[name] = ExportedNetwork(path)
    return networks


def _ways_of_one_batch(
    card: ModelCard, networks: Mapping[str, ClipNetwork], batch_size: int
) -> dict[str, Callable[[], object]]:
    # Of different videos: clips of one share frames, which are then looked at once.
    videos = [made_up_video(2, seed=number) for number in range(batch_size)]
    views = [
        scored_views(video, skeleton=_SKELETON, num_clips=1, canvas=card.clips.test_canvas, mirrored=False)[0]
        for video in videos
    ]
    batch = collate([([view], 0) for view in views])
    keypoints, scores = batch.keypoints[:, 0], batch.scores[:, 0]
    volumes = torch.from_numpy(np.stack([reference.drawn(view, None) for view in views]))
    plain = reference.network().eval()

    @torch.inference_mode()
    def theirs() -> object:
        with reference.plain_convolutions():
            return plain.classify(volumes)

    @torch.inference_mode()
    def ours(network: ClipNetwork) -> object:
        return network.view_logits(keypoints, scores, mirrored=False)

    def in_bfloat16() -> object:
        with torch.autocast("cpu", torch.bfloat16):
            return ours(networks["torch float32"])

    ways: dict[str, Callable[[], object]] = {"reference": theirs}
    ways |= {name: lambda network=network: ours(network) for name, network in networks.items()}
    return {**ways, "torch bfloat16": in_bfloat16}


def measure_tested_video(rounds: int) -> list[Row]:
    """Time ten clips of a video and their mirrors, 48x64x64, from the annotation to its scores."""
    rows = []
    for num_frames in (90, 300):
        times = _test_times(made_up_video(2, num_frames), max(3, rounds // 3))
        rows += compared(
            "20-view test",
            f"{num_frames} frames",
            times,
            reference="reference",
            asked=dict.fromkeys(("torch float32", "torch bfloat16"), 5.0),
        )
    return rows


def _test_times(video: Annotation, rounds: int) -> dict[str, float]:
    card = card_of_published_size(64)
    model, plain = build_model(card), reference.network().eval()

    def ours() -> object:
        batches = views_loader(card, [video], num_clips=10, mirrored=True)
        return score_videos(model, card, batches)

    def in_bfloat16() -> object:
        with torch.autocast("cpu", torch.bfloat16):
            return ours()

    @torch.inference_mode()
    def theirs() -> object:
        volumes = torch.from_numpy(
            np.stack([reference.drawn(view, None) for view in scored_views(video, skeleton=_SKELETON)])
        )
        with reference.plain_convolutions():
            return plain.classify(volumes).softmax(-1).mean(0)

    return medians({"reference": theirs, "torch float32": ours, "torch bfloat16": in_bfloat16}, rounds=rounds)
