import json
import os
import pickle
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from filelock import FileLock
from PIL import Image

from posec3d.annotations import AnnotationSet
from posec3d.annotations import load_annotations
from posec3d.annotations import save_annotations
from posec3d.checkpoints import build_model
from posec3d.checkpoints import read_checkpoint
from posec3d.checkpoints import save_checkpoint
from posec3d.cli import main
from posec3d.config_files import load_experiment
from posec3d.evaluation.scores import Scores
from posec3d.evaluation.scores import save_scores
from posec3d.experiment import card_of
from posec3d.synthetic import make_annotations

# A network and clips so small that an epoch takes a second.
TINY = [
    *("network.base_channels=4", "network.stage_blocks=(1,1)", "clips.length=8", "clips.train_short_side=20"),
    *("clips.train_canvas=16", "clips.test_canvas=16", "clips.test_clips=2", "training.epochs=2"),
]
GYM = "configs/skeleton/posec3d/slowonly_r50_u48_240e_gym_keypoint.py"


@pytest.fixture
def gym_files(tmp_path):
    """A small annotation file where the config of FineGYM expects one, in the 0.x form: a plain list."""
    for name, seed in (("gym_train", 0), ("gym_val", 1)):
        made_up = make_annotations(12, seed=seed, motions=("squat", "walk", "wave"))
        save_annotations(tmp_path / "data" / "posec3d" / f"{name}.pkl", AnnotationSet(made_up.annotations))


def test_the_two_commands_of_the_documentation_run_unchanged(run, gym_files, tmp_path):
    # Only the options that make it small are added.
    work_dir = "work_dirs/slowonly_r50_u48_240e_gym_keypoint"
    trained = run(
        *("tools/train.py", GYM, "--work-dir", work_dir, "--validate", "--seed", "0", "--deterministic"),
        *("--cfg-options", *TINY),
    )
    tested = run(
        *("tools/test.py", GYM, f"{work_dir}/best.safetensors"),
        *("--eval", "top_k_accuracy", "mean_class_accuracy", "--out", "result.pkl", "--cfg-options", *TINY),
    )

    assert "learning rate 0.025 = 0.2 x 16 clips a step / 128 (linear scaling rule" in trained.stderr
    assert trained.stdout.split() == [f"{work_dir}/best.safetensors", f"{work_dir}/last.safetensors"]
    result = pickle.loads((tmp_path / "result.pkl").read_bytes())
    assert isinstance(result, list)
    assert [row.shape for row in result] == [(99,)] * 12
    assert tested.stdout.split()[::2] == ["top1_acc:", "top5_acc:", "mean_class_accuracy:"]


def test_a_checkpoint_of_the_old_framework_is_tested(run, gym_files, tmp_path):
    experiment = load_experiment(tmp_path / GYM, TINY)
    torch.save({"meta": {}, "state_dict": build_model(card_of(experiment)).state_dict()}, tmp_path / "old.pth")

    done = run("tools/test.py", GYM, "old.pth", "--fuse-conv-bn", "--average-clips", "score", "--cfg-options", *TINY)

    assert "top1_acc: " in done.stdout


def test_deterministic_training_gives_the_same_weights_twice(run, made_up, tmp_path):
    for name in ("one", "two"):
        run(
            *(
                "posec3d",
                "train",
                "--annotations",
                made_up.name,
                "--backbone",
                "c3d",
                "--work-dir",
                name,
                "--deterministic",
            ),
            *("--cfg-options", *TINY),
        )

    assert (tmp_path / "one/last.safetensors").read_bytes() == (tmp_path / "two/last.safetensors").read_bytes()


def test_own_data_in_four_steps(run, made_up, tmp_path):
    (tmp_path / "labels.txt").write_text("squat\nwalk\nwave\n")

    run("posec3d", "check", "my.pkl")
    trained = run("posec3d", "train", "--annotations", "my.pkl", "--classes", "labels.txt", "--cfg-options", *TINY)
    run("posec3d", "test", "work_dirs/my/config.py", "work_dirs/my/best.safetensors", "--out", "scores.json")
    alone = run(
        *("posec3d", "test", "work_dirs/my/best.safetensors", "--annotations", "my.pkl", "--split", "val"),
        *("--out", "again.npz", "--confusion", "pictures/confusion.png"),
        *("--eval", "mean_class_accuracy", "per_class_accuracy"),
    )

    assert (tmp_path / "pictures/confusion.png").read_bytes()[1:4] == b"PNG"
    assert "3 classes, skeleton coco17, training on split 'train', validating on split 'val'" in trained.stderr
    for name in ("learning_curves.png", "confusion_matrix.png"):
        with Image.open(tmp_path / "work_dirs/my" / name) as picture:
            assert picture.format == "PNG"
    _, card = read_checkpoint(tmp_path / "work_dirs/my/best.safetensors")
    assert card.classes == ("squat", "walk", "wave")
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert scores["classes"] == ["squat", "walk", "wave"]
    with np.load(tmp_path / "again.npz") as again:
        np.testing.assert_allclose(again["scores"], [row["scores"] for row in scores["videos"]], atol=1e-6)
    mean, head, *rows = alone.stdout.splitlines()
    assert mean.startswith("mean_class_accuracy: ")
    assert head.split() == ["class", "videos", "recall", "precision", "F1", "else", "most", "often"]
    assert sum(int(row.split()[1]) for row in rows) == len(scores["videos"])
    recalls = [float(row.split()[2].replace("-", "0")) for row in rows]
    assert np.mean(recalls) == pytest.approx(float(mean.split()[1]), abs=2e-4)


def test_an_earlier_run_is_moved_and_not_lost(run, made_up, tmp_path):
    words = ("posec3d", "train", "--annotations", "my.pkl", "--cfg-options", *TINY)
    run(*words)
    first = (tmp_path / "work_dirs/my/last.safetensors").read_bytes()

    again = run(*words, "training.learning_rate=0.1")

    assert "moved an earlier run to work_dirs/my/previous-1" in again.stderr
    assert (tmp_path / "work_dirs/my/previous-1/coordinates/best.safetensors").is_file()
    assert (tmp_path / "work_dirs/my/previous-1/last.safetensors").read_bytes() == first
    assert (tmp_path / "work_dirs/my/last.safetensors").read_bytes() != first


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--cfg-options", *TINY, "network.temporal_strides=(1,2,2)"), "is not one for each of 2 stages"),
        (("--cfg-options", *TINY, "network.backbone=c3d", "clips.test_canvas=1"), "cannot be halved 1 times"),
        (("--workers", "-1", "--cfg-options", *TINY), "--workers -1: take 0 or more"),
        (("--seed", "-1", "--cfg-options", *TINY), "--seed -1: take 0 to 4294967295"),
        (("--seed", "4294967296", "--cfg-options", *TINY), "--seed 4294967296: take 0 to 4294967295"),
        (("--resume", "--cfg-options", *TINY), "resume.pth: nothing to resume here"),
        (("--work-dir", "my.pkl", "--cfg-options", *TINY), "--work-dir my.pkl: is a file"),
    ],
)
def test_a_mistake_leaves_an_earlier_run_where_it_is(made_up, tmp_path, words, message, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    earlier = tmp_path / "work_dirs/my"
    earlier.mkdir(parents=True)
    (earlier / "config.py").write_text("")

    assert main(["train", "--annotations", "my.pkl", *words]) == 2

    assert message in capsys.readouterr().err
    assert [path.name for path in earlier.iterdir()] == ["config.py"]
    assert (earlier / "config.py").read_text() == ""


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        (("squat", "wave", "sit"), "class 1 is 'wave', the model's is 'walk'"),
        (("squat", "wave", "walk"), None),  # In another order: labels follow their names.
        (("sit", "stand"), "class 0 is 'sit', the model's is 'squat'"),
        (("squat", "walk", "wave", "sit"), "it has 4 classes, the model 3"),
        (("hocken", "gehen", "winken"), None),  # The same in another language, for all that one can tell.
        (("squat", "walk"), None),
    ],
)
@pytest.mark.parametrize("command", ["test", "robustness"])
def test_labels_that_mean_other_classes_are_refused(made_up, tmp_path, command, classes, message, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    annotations = load_annotations(made_up)
    options = [f"data.{part}.annotations=my.pkl" for part in ("train", "test")]
    experiment = load_experiment(tmp_path / GYM, [*TINY, *options, "data.num_classes=3", "data.classes=None"])
    card = replace(card_of(experiment), classes=("squat", "walk", "wave"))
    save_checkpoint(tmp_path / "model.safetensors", build_model(card).state_dict(), card)
    videos = tuple(video for video in annotations.annotations if video.label < 2)[:2]
    save_annotations("other.pkl", AnnotationSet(videos, classes=classes))

    status = main([command, "model.safetensors", "--annotations", "other.pkl"])

    said = capsys.readouterr().err
    assert status == (0 if message is None else 2), said
    assert (f"other.pkl: its labels mean other classes than the model's: {message}" if message else "") in said
    assert ("labels follow their names" in said) == (set(classes) <= set(card.classes) and classes[1] != "walk")


def test_training_can_end_with_tests(run, made_up, tmp_path):
    done = run(
        "posec3d",
        "train",
        "--annotations",
        "my.pkl",
        "--backbone",
        "c3d",
        "--test-last",
        "--test-best",
        "--cfg-options",
        *TINY,
    )

    assert "last:\ntop1_acc" in done.stdout
    assert "best:\ntop1_acc" in done.stdout
    assert (tmp_path / "work_dirs/my/last_scores.pkl").is_file()


def test_fine_tuning_starts_from_a_checkpoint(run, made_up, tmp_path):
    run(
        "posec3d",
        "train",
        "--annotations",
        "my.pkl",
        "--backbone",
        "c3d",
        "--work-dir",
        "first",
        "--cfg-options",
        *TINY,
    )
    # The network and the clips are those of the checkpoint: nothing but the number of epochs is said again.
    done = run("posec3d", "train", "--annotations", "my.pkl", "--init", "first/last.safetensors", "--epochs", "1")

    assert "weights from first/last.safetensors\n" in done.stderr
    _, card = read_checkpoint(tmp_path / "work_dirs/my/last.safetensors")
    assert (card.network.base_channels, card.clips.length) == (4, 8)


@pytest.mark.parametrize("backbone", ["c3d", "x3d"])
def test_other_backbones_train_test_and_are_gone_on_from(run, made_up, tmp_path, backbone):
    words = ("posec3d", "train", "--annotations", "my.pkl", "--work-dir")
    run(*words, "first", "--backbone", backbone, "--cfg-options", *TINY)
    run(*words, "second", "--init", "first/best.safetensors", "--epochs", "1")
    tested = run("posec3d", "test", "second/config.py", "second/last.safetensors", "--fuse-conv-bn")

    _, card = read_checkpoint(tmp_path / "second/last.safetensors")
    assert (card.network.backbone, card.network.base_channels, card.network.stage_blocks) == (backbone, 4, (1, 1))
    assert "top1_acc: " in tested.stdout


def test_keypoint_and_limb_are_fused(run, made_up, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for kind in ("keypoint", "limb"):
        words = ["--kind", kind, "--backbone", "c3d", "--work-dir", kind, "--cfg-options", *TINY]
        assert main(["train", "--annotations", "my.pkl", *words]) == 0
        for ending in ("json", "pkl"):
            tested = ["test", f"{kind}/config.py", f"{kind}/last.safetensors", "--out", f"{kind}.{ending}"]
            assert main(tested) == 0

    with_labels = run("posec3d", "fuse", "keypoint.json", "limb.json", "--weights", "1", "1", "--out", "fused.npz")
    words = ("--labels", "keypoint.json", "--out", "from_pickles.npz")
    from_pickles = run("posec3d", "fuse", "keypoint.pkl", "limb.pkl", *words)

    assert "fused 1:1" in with_labels.stdout
    assert with_labels.stdout.splitlines()[-1].split()[2:] == from_pickles.stdout.splitlines()[-1].split()[2:]
    with np.load(tmp_path / "fused.npz") as fused:
        assert fused["scores"].shape == (6, 3)
        labels = fused["labels"].tolist()
    with np.load(tmp_path / "from_pickles.npz") as fused:
        assert fused["labels"].tolist() == labels


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("train",), "give either a config file or --annotations FILE"),
        (("train", "nothing.py"), "nothing.py: no such config file"),
        (("train", GYM), "data/posec3d/gym_train.pkl: no such annotation file; `posec3d download gym` fetches it"),
        (("train", GYM, "--gpus", "8"), "--gpus is an option of mmaction2: use --devices N"),
        (("train", GYM, "--launcher=pytorch"), "--launcher is an option of mmaction2: use --devices N"),
        (("train", GYM, "--launcher", "none", "--gpus=1", "--gpu-ids", "0"), "gym_train.pkl: no such annotation file"),
        (("train", GYM, "--gpus", "1", "--gpus", "2"), "--gpus is an option of mmaction2: use --devices N"),
        (("test", GYM, "x.pth", "--launcher=none", "--out", "x.csv"), "scores are written as .pkl, .json or .npz"),
        (("train", GYM, "--cfg-options", "training.epoch=3"), "did you mean 'epochs'"),
        (("train", GYM, "--device", "cuda"), "no such annotation file|finds no CUDA device"),
        (("train", "--annotations", "my.pkl", "--init", "k400-keypiont"), "did you mean"),
        (("train", "--annotations", "my.pkl", "--init", "k400-keypoint"), "cannot reach|127.0.0.1"),
        (("train", "--annotations", "my.pkl", "--epochs", "0"), "--epochs 0: give 1 or more"),
        (("train", GYM, "--batch-size", "0"), "--batch-size 0: give 1 or more"),
        (("train", "--annotations", "broken.pkl"), "broken.pkl: not a pickle"),
        (("train", "--annotations", "evil.pkl"), "evil.pkl: contains .*system, which was not run"),
        (("train", "--annotations", "my.pkl", "--classes", "no.txt"), "no.txt: no such file of class names"),
        (("train", "--annotations", "my.pkl", "--classes", "two.txt"), "two.txt: names 2 classes, and my.pkl has 3"),
        (
            ("train", "--annotations", "my.pkl", "--skeleton", "penn13"),
            "has 17 keypoints, but skeleton 'penn13' has 13",
        ),
        (
            ("train", "--annotations", "my.pkl", "--train-split", "x"),
            r"full trains the other\) posec3d: my.pkl: no split 'x'; splits in the file: train, val",
        ),
        (("train", "--annotations", "empty.pkl"), "empty.pkl: has no videos"),
        (("train", "--annotations", "my.pkl", "--resume"), "nothing to resume here"),
        (("train", "--annotations", "my.pkl", "--no-validate", "--test-best"), "--test-best needs what --no-validate"),
        (("train", "--annotations", "my.pkl", "--cfg-options", *TINY, "clips.train_area=(0,0)"), "train_area"),
        (("train", "--annotations", "my.pkl", "--cfg-options", "training.clip_gradient=inf"), "clip_gradient"),
        (
            ("train", "--annotations", "my.pkl", "--cfg-options", *TINY, "training.class_weights=(0.01,0.01,0.01)"),
            "no video is left in an epoch",
        ),
        (("train", "--annotations", "typo.pkl"), "split 'train' has no videos"),
        (("test", GYM, "x.pth", "--split", "val"), "gym_val.pkl: no such annotation file"),
        (("test", "my.py"), "my.py: says which videos, not by which weights; give a checkpoint behind it"),
        (("robustness", "work_dirs/no"), "work_dirs/no: no such file or folder"),
        (
            ("test", "x.safetensors", "--annotations", "my.pkl", "--cfg-options", "clips.test_clips=1"),
            "--cfg-options clips.test_clips=1: changes a config, and none is given",
        ),
        (
            ("test", "my.pkl"),
            "my.pkl: does not say on which videos; give --annotations FILE, or the config of its training first",
        ),
        (("test", "nothing.safetensors", "--annotations", "my.pkl"), "nothing.safetensors"),
        (("test", GYM, "x.pth", "--out", "scores.csv"), "scores are written as .pkl, .json or .npz, not as .csv"),
        (("test", GYM, "x.pth", "--confusion", "x.jpg"), "x.jpg: the confusion matrix is written as .png, not as .jpg"),
        (("test", GYM, "x.pth", "--eval", "accuracy"), "top_k_accuracy"),
        (("test", GYM, "x.pth", "--dump", "x.pkl"), "--dump is an option of mmaction2: use --out"),
        (("fuse", "my.pkl"), "at least two files"),
        (("fuse", "my.pkl", "my.pkl"), "my.pkl: not a scores file"),
        (("fuse", "a.pkl", "b.pkl"), "a.pkl: no such scores file"),
        (("fuse", "answers.json", "answers.json"), "answers.json: not a scores file .it has no 'scores'.; expected"),
        (("pack", "nofile.pkl"), "posec3d: nofile.pkl: no such file; give"),
        (("robustness", "packaged", "--annotations", "my.pkl", "--clips", "0"), "--clips 0: take at least 1"),
        (("recognize", "my.pkl", "--model", "ntu60-rgb-1x"), "ntu60-rgb-1x: is NTU60 X-Sub, RGB .* see poses alone"),
        (("visualize", "my.pkl", "--out", "x.png", "--size", "100000"), "--size 100000: take at most 1024 pixels"),
        (("train", "--nonsense"), "nonsense"),
        (("trian",), "no command 'trian'; did you mean 'train'?"),
        (("paint",), "no command 'paint'; there are recognize, stream"),
        (("train", "my.pkl"), "my.pkl: not a config file .* given as --annotations FILE"),
        (("test", "x.safetensors", "config.py"), "x.safetensors: not a config file|no such config file"),
        (("train", GYM, "--backbone", "x3d"), "--backbone goes with --annotations; change .* by --cfg-options"),
        (
            ("train", "--annotations", "my.pkl", "--backbone", "x3d", "--init", "gym-keypoint"),
            "--backbone x3d has no meaning with --init: the network is that of gym-keypoint",
        ),
        (
            ("train", "--annotations", "my.pkl", "--size", "small", "--init", "gym-keypoint"),
            "--size small has no meaning with --init: the network is that of gym-keypoint",
        ),
        (("train", "--annotations", "lonely.pkl", "--test-best"), "--test-best: no video is left to validate on"),
        (("train", "--annotations", "my.pkl", "--precision", "fp16", "--device", "cpu"), "--precision fp16: a proc"),
        (("check", "my.pkl", "--json", "my.pkl"), "--json my.pkl: is the source itself; give another name"),
        (("train", GYM, "--size", "small"), "--size goes with --annotations; change .* by --cfg-options"),
        (("train", "--annotations", "my.pkl", "--classes", "my.pkl"), "my.pkl: not a text file; write one class name"),
        (("train", "--annotations", "unlabelled.pkl"), "unlabelled.pkl: no video has a label"),
        (("test", GYM, "x.pth", "--out", "my.pkl/scores.json"), "my.pkl"),
    ],
    ids=lambda value: " ".join(value)[:50] if isinstance(value, tuple) else "",
)
def test_what_a_user_can_mend_is_one_sentence_and_status_two(made_up, tmp_path, words, message, monkeypatch, capsys):
    class Evil:
        def __reduce__(self):
            return os.system, ("touch trace",)

    (tmp_path / "broken.pkl").write_bytes(made_up.read_bytes()[:500])
    (tmp_path / "evil.pkl").write_bytes(pickle.dumps([Evil()]))
    (tmp_path / "empty.pkl").write_bytes(pickle.dumps([]))
    nameless = [replace(video, label=None) for video in make_annotations(4).annotations]
    save_annotations(tmp_path / "unlabelled.pkl", AnnotationSet(tuple(nameless)))
    made = make_annotations(6, motions=("squat", "walk"))
    save_annotations(tmp_path / "typo.pkl", replace(made, splits={"train": ("typo",), "val": made.splits["val"]}))
    save_annotations(tmp_path / "lonely.pkl", AnnotationSet(made.annotations[:2]))
    (tmp_path / "two.txt").write_text("squat\nwalk\n")
    (tmp_path / "answers.json").write_text('{"videos": [{}]}')

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("POSEC3D_MIRROR", "http://127.0.0.1:9")

    try:
        status = main(list(words))
    except SystemExit as stop:  # how tyro ends when options are wrong
        status = stop.code

    said = capsys.readouterr().err
    assert status == 2
    assert re.search(message, said.replace("\n", " ")), said
    assert "Traceback" not in said
    assert not (tmp_path / "trace").exists()
    assert not list(tmp_path.rglob("*.unfinished*"))


def test_a_mistake_ends_the_process_with_status_two(run):
    done = run("posec3d", "train", "nothing.py", status=2)

    assert done.stderr.startswith("posec3d: nothing.py: no such config file; shipped: ")
    assert done.stderr.count("\n") == 1


def test_a_full_disk_while_saving_is_one_sentence(run, made_up, tmp_path):
    # /dev/full refuses every byte; it takes the place of the file that is written.
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    target = tmp_path / "work" / "scores.json"
    target.parent.mkdir()
    run("posec3d", "train", "--annotations", "my.pkl", "--backbone", "c3d", "--work-dir", "run", "--cfg-options", *TINY)
    program = (
        "import pathlib, sys; real = pathlib.Path.write_text\n"
        "pathlib.Path.write_text = lambda self, *a, **k: real(pathlib.Path('/dev/full'), *a, **k)\n"
        "from posec3d.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "test", "run/config.py", "run/last.safetensors", "--out", "work/scores.json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    assert "work/scores.json: could not write: No space left on device" in done.stderr
    assert list(target.parent.iterdir()) == []


def test_debug_shows_the_traceback(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "posec3d.cli", "train", "--debug"], capture_output=True, text=True, check=False
    )

    assert done.returncode == 2
    assert "Traceback" in done.stderr


def test_robustness_is_measured_and_drawn(run, made_up, tmp_path):
    run("posec3d", "train", "--annotations", "my.pkl", "--backbone", "c3d", "--cfg-options", *TINY)
    done = run(
        *("posec3d", "robustness", "work_dirs/my/last.safetensors", "--annotations", "my.pkl", "--split", "val"),
        *("--out", "pictures/worse.png", "--json", "worse.json"),
    )
    run("posec3d", "robustness", "work_dirs/my", "--split", "train")

    curves = json.loads((tmp_path / "worse.json").read_text())["curves"]
    assert [curve["name"] for curve in curves] == ["dropped", "noise", "frames", "swapped"]
    assert curves[0]["levels"] == [0.0, 0.125, 0.25, 0.5, 1.0]
    assert f"0: {100 * curves[0]['top1'][0]:5.1f}" in done.stdout
    for picture in ("pictures/worse.png", "robustness.png"):
        with Image.open(tmp_path / picture) as drawn:
            assert drawn.format == "PNG"


def test_robustness_refuses_other_pictures(run, made_up):
    done = run("posec3d", "robustness", "my.safetensors", "--annotations", "my.pkl", "--out", "worse.svg", status=2)
    assert "worse.svg: the picture is written as .png, not as .svg" in done.stderr


def test_what_others_keep_in_the_work_directory_stays_there(made_up, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "k").mkdir()
    (tmp_path / "k/notes.txt").write_text("mine")
    for _ in range(3):
        assert (
            main(["train", "--annotations", "my.pkl", "--backbone", "c3d", "--work-dir", "k", "--cfg-options", *TINY])
            == 0
        )
    assert (tmp_path / "k/notes.txt").read_text() == "mine"
    assert (tmp_path / "k/previous-2/best.safetensors").exists()
    assert not (tmp_path / "k/previous-1/previous-1").exists()


@pytest.mark.parametrize("words", [(), ("--resume",)])
def test_a_second_training_in_one_folder_is_refused_and_moves_nothing(made_up, tmp_path, words, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    training = ["train", "--annotations", "my.pkl", "--backbone", "c3d", "--cfg-options", *TINY, "training.epochs=1"]
    assert main(training) == 0
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "work_dirs/my").iterdir()}

    with FileLock("work_dirs/my/.training.lock"):
        status = main([*training, *words])

    assert status == 2
    assert "posec3d: --work-dir work_dirs/my: another training is writing here" in capsys.readouterr().err
    assert {path.name: path.stat().st_mtime_ns for path in (tmp_path / "work_dirs/my").iterdir()} == before
    assert main([*training, "--resume"]) == 0


@pytest.mark.slow
def test_two_processes_of_one_training_share_its_folder(run, made_up, tmp_path):
    words = (
        "posec3d",
        "train",
        "--annotations",
        "my.pkl",
        "--backbone",
        "c3d",
        "--device",
        "cpu",
        "--devices",
        "2",
        "--cfg-options",
        *TINY,
    )
    run(*words, "training.epochs=1")
    with FileLock(tmp_path / "work_dirs/my/.training.lock"):
        refused = run(*words, "training.epochs=1", status=2)

    assert "another training is writing here" in refused.stderr
    assert not (tmp_path / "work_dirs/my/previous-1").exists()


def test_weights_of_the_run_that_would_be_moved_are_refused(made_up, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    words = ["train", "--annotations", "my.pkl", "--cfg-options", *TINY]
    assert main(words) == 0
    assert main([*words, "--init", "work_dirs/my/best.safetensors"]) == 2
    assert "is of the earlier run in work_dirs/my" in capsys.readouterr().err
    assert (tmp_path / "work_dirs/my/best.safetensors").exists()


def test_weights_that_do_not_fit_leave_an_earlier_run_where_it_is(made_up, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    words = ["train", "--annotations", "my.pkl", "--work-dir"]
    assert main([*words, "first", "--cfg-options", *TINY]) == 0
    (tmp_path / "second").mkdir()
    (tmp_path / "second/config.py").write_text("")

    start = ["--kind", "motion", "--init", "first/best.safetensors", "--epochs", "1"]
    assert main([*words, "second", *start]) == 2

    assert "takes 17 heatmaps a frame, but 85 are drawn here" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "second").iterdir()] == ["config.py"]


def test_a_refused_resume_changes_nothing(made_up, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    words = ["train", "--annotations", "my.pkl", "--backbone", "c3d", "--cfg-options", *TINY]
    assert main(words) == 0
    config = (tmp_path / "work_dirs/my/config.py").read_text()
    assert main([*words, "clips.length=9", "--resume"]) == 2
    assert "was made with other settings" in capsys.readouterr().err
    assert main([*words, "--resume", "--precision", "bf16"]) == 2
    assert "--precision (fp32 before, bf16 asked for)" in capsys.readouterr().err
    assert (tmp_path / "work_dirs/my/config.py").read_text() == config


def test_sides_that_matter_are_not_mirrored_from_weights_either(made_up, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sides.txt").write_text("turn left\nturn right\nwave\n")
    words = ["train", "--annotations", "my.pkl", "--classes", "sides.txt", "--work-dir"]
    assert main([*words, "first", "--cfg-options", *TINY]) == 0
    options = ["--init", "first/best.safetensors", "--epochs", "2"]
    assert main([*words, "second", *options]) == 0
    clips = load_experiment(tmp_path / "second/config.py").clips
    assert (clips.train_mirror, clips.test_mirror) == (0, "none")


def test_without_a_video_to_validate_on_training_goes_without(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    save_annotations("few.pkl", AnnotationSet(make_annotations(3, motions=("squat", "walk", "wave")).annotations))
    assert main(["train", "--annotations", "few.pkl", "--backbone", "c3d", "--cfg-options", *TINY]) == 0
    assert "no video is left to validate on" in capsys.readouterr().err
    assert (tmp_path / "work_dirs/few/last.safetensors").exists()


def test_the_gradient_may_be_left_as_it_is_and_the_run_resumed(made_up, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = [
        "train",
        "--annotations",
        "my.pkl",
        "--backbone",
        "c3d",
        "--cfg-options",
        *TINY,
        "training.clip_gradient=None",
    ]
    assert main(words) == 0
    assert load_experiment(tmp_path / "work_dirs/my/config.py").training.clip_gradient is None
    assert main([*words, "--resume"]) == 0


def test_a_config_of_other_strides_does_not_score(made_up, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    words = [
        "train",
        "--annotations",
        "my.pkl",
        "--backbone",
        "c3d",
        "--cfg-options",
        *TINY,
        "network.temporal_strides=(1,2)",
    ]
    assert main(words) == 0
    tested = ["test", "work_dirs/my/config.py", "work_dirs/my/last.safetensors"]
    assert main(tested) == 0
    assert main([*tested, "--cfg-options", "network.temporal_strides=None"]) == 2
    assert "was trained with temporal_strides=(1, 2), and the config has None" in capsys.readouterr().err


def test_names_with_dots_stay_apart(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    videos = make_annotations(8, motions=("squat", "walk")).annotations
    save_annotations("ntu.train.pkl", AnnotationSet(videos[:6]))
    save_annotations("ntu.val.pkl", AnnotationSet(videos[6:]))
    assert main(["pack", "ntu.train.pkl", "ntu.val.pkl", "--out", "ntu.arrow"]) == 0
    assert {name: len(ids) for name, ids in load_annotations("ntu.arrow").splits.items()} == {
        "ntu.train": 6,
        "ntu.val": 2,
    }
    assert "splits ntu.train 6, ntu.val 2" in capsys.readouterr().out


def test_memory_that_torch_does_not_get_is_one_sentence(made_up, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    def train(*_, **__):
        torch.empty(2**60)

    monkeypatch.setattr("posec3d.commands.training_run.train", train)
    assert main(["train", "--annotations", "my.pkl", "--backbone", "c3d", "--cfg-options", *TINY]) == 2
    assert "out of memory; take less at once" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ["test", "model.safetensors", "--annotations", "my.pkl", "--out", "my.pkl"],
        ["test", "model.safetensors", "--annotations", "my.pkl", "--confusion", "model.safetensors"],
        ["robustness", "model.safetensors", "--annotations", "my.pkl", "--json", "my.pkl"],
        ["recognize", "my.pkl", "--model", "model.safetensors", "--json", "model.safetensors"],
        ["fuse", "one.npz", "two.npz", "--out", "two.npz"],
    ],
)
def test_what_is_read_is_never_written_over(made_up, tmp_path, words, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name in ("model.safetensors", "one.npz", "two.npz"):
        (tmp_path / name).write_text("mine")
    before = made_up.read_bytes()
    assert main(words) == 2
    assert "is the source itself; give another name" in capsys.readouterr().err
    assert made_up.read_bytes() == before
    assert {(tmp_path / name).read_text() for name in ("model.safetensors", "one.npz", "two.npz")} == {"mine"}


@pytest.mark.parametrize(
    "words",
    [
        ["test", "model.safetensors", "--annotations", "my.pkl", "--out", "notes/a.json"],
        ["robustness", "model.safetensors", "--annotations", "my.pkl", "--out", "notes/new/a.png"],
        ["recognize", "my.pkl", "--json", "notes/a.json"],
        ["visualize", "my.pkl", "--out", "notes/a.png"],
        ["fuse", "one.npz", "two.npz", "--out", "notes/a.npz"],
    ],
)
def test_what_cannot_be_written_is_said_before_anything_is_read(made_up, tmp_path, words, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    # Read, each of these would be a mistake of its own.
    for name in ("notes", "model.safetensors", "one.npz", "two.npz"):
        (tmp_path / name).write_text("mine")
    assert main(words) == 2
    assert "is a file, so nothing can be below it; give another name" in capsys.readouterr().err


def test_each_file_is_measured_in_whatever_order_it_lists_videos(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    labels, videos = np.array([0, 1, 1, 0, 2]), ("a", "b", "c", "d", "e")
    values = np.eye(3, dtype=np.float32)[labels]
    save_scores(tmp_path / "one.npz", Scores(values, labels, videos))
    save_scores(tmp_path / "two.npz", Scores(values[::-1], labels[::-1], videos[::-1]))
    assert main(["fuse", "one.npz", "two.npz", "--out", "both.npz"]) == 0
    said = capsys.readouterr()
    assert said.out.count("1.0000") == 9
    assert "scores of 5 videos written to both.npz" in said.err
    assert "warning" not in said.err

    # Without ids they are in another order, which nobody can know.
    save_scores(tmp_path / "silent.pkl", Scores(values[::-1], labels[::-1], None))
    assert main(["fuse", "silent.pkl", "one.npz"]) == 0
    assert "warning: silent.pkl: says of no score whose it is, taken to be in the order of one.npz" in (
        capsys.readouterr().err
    )


@pytest.mark.parametrize("split", [None, "val"])
def test_a_test_of_what_was_trained_on_is_told(made_up, tmp_path, monkeypatch, capsys, split):
    monkeypatch.chdir(tmp_path)
    assert (
        main(["train", "--annotations", "my.pkl", "--backbone", "c3d", "--work-dir", "my", "--cfg-options", *TINY]) == 0
    )
    capsys.readouterr()

    words = ["test", "my/last.safetensors", "--annotations", "my.pkl", "--fast"]
    assert main([*words, *(["--split", split] if split else [])]) == 0

    said = capsys.readouterr().err
    assert bool(re.search(r"all \d+ videos are tested, of which \d+ are of split 'train'", said)) is (split is None)


def test_it_is_said_where_a_run_goes_on(made_up, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    words = ["train", "--annotations", "my.pkl", "--backbone", "c3d", "--work-dir", "my", "--cfg-options", *TINY]
    assert main(words) == 0
    assert "going on after" not in capsys.readouterr().err
    assert main([*words, "--resume"]) == 0
    assert "going on after epoch 2 of 2: all are done already" in capsys.readouterr().err
