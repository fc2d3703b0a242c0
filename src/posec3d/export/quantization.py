"""Int8 for OpenVINO: the network alone, with ranges of values from real clips."""

import contextlib
import io
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import openvino


def quantize(model: "openvino.Model", clips: Sequence[dict[str, np.ndarray]]) -> "openvino.Model":
    """Return the model with 8-bit weights, a scale a channel, and activations; what draws heatmaps stays float32."""
    import nncf

    # Its logger alone: set_log_level of nncf 3.4 quietens whatever handlers others have put there as well.
    logging.getLogger("nncf").setLevel(logging.ERROR)
    # It draws its progress on standard output, which is for results.
    with contextlib.redirect_stdout(io.StringIO()):
        return nncf.quantize(
            model,
            nncf.Dataset(clips),
            preset=nncf.QuantizationPreset.MIXED,
            subset_size=len(clips),
            ignored_scope=nncf.IgnoredScope(names=operations_before_network(model), validate=False),
        )


def operations_before_network(model: "openvino.Model") -> list[str]:
    """Return the names of the operations that draw the heatmaps: all that the first convolution depends on."""
    operations = model.get_ordered_ops()
    first = next(operation for operation in operations if operation.get_type_name() == "Convolution")
    found: set[str] = set()
    waiting = [first.input_value(0).get_node()]
    while waiting:
        operation = waiting.pop()
        if operation.get_friendly_name() not in found:
            found.add(operation.get_friendly_name())
            waiting += [value.get_node() for value in operation.input_values()]
    kinds = ("Constant", "Parameter")
    return [
        name
        for operation in operations
        if (name := operation.get_friendly_name()) in found and operation.get_type_name() not in kinds
    ]
