import openvino
import pytest
import torch

from posec3d.experiment import Network
from posec3d.export.clips import made_up_videos
from posec3d.export.first_layer import cut_first_layer
from posec3d.export.openvino_core import openvino_core
from posec3d.export.runtimes import open_exported

# Of logits from -4 to 4. In float32 sums are in another order; otherwise heatmaps and the first layer's weights are not
# rounded here, and are there: found were 5e-7, 0.003 and 0.013.
CLOSE = {"fp32": 1e-5, "bf16": 0.01, "int8": 0.03}


def clips(num_clips=3, *, size=24):
    generator = torch.Generator().manual_seed(1)
    keypoints = torch.rand(num_clips, 2, 8, 17, 2, generator=generator) * size
    scores = torch.rand(num_clips, 2, 8, 17, generator=generator)
    return {"keypoints": keypoints, "scores": scores, "canvas": torch.tensor([size, size + 3])}


@pytest.mark.parametrize(
    ("precision", "of"),
    [
        ("fp32", {"kind": "keypoint"}),
        ("bf16", {"kind": "keypoint"}),
        ("int8", {"kind": "keypoint"}),
        ("fp32", {"kind": "limb", "test_mirror": "volume", "threshold": 0.3}),
        ("fp32", {"kind": "motion"}),
    ],
)
def test_the_compiled_first_layer_and_the_rest_are_the_whole_file(lively, exported, precision, of):
    videos = made_up_videos(lively()[1], 12) if precision == "int8" else ()
    path, _, _, _ = exported(".xml", precision, videos=videos, **of)
    inputs = clips()
    if "test_mirror" in of:
        inputs["mirrored"] = torch.tensor([True, False, True])

    _, run_whole = open_exported(path, whole=True)
    _, run_parts = open_exported(path)
    whole, parts = run_whole(inputs), run_parts(inputs)

    assert (parts - whole).abs().max() <= CLOSE[precision]
    assert not torch.equal(parts, whole)


def test_8_bit_networks_are_given_8_bit_numbers(lively, exported):
    path, _, card, _ = exported(".xml", "int8", videos=made_up_videos(lively()[1], 12), kind="keypoint")

    first_layer, rest = cut_first_layer(openvino_core().read_model(path), card, half=False)
    frames = first_layer(clips())

    assert frames.dtype == torch.uint8
    assert rest.input(0).element_type == openvino.Type.u8
    assert frames.shape == (3, 8, 24, 27, 8)
    assert 100 < frames.max() <= 255


@pytest.mark.parametrize("backbone", ["c3d", "x3d"])
def test_networks_without_such_a_first_layer_run_whole(lively, exported, backbone):
    path, _, card, _ = exported(".xml", kind="keypoint")
    other = card.__class__(**{**vars(card), "network": Network(backbone=backbone)})

    assert cut_first_layer(openvino_core().read_model(path), other, half=False) is None
