from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from posec3d.annotations import load_annotations
from posec3d.annotations import save_annotations
from posec3d.checkpoints import build_model
from posec3d.checkpoints import save_checkpoint
from posec3d.cli import main
from posec3d.experiment import Clips
from posec3d.experiment import Heatmaps
from posec3d.experiment import ModelCard
from posec3d.experiment import Network


@pytest.fixture
def model(tmp_path):
    """A network of two classes, which the videos of `made_up` do not have."""
    card = ModelCard(
        heatmaps=Heatmaps(),
        network=Network(base_channels=4, stage_blocks=(1, 1)),
        clips=Clips(length=8, test_canvas=16, test_clips=2),
        num_classes=2,
        classes=("sit", "stand"),
    )
    save_checkpoint(tmp_path / "model.safetensors", build_model(card).state_dict(), card)
    return "model.safetensors"


def test_videos_of_other_classes_get_features_and_a_picture(run, made_up, model, tmp_path):
    done = run("posec3d", "features", model, "--annotations", made_up.name, "--picture", "pictures/map.png")

    assert "32 features of 30 videos written to features.npz" in done.stderr
    assert "nearest to one of their own class: " in done.stdout
    with np.load(tmp_path / "features.npz", allow_pickle=False) as written:
        assert written["features"].shape == (30, 32)
        assert written["features"].std(0).max() > 0
        assert written["classes"].tolist() == ["squat", "walk", "wave"]
        assert set(written["labels"].tolist()) == {0, 1, 2}
        assert len(set(written["videos"].tolist())) == 30
    with Image.open(tmp_path / "pictures/map.png") as picture:
        assert picture.format == "PNG"


def test_of_a_split_without_labels_there_is_nothing_to_say(run, made_up, model, tmp_path):
    found = load_annotations(made_up)
    save_annotations(made_up, replace(found, annotations=[replace(one, label=None) for one in found.annotations]))

    done = run(
        *("posec3d", "features", model, "--annotations", made_up.name),
        *("--split", "val", "--fast", "--out", "new/val.npz"),
    )

    assert done.stdout == ""
    with np.load(tmp_path / "new/val.npz") as written:
        assert len(written["features"]) == len(found.splits["val"])
        assert (written["labels"] == -1).all()


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["model.safetensors", "--annotations", "my.pkl", "--out", "f.csv"], "features are written as .npz"),
        (["model.safetensors", "--annotations", "my.pkl", "--picture", "f.jpg"], "the picture is written as .png"),
        (["model.safetensors", "--annotations", "my.pkl", "--split", "vall"], "no split 'vall'"),
        (["model.safetensors", "--annotations", "gone.pkl"], "gone.pkl: no such"),
        (["my.pkl", "--annotations", "my.pkl"], "my.pkl"),
    ],
)
def test_what_a_user_can_mend_is_one_sentence(made_up, model, tmp_path, monkeypatch, capsys, words, complaint):
    monkeypatch.chdir(tmp_path)

    assert main(["features", *words]) == 2

    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert complaint in said
    assert not (tmp_path / "features.npz").exists()


def test_an_exported_file_is_refused(made_up, model, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["export", model, "--to", "torch"]) == 0

    assert main(["features", "model.pt2", "--annotations", "my.pkl"]) == 2

    assert "an exported file answers only, and gives no features; take the checkpoint" in capsys.readouterr().err


def test_videos_that_do_not_fit_get_advice_for_a_model(made_up, model, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    found = load_annotations(made_up)
    fewer = [
        replace(one, keypoints=one.keypoints[:, :, :13], scores=one.scores[:, :, :13]) for one in found.annotations
    ]
    save_annotations(made_up, replace(found, annotations=fewer, keypoint_names=None))

    assert main(["features", model, "--annotations", "my.pkl"]) == 2

    assert "has 13 keypoints, but skeleton 'coco17' has 17, which the model was trained on" in capsys.readouterr().err
