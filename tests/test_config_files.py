from pathlib import Path

import pytest

from posec3d.checkpoints import build_model
from posec3d.config_files import differing_options
from posec3d.config_files import load_experiment
from posec3d.config_files import save_config
from posec3d.config_files import with_options
from posec3d.experiment import Data
from posec3d.experiment import Experiment
from posec3d.experiment import Heatmaps
from posec3d.experiment import Network
from posec3d.experiment import Source
from posec3d.experiment import card_of
from posec3d.skeletons import Skeleton

CONFIGS = sorted((Path(__file__).parents[1] / "configs" / "skeleton" / "posec3d").glob("*.py"))
SEED_NAMES = {
    f"slowonly_r50_u48_240e_{data}_{kind}"
    for data in ("gym", "ntu60_xsub", "ntu120_xsub")
    for kind in ("keypoint", "limb")
} | {f"slowonly_kinetics400_pretrained_r50_u48_120e_{data}_split1_keypoint" for data in ("ucf101", "hmdb51")}


@pytest.fixture
def experiment():
    return Experiment(data=Data(train=Source(annotations="train.pkl"), num_classes=3))


def test_all_eight_published_configs_are_there():
    assert {path.stem for path in CONFIGS} >= SEED_NAMES


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_shipped_config_loads_and_is_short(path):
    experiment = load_experiment(path)

    assert experiment.data.num_classes > 1
    assert len(path.read_text().splitlines()) <= 35


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_a_config_that_is_written_loads_as_the_same(path, tmp_path):
    experiment = load_experiment(path)

    save_config(tmp_path / "config.py", experiment)

    assert load_experiment(tmp_path / "config.py") == experiment


@pytest.mark.parametrize(
    ("backbone", "num_parameters"),
    [("slowonly", 2_024_860), ("c3d", 3_404_892), ("x3d", 254_508)],  # as published, with 60 classes
)
def test_a_backbone_alone_gives_the_network_as_published(tmp_path, backbone, num_parameters):
    ntu60 = load_experiment(Path("slowonly_r50_u48_240e_ntu60_xsub_keypoint"), [f"network.backbone={backbone}"])
    save_config(tmp_path / "config.py", ntu60)

    again = load_experiment(tmp_path / "config.py")

    assert again == ntu60
    assert again.network.backbone == backbone
    assert sum(parameter.numel() for parameter in build_model(card_of(again)).parameters()) == num_parameters


def test_a_skeleton_of_ones_own_survives_writing(tmp_path, experiment):
    own = with_options(experiment, ["heatmaps.sigma=1.5"])
    own = Experiment(data=own.data, heatmaps=Heatmaps(skeleton=Skeleton("own", ("a", "b"), ((0, 1),))))

    save_config(tmp_path / "config.py", own)

    assert load_experiment(tmp_path / "config.py") == own


def test_published_numbers_are_those_of_mmaction2():
    hmdb = load_experiment(Path("slowonly_kinetics400_pretrained_r50_u48_120e_hmdb51_split1_keypoint"))
    ntu120 = load_experiment(Path("slowonly_r50_u48_240e_ntu120_xsub_limb"))

    assert (hmdb.network.stage_blocks, hmdb.clips.train_canvas, hmdb.clips.test_canvas) == ((3, 4, 6), 48, 56)
    assert (hmdb.training.learning_rate, hmdb.training.weight_decay) == (0.01, 1e-4)
    assert ntu120.data.train.annotations == "data/posec3d/ntu120_xsub_train.pkl"
    assert ntu120.training.class_weights == (1.0,) * 60 + (2.0,) * 60
    assert (ntu120.training.epochs, ntu120.training.weight_decay, ntu120.clips.test_clips) == (240, 3e-4, 10)


@pytest.mark.parametrize("backbone", ["c3d", "x3d"])
@pytest.mark.parametrize("data", ["ntu60_xsub", "gym"])
def test_numbers_of_the_lighter_networks_are_those_of_pyskl(backbone, data):
    name = f"{'c3d_light' if backbone == 'c3d' else 'x3d_shallow'}_{data}"
    keypoint, limb = (load_experiment(Path(f"{name}_{kind}")) for kind in ("keypoint", "limb"))

    assert keypoint.network == Network(backbone=backbone)
    assert (keypoint.heatmaps.kind, limb.heatmaps.kind, limb.heatmaps.threshold) == ("keypoint", "limb", 1e-3)
    assert (limb.clips.train_canvas, limb.clips.test_canvas, limb.clips.test_fit) == (56, 64, "stretch")
    assert (limb.clips.test_clips, limb.clips.test_mirror) == (10, "volume")
    # 32 clips on each of 8 devices; 24 epochs of ten rounds.
    assert (limb.training.batch_size, limb.training.scaled_learning_rate(8)) == (32, 0.4)
    assert (limb.training.epochs, limb.training.weight_decay, limb.training.milestones) == (240, 3e-4, None)
    assert limb.training.best_by == ("mean_class" if data == "gym" else "top1")
    assert (keypoint.data, keypoint.data.num_classes) == (limb.data, 99 if data == "gym" else 60)


def test_a_shipped_config_is_found_by_the_path_of_the_documentation(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    path = Path("configs/skeleton/posec3d/slowonly_r50_u48_240e_gym_keypoint.py")

    assert load_experiment(path).data.num_classes == 99


@pytest.mark.parametrize("path", ["mine/{name}.py", "configs/{name}.py", "{name}/{name}.py"])
def test_a_path_of_ones_own_never_means_a_shipped_config(path):
    with pytest.raises(FileNotFoundError, match="no such config file"):
        load_experiment(Path(path.format(name="slowonly_r50_u48_240e_gym_keypoint")))


def test_options_are_set(experiment):
    changed = with_options(
        experiment,
        [
            *("training.epochs=3", "network.stage_blocks=(2,2)", "heatmaps.skeleton=penn13"),
            *("data.val.annotations=val.pkl", "data.val.split=val"),
        ],
    )

    assert changed.training.epochs == 3
    assert changed.network.stage_blocks == (2, 2)
    assert changed.data.val == Source(annotations="val.pkl", split="val")
    assert changed.heatmaps.skeleton.num_keypoints == 13
    assert len(differing_options(experiment, changed)) >= 4


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (
            "training.momentumm=0.9",
            "unknown option 'training.momentumm': training has no field 'momentumm'; did you mean",
        ),
        ("epochs=3", "an experiment has no field 'epochs'; it has data, heatmaps"),
        (
            "optimizer.lr=0.1",
            "optimizer.lr is a field of mmaction2's and pyskl's configs; here it is training.learning_rate",
        ),
        ("data.videos_per_gpu=8", "data.videos_per_gpu is a field of .*; here it is training.batch_size"),
        ("training.epochs", "has no value; write NAME=VALUE"),
        ("training.epochs=many", "training.epochs: input should be a valid integer"),
        (
            "network.backbone=c3d_light",
            "network.backbone: input should be 'slowonly', 'c3d', 'x3d' or 'rocket' .given 'c3d_light'.",
        ),
        ("training.epochs=0", "greater than or equal to 1 .given 0."),
        ("heatmaps.skeleton=penn31", "did you mean 'penn13'"),
        ("data.val.split=x", "data.val.annotations: field required|data.val.*annotations"),
        ("data.val.spilt=x", "data.val.spilt: unexpected keyword argument|data.val.annotations: field required"),
    ],
)
def test_a_wrong_option_says_what_is_right(experiment, option, message):
    with pytest.raises(ValueError, match=message):
        with_options(experiment, [option])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("x = 1", "defines no `experiment = Experiment"),
        ("model = dict(type='Recognizer3D')", "it is a config of mmaction2 or pyskl"),
        ("import nowhere_to_be_found", "stops with ModuleNotFoundError"),
        (
            "from posec3d.experiment import *\nexperiment = Experiment(data=Data(train=Source(annotations='a'), "
            "num_classes=0))",
            "num_classes: input should be greater",
        ),
    ],
)
def test_a_wrong_config_file_says_what_is_wrong(tmp_path, content, message):
    path = tmp_path / "config.py"
    path.write_text(content)

    with pytest.raises(ValueError, match=message) as error:
        load_experiment(path)
    assert str(path) in str(error.value)


def test_a_missing_config_gets_the_nearest_name():
    with pytest.raises(FileNotFoundError, match="did you mean slowonly_r50_u48_240e_gym_keypoint"):
        load_experiment(Path("slowonly_r50_u48_240e_gym_keypoints.py"))
