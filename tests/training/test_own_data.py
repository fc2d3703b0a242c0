import json
from dataclasses import replace

import numpy as np
import pytest

from posec3d.annotations import Annotation
from posec3d.annotations import AnnotationSet
from posec3d.experiment import Augmentation
from posec3d.experiment import Network
from posec3d.recipes import SMALL_DATA
from posec3d.skeletons import get_skeleton
from posec3d.synthetic import make_annotations
from posec3d.training.own_data import class_weights_for
from posec3d.training.own_data import coordinates_besides
from posec3d.training.own_data import experiment_for
from posec3d.training.own_data import mirrored_classes


def file(num_keypoints=17, labels=(0, 1, 2), splits=(), **fields):
    videos = tuple(
        Annotation(f"v{i}", label, (10, 10), np.ones((1, 3, num_keypoints, 2), np.float32), None)
        for i, label in enumerate(labels)
    )
    return AnnotationSet(videos, {name: ("v0",) for name in splits}, source="my.pkl", **fields)


def own(annotations, **options):
    return experiment_for(annotations, **({"kind": "keypoint", "size": "small", "epochs": 5} | options))


def parts(experiment):
    data = experiment.data
    return tuple(None if source is None else source.split for source in (data.train, data.val, data.test))


def test_few_videos_get_the_recipe_for_few_and_are_told(caplog):
    caplog.set_level("INFO", "posec3d")
    few = own(file())
    many = own(file(labels=(0, 1) * 1001))

    assert few.augmentation == SMALL_DATA
    assert (few.training.label_smoothing, few.training.average) == (0.1, 0.99)
    assert many.augmentation == Augmentation()
    assert (many.training.label_smoothing, many.training.average) == (0, 0)
    assert "recipe: small data, for 3 training videos" in caplog.text
    assert "recipe: as published, for 2002 training videos" in caplog.text
    assert own(file(), recipe="published").augmentation == Augmentation()
    assert own(file(labels=(0, 1) * 1001), recipe="small").augmentation == SMALL_DATA
    # A single epoch has no room to warm up.
    assert own(file(), epochs=1).training.warmup_epochs == 0


@pytest.mark.parametrize(("num_videos", "copies"), [(1, None), (2, 2), (1666, 2), (2000, 1), (2001, None)])
def test_few_videos_get_a_second_network_on_coordinates(num_videos, copies):
    heatmaps = own(file(labels=(0, 1, 0, 1)))

    besides = coordinates_besides(heatmaps, num_videos)

    assert (besides and besides.augmentation.copies) == copies
    if besides is not None:
        assert besides.network.backbone == "rocket"
        assert (besides.data, besides.heatmaps.skeleton) == (heatmaps.data, heatmaps.heatmaps.skeleton)
        assert besides.clips.test_mirror == "keypoints"


def test_the_second_network_mirrors_no_sides_that_matter_either():
    turns = own(file(classes=("turn left", "turn right")))

    besides = coordinates_besides(turns, 4)

    assert besides is not None
    assert besides.clips.test_mirror == "none"


@pytest.mark.parametrize(
    ("num_videos", "classes", "copies"),
    [
        (1666, ("sit", "walk"), 2),
        (1667, ("sit", "walk"), 1),
        (2501, ("sit", "walk"), 0),
        (5001, ("sit", "walk"), 0),
        # Without mirrors there is room for twice as many.
        (3333, ("turn left", "turn right"), 2),
    ],
)
def test_coordinates_are_solved_for_with_as_many_copies_as_there_is_room_for(num_videos, classes, copies):
    experiment = own(file(labels=(0, 1) + (0,) * (num_videos - 2), classes=classes), backbone="rocket")

    given = experiment.augmentation
    assert given == (Augmentation(noise=0.04, dropout=0.1, copies=copies) if copies else Augmentation())


@pytest.mark.parametrize(
    ("num_videos", "recipe", "epochs"),
    [(3, None, 150), (1000, None, 80), (1900, None, 60), (2500, "small", 60), (2500, None, 60), (3, "published", 60)],
)
def test_fewer_videos_are_gone_through_more_often(num_videos, recipe, epochs, caplog):
    caplog.set_level("INFO", "posec3d")
    experiment = own(file(labels=(0, 1, 2) + (0,) * (num_videos - 3)), recipe=recipe, epochs=None)

    assert experiment.training.epochs == epochs
    assert f"epochs: {epochs}, for {num_videos} training videos" in caplog.text


@pytest.mark.parametrize(
    ("classes", "pairs"),
    [
        (("turn left", "turn right", "sit"), [("turn left", "turn right")]),
        (("right_hook", "left_hook", "jab"), [("left_hook", "right_hook")]),
        (("leftovers", "turn left", "sit"), []),
        (("sit", "walk", "wave"), []),
    ],
)
def test_clips_are_not_mirrored_where_sides_are_classes(classes, pairs, caplog):
    caplog.set_level("INFO", "posec3d")
    experiment = own(file(classes=classes))

    assert mirrored_classes(classes) == pairs
    assert (experiment.clips.train_mirror, experiment.clips.test_mirror) == (
        (0, "none") if pairs else (0.5, "keypoints")
    )
    assert ("mirror each other" in caplog.text) == bool(pairs)


def test_rare_classes_are_shown_more_often_by_the_root_of_their_rarity():
    labels = np.repeat([0, 1, 2], [100, 25, 4])
    assert class_weights_for(labels, 3) == (1, 2, 4)
    assert class_weights_for(np.repeat([0, 1], [10, 5]), 2) is None
    assert own(file(labels=labels.tolist())).training.class_weights == (1, 2, 4)
    assert own(file(labels=labels.tolist()), recipe="published").training.class_weights is None


def test_what_is_asked_for_is_what_one_gets():
    experiment = own(file(), kind="limb", epochs=7)

    assert experiment.heatmaps.kind == "limb"
    assert experiment.training.epochs == 7
    assert experiment.data.train.annotations == "my.pkl"
    assert own(file(), size="full").network == Network()
    assert experiment.network.base_channels < 32
    assert own(file(), size="full", backbone="c3d").network == Network(backbone="c3d")
    assert own(file()).network == Network(backbone="c3d", base_channels=16)
    assert own(file(), backbone="slowonly").network == Network(base_channels=16, stage_blocks=(2, 2, 2))
    assert own(file(), backbone="x3d").network == Network(backbone="x3d")


@pytest.mark.parametrize(
    ("splits", "expected"),
    [
        ((), (None, None, None)),  # a plain list: a part is held out
        (("train",), ("train", None, None)),
        (("train", "val"), ("train", "val", None)),
        (("train", "val", "test"), ("train", "val", "test")),
        (("train", "test"), ("train", None, "test")),  # what is tested on is not validated on
        (("xsub_train", "xsub_val"), ("xsub_train", "xsub_val", None)),
        (("Training", "Validation"), ("Training", "Validation", None)),
        (("train", "train_small"), ("train", None, None)),  # the exact name wins
        (("trainval", "test"), ("trainval", None, "test")),  # what is trained on is not validated on,
        (("train_test", "val"), ("train_test", "val", None)),  # nor tested on
    ],
)
def test_splits_are_told_by_their_names(splits, expected):
    assert parts(own(file(splits=splits))) == expected


def test_a_split_of_nothing_is_none_to_validate_on():
    made = file(splits=("train",))

    assert parts(own(replace(made, splits={**made.splits, "val": (), "test": ()}))) == parts(own(made))


@pytest.mark.parametrize(
    ("splits", "given", "message"),
    [
        (
            ("xsub_train", "xset_train"),
            {},
            "which split is for train. The file has xsub_train, xset_train; say --train",
        ),
        (("a", "b"), {}, "which split is for train. The file has a, b; say --train-split NAME"),
        (("train", "xsub_val", "xset_val"), {}, "which split is for val. .* say --val-split NAME"),
        (("train", "test1", "test2"), {}, "which split is for test. .* say --val-split NAME"),
    ],
)
def test_an_open_choice_is_left_to_the_user(splits, given, message):
    with pytest.raises(ValueError, match=f"my.pkl: {message}"):
        own(file(splits=splits), **given)


@pytest.mark.parametrize(
    ("splits", "train", "val", "expected"),
    [
        (
            ("xsub_train", "xsub_val", "xset_train", "xset_val"),
            "xset_train",
            "xset_val",
            ("xset_train", "xset_val", None),
        ),
        (("train1", "test1", "train2", "test2"), "train2", "test2", ("train2", "test2", None)),  # as HMDB51 has them
        (("train", "val", "test"), "train", "val", ("train", "val", "test")),
        (("a", "b"), "a", None, ("a", None, None)),
        (("train", "val"), "val", None, ("val", None, None)),  # what is trained on is not validated on
        (("trainval_test", "val", "test"), "trainval_test", "val", ("trainval_test", "val", "test")),
    ],
)
def test_splits_that_are_given_settle_it(splits, train, val, expected):
    assert parts(own(file(splits=splits), train_split=train, val_split=val)) == expected


def test_classes_come_from_a_text_file(tmp_path):
    (tmp_path / "labels.txt").write_text("drink water\n\n jump \nwalk\nrun\n", encoding="utf-8")

    data = own(file(classes=("a", "b", "c")), classes=tmp_path / "labels.txt").data

    assert data.classes == ("drink water", "jump", "walk", "run")
    assert data.num_classes == 4


@pytest.mark.parametrize(
    ("fields", "num_classes"),
    [
        ({"classes": ("a", "b", "c", "d", "e")}, 5),
        ({"labels": (0, 6, 2)}, 7),
        ({"labels": (None, 1)}, 2),
    ],
)
def test_classes_are_counted_by_names_or_the_largest_label(fields, num_classes):
    assert own(file(**fields)).data.num_classes == num_classes


def test_a_wrong_file_of_classes_says_how_to_write_one(tmp_path):
    (tmp_path / "empty.txt").write_text("\n \n")

    with pytest.raises(FileNotFoundError, match="no such file of class names; write one name a line"):
        own(file(), classes=tmp_path / "missing.txt")
    with pytest.raises(ValueError, match=r"empty\.txt: has no class names"):
        own(file(), classes=tmp_path / "empty.txt")


@pytest.mark.parametrize(
    ("num_keypoints", "name"), [(17, "coco17"), (13, "penn13"), (18, "openpose18"), (33, "mediapipe33")]
)
def test_the_skeleton_is_told_by_the_number_of_keypoints(num_keypoints, name):
    assert own(file(num_keypoints)).heatmaps.skeleton == get_skeleton(name)


def test_a_number_that_two_skeletons_have_is_left_to_the_user():
    with pytest.raises(ValueError, match="25 keypoints a person, as openpose25 and ntu25 have; say --skeleton NAME"):
        own(file(25))
    assert own(file(25), skeleton="ntu25").heatmaps.skeleton == get_skeleton("ntu25")


def test_the_skeleton_is_told_by_the_names_of_keypoints():
    h36m17 = get_skeleton("h36m17")

    assert own(file(keypoint_names=h36m17.keypoints)).heatmaps.skeleton == h36m17


def test_names_of_no_known_skeleton_are_enough_for_keypoints_but_not_for_limbs():
    annotations = file(3, keypoint_names=("a", "b", "c"))

    assert own(annotations).heatmaps.skeleton.keypoints == ("a", "b", "c")
    with pytest.raises(
        ValueError, match=r"my.pkl: 3 keypoints a person of no skeleton known here; say --skeleton NAME"
    ):
        own(annotations, kind="limb")


def test_names_of_a_known_skeleton_may_be_spelt_otherwise():
    camel = tuple(name.title().replace("_", "") for name in get_skeleton("coco17").keypoints)

    assert own(file(keypoint_names=camel), kind="limb").heatmaps.skeleton == get_skeleton("coco17")


def test_sides_of_own_names_are_told_however_they_are_spelt(tmp_path, caplog):
    names = ("Top", "LeftFin", "RightFin")
    (tmp_path / "fish.json").write_text(json.dumps({"keypoints": names, "limbs": [[0, 1], [0, 2]]}))

    of_names = own(file(3, keypoint_names=names)).heatmaps.skeleton
    of_json = own(file(3), skeleton=str(tmp_path / "fish.json")).heatmaps.skeleton

    assert of_names.mirrored_keypoints == of_json.mirrored_keypoints == (0, 2, 1)
    assert of_json.mirrored_limbs == (1, 0)
    assert "other side" not in caplog.text


def test_names_without_sides_are_warned_of_where_clips_are_mirrored(caplog):
    own(file(3, keypoint_names=("top", "leftfin", "rightfin")))

    assert "none of the keypoints 'top', 'leftfin', 'rightfin' has a partner on the other side" in caplog.text
    caplog.clear()
    own(file(3, keypoint_names=("top", "leftfin", "rightfin"), classes=("turn left", "turn right", "rest")))
    assert "other side" not in caplog.text


@pytest.mark.parametrize("fields", [{"num_keypoints": 3}, {"keypoint_names": ("a", "b")}])
def test_an_unknown_skeleton_must_be_given(fields):
    with pytest.raises(ValueError, match="of no skeleton known here; say --skeleton NAME, one of coco17, "):
        own(file(**fields))


def test_a_skeleton_that_is_given_wins():
    assert own(file(), skeleton="h36m17").heatmaps.skeleton.name == "h36m17"
    with pytest.raises(KeyError, match="did you mean 'h36m17'"):
        own(file(), skeleton="h36m16")


def test_a_skeleton_is_read_from_json(tmp_path):
    path = tmp_path / "puppet.json"
    path.write_text(json.dumps({"keypoints": ["head", "l_hand", "r_hand"], "limbs": [[0, 1], [0, 2]]}))

    skeleton = own(file(3), skeleton=str(path)).heatmaps.skeleton

    assert (skeleton.name, skeleton.keypoints, skeleton.limbs) == (
        "puppet",
        ("head", "l_hand", "r_hand"),
        ((0, 1), (0, 2)),
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not a skeleton"),
        ("[1, 2]", "not a skeleton"),
        ('{"keypoints": ["a", "b"]}', r"not a skeleton \('limbs'\); write \{\"keypoints\""),
        ('{"keypoints": ["a", "b"], "limbs": [[0, 1, 2]]}', "not a skeleton"),
        ('{"keypoints": ["a", "b"], "limbs": [["a", "b"]]}', "not a skeleton"),
        ('{"keypoints": ["a", "b"], "limbs": [[0, 5]]}', r"limb \(0, 5\) must join two different keypoints of 0..1"),
    ],
)
def test_a_wrong_skeleton_file_is_named(tmp_path, content, message):
    (tmp_path / "puppet.json").write_text(content)

    with pytest.raises(ValueError, match=rf"puppet\.json: .*{message}"):
        own(file(3), skeleton=str(tmp_path / "puppet.json"))


def test_a_missing_skeleton_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"puppet\.json: no such skeleton file"):
        own(file(3), skeleton=str(tmp_path / "puppet.json"))


def test_a_file_without_videos_is_refused():
    with pytest.raises(ValueError, match=r"my.pkl: has no videos"):
        own(file(labels=()))


def test_names_in_another_order_than_the_file_s_are_refused(tmp_path):
    annotations = make_annotations(6, seed=0, motions=("squat", "walk", "wave"))
    assert annotations.classes == ("squat", "walk", "wave")
    names = tmp_path / "names.txt"
    names.write_text("walk\nsquat\nwave\n")
    with pytest.raises(ValueError, match=r"names.txt: calls class 0 'walk', and .* calls it 'squat'; leave"):
        experiment_for(annotations, kind="keypoint", size="small", epochs=1, classes=names)
    names.write_text("Kniebeuge\nGehen\n")
    with pytest.raises(ValueError, match=r"names 2 classes, and .* has 3: squat, walk, wave; give each a line"):
        experiment_for(annotations, kind="keypoint", size="small", epochs=1, classes=names)
    from_one = AnnotationSet(
        tuple(replace(one, label=one.label + 1) for one in annotations.annotations), source="my.pkl"
    )
    names.write_text("Kniebeuge\nGehen\nWinken\n")
    with pytest.raises(ValueError, match=r"my.pkl: labels run from 1 to 3, .* are 0 to 2; subtract 1 from each label"):
        experiment_for(from_one, kind="keypoint", size="small", epochs=1, classes=names)
    translated = experiment_for(annotations, kind="keypoint", size="small", epochs=1, classes=names)
    assert translated.data.classes == ("Kniebeuge", "Gehen", "Winken")
