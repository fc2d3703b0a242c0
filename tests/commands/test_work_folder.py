"""A work directory as a model: its network on heatmaps, and the one on coordinates that was solved for besides."""

import json

import numpy as np
import pytest
import torch

from posec3d.checkpoints import read_checkpoint
from posec3d.cli import main
from posec3d.commands.tested import parts_to_test
from posec3d.evaluation import robustness
from posec3d.evaluation.metrics import measure
from posec3d.training import loop
from posec3d.training.advice import no_help

TINY = [
    *("network.base_channels=4", "clips.length=8", "clips.train_short_side=20", "clips.train_canvas=16"),
    *("clips.test_canvas=16", "clips.test_clips=2", "training.epochs=2"),
]
WORDS = ["train", "--annotations", "my.pkl", "--cfg-options", *TINY]
HEATMAPS, COORDINATES = "work_dirs/my/best.safetensors", "work_dirs/my/coordinates/best.safetensors"


def scores_of(path):
    with np.load(path) as content:
        return content["scores"]


def test_few_videos_train_two_networks_that_answer_together(run, made_up, tmp_path, monkeypatch, capsys):
    trained = run("posec3d", *WORDS, "--test-best")

    assert "few videos: besides, a network on coordinates is solved for" in trained.stderr
    assert "heatmaps " in trained.stderr.split("validation, top-1 of one clip each:")[1]
    assert "both answer together: posec3d recognize VIDEO --model work_dirs/my" in trained.stderr
    assert read_checkpoint(tmp_path / COORDINATES)[1].network.backbone == "rocket"
    assert {path.name for path in (tmp_path / "work_dirs/my/coordinates").iterdir()} == {
        *("best.safetensors", "last.safetensors", "config.py", "confusion_matrix.png")
    }

    monkeypatch.chdir(tmp_path)
    capsys.readouterr()
    assert main(["test", "work_dirs/my", "--out", "both.npz", "--confusion", "which.png"]) == 0
    said = capsys.readouterr().out
    assert said in trained.stdout
    for weights, name in ((HEATMAPS, "one"), (COORDINATES, "two")):
        assert main(["test", weights, "--annotations", "my.pkl", "--split", "val", "--out", f"{name}.npz"]) == 0
        assert f"{weights}:\n{capsys.readouterr().out}" in said
    both = (scores_of("one.npz") + scores_of("two.npz")) / 2
    np.testing.assert_allclose(scores_of("both.npz"), both, atol=1e-6)
    assert "both together:\n" in said
    assert (tmp_path / "which.png").stat().st_size > 10_000

    (tmp_path / "work_dirs/my/config.py").unlink()
    assert main(["test", "work_dirs/my", "--annotations", "my.pkl", "--split", "val"]) == 0
    assert capsys.readouterr().out == said

    answers = {}
    for name, models in (("folder", ["work_dirs/my"]), ("files", [HEATMAPS, COORDINATES])):
        options = [word for model in models for word in ("--model", model)]
        assert main(["recognize", "my.pkl", *options, "--json", f"{name}.json"]) == 0
        answers[name] = json.loads((tmp_path / f"{name}.json").read_text())["videos"]
    assert answers["folder"] == answers["files"]


def test_a_stopped_training_says_from_where_it_goes_on(made_up, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    real = loop._train_epoch

    for epoch, told in ((1, "no epoch was whole yet"), (2, "the same command with --resume goes on after epoch 1")):

        def stopped(*arguments, epoch=epoch):
            if arguments[5] == epoch:
                raise KeyboardInterrupt
            return real(*arguments)

        monkeypatch.setattr(loop, "_train_epoch", stopped)
        assert main(WORDS) == 130
        assert f"posec3d: stopped; {told}" in capsys.readouterr().err


def test_a_network_that_guesses_is_no_help(tmp_path):
    labels = np.repeat([0, 1, 2, 3], 5)
    right, guessed = np.eye(4, dtype=np.float32)[labels], np.eye(4, dtype=np.float32)[np.zeros(20, int)]
    good, bad = measure(right, labels), measure(guessed, labels)

    assert f"--model {tmp_path / 'coordinates'}" in no_help(bad, good, labels, tmp_path)
    assert no_help(good, bad, labels, tmp_path) is None
    assert no_help(bad, bad, labels, tmp_path) is None


def test_the_networks_of_a_folder_are_made_worse_together(made_up, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(WORDS) == 0
    capsys.readouterr()

    assert main(["robustness", "work_dirs/my", "--split", "train", "--json", "worse.json"]) == 0
    said = capsys.readouterr()
    assert main(["test", "work_dirs/my", "--split", "train", "--fast"]) == 0

    assert "work_dirs/my: its two networks together" in said.err
    content = json.loads((tmp_path / "worse.json").read_text())
    together = capsys.readouterr().out.split("both together:")[1]
    assert f"top1_acc: {content['curves'][0]['top1'][0]:.4f}" in together


def test_the_precision_asked_for_is_that_around_both_networks(made_up, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(WORDS) == 0
    used = []

    def look(*_, **__):
        used.append(torch.is_autocast_enabled("cpu"))
        raise ValueError("seen")

    monkeypatch.setattr(robustness, "measure_robustness", look)
    assert main(["robustness", "work_dirs/my", "--precision", "bf16"]) == 2
    assert main(["robustness", "work_dirs/my"]) == 2
    assert used == [True, False]


def test_going_on_solves_for_nothing_anew(made_up, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(WORDS) == 0
    solved = (tmp_path / COORDINATES).stat().st_mtime_ns
    (tmp_path / "work_dirs/my/coordinates/mark").touch()
    capsys.readouterr()

    assert main([*WORDS, "training.epochs=2", "--resume"]) == 0

    assert "all are done already" in capsys.readouterr().err
    assert (tmp_path / COORDINATES).stat().st_mtime_ns == solved


@pytest.mark.parametrize(
    "words",
    [
        ("--backbone", "c3d"),
        ("--kind", "limb"),
        ("--recipe", "published"),
        ("--cfg-options", "network.backbone=rocket"),
    ],
)
def test_who_says_what_to_train_gets_that_alone(made_up, tmp_path, monkeypatch, words):
    monkeypatch.chdir(tmp_path)
    tiny = [] if "--cfg-options" in words else ["--cfg-options", *TINY, "training.epochs=1"]
    status = main(["train", "--annotations", "my.pkl", *words, *tiny])

    # What a network on heatmaps is trained by means nothing to one that is solved for.
    assert status == (2 if "--cfg-options" in words else 0)
    assert not (tmp_path / "work_dirs/my/coordinates").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("recognize", "my.pkl", "--model", "empty"), "empty: is a folder without best.safetensors or last.safeten"),
        (("test", "empty"), "empty: is a folder without best.safetensors or last.safetensors; give a checkpoint"),
        (("export", "my", "--to", "onnx"), "my: is a folder; give a checkpoint in it, such as my/last.safetensors"),
        (("test", "my"), "my/last.safetensors: does not say on which videos; give --annotations FILE, or the config"),
        (("test", "two", "--average-clips", "score"), "--average-clips score: two has two networks"),
    ],
)
def test_what_a_folder_cannot_be_is_said(made_up, tmp_path, monkeypatch, capsys, words, message):
    monkeypatch.chdir(tmp_path)
    for name in ("my/last.safetensors", "two/best.safetensors", "two/coordinates/best.safetensors", "empty/notes"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()

    assert main([*words]) == 2
    assert message in capsys.readouterr().err


def test_a_work_directory_before_a_checkpoint_is_its_config(tmp_path):
    folder, other = tmp_path / "slowonly_r50_u48_240e_gym_keypoint", tmp_path / "other.safetensors"
    folder.mkdir()
    (folder / "last.safetensors").touch()
    assert parts_to_test(folder, other) == [(folder, other)]
    (folder / "config.py").touch()

    assert parts_to_test(folder, other) == [(folder / "config.py", other)]
    assert parts_to_test(folder, None) == [(folder / "config.py", folder / "last.safetensors")]
