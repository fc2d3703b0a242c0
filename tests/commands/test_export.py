import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from posec3d.annotations import save_annotations
from posec3d.checkpoints import build_model
from posec3d.checkpoints import save_checkpoint
from posec3d.cli import main
from posec3d.evaluation.scores import load_scores
from posec3d.experiment import Clips
from posec3d.experiment import Heatmaps
from posec3d.experiment import ModelCard
from posec3d.experiment import Network
from posec3d.inference.recognizer import ActionRecognizer
from posec3d.synthetic import make_annotations


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A checkpoint, annotations, a pose file, and what `posec3d export` makes of the checkpoint."""
    folder = tmp_path_factory.mktemp("export")
    card = ModelCard(
        heatmaps=Heatmaps(),
        network=Network(base_channels=4, stage_blocks=(1, 1)),
        clips=Clips(length=8, test_canvas=16, test_clips=2),
        num_classes=3,
        classes=("squat", "walk", "wave"),
    )
    torch.manual_seed(0)
    model = build_model(card)
    torch.nn.init.normal_(model.cls_head.fc_cls.weight)
    save_checkpoint(folder / "model.safetensors", model.state_dict(), card)
    made_up = make_annotations(12, seed=0, motions=card.classes)
    save_annotations(folder / "my.pkl", made_up)
    first = made_up.annotations[0]
    np.savez(folder / "poses.npz", keypoints=first.keypoints, scores=first.scores, canvas=first.canvas)
    return folder


@pytest.fixture(autouse=True)
def _there(folder, monkeypatch, one_translation):
    monkeypatch.chdir(folder)
    monkeypatch.setenv("POSEC3D_HOME", str(folder / "home"))


def scores_of(capsys, *words):
    assert main(["test", *map(str, words), "--annotations", "my.pkl", "--out", "scores.npz"]) == 0, capsys.readouterr()
    return load_scores(Path("scores.npz")).values


def probabilities(*words):
    assert main(["recognize", "poses.npz", *words, "--json", "answers.json", "--top", "3"]) == 0
    return json.loads(Path("answers.json").read_text())["videos"][0]["segments"]


def test_an_exported_file_is_the_model_for_test_and_recognize(run, folder, capsys):
    done = run(
        *("posec3d", "export", folder / "model.safetensors", "--to", "onnx", "--out", folder / "model.onnx"),
    )

    assert "model.onnx: 0." in done.stdout
    assert "on 8 clips of made-up people its probabilities differ from torch by at most" in done.stdout
    np.testing.assert_allclose(
        scores_of(capsys, "model.onnx"), scores_of(capsys, "model.safetensors"), rtol=0, atol=1e-5
    )
    assert probabilities("--model", "model.onnx") == probabilities("--model", "model.safetensors")


def test_files_of_two_trainings_do_not_get_one_name(folder, capsys):
    for training in ("runs/first", "runs/second"):
        Path(training).mkdir(parents=True)
        shutil.copy("model.safetensors", f"{training}/best.safetensors")
        assert main(["export", f"{training}/best.safetensors", "--to", "torch"]) == 0

    assert {path.name for path in folder.glob("*-best.pt2")} == {"first-best.pt2", "second-best.pt2"}


@pytest.mark.parametrize("runtime", ["onnx", "openvino"])
def test_a_checkpoint_runs_on_any_runtime_with_the_same_answers(folder, capsys, runtime):
    found = scores_of(capsys, "model.safetensors", "--runtime", runtime)
    said = capsys.readouterr().err
    again = scores_of(capsys, "model.safetensors", "--runtime", runtime)

    np.testing.assert_allclose(found, scores_of(capsys, "model.safetensors"), rtol=0, atol=1e-5)
    np.testing.assert_array_equal(found, again)
    assert f"exporting for {runtime}, once" in said
    assert "exporting" not in capsys.readouterr().err
    assert probabilities("--model", "model.safetensors", "--runtime", runtime) == probabilities(
        "--model", "model.safetensors"
    )


def test_logits_are_averaged_on_any_runtime(folder, capsys):
    words = ("model.safetensors", "--average-clips", "score")

    found = scores_of(capsys, *words, "--runtime", "onnx")

    np.testing.assert_allclose(found, scores_of(capsys, *words), rtol=0, atol=1e-5)


def test_int8_is_calibrated_with_real_videos(folder, capsys):
    words = ["export", "model.safetensors", "--to", "openvino", "--precision", "int8", "--calibrate", "my.pkl"]

    assert main([*words, "--split", "train"]) == 0

    said = capsys.readouterr().out
    assert said.startswith("model-int8.xml: ")
    assert "clips its probabilities" in said
    assert scores_of(capsys, "model-int8.xml").shape == (12, 3)
    assert sorted(path.name for path in folder.glob("model-int8*")) == ["model-int8.bin", "model-int8.xml"]


def test_the_recognizer_takes_exported_files(folder):
    if not (folder / "model.pt2").exists():
        assert main(["export", "model.safetensors", "--to", "torch"]) == 0
    video = make_annotations(1, motions=("wave",)).annotations[0]
    recognizer = ActionRecognizer.load("model.pt2")

    (segment,) = recognizer.recognize(video)

    (expected,) = ActionRecognizer.load("model.safetensors").recognize(video)
    np.testing.assert_allclose(segment.probabilities, expected.probabilities, rtol=0, atol=1e-5)
    with pytest.raises(ValueError, match="exported file only answers and explains nothing; give the checkpoint"):
        recognizer.explain(video)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["export", "gone.safetensors", "--to", "onnx"], "no model 'gone.safetensors'"),
        (["export", "model.safetensors", "--to", "onnx", "--out", "model.xml"], "--to onnx writes .onnx; end it so"),
        (["export", "model.safetensors", "--to", "openvino", "--precision", "int8"], "needs --calibrate ANNOTATIONS"),
        (["export", "model.safetensors", "--to", "onnx", "--split", "train"], "--split train needs --calibrate"),
        (["export", "model.safetensors", "--to", "onnx", "--precision", "bf16"], "use --to openvino"),
        (["export", "old.onnx", "--to", "onnx"], "is exported already; give the checkpoint"),
        (["export", "model.safetensors", "--to", "onnx", "--opset-version", "11"], "the file says its own"),
        (
            ["export", "model.safetensors", "--to", "onnx", "--out", "my.pkl/a.onnx"],
            "is a file, so nothing can be below",
        ),
        (["test", "gone.onnx", "--annotations", "my.pkl"], "gone.onnx: no such exported file"),
        (["test", "text.onnx", "--annotations", "my.pkl"], "text.onnx: not a file of ONNX, or a damaged one"),
        (["test", "text.xml", "--annotations", "my.pkl"], "text.xml: not a file of OpenVINO, or a damaged one"),
        (["test", "text.pt2", "--annotations", "my.pkl"], "text.pt2: not a file of torch.export, or a damaged one"),
        (["test", "text.onnx", "--annotations", "my.pkl", "--runtime", "torch"], "is a file for onnx; leave"),
        (["test", "text.onnx", "--annotations", "my.pkl", "--precision", "bf16"], "has its own already"),
        (["test", "text.onnx", "--annotations", "my.pkl", "--device", "cuda"], "runs on the CPU; leave the option out"),
        (["test", "model.safetensors", "--annotations", "my.pkl", "--runtime", "onnx", "--precision", "fp16"], "none"),
        (["recognize", "poses.npz", "--precision", "bf16"], "goes with --runtime openvino"),
        (["recognize", "poses.npz", "--runtime", "openvino", "--device", "cuda"], "runs on the CPU"),
        (["recognize", "poses.npz", "--runtime", "onnx", "--precision", "bf16"], "use --runtime openvino"),
        (
            ["visualize", "poses.npz", "--what", "decision", "--model", "text.onnx"],
            "an exported file only answers; give",
        ),
    ],
)
def test_mistakes_get_one_sentence_and_leave_nothing_behind(folder, capsys, words, complaint):
    for name in ("text.onnx", "text.xml", "text.pt2", "old.onnx"):
        (folder / name).write_text("hello")
    # What OpenVINO keeps goes here, whichever test is the first.
    (folder / "home").mkdir(exist_ok=True)
    before = sorted(folder.iterdir())

    assert main(words) == 2

    *_, sentence = capsys.readouterr().err.strip().splitlines()
    assert complaint in sentence
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize(
    ("package", "to", "name"), [("onnxscript", "onnx", "a.onnx"), ("openvino", "openvino", "a.xml")]
)
def test_a_missing_package_is_named_with_what_installs_it(folder, capsys, monkeypatch, package, to, name):
    monkeypatch.setitem(sys.modules, package, None)

    assert main(["export", "model.safetensors", "--to", to, "--out", name]) == 2

    assert f'pip install "posec3d[{to}]"' in capsys.readouterr().err
    assert not list(folder.glob("*a.*unfinished*"))
