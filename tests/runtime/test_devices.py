from pathlib import Path

import pytest
import torch

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


def test_where_processors_are_not_described_nothing_is_promised(monkeypatch):
    monkeypatch.setattr(Path, "is_file", lambda _: False)

    assert not computes_bfloat16(torch.device("cpu"))
    assert not computes_bfloat16(torch.device("mps"))
