"""The network that looks at coordinates and is solved for, from the command line."""

import json

import pytest

from posec3d.cli import main

WORDS = ["train", "--annotations", "my.pkl", "--backbone", "rocket", "--work-dir", "solved"]


def test_it_is_solved_for_tested_and_averaged_with_a_network_on_heatmaps(run, made_up, tmp_path):
    done = run("posec3d", *WORDS, "--test-best")
    assert "each video, and at 2 changed copies of each" in done.stderr
    assert "each training video by all others: top-1" in done.stderr
    assert "solved/best.safetensors" in done.stdout
    assert {path.name for path in (tmp_path / "solved").iterdir()} >= {
        *("best.safetensors", "last.safetensors", "config.py", "confusion_matrix.png", "best_scores.pkl")
    }
    again = run("posec3d", "test", "solved/config.py", "solved/best.safetensors", "--out", "one.npz")
    assert [line for line in done.stdout.splitlines() if "top1_acc" in line] == [again.stdout.splitlines()[0]]

    options = ["network.base_channels=4", "network.stage_blocks=(1,1)", "clips.length=8", "clips.train_short_side=20"]
    options += ["clips.train_canvas=16", "clips.test_canvas=16", "clips.test_clips=2", "training.epochs=1"]
    words = ("train", "--annotations", "my.pkl", "--backbone", "c3d", "--work-dir", "trained")
    run("posec3d", *words, "--cfg-options", *options)
    two = ["--model", "solved/best.safetensors", "--model", "trained/last.safetensors"]
    answers = run("posec3d", "recognize", "my.pkl", *two, "--json", "answers.json")
    assert answers.stdout
    assert json.loads((tmp_path / "answers.json").read_text())
    why = run(
        "posec3d", "visualize", "my.pkl", "--what", "decision", "--model", "solved/best.safetensors", "--out", "a.png"
    )
    assert "for which spoke " in why.stdout
    assert (tmp_path / "a.png").stat().st_size > 10_000
    timeline = run("posec3d", "recognize", "my.pkl", "--model", "solved/best.safetensors", "--window", "1")
    assert "s " in timeline.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--epochs", "3"], "--epochs 3: the network rocket is solved for"),
        (["--batch-size", "3"], "--batch-size 3: the network rocket is solved for"),
        (["--resume"], "--resume: the network rocket is solved for"),
        (["--no-scale-lr"], "--no-scale-lr: the network rocket is solved for"),
        (["--kind", "limb"], "--kind limb: the network rocket is solved for"),
        (["--size", "full"], "--size full: the network rocket is solved for"),
        (["--recipe", "small"], "--recipe small: the network rocket is solved for"),
        (["--precision", "bf16"], "--precision bf16: the network rocket is solved for"),
        (["--devices", "2"], "--devices 2: the network rocket is solved for"),
        (["--device", "cuda"], "--device cuda: the network rocket is solved for"),
        (["--workers", "2"], "--workers 2: the network rocket is solved for"),
        (["--cfg-options", "training.mixup=0.2"], "training.mixup=0.2 changes nothing in the network rocket"),
        (["--cfg-options", "clips.length=9"], "clips.length=9: the network rocket needs 11 frames or more"),
        (["--cfg-options", "network.base_channels=9"], "network.base_channels=9 changes nothing in the network rocket"),
    ],
)
def test_what_would_change_nothing_is_refused_and_an_earlier_run_stays(
    made_up, tmp_path, words, message, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "solved").mkdir()
    (tmp_path / "solved/last.safetensors").write_text("of an earlier run")
    assert main([*WORDS, *words]) == 2
    assert message in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "solved").iterdir()] == ["last.safetensors"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["export", "solved/best.safetensors", "--to", "onnx"], "runs on torch alone; export another one"),
        (
            ["recognize", "my.pkl", "--model", "solved/best.safetensors", "--runtime", "openvino"],
            "--runtime openvino: the network rocket runs on torch alone",
        ),
        (
            ["train", "--annotations", "my.pkl", "--init", "solved/best.safetensors"],
            "the network rocket is solved for",
        ),
        (
            ["test", "solved/best.safetensors", "--annotations", "my.pkl", "--cfg-options", "network.backbone=c3d"],
            "--cfg-options network.backbone=c3d: changes a config",
        ),
    ],
)
def test_what_it_cannot_do_is_said(made_up, tmp_path, words, message, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(WORDS) == 0
    assert main(words) == 2
    assert message in capsys.readouterr().err
