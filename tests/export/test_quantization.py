import logging

import nncf

from posec3d.export.openvino_core import openvino_core
from posec3d.export.quantization import quantize


def test_the_quantizer_is_quiet_and_others_are_left_as_they_listen(exported, monkeypatch):
    path = exported(".xml", kind="keypoint")[0]
    handler, logger = logging.NullHandler(), logging.getLogger("nncf")
    monkeypatch.setattr(logger, "handlers", [*logger.handlers, handler])
    monkeypatch.setattr(logger, "level", logging.INFO)
    monkeypatch.setattr(nncf, "quantize", lambda model, _clips, **_options: model)

    quantize(openvino_core().read_model(path), [])

    assert logger.level == logging.ERROR
    assert handler.level == logging.NOTSET
