from pathlib import Path

import pytest
import torch

from posec3d.runtime import devices
from posec3d.runtime.devices import computes_bfloat16


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("fpu avx512f avx512_bf16 avx512_vnni", True),
        ("fpu amx_bf16 amx_tile", True),
        ("fpu avx2 avx512f", False),
    ],
)
def test_a_processor_says_whether_it_computes_bfloat16(monkeypatch, flags, expected):
    monkeypatch.setattr(Path, "is_file", lambda _: True)
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: f"model name\t: made up\nflags\t\t: {flags}\n")

    assert computes_bfloat16(torch.device("cpu")) is expected


@pytest.mark.parametrize(
    ("computes", "precision", "warned"), [(False, "bf16", 1), (False, "fp32", 0), (True, "bf16", 0), (None, "bf16", 0)]
)
def test_arithmetic_that_the_processor_imitates_is_warned_of(monkeypatch, caplog, computes, precision, warned):
    monkeypatch.setattr(devices, "computes_bfloat16", lambda _: computes)

    devices.prepare_device("cpu", precision)

    assert caplog.text.count("--precision bf16: this processor has no arithmetic for it") == warned


@pytest.mark.parametrize(
    "start",
    [
        lambda: devices.prepare_device("cpu", "fp16"),
        lambda: devices.start_fabric(accelerator="cpu", devices=1, precision="fp16"),
    ],
)
def test_half_precision_is_not_for_processors(start):
    with pytest.raises(ValueError, match="--precision fp16: a processor has no arithmetic for it; use fp32, or bf16"):
        start()


@pytest.mark.parametrize("place", [{"RANK": "1", "LOCAL_RANK": "0"}, {"LOCAL_RANK": "1"}])
def test_one_process_of_many_warns(monkeypatch, caplog, place):
    monkeypatch.setattr(devices, "computes_bfloat16", lambda _: False)
    for name, number in place.items():
        monkeypatch.setenv(name, number)

    devices.prepare_device("cpu", "bf16")

    assert not caplog.text


@pytest.mark.parametrize(("precision", "dtype"), [("fp32", torch.float32), ("bf16", torch.bfloat16)])
def test_networks_compute_in_the_precision_asked_for(precision, dtype):
    layer = torch.nn.Linear(2, 2)

    with devices.autocast(torch.device("cpu"), precision):
        assert layer(torch.ones(1, 2)).dtype == dtype


def test_where_processors_are_not_described_nothing_is_promised(monkeypatch):
    monkeypatch.setattr(Path, "is_file", lambda _: False)

    assert computes_bfloat16(torch.device("cpu")) is None
    assert computes_bfloat16(torch.device("mps")) is None


def test_what_other_processors_have_is_not_known(monkeypatch):
    monkeypatch.setattr(Path, "is_file", lambda _: True)
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: "Features\t: fp asimd sve bf16\n")

    assert computes_bfloat16(torch.device("cpu")) is None
