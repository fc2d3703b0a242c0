from dataclasses import replace

import numpy as np
import pytest

from posec3d.annotations import save_annotations
from posec3d.experiment import Data
from posec3d.experiment import Experiment
from posec3d.experiment import Source
from posec3d.sources import training_videos
from posec3d.sources import videos_to_test
from posec3d.synthetic import make_annotations

MADE_UP = make_annotations(20, motions=("squat", "walk"), splits={"train": 0.6, "val": 0.2, "test": 0.2})


@pytest.fixture
def file(tmp_path):
    save_annotations(tmp_path / "annotations.pkl", MADE_UP)
    return str(tmp_path / "annotations.pkl")


def experiment(train, val=None, test=None, num_classes=2):
    return Experiment(data=Data(train=train, val=val, test=test, held_out=0.25, num_classes=num_classes))


def ids(videos):
    return {video.video for video in videos}


def test_each_part_has_the_videos_of_its_split(file):
    train, val, test = (Source(annotations=file, split=name) for name in ("train", "val", "test"))

    learnt, validated = training_videos(experiment(train, val, test))
    tested = videos_to_test(experiment(train, val, test))

    assert ids(learnt) == set(MADE_UP.splits["train"])
    assert ids(validated) == set(MADE_UP.splits["val"])
    assert ids(tested) == set(MADE_UP.splits["test"])


def test_training_leaves_out_videos_of_nobody_and_says_so(tmp_path, caplog):
    first, *others = MADE_UP.annotations
    empty = replace(first, scores=np.zeros_like(first.scores))
    save_annotations(tmp_path / "some.pkl", replace(MADE_UP, annotations=(empty, *others)))
    train, val = (Source(annotations=str(tmp_path / "some.pkl"), split=name) for name in ("train", "val"))

    learnt, _ = training_videos(experiment(train, val))

    assert ids(learnt) == set(MADE_UP.splits["train"]) - {first.video}
    assert f"nobody is seen in 1 of 12 training videos, which are left out; the first is {first.video!r}" in caplog.text


def test_parts_may_come_from_several_files(tmp_path, file):
    other = make_annotations(4, seed=1, motions=("squat", "walk"))
    save_annotations(tmp_path / "other.pkl", other)

    _, validated = training_videos(
        experiment(Source(annotations=file, split="train"), Source(annotations=str(tmp_path / "other.pkl")))
    )

    assert ids(validated) == {video.video for video in other.annotations}


def test_without_a_split_to_validate_on_a_share_is_held_out(file):
    settings = experiment(Source(annotations=file, split="train"))

    learnt, validated = training_videos(settings)

    # 6 videos of each of 2 classes; round(0.25 * 6) = 2.
    assert (len(learnt), len(validated)) == (8, 4)
    assert ids(learnt) | ids(validated) == set(MADE_UP.splits["train"])
    assert ids(videos_to_test(settings)) == ids(validated)


def test_testing_falls_back_on_what_validates(file):
    settings = experiment(Source(annotations=file, split="train"), Source(annotations=file, split="val"))

    assert ids(videos_to_test(settings)) == set(MADE_UP.splits["val"])


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("data/posec3d/gym_train.pkl", "`posec3d download gym` fetches it"),
        ("data/posec3d/ntu120_xsub_train.pkl", "`posec3d download ntu120` fetches it"),
        ("data/posec3d/hmdb51.pkl", "`posec3d download hmdb51` fetches it"),
        ("my.pkl", "correct the path"),
    ],
)
def test_a_missing_file_gets_a_hint(tmp_path, monkeypatch, name, hint):
    monkeypatch.chdir(tmp_path)

    with pytest.raises(FileNotFoundError, match=f"{name}: no such annotation file; {hint}"):
        training_videos(experiment(Source(annotations=name)))


def test_a_missing_file_is_told_with_the_option_that_names_it(tmp_path, file):
    there, missing = Source(annotations=file, split="train"), Source(annotations=str(tmp_path / "missing.pkl"))

    with pytest.raises(FileNotFoundError, match=r"set --cfg-options data.train.annotations=PATH"):
        training_videos(experiment(missing))
    with pytest.raises(FileNotFoundError, match=r"set --cfg-options data.val.annotations=PATH"):
        training_videos(experiment(there, missing))
    with pytest.raises(FileNotFoundError, match=r"set --cfg-options data.val.annotations=PATH"):
        videos_to_test(experiment(there, missing))
    with pytest.raises(FileNotFoundError, match=r"set --cfg-options data.test.annotations=PATH"):
        videos_to_test(experiment(there, there, missing))


def test_videos_are_checked_to_fit_the_experiment(tmp_path):
    save_annotations(tmp_path / "three.pkl", make_annotations(3, motions=("squat", "walk", "wave")))

    with pytest.raises(ValueError, match="has label 2, but num_classes is 2"):
        training_videos(experiment(Source(annotations=str(tmp_path / "three.pkl")), num_classes=2))


def test_other_files_must_mean_the_same_classes_and_that_of_training_may_be_named_anew(tmp_path, file):
    save_annotations(tmp_path / "other.pkl", make_annotations(4, seed=1, motions=("walk", "squat")))
    train, other = Source(annotations=file, split="train"), Source(annotations=str(tmp_path / "other.pkl"))

    def named(classes, **parts):
        settings = experiment(train, **parts)
        return replace(settings, data=replace(settings.data, classes=classes))

    message = "other.pkl: its labels mean other classes than the model's: class 0 is 'walk', the model's is 'squat'"
    with pytest.raises(ValueError, match=message):
        training_videos(named(("squat", "walk"), val=other))
    with pytest.raises(ValueError, match=message):
        videos_to_test(named(("squat", "walk"), test=other))
    save_annotations(tmp_path / "annotations.pkl", replace(MADE_UP, classes=("gehen", "hocken")))
    assert len(training_videos(named(("walk", "squat"), val=other))[1]) == 4
    assert training_videos(named(("walk", "squat"), val=Source(annotations=file, split="val")))


@pytest.mark.parametrize("given", [("train", "val", "test"), ("train", "val"), ("train",)])
def test_another_split_can_be_asked_for(file, given):
    asked = videos_to_test(experiment(*(Source(annotations=file, split=name) for name in given)), "val")

    assert ids(asked) == set(MADE_UP.splits["val"])


def test_a_file_that_was_made_anew_with_other_labels_is_refused(tmp_path, file):
    train = Source(annotations=file, split="train")
    known = Experiment(data=Data(train=train, num_classes=2, classes=("squat", "walk")))
    assert training_videos(known)
    save_annotations(tmp_path / "annotations.pkl", replace(MADE_UP, classes=("walk", "squat")))

    for read in (training_videos, videos_to_test):
        with pytest.raises(ValueError, match=r"its class 0 is 'walk', and 'squat' in the config: they are"):
            read(known)
    in_other_words = Experiment(data=Data(train=train, num_classes=2, classes=("Kniebeuge", "gehen")))
    assert training_videos(in_other_words)
