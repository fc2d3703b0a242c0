"""What is measured on a GPU runs on the processor too, in small, and every way gives the same numbers."""

import sys
from pathlib import Path

import pytest
import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.flat_convolutions import convolve_flat
from benchmarks.flat_convolutions import flat_convolutions
from benchmarks.stages import accelerator
from benchmarks.stages.accelerator import Load
from benchmarks.stages.accelerator import ceilings
from benchmarks.stages.accelerator import rows_of
from posec3d.experiment import Clips
from posec3d.experiment import Heatmaps
from posec3d.experiment import ModelCard
from posec3d.experiment import Network
from posec3d.models.builders import build_posec3d

CPU = torch.device("cpu")


@pytest.mark.parametrize("kernel", [(1, 1, 1), (1, 3, 3), (1, 7, 7), (3, 1, 1), (3, 3, 3)])
@pytest.mark.parametrize("stride", [(1, 1, 1), (1, 2, 2), (2, 1, 1), (2, 2, 2)])
def test_in_two_dimensions_the_numbers_are_the_same(kernel, stride):
    torch.manual_seed(0)
    convolution = nn.Conv3d(4, 6, kernel, stride, [side // 2 for side in kernel])
    x = torch.randn(2, 4, 5, 9, 8)

    flat = convolve_flat(convolution, x)

    torch.testing.assert_close(flat, convolution(x))
    assert flat.is_contiguous(memory_format=torch.channels_last_3d) or kernel == (3, 3, 3)


@pytest.mark.parametrize("backbone", ["slowonly", "c3d", "x3d"])
def test_a_network_learns_the_same_in_two_dimensions(backbone):
    torch.manual_seed(0)
    model, volume = build_posec3d(num_classes=3, backbone=backbone, base_channels=4), torch.rand(2, 17, 4, 16, 16)

    def gradients():
        torch.manual_seed(1)
        model.zero_grad()
        model.classify(volume).square().sum().backward()
        return [parameter.grad.clone() for parameter in model.parameters()]

    expected = gradients()
    with flat_convolutions():
        found = gradients()

    assert all(map(torch.allclose, found, expected, [1e-3] * len(found), [1e-4] * len(found)))
    assert nn.Conv3d.forward is not convolve_flat


def test_all_that_is_measured_on_a_gpu_runs():
    card = ModelCard(
        heatmaps=Heatmaps(),
        network=Network(base_channels=4, stage_blocks=(1, 1)),
        clips=Clips(length=4, train_short_side=20, train_canvas=16, test_canvas=16),
        num_classes=400,
    )

    load = Load(device=CPU, card=card, batch_size=2, batch_size_of_steps=3, num_stored=4, compiled=False)
    rows = rows_of(load, rounds=1, floor=0.001)

    assert [(row.case, row.way) for row in rows] == [
        ("drawing, keypoint", "posec3d bfloat16"),
        ("drawing, limb", "posec3d bfloat16"),
        *(("inference, batch 2", way) for way in ("reference", "posec3d bfloat16", "2-D convolutions")),
        *(("training, batch 3", way) for way in ("reference", "posec3d bfloat16", "2-D convolutions")),
        ("training, from a store", "posec3d train"),
    ]
    assert all(row.milliseconds > 0 for row in rows)
    assert [row.asked for row in rows if row.asked] == [10, 6]
    ours = next(row for row in rows if row.case == "inference, batch 2" and row.way == "posec3d bfloat16")
    assert "of the floor; " in ours.note


def test_what_fails_is_said_and_all_else_measured(monkeypatch):
    def fails(*_):
        raise RuntimeError("no memory\nis left")

    def training(load, *_):
        ways = {"posec3d bfloat16": lambda: torch.ones(9).sum(), "torch.compile": fails}
        return accelerator._compared("training", lambda: 0, ways, 1, load, 1.0)

    monkeypatch.setattr(accelerator, "_drawing", fails)
    monkeypatch.setattr(accelerator, "_inference", fails)
    monkeypatch.setattr(accelerator, "_training", training)
    monkeypatch.setattr(accelerator, "_from_store", lambda _: accelerator.Row(stage="CUDA", case="store", way="ours"))

    rows = rows_of(Load(device=CPU, card=None, batch_size_of_steps=3), rounds=1, floor=0.001)

    assert {(row.case, row.way) for row in rows if row.note == "not measured: no memory"} == {
        ("drawing", "posec3d bfloat16"),
        ("inference", "posec3d bfloat16"),
        ("training, batch 3", "torch.compile"),
    }
    assert [row.way for row in rows if row.milliseconds] == ["reference", "posec3d bfloat16"]
    assert rows[-1].case == "store"


def test_ceilings_are_of_the_device():
    copied, multiplied = ceilings(1, CPU, gigabyte=2**20, side=64)

    assert copied > 1e6
    assert multiplied > 1e6
