from pathlib import Path

import pytest

from posec3d.class_names import DATASETS
from posec3d.class_names import class_names_of
from posec3d.class_names import dataset_of
from posec3d.config_files import load_experiment
from posec3d.published import CHECKPOINTS
from posec3d.published import find_published

CONFIGS = Path(__file__).parents[1] / "configs" / "skeleton" / "posec3d"
# Numbers of classes as the descriptions of the published files and the papers of the data sets have them.
NUM_CLASSES = {
    "FineGYM": 99,
    "NTU60": 60,
    "NTU120": 120,
    "UCF101": 101,
    "HMDB51": 51,
    "Kinetics-400": 400,
    "Diving48": 48,
}


@pytest.mark.parametrize(
    ("dataset", "names"),
    [
        ("ntu60", {0: "drink water", 8: "standing up (from sitting position)", 22: "hand waving", 42: "falling"}),
        # A061 and A120 of the data set's own table.
        ("ntu120", {42: "falling", 60: "put on headphone", 119: "finger-guessing game (playing rock-paper-scissors)"}),
        # The first class of each apparatus: vault, floor, beam, bars.
        (
            "gym99",
            {
                0: "(VT) round-off, flic-flac with 0.5 turn on, stretched salto forward with 0.5 turn off",
                6: "(FX) switch leap with 0.5 turn",
                43: "(BB) split jump",
                74: "(UB) pike sole circle backward with 1 turn to handstand",
                98: "(UB) (swing forward) double salto backward stretched",
            },
        ),
        # Numbers of THUMOS14, which shares UCF101's classInd.txt (from 1): 36 HammerThrow, 97 VolleyballSpiking.
        ("ucf101", {0: "ApplyEyeMakeup", 35: "HammerThrow", 47: "JumpRope", 96: "VolleyballSpiking", 100: "YoYo"}),
        # Names that begin others come first: climb, kick, sword.
        ("hmdb51", {0: "brush_hair", 5: "climb", 6: "climb_stairs", 20: "kick", 44: "sword", 50: "wave"}),
        ("kinetics400", {0: "abseiling", 5: "archery", 43: "capoeira", 399: "zumba"}),
        ("penn15", {0: "baseball_pitch", 8: "pullup", 14: "tennis_serve"}),
        ("jhmdb21", {0: "brush_hair", 4: "golf", 20: "wave"}),
        ("jhmdb14", {0: "catch", 13: "wave"}),
        ("everyday33", {0: "baseball_pitch", 16: "pullup", 32: "wave"}),
        ("diving48", {0: "Back+15som+05Twis+FREE", 29: "Forward+Dive+NoTwis+PIKE", 47: "Reverse+Dive+NoTwis+TUCK"}),
    ],
)
def test_names_stand_at_their_labels(dataset, names):
    found = class_names_of(dataset)

    assert found is not None
    assert {label: found[label] for label in names} == names


@pytest.mark.parametrize("dataset", DATASETS)
def test_every_class_of_a_data_set_has_a_name_of_its_own(dataset):
    names = class_names_of(dataset)

    assert names is not None
    assert len(set(names)) == len(names)
    assert all(name and name == name.strip() and name.isascii() and name[0] != "#" for name in names)


def test_ntu120_goes_on_where_ntu60_ends():
    assert class_names_of("ntu120")[:60] == class_names_of("ntu60")


@pytest.mark.parametrize(
    ("dataset", "key"),
    [("kinetics400", None), ("hmdb51", None), ("diving48", None), ("ucf101", str.lower)],
)
def test_names_are_in_the_alphabetical_order_that_gave_them_their_labels(dataset, key):
    names = class_names_of(dataset)

    assert list(names) == sorted(names, key=key)


def test_names_of_an_unknown_data_set_are_none():
    assert class_names_of("penn") is None


@pytest.mark.parametrize(
    ("name", "dataset"),
    [
        ("ntu60-keypoint", "ntu60"),
        ("gym-limb", "gym99"),
        ("ntu120-xset-joint-pyskl", "ntu120"),
        ("slowonly_kinetics400_pretrained_r50_u48_120e_hmdb51_split1_keypoint", "hmdb51"),
        ("slowonly_r50_ucf101_k400p/s1_joint", "ucf101"),
        ("rgbpose_conv3d", "ntu60"),
        ("k400_posec3d-041f49c6.pth", "kinetics400"),
        ("https://download.openmmlab.com/mmaction/pyskl/ckpt/posec3d/slowonly_r50_diving48/joint.pth", "diving48"),
        ("slowonly_r50_u48_penn_keypoint", None),  # trained here, not published
        ("runs/mine/best.safetensors", None),
    ],
)
def test_data_set_is_found_by_anything_a_checkpoint_goes_by(name, dataset):
    assert dataset_of(name) == dataset


@pytest.mark.parametrize("file", CHECKPOINTS, ids=lambda file: file.names[0])
def test_published_checkpoint_has_as_many_names_as_classes(file):
    num_classes = NUM_CLASSES[file.description.replace(",", "").split()[0]]

    for name in file.names:
        assert len(class_names_of(dataset_of(name))) == num_classes


# Experiments that nobody has published but us.
OWN = ("c3d_small_", "rocket_", "slowonly_r50_u48_penn_")


@pytest.mark.parametrize(
    "path", [path for path in sorted(CONFIGS.glob("*.py")) if not path.name.startswith(OWN)], ids=lambda path: path.stem
)
def test_shipped_config_of_a_published_checkpoint_has_as_many_classes_as_names(path):
    assert find_published(path.stem, CHECKPOINTS)
    assert load_experiment(path).data.num_classes == len(class_names_of(dataset_of(path.stem)))


@pytest.mark.parametrize(
    "path", sorted([*CONFIGS.glob("c3d_small_*.py"), *CONFIGS.glob("rocket_*.py")]), ids=lambda path: path.stem
)
def test_our_own_experiments_name_their_classes(path):
    assert load_experiment(path).data.classes
