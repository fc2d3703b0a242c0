import logging

import pytest
import torch

from posec3d.commands import training_run


@pytest.mark.parametrize(
    ("precision", "backbone", "device", "told"),
    [
        ("fp32", "slowonly", "cpu", "six tenths"),
        ("fp32", "slowonly", "cuda", "may take less"),
        ("fp32", "c3d", "cuda", "may take less"),
        ("fp32", "c3d", "cpu", ""),
        ("bf16", "slowonly", "cpu", ""),
    ],
)
def test_bfloat16_is_told_of_where_it_pays(precision, backbone, device, told, monkeypatch, caplog):
    monkeypatch.setattr(training_run, "computes_bfloat16", lambda device: True)

    with caplog.at_level(logging.INFO, "posec3d"):
        training_run._say_precision(precision, backbone, torch.device(device))

    assert told in caplog.text
    assert bool(told) == bool(caplog.text)
