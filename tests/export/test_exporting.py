import numpy as np
import onnxruntime
import pytest
import torch

from posec3d.export import exporting
from posec3d.export.clips import made_up_videos
from posec3d.export.exporting import check_export
from posec3d.export.exporting import export_model
from posec3d.export.openvino_core import openvino_core
from posec3d.heatmaps import mirror_volume

SHAPES = [(1, 1, 8), (3, 2, 5), (2, 4, 16), (1, 2, 3)]


def random_clips(num_clips, num_people, num_frames, canvas):
    generator = torch.Generator().manual_seed(num_clips)
    shape = (num_clips, num_people, num_frames, 17)
    keypoints = torch.rand(*shape, 2, generator=generator) * torch.tensor([canvas[1], canvas[0]])
    return keypoints, torch.rand(shape, generator=generator)


def opened(path):
    """Open a file as somebody without posec3d does; return what makes probabilities and logits of inputs by name."""
    if path.suffix == ".pt2":
        module = torch.export.load(path).module()
        return lambda inputs: [output.detach().numpy() for output in module(*inputs.values())]
    if path.suffix == ".onnx":
        session = onnxruntime.InferenceSession(path)
        return lambda inputs: session.run(["probabilities", "logits"], as_arrays(inputs))
    compiled = openvino_core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return lambda inputs: list(map(compiled(as_arrays(inputs)).__getitem__, ("probabilities", "logits")))


def as_arrays(inputs):
    return {name: tensor.numpy() for name, tensor in inputs.items()}


@pytest.mark.parametrize(
    ("suffix", "kind"),
    [(".onnx", "keypoint"), (".xml", "keypoint"), (".pt2", "limb"), (".xml", "motion"), (".pt2", "motion")],
)
def test_one_file_takes_clips_of_any_number_people_frames_and_canvas(exported, suffix, kind):
    path, model, _, _ = exported(suffix, kind=kind)
    run = opened(path)

    for shape in SHAPES:
        for canvas in ((24, 24), (20, 31)):
            keypoints, scores = random_clips(*shape, canvas)
            probabilities, logits = run({"keypoints": keypoints, "scores": scores, "canvas": torch.tensor(canvas)})

            with torch.inference_mode():
                expected = model(keypoints, scores, canvas)
            np.testing.assert_allclose(logits, expected, rtol=0, atol=1e-5)
            np.testing.assert_allclose(probabilities, expected.softmax(-1), rtol=0, atol=1e-5)


@pytest.mark.parametrize(("suffix", "kind"), [(".pt2", "keypoint"), (".onnx", "limb"), (".pt2", "motion")])
def test_clips_that_are_said_to_be_mirrored_are_their_mirrored_volumes(exported, suffix, kind):
    path, model, card, _ = exported(suffix, kind=kind, test_mirror="volume", threshold=0.3)
    keypoints, scores = random_clips(3, 2, 8, (24, 24))
    channels = card.heatmaps.mirrored_channels

    mirrored = torch.tensor([False, True, False])
    inputs = {"keypoints": keypoints, "scores": scores, "canvas": torch.tensor([24, 24]), "mirrored": mirrored}
    _, logits = opened(path)(inputs)

    with torch.inference_mode():
        volume = model.heatmaps(keypoints, scores, (24, 24))
        as_is, flipped = model.classify(volume), model.classify(mirror_volume(volume, channels))
    expected = torch.where(mirrored[:, None], flipped, as_is)
    np.testing.assert_allclose(logits, expected, rtol=0, atol=1e-5)
    assert (as_is - flipped)[1].abs().max() > 1e-3


@pytest.mark.parametrize("changes", [{"kind": "keypoint"}, {"kind": "limb", "test_mirror": "volume", "threshold": 0.3}])
def test_what_is_free_has_a_name(exported, changes):
    session = onnxruntime.InferenceSession(exported(".onnx", **changes)[0])

    shapes = {one.name: one.shape for one in (*session.get_inputs(), *session.get_outputs())}
    assert shapes.pop("mirrored", ["batch"]) == ["batch"]
    assert shapes == {
        "keypoints": ["batch", "people", "frames", 17, 2],
        "scores": ["batch", "people", "frames", 17],
        "canvas": [2],
        "probabilities": ["batch", 5],
        "logits": ["batch", 5],
    }


@pytest.mark.parametrize(("suffix", "precision"), [(".xml", "bf16"), (".xml", "int8")])
def test_less_precise_files_are_close_and_smaller(lively, exported, suffix, precision):
    videos = made_up_videos(lively()[1], 12)

    path, _, _, agreement = exported(suffix, precision, videos=videos, kind="keypoint")

    assert agreement.num_clips == 12
    assert 0 < agreement.mean_probability < 0.05
    if precision == "int8":
        exact = exported(".xml", kind="keypoint")[0]
        assert path.with_suffix(".bin").stat().st_size < 0.6 * exact.with_suffix(".bin").stat().st_size


def test_heatmaps_of_bf16_files_are_drawn_exactly(exported):
    # bfloat16 knows no half pixels on a canvas of 64. On processors without it this holds by itself.
    path, _, _, _ = exported(".xml", "bf16", kind="keypoint")
    keypoints, scores = random_clips(1, 1, 8, (24, 24))
    hints = {"INFERENCE_PRECISION_HINT": "bf16", "PERF_COUNT": True}
    request = openvino_core().compile_model(path, "CPU", hints).create_infer_request()

    request.infer({"keypoints": keypoints.numpy(), "scores": scores.numpy(), "canvas": np.array([24, 24])})

    drawing = [one for one in request.profiling_info if one.node_type in ("Less", "GreaterEqual", "ReduceMax")]
    assert len(drawing) >= 3
    assert not [one.exec_type for one in drawing if "bf16" in one.exec_type]


def test_a_file_that_disagrees_is_not_left(lively, tmp_path, monkeypatch):
    model, card = lively()

    def spoilt(model, card, *, half=False):
        with torch.no_grad():
            model.cls_head.fc_cls.bias[0] += 1e-3
            program = trace(model, card, half=half)
            model.cls_head.fc_cls.bias[0] -= 1e-3
        return program

    trace = exporting.trace
    monkeypatch.setattr(exporting, "trace", spoilt)
    (tmp_path / "model.pt2").write_text("before")

    with pytest.raises(ValueError, match=r"model\.pt2: not written, as its probabilities differ from torch by up to"):
        export_model(model, card, tmp_path / "model.pt2")

    assert [path.name for path in tmp_path.iterdir()] == ["model.pt2"]
    assert (tmp_path / "model.pt2").read_text() == "before"


@pytest.mark.parametrize(
    ("target", "precision", "complaint"),
    [
        ("torch", "int8", "--to torch --precision int8: .* use --to openvino"),
        ("onnx", "int8", "--to onnx --precision int8: .* use --to openvino"),
        ("onnx", "bf16", "--to onnx --precision bf16: .* use --to openvino"),
        ("openvino", "int8", "--precision int8 needs --calibrate ANNOTATIONS"),
    ],
)
def test_what_makes_no_sense_is_refused(target, precision, complaint):
    with pytest.raises(ValueError, match=complaint):
        check_export(target, precision, calibrated=False)


@pytest.mark.parametrize("skeleton", ["hand21", "penn13", "ntu25"])
def test_made_up_videos_fit_every_skeleton(lively, skeleton):
    card = lively(skeleton=skeleton)[1]

    videos = made_up_videos(card, 2)

    assert all(video.keypoints.shape[2] == card.heatmaps.skeleton.num_keypoints for video in videos)


def test_a_name_may_hold_what_patterns_are_made_of(lively, tmp_path):
    model, card = lively("keypoint")
    export_model(model, card, tmp_path / "model[1].pt2", precision="fp32")
    assert [path.name for path in tmp_path.iterdir()] == ["model[1].pt2"]
