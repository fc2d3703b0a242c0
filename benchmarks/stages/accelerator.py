"""A CUDA device: training and inference in clips a second, against the plain network and the device's own ceilings."""

import time
from collections.abc import Callable

import torch

from benchmarks import reference
from benchmarks.stages.networks import card_of_published_size
from benchmarks.timing import Row
from benchmarks.videos import made_up_video
from posec3d.checkpoints import build_model
from posec3d.clips.dataset import collate
from posec3d.clips.pipeline import scored_views
from posec3d.skeletons import get_skeleton

# What a clip of 48x56x56 needs of SlowOnly, forwards, in bfloat16: operations, and bytes if every convolution read its
# input and wrote its output once.
_FLOP, _BYTES = 31.3e9, 302e6
_BATCH = 128


def measure_accelerator(rounds: int) -> list[Row]:
    """Time batches of 128 clips; rows say "not measured" where there is no CUDA device."""
    if not torch.cuda.is_available():
        return [
            Row(stage="CUDA", case=case, way="posec3d bfloat16", asked=asked, note="not measured: no CUDA device")
            for case, asked in (("inference, batch 128", 10.0), ("training, batch 128", 6.0))
        ]
    torch.backends.cuda.matmul.allow_tf32 = True
    bytes_a_second, flop_a_second = _ceilings(rounds)
    floor = max(_FLOP / flop_a_second, _BYTES / bytes_a_second) * 1e3
    rows = []
    for case, asked, train in (("inference, batch 128", 10.0, False), ("training, batch 128", 6.0, True)):
        theirs = _seconds(_step(train=train, ours=False), rounds) / _BATCH * 1e3
        ours = _seconds(_step(train=train, ours=True), rounds) / _BATCH * 1e3
        share = (3 if train else 1) * floor / ours
        note = f"{1e3 / ours:,.0f} clips/s; {share:.0%} of the floor of {floor:.3f} ms a forward pass"
        rows.append(Row(stage="CUDA", case=case, way="reference", milliseconds=theirs, ratio=1.0))
        rows.append(
            Row(
                stage="CUDA",
                case=case,
                way="posec3d bfloat16",
                milliseconds=ours,
                ratio=theirs / ours,
                asked=asked,
                note=note,
            )
        )
    return rows


def _ceilings(rounds: int) -> tuple[float, float]:
    """Return the bytes a second of a large copy, read and written, and the operations of a large bfloat16 product."""
    source = torch.empty(2**30, dtype=torch.uint8, device="cuda")
    target = torch.empty_like(source)
    copied = 2 * source.numel() / _seconds(lambda: target.copy_(source), rounds)
    matrix = torch.randn(8192, 8192, dtype=torch.bfloat16, device="cuda")
    return copied, 2 * 8192**3 / _seconds(lambda: matrix @ matrix, rounds)


def _step(*, train: bool, ours: bool) -> Callable[[], object]:
    card = card_of_published_size(56)
    views = scored_views(made_up_video(2), skeleton=get_skeleton("coco17"), canvas=56, mirrored=False)
    batch = collate([([views[number % len(views)]], 0) for number in range(_BATCH)])
    keypoints, scores = batch.keypoints[:, 0].cuda(), batch.scores[:, 0].cuda()
    labels = torch.arange(_BATCH, device="cuda") % 60
    model = (build_model(card) if ours else reference.network()).cuda().train(train)
    if ours:
        model = model.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    optimizer = torch.optim.SGD(model.parameters(), 0.01, momentum=0.9)
    with torch.no_grad():
        volume = model.heatmaps(keypoints, scores, (56, 56))  # type: ignore[operator]

    def step() -> object:
        with torch.set_grad_enabled(train), torch.autocast("cuda", torch.bfloat16, enabled=ours):
            # The reference is given its volumes: what its loops take, on how many cores, is another question.
            logits = model(keypoints, scores, (56, 56)) if ours else model.classify(volume)  # type: ignore[operator]
        if train:
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(logits.float(), labels).backward()
            optimizer.step()
        return logits

    return step


def _seconds(call: Callable[[], object], rounds: int) -> float:
    call()
    torch.cuda.synchronize()
    started = time.perf_counter()
    for _ in range(rounds):
        call()
    torch.cuda.synchronize()
    return (time.perf_counter() - started) / rounds
