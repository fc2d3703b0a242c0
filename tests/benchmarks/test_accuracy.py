import argparse
import pickle
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from posec3d.annotations import load_annotations
from posec3d.class_names import class_names_of
from posec3d.config_files import load_experiment
from posec3d.config_files import with_options
from posec3d.evaluation.scores import Scores
from posec3d.evaluation.scores import load_scores
from posec3d.evaluation.scores import save_scores
from posec3d.synthetic.motions import MOTIONS

REPOSITORY = Path(__file__).parents[2]
sys.path[:0] = [str(REPOSITORY), str(REPOSITORY / "tests" / "warm")]

from warm_process import run_forked  # noqa: E402

from benchmarks.accuracy.ablation import CHANGES  # noqa: E402
from benchmarks.accuracy.ablation import line_or_lines  # noqa: E402
from benchmarks.accuracy.steps import train_and_test  # noqa: E402


def run(folder, module, *words):
    done = run_forked(
        ["-m", f"benchmarks.accuracy.{module}", *words],
        cwd=folder,
        env={"PYTHONPATH": f"{REPOSITORY}:{REPOSITORY / 'src'}", "PATH": "/usr/bin:/bin", "HOME": str(folder)},
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Files as the data sets have them, with a few made-up videos, brought into one skeleton and merged."""
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.RandomState(0)

    def record(name, label, num_keypoints):
        keypoints = rng.uniform(20, 200, (1, 20, num_keypoints, 2)).astype(np.float32)
        shape = {"img_shape": (240, 320), "original_shape": (240, 320), "total_frames": 20}
        return {
            "frame_dir": name,
            "label": label,
            "keypoint": keypoints,
            "keypoint_score": keypoints[..., 0] / 200,
        } | shape

    # Four films of four clips a class; the last film of each class is for testing.
    jhmdb = [
        record(f"film{film}_{name}_f_cm_np1_fr_med_{clip}", label, 17)
        for label, name in enumerate(("golf", "wave"))
        for film in range(8)
        for clip in range(2)
    ]
    tested = [one["frame_dir"] for one in jhmdb if one["frame_dir"].startswith("film7")]
    trained = [one["frame_dir"] for one in jhmdb if one["frame_dir"] not in tested]
    content = {"annotations": jhmdb, "classes": ["golf", "wave"]}
    content["split"] = {f"{part}{k}": ids for k in (1, 2, 3) for part, ids in (("train", trained), ("test", tested))}
    (folder / "jhmdb.pkl").write_bytes(pickle.dumps(content))
    penn = [record(f"{number:04d}", number % 2, 13) for number in range(16)]
    content = {"annotations": penn, "classes": ["golf_swing", "squat"]}
    content["split"] = {
        "train": [one["frame_dir"] for one in penn[:12]],
        "test": [one["frame_dir"] for one in penn[12:]],
    }
    (folder / "penn.pkl").write_bytes(pickle.dumps(content))
    run(folder, "prepare", "--penn", "penn.pkl", "--jhmdb", "jhmdb.pkl")
    run(folder, "merge", "data/penn13.pkl", "data/jhmdb21.pkl")
    return folder


def test_folds_are_of_the_training_part_and_never_cut_a_film(data):
    videos = load_annotations(data / "data/jhmdb21.pkl")
    assert videos.annotations[0].keypoints.shape[2] == 13
    for fold in (1, 2, 3):
        fitted, held = set(videos.splits[f"fit{fold}"]), set(videos.splits[f"held{fold}"])
        assert fitted | held == set(videos.splits["train1"])
        assert held
        assert not {name.split("_f_")[0] for name in fitted} & {name.split("_f_")[0] for name in held}


def test_classes_that_both_sets_have_become_one(data):
    merged = load_annotations(data / "data/merged.pkl")
    assert merged.classes == ("golf_swing", "squat", "wave")
    golf = {video.video for video in merged.annotations if video.label == 0}
    assert {"0000", "film0_golf_f_cm_np1_fr_med_0"} <= golf
    assert merged.splits["cross"] == ("film7_golf_f_cm_np1_fr_med_0", "film7_golf_f_cm_np1_fr_med_1")
    assert not set(merged.splits["train"]) & set(merged.splits["test"])


def test_made_up_videos_are_for_training_alone_each_motion_a_class_of_its_own(data):
    run(data, "merge", "data/penn13.pkl", "data/jhmdb21.pkl", "--made-up", "30", "--out", "data/everything.pkl")
    merged, everything = (load_annotations(data / f"data/{name}.pkl") for name in ("merged", "everything"))
    made_up = everything.annotations[len(merged.annotations) :]
    assert [everything.classes[video.label] for video in made_up] == [f"made_up_{motion}" for motion in MOTIONS] * 2
    assert everything.splits["train"] == (*merged.splits["train"], *(video.video for video in made_up))
    assert everything.splits["test"] == merged.splits["test"]
    assert {video.keypoints.shape[2] for video in everything.annotations} == {13}


def test_the_config_of_everything_has_the_classes_that_merge_writes():
    experiment = load_experiment(REPOSITORY / "benchmarks/accuracy/everything.py")
    assert experiment.data.classes == (*class_names_of("everyday33"), *(f"made_up_{motion}" for motion in MOTIONS))
    assert len(experiment.training.class_weights) == experiment.data.num_classes == len(experiment.data.classes)


def test_every_split_stream_and_seed_is_trained_and_tested(data):
    lines = run(data, "run", "jhmdb21", "--list", "--seeds", "0", "2").splitlines()
    assert len(lines) == 2 * 3 * 2 * 3
    assert lines[0] == (
        "posec3d train c3d_small_jhmdb21_keypoint --seed 0 --work-dir work_dirs/jhmdb21-1-keypoint-0 "
        "--precision bf16 --cfg-options data.train.split=train1 data.test.split=test1"
    )


def test_a_training_that_was_stopped_goes_on_and_a_finished_one_is_not_repeated(data, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").symlink_to(data / "data")
    work_dir, config = tmp_path / "work_dirs/run", "c3d_small_jhmdb21_keypoint"
    sizes = ["clips.train_short_side=10", "clips.train_canvas=8", "clips.test_canvas=8", "clips.length=8"]
    classes = ["data.num_classes=2", "data.classes=('golf','wave')"]
    options = ["training.epochs=12", *sizes, *classes, "network.base_channels=4"]
    words = [config, "--seed", "0", "--work-dir", "work_dirs/run", "--precision", "fp32", "--cfg-options", *options]
    with subprocess.Popen([sys.executable, "-m", "posec3d.cli", "train", *words]) as stopped:
        while not (work_dir / "resume.pth").exists():
            assert stopped.poll() is None
            time.sleep(0.01)
        stopped.kill()

    def go_on():
        weights = Path("work_dirs/run/last.safetensors")
        train_and_test(config, weights=weights, scores="run", seed=0, precision="fp32", options=options)
        return capsys.readouterr().out.splitlines()[0], (work_dir / "log.jsonl").read_text()

    assert (work_dir / "log.jsonl").read_text().count('"epoch"') < 12
    resumed, log = go_on()
    finished, same_log = go_on()

    assert "--resume" in resumed
    assert log.count('"epoch"') == 12
    assert "--resume" not in finished
    assert same_log == log
    assert (tmp_path / "run-20.npz").exists()


def test_an_ablation_trains_and_tests_on_folds_alone(data):
    given = ("jhmdb14", "recipe", "frompenn", "--list", "--folds", "2", "--seeds", "1")
    lines = run(data, "ablation", *given).splitlines()
    assert len(lines) == 2 * 3
    assert all("data.train.split=fit2" in line and "data.test.split=held2" in line for line in lines)
    assert "--init work_dirs/penn-0-keypoint-0/last.safetensors" in lines[3]
    assert "--init" not in lines[0]


def test_an_ablation_changes_several_lines_together(data):
    lines = run(data, "ablation", "jhmdb14", "epochs60+canvas32", "--list", "--folds", "1").splitlines()
    assert "ablation/jhmdb14.epochs60+canvas32-1-keypoint-0/last.safetensors" in lines[1]
    assert "training.epochs=60 clips.train_short_side=36" in lines[0]


def test_an_ablation_refuses_a_line_that_is_none():
    with pytest.raises(argparse.ArgumentTypeError, match="'epochs61' is no line; there are recipe"):
        line_or_lines("recipe+epochs61")


def test_an_ablation_shows_rare_classes_more_often(data):
    given = ("jhmdb21", "resampled", "--part", "rare", "--list", "--folds", "3")
    trained = run(data, "ablation", *given).splitlines()[0]
    assert "data.train.split=rare3 data.val.annotations=data/jhmdb21.pkl data.val.split=held3" in trained
    videos = load_annotations(data / "data/jhmdb21.pkl")
    fitted, rare = videos.splits["fit3"], videos.splits["rare3"]
    assert set(rare) < set(fitted)
    golf, wave = (sum(name in video for video in rare) for name in ("golf", "wave"))
    assert golf == sum("golf" in video for video in fitted)
    assert wave == -(-sum("wave" in video for video in fitted) // 4)
    assert f"'training.class_weights=(1.0,{round((golf / wave) ** 0.5, 2)})'" in trained


@pytest.mark.parametrize("name", ["penn", "jhmdb21"])
def test_an_ablation_validates_on_the_file_that_it_trains_on(data, name):
    (annotations,) = {
        word.removeprefix("data.val.annotations=")
        for word in run(data, "ablation", name, "recipe", "--list").split()
        if word.startswith("data.val.annotations=")
    }
    assert (data / annotations).exists()


@pytest.mark.parametrize("line", CHANGES)
def test_every_line_of_the_ablation_changes_the_recipe_alone(line):
    # Only rocket looks at copies.
    recipe = load_experiment(Path("rocket_jhmdb14" if "copies" in line else "c3d_small_jhmdb14_keypoint"))
    changed = with_options(recipe, CHANGES[line])
    assert (changed == recipe) == (line in ("recipe", "frompenn", "epochs150"))
    assert changed.data == recipe.data


def test_the_report_averages_splits_then_seeds_and_fuses(data):
    labels = np.array([0, 1, 0, 1])
    right, half = np.eye(2, dtype=np.float32)[labels], np.eye(2, dtype=np.float32)[[0, 0, 0, 0]]
    for seed, limb in ((0, right), (1, half * 0.5)):
        for split in (1, 2):
            save_scores(data / f"s/set-{split}-keypoint-{seed}-1.npz", Scores(half * 0.2, labels))
            save_scores(data / f"s/set-{split}-limb-{seed}-1.npz", Scores(limb, labels))
    table = run(data, "report", *sorted(str(path) for path in (data / "s").glob("*.npz")))
    rows = {line.split(" | ")[2]: line for line in table.splitlines()[2:]}
    assert "| 50.00 ± 0.00 |" in rows["keypoint"]
    assert "| 75.00 ± 35.36 |" in rows["limb"]
    assert "| 75.00 ± 35.36 |" in rows["keypoint + limb"]
    assert rows["keypoint + limb"].endswith("| 2 x 2 |")
    # One seed right in all, one in half: together they are right in all.
    assert "| 100.00 | 100.00 | 2 x 1 |" in rows["limb, 2 seeds added up"]


def test_sets_are_compared_split_by_split_where_both_have_scores(data):
    labels = np.array([0, 1, 0, 1])
    right, half, wrong = (np.eye(2, dtype=np.float32)[of] for of in (labels, labels * 0, 1 - labels))
    given = {"a": (half, half, half), "b": (half, right, wrong), "c": (half, right)}
    for name, splits in given.items():
        for split, values in enumerate(splits, start=1):
            save_scores(data / f"pairs/{name}-{split}-keypoint-{split}-20.npz", Scores(values, labels))
    paths = sorted(str(path) for path in (data / "pairs").glob("*.npz"))
    rows = run(data, "report", *paths, "--against", "a").splitlines()[2:]
    assert rows[0] == "| b | 20 | keypoint | 50.0 | +0.0 ± 28.9 | 3 |"
    assert rows[1] == "| c | 20 | keypoint | 75.0 | +25.0 ± 25.0 | 2 |"


def test_a_peer_leaves_scores_that_can_be_added_to_those_of_a_network(data):
    pytest.importorskip("sklearn")
    words = ["data/jhmdb21.pkl", "--train", "train1", "--test", "test1", "--poses", "5", "--seeds", "3"]
    printed = run(data, "peers", *words, "--out", "peers/trees")
    scores = load_scores(data / "peers/trees-3.npz")
    annotations = load_annotations(data / "data/jhmdb21.pkl")
    tested = annotations.split("test1")
    assert scores.videos == tuple(video.video for video in tested)
    assert scores.classes == annotations.classes
    accuracy = 100 * np.mean(scores.values.argmax(1) == [video.label for video in tested])
    assert f"seed 3: top-1 {accuracy:.2f}" in printed
