"""A CUDA device: inference and training in clips a second, against the plain network and the device's own ceilings.

Every way is timed on the same batches: 3-D convolutions as PyTorch has them, 2-D ones on views of the same memory,
`torch.compile`, a CUDA graph. A training from a store is `posec3d train` itself, loading and all.
"""

import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import replace
from pathlib import Path

import torch
from torch.nn import functional

from benchmarks import reference
from benchmarks.flat_convolutions import flat_convolutions
from benchmarks.stages.annotations import made_up_store
from benchmarks.stages.networks import card_of_published_size
from benchmarks.timing import Row
from benchmarks.timing import compared
from benchmarks.videos import made_up_video
from posec3d.annotations import load_annotations
from posec3d.checkpoints import build_model
from posec3d.clips.dataset import collate
from posec3d.clips.pipeline import scored_views
from posec3d.experiment import Data
from posec3d.experiment import Experiment
from posec3d.experiment import ModelCard
from posec3d.experiment import Source
from posec3d.experiment import Training
from posec3d.models.layers import fuse_normalisation
from posec3d.models.recognizer import HeatmapLayer
from posec3d.models.recognizer import PoseC3D
from posec3d.runtime.devices import autocast
from posec3d.runtime.devices import start_fabric
from posec3d.runtime.reproducibility import fastest_convolutions
from posec3d.skeletons import get_skeleton
from posec3d.training.loop import train

# What a clip of 48x56x56 needs of SlowOnly, forwards, in bfloat16: operations, and bytes if every convolution read its
# input and wrote its output once.
_FLOP, _BYTES = 31.3e9, 302e6
_STAGE, _OURS = "CUDA", "posec3d bfloat16"
_ASKED = {"inference": 10.0, "training": 6.0}


@dataclass(frozen=True, kw_only=True)
class Load:
    """What is measured, and where."""

    device: torch.device
    card: ModelCard
    batch_size: int = 128
    # What the plain network keeps for its gradients is some 600 MB a clip in float32, by counting.
    batch_size_of_steps: int = 64
    num_stored: int = 12_800
    compiled: bool = True

    @property
    def canvas(self) -> tuple[int, int]:
        """Height and width of drawn frames."""
        return self.card.clips.train_canvas, self.card.clips.train_canvas


def measure_accelerator(rounds: int) -> list[Row]:
    """Time batches of clips of the published size; rows say "not measured" where there is no CUDA device."""
    if not torch.cuda.is_available():
        note = "not measured: no CUDA device"
        return [Row(stage=_STAGE, case=case, way=_OURS, asked=asked, note=note) for case, asked in _ASKED.items()]
    load = Load(device=torch.device("cuda"), card=card_of_published_size(56))
    copied, multiplied = ceilings(rounds, load.device)
    floor = max(_FLOP / multiplied, _BYTES / copied) * 1e3
    note = (
        f"a large copy {copied / 1e12:.2f} TB/s, a large bfloat16 product {multiplied / 1e12:.0f} TFLOP/s: "
        f"a forward pass takes {floor:.3f} ms at least"
    )
    return [
        Row(stage=_STAGE, case="ceilings", way="torch", milliseconds=floor, note=note),
        *rows_of(load, rounds, floor),
    ]


def rows_of(load: Load, rounds: int, floor: float) -> list[Row]:
    """Return what drawing, inference and training take a clip; `floor` is the least for a forward pass, in ms."""
    steps = replace(load, batch_size=load.batch_size_of_steps)
    return [
        *_whatever_happens("drawing", lambda: _drawing(load, rounds)),
        *_whatever_happens("inference", lambda: _inference(load, rounds, floor)),
        *_whatever_happens("training", lambda: _training(steps, rounds, floor)),
        *_whatever_happens("training, from a store", lambda: [_from_store(load)]),
    ]


def ceilings(rounds: int, device: torch.device, *, gigabyte: int = 2**30, side: int = 8192) -> tuple[float, float]:
    """Return the bytes a second of a large copy, read and written, and the operations of a large bfloat16 product."""
    source = torch.empty(gigabyte, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    copied = 2 * source.numel() / _seconds(lambda: target.copy_(source), rounds, device)
    matrix = torch.randn(side, side, dtype=torch.bfloat16, device=device)
    return copied, 2 * side**3 / _seconds(lambda: matrix @ matrix, rounds, device)


def _drawing(load: Load, rounds: int) -> list[Row]:
    rows = []
    for kind, limbs in (("keypoint", None), ("limb", get_skeleton("coco17").limbs)):
        layer, poses = HeatmapLayer(limbs=limbs), _clips(load)

        def draw(layer: HeatmapLayer = layer, poses: tuple[torch.Tensor, torch.Tensor] = poses) -> object:
            with autocast(load.device, "bf16"):
                return layer(*poses, load.canvas)

        milliseconds = _milliseconds(draw, rounds, load)
        rows.append(Row(stage=_STAGE, case=f"drawing, {kind}", way=_OURS, milliseconds=milliseconds))
    return rows


def _inference(load: Load, rounds: int, floor: float) -> list[Row]:
    plain, poses = build_model(load.card).to(load.device).eval(), _clips(load)
    with torch.inference_mode():
        volume = plain.heatmaps(*poses, load.canvas)

    def theirs() -> object:
        with torch.inference_mode(), reference.plain_convolutions():
            return plain.classify(volume)

    fused = build_model(load.card).eval()
    fuse_normalisation(fused)
    fused = fused.to(load.device, memory_format=torch.channels_last_3d)  # type: ignore[call-overload]

    def forward(model: Callable[..., object] = fused) -> object:
        with torch.inference_mode(), autocast(load.device, "bf16"):
            return model(*poses, load.canvas)

    ways = {_OURS: forward, "2-D convolutions": _flat(forward)}
    if load.compiled:
        compiled = torch.compile(fused)
        ways["torch.compile"] = lambda: forward(compiled)
    if load.device.type == "cuda":
        ways["CUDA graph"] = _graph(forward)
    return _compared("inference", theirs, ways, rounds, load, floor)


def _training(load: Load, rounds: int, floor: float) -> list[Row]:
    labels = torch.arange(load.batch_size, device=load.device) % load.card.num_classes
    plain = build_model(load.card).to(load.device)
    model = build_model(load.card).to(load.device, memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    poses = _clips(load)
    with torch.no_grad():
        volume = plain.heatmaps(*poses, load.canvas)

    def learner(model: PoseC3D, logits_of: Callable[[], torch.Tensor]) -> Callable[[], object]:
        optimizer = torch.optim.SGD(model.parameters(), 0.01, momentum=0.9)

        def step() -> object:
            logits = logits_of()
            optimizer.zero_grad()
            functional.cross_entropy(logits.float(), labels).backward()
            optimizer.step()
            return logits

        return step

    def theirs() -> torch.Tensor:
        # The reference is given its volumes: what its loops take, on how many cores, is another question.
        with reference.plain_convolutions():
            return plain.classify(volume)

    def ours(network: Callable[..., torch.Tensor] = model) -> torch.Tensor:
        with autocast(load.device, "bf16"):
            return network(*poses, load.canvas)

    step = learner(model, ours)
    ways = {_OURS: _tried(step), "2-D convolutions": _tried(_flat(step))}
    if load.compiled:
        compiled = torch.compile(model)
        ways["torch.compile"] = _tried(learner(model, lambda: ours(compiled)))
    return _compared("training", learner(plain, theirs), ways, rounds, load, 3 * floor)


def _from_store(load: Load) -> Row:
    """Train two epochs from a store, and take the second one's time."""
    experiment = Experiment(
        data=Data(train=Source(annotations="made up"), num_classes=400),
        network=load.card.network,
        clips=load.card.clips,
        training=Training(epochs=2, batch_size=load.batch_size),
    )
    with tempfile.TemporaryDirectory() as folder:
        videos = load_annotations(made_up_store(Path(folder, "store.arrow"), load.num_stored)).split("train")
        fabric = start_fabric(
            accelerator="cuda" if load.device.type == "cuda" else "cpu",
            devices=1,
            precision="bf16" if load.device.type == "cuda" else "fp32",
        )
        train(experiment, videos, None, work_dir=Path(folder), fabric=fabric)
        seconds = json.loads(Path(folder, "log.jsonl").read_text().splitlines()[-1])["seconds"]
    milliseconds = seconds / load.num_stored * 1e3
    note = f"{1e3 / milliseconds:,.0f} clips/s, from {load.num_stored:,} videos in a store to new weights"
    return Row(stage=_STAGE, case="training, from a store", way="posec3d train", milliseconds=milliseconds, note=note)


def _compared(
    case: str,
    theirs: Callable[[], object],
    ways: dict[str, Callable[[], object]],
    rounds: int,
    load: Load,
    floor: float,
) -> list[Row]:
    named = f"{case}, batch {load.batch_size}"
    times = {"reference": _milliseconds(theirs, rounds, load), _OURS: _milliseconds(ways[_OURS], rounds, load)}
    spent = _where_it_goes(ways[_OURS])
    missing = []
    for name, way in ways.items():
        try:
            times[name] = times.get(name) or _milliseconds(way, rounds, load)
        # A way that a device does not have is no reason to measure none.
        except RuntimeError as error:
            missing.append(Row(stage=_STAGE, case=named, way=name, note=_said(error)))
    notes = {name: f"{1e3 / taken:,.0f} clips/s; {floor / taken:.0%} of the floor" for name, taken in times.items()}
    notes[_OURS] += f"; {spent}"
    asked = {_OURS: _ASKED[case]}
    return [*compared(_STAGE, named, times, reference="reference", asked=asked, notes=notes), *missing]


def _whatever_happens(case: str, measure: Callable[[], list[Row]]) -> list[Row]:
    """Return the rows of one part, or one that says why there are none: the others may be measured all the same."""
    try:
        return measure()
    except (RuntimeError, ValueError) as error:
        return [Row(stage=_STAGE, case=case, way=_OURS, asked=_ASKED.get(case), note=_said(error))]


def _said(error: Exception) -> str:
    return f"not measured: {next(iter(str(error).splitlines()), type(error).__name__)}"


def _where_it_goes(way: Callable[[], object], most: int = 5) -> str:
    """Return the longest operators of a call and their shares of its time on the device, or on the processor."""
    with torch.profiler.profile() as profile:
        way()
    averages = profile.key_averages()
    on_device = any(one.self_device_time_total for one in averages)
    spent = {one.key: one.self_device_time_total if on_device else one.self_cpu_time_total for one in averages}
    total = sum(spent.values())
    longest = sorted(spent, key=lambda name: -spent[name])[:most]
    return ", ".join(f"{name[:40]} {spent[name] / total:.0%}" for name in longest)


def _clips(load: Load) -> tuple[torch.Tensor, torch.Tensor]:
    views = scored_views(
        made_up_video(2), skeleton=get_skeleton("coco17"), length=load.card.clips.length, canvas=load.canvas[0]
    )
    batch = collate([([views[number % len(views)]], 0) for number in range(load.batch_size)])
    return batch.keypoints[:, 0].to(load.device), batch.scores[:, 0].to(load.device)


def _flat(way: Callable[[], object]) -> Callable[[], object]:
    def call() -> object:
        with flat_convolutions():
            return way()

    return call


def _tried(way: Callable[[], object]) -> Callable[[], object]:
    """Return a step as `posec3d train` takes it: cuDNN keeps the fastest of its algorithms."""

    def call() -> object:
        with fastest_convolutions():
            return way()

    return call


def _graph(way: Callable[[], object]) -> Callable[[], object]:
    """Return the replay of a CUDA graph of a call; it is recorded at the first."""
    recorded: list[torch.cuda.CUDAGraph] = []

    def call() -> object:
        if not recorded:
            beside = torch.cuda.Stream()
            beside.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(beside):
                way()
            torch.cuda.current_stream().wait_stream(beside)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                way()
            recorded.append(graph)
        return recorded[0].replay()

    return call


def _milliseconds(way: Callable[[], object], rounds: int, load: Load) -> float:
    """Return the milliseconds of a clip of a batch."""
    return _seconds(way, rounds, load.device) / load.batch_size * 1e3


def _seconds(call: Callable[[], object], rounds: int, device: torch.device) -> float:
    def wait() -> None:
        if device.type == "cuda":
            torch.cuda.synchronize()

    for _ in range(2):
        call()
    wait()
    started = time.perf_counter()
    for _ in range(rounds):
        call()
    wait()
    return (time.perf_counter() - started) / rounds
