"""OpenVINO from the first layer on: drawing and first layer by the compiled loops, which skip what is zero.

An exported file holds all of it, and runs whole anywhere. Here a quarter of its time would go into drawing and
convolving heatmaps of which one number in a hundred is not zero.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float
from jaxtyping import Num
from torch import Tensor

from posec3d.experiment import ModelCard
from posec3d.export.openvino_core import openvino_core
from posec3d.heatmaps import mirror_volume
from posec3d.models.heatmap_convolution import convolve_and_pool
from posec3d.models.recognizer import HeatmapLayer

if TYPE_CHECKING:
    import openvino

FirstLayer = Callable[[dict[str, Tensor]], Num[Tensor, "B T H W C"]]
_LEVELS = 256
_TYPES = {torch.float32: "f32", torch.bfloat16: "bf16", torch.uint8: "u8"}


def cut_first_layer(
    model: "openvino.Model", card: ModelCard, *, half: bool
) -> "tuple[FirstLayer, openvino.Model] | None":
    """Divide a model into what draws and looks at single frames first, and the rest, which takes what that gives.

    The two speak bfloat16 if `half`, 8-bit numbers if the model does after its first layer, else float32.
    None for networks whose first layer is no convolution with a pooling of 3x3 pixels after it: all but SlowOnly.
    """
    if card.network.backbone != "slowonly":
        return None
    import openvino
    from openvino import opset13 as operations

    convolution = next(op for op in model.get_ordered_ops() if op.get_type_name() == "Convolution")
    weight = _value(convolution.input_value(1))
    bias, quantization = torch.zeros(len(weight)), None
    operation, pooled = convolution, False
    # Convolution, bias, rectification, range of 8 bits, pooling of all frames as pictures, frames as clips again.
    while not (pooled and operation.get_type_name() == "Transpose"):
        operation = next(user for user in _users(operation) if user.get_type_name() != "ShapeOf")
        if operation.get_type_name() == "Add":
            bias = _constant_of_size(operation.input_value(1), len(weight))
        elif operation.get_type_name() == "FakeQuantize":
            quantization = operation
        pooled |= operation.get_type_name() == "MaxPool"

    dtype = torch.bfloat16 if half else torch.float32
    if quantization is not None:
        # The highest of some rounded numbers is the highest of them, rounded: so it can be done after the pooling.
        lowest, highest = (float(_value(quantization.input_value(place))) for place in (1, 2))
        assert lowest == 0
        assert quantization.get_attributes()["levels"] == _LEVELS
        step, dtype = highest / (_LEVELS - 1), torch.uint8
        weight, bias = weight / step, bias / step
    frames = operations.parameter([-1, -1, -1, -1, len(weight)], getattr(openvino.Type, _TYPES[dtype]), name="frames")
    given = operations.convert(operations.transpose(frames, operations.constant([0, 4, 1, 2, 3])), "f32")
    if quantization is not None:
        given = operations.multiply(given, operations.constant(step, np.float32))
    for target in operation.output(0).get_target_inputs():
        target.replace_source_output(given.output(0))
    (logits,) = (result for result in model.get_results() if "logits" in result.input_value(0).get_names())
    return _first_layer(card, weight, bias, dtype), openvino.Model([logits], [frames], "posec3d")


def _first_layer(
    card: ModelCard, weight: Float[Tensor, "O C 1 K K"], bias: Float[Tensor, " O"], dtype: torch.dtype
) -> FirstLayer:
    heatmaps = card.heatmaps
    layer = HeatmapLayer(
        limbs=heatmaps.limbs, motion=heatmaps.kind == "motion", sigma=heatmaps.sigma, threshold=heatmaps.threshold
    )

    @torch.inference_mode()
    def run(inputs: dict[str, Tensor]) -> Num[Tensor, "B T H W C"]:
        height, width = inputs["canvas"].tolist()
        volume = layer(inputs["keypoints"], inputs["scores"], (height, width))
        if "mirrored" in inputs:
            turned = inputs["mirrored"].view(-1, 1, 1, 1, 1)
            volume = torch.where(turned, mirror_volume(volume, heatmaps.mirrored_channels), volume)
        return convolve_and_pool(volume, weight, bias, dtype=dtype).permute(0, 2, 3, 4, 1)

    return run


def _users(operation: "openvino.Node") -> "list[openvino.Node]":
    return [target.get_node() for target in operation.output(0).get_target_inputs()]


def _constant_of_size(output: "openvino.Output", size: int) -> Float[Tensor, " O"]:
    """Return the numbers, so many, that an output is only another shape of."""
    waiting = [output.get_node()]
    while waiting:
        operation = waiting.pop()
        if operation.get_type_name() == "Constant" and operation.get_output_shape(0) == [size]:
            return torch.from_numpy(operation.data.astype(np.float32))
        waiting += [value.get_node() for value in operation.input_values()]
    raise AssertionError("an addition after the first convolution adds no bias")


def _value(output: "openvino.Output") -> Tensor:
    """Return what a part of a model without inputs computes."""
    import openvino

    options = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino_core().compile_model(openvino.Model([output], []), "CPU", options)
    return torch.from_numpy(compiled({})[0].copy())
