import re
from collections import Counter

import pytest

from posec3d.annotations.splitting import make_splits
from posec3d.annotations.video_lists import VideoPlace
from posec3d.annotations.video_lists import name_videos


def videos(*paths):
    return name_videos([VideoPlace(f"/v/{path}", ".mp4", path.split("/")[-2]) for path in paths])


def of_two_classes(fall, walk):
    named = videos(*(f"fall/f{n}" for n in range(fall)), *(f"walk/w{n}" for n in range(walk)))
    return named, {video.name: int(video.name[0] == "w") for video in named}


def classes_in(split):
    return Counter(name[0] for name in split)


def test_shares_hold_within_each_class():
    splits = make_splits(["train=0.8", "val=0.2"], *of_two_classes(50, 10))

    assert classes_in(splits["train"]) == {"f": 40, "w": 8}
    assert classes_in(splits["val"]) == {"f": 10, "w": 2}
    assert not set(splits["train"]) & set(splits["val"])


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (1, [1, 0, 0]),
        (2, [2, 0, 0]),
        (3, [1, 1, 1]),  # each split has one where there are enough
        (7, [5, 1, 1]),
        (10, [8, 1, 1]),
        (12, [10, 1, 1]),
    ],
)
def test_counts_are_rounded_so_that_no_split_lacks_a_class(number, expected):
    splits = make_splits(["train=0.8", "val=0.1", "test=0.1"], *of_two_classes(number, 0))

    assert [len(splits[name]) for name in ("train", "val", "test")] == expected


def test_splits_are_drawn_by_seed_and_name_alone():
    named, labels = of_two_classes(30, 30)

    first = make_splits(["train=0.5", "val=0.5"], named, labels)

    assert make_splits(["train=0.5", "val=0.5"], named[::-1], labels)["val"] == first["val"][::-1]
    assert make_splits(["train=0.5", "val=0.5"], named, labels, seed=1) != first
    # By sha256, on any machine. Another order would move videos of existing data sets from one split to the other.
    assert first["train"][:4] == ("f5", "f6", "f7", "f8")


def test_videos_that_come_later_move_hardly_any_other():
    before = make_splits(["train=0.8", "val=0.2"], *of_two_classes(100, 0))
    after = make_splits(["train=0.8", "val=0.2"], *of_two_classes(110, 0))

    assert len(set(before["val"]) - set(after["val"])) <= 2
    assert len(set(before["train"]) & set(after["val"])) <= 2


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["train=0.8", "val=0.1"], "sum to 1, not to 0.9"),
        (["train=1", "val=0"], "above 0"),
        (["train=0.5", "train=0.5"], "there twice"),
        (["train=0.8.1", "val=0.2"], "'0.8.1' is no number"),
    ],
)
def test_shares_that_make_no_sense_are_refused(given, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        make_splits(given, *of_two_classes(4, 4))


def test_a_word_that_is_neither_share_nor_file_is_explained():
    with pytest.raises(FileNotFoundError, match=r"--splits train: no such file or folder; write shares such as"):
        make_splits(["train", "val"], *of_two_classes(4, 4))


def test_a_table_may_put_a_video_into_several_splits(tmp_path):
    path = tmp_path / "splits.csv"
    path.write_text("video,split\na,train1\nb,test1\na,test2\nb,train2\n")

    splits = make_splits([str(path)], videos("x/a", "x/b"), {})

    assert splits == {"train1": ("a",), "test1": ("b",), "test2": ("a",), "train2": ("b",)}


def test_lists_are_splits_by_their_names(tmp_path):
    # As UCF101 has them: a number after the training videos, and a list of classes beside.
    (tmp_path / "trainlist01.txt").write_text("ApplyEyeMakeup/v_A_g01_c01.avi 1\nBasketball/v_B_g01_c01.avi 2\n")
    (tmp_path / "testlist01.txt").write_text("ApplyEyeMakeup/v_A_g02_c01.avi\n")
    (tmp_path / "classInd.txt").write_text("1 ApplyEyeMakeup\n2 Basketball\n")
    named = videos("ApplyEyeMakeup/v_A_g01_c01", "ApplyEyeMakeup/v_A_g02_c01", "Basketball/v_B_g01_c01")

    splits = make_splits([str(tmp_path)], named, {})

    assert splits == {"trainlist01": ("v_A_g01_c01", "v_B_g01_c01"), "testlist01": ("v_A_g02_c01",)}
    assert make_splits([str(tmp_path / "testlist01.txt")], named, {}) == {"testlist01": ("v_A_g02_c01",)}


def test_lists_of_hmdb_say_training_and_testing_by_number(tmp_path):
    (tmp_path / "brush_hair_test_split1.txt").write_text("a.avi 1 \nb.avi 2 \nc.avi 0 \n")
    (tmp_path / "brush_hair_test_split2.txt").write_text("a.avi 2 \nb.avi 1 \nc.avi 0 \n")
    (tmp_path / "wave_test_split1.txt").write_text("a.avi 2 \n")
    named = videos("brush_hair/a", "brush_hair/b", "brush_hair/c", "wave/a")

    splits = make_splits([str(tmp_path)], named, {})

    assert list(splits) == ["train1", "test1", "train2", "test2"]
    assert splits["train1"] == ("brush_hair/a",)
    assert splits["test1"] == ("b", "wave/a")
    assert splits["train2"] == ("b",)


def test_a_number_that_hmdb_does_not_know_is_an_error(tmp_path):
    (tmp_path / "wave_test_split1.txt").write_text("a.avi 1\nb.avi 3\n")

    with pytest.raises(ValueError, match=r"wave_test_split1\.txt, line 2: ends in '3'"):
        make_splits([str(tmp_path)], videos("wave/a"), {})


def test_a_list_of_one_class_does_not_take_the_files_of_another(tmp_path, caplog):
    # fall/1 was not downloaded; that walk is a folder of the lists, only the other one says.
    (tmp_path / "train.txt").write_text("fall/1.mp4\nfall/3.mp4\n")
    (tmp_path / "test.txt").write_text("walk/1.mp4\n")

    splits = make_splits([str(tmp_path)], videos("walk/1", "else/3"), {})

    assert splits == {"train": ("3",), "test": ("1",)}
    assert "1 listed videos are not there: 'fall/1.mp4'" in caplog.text


def test_what_lists_and_videos_do_not_share_is_a_warning_with_the_count(tmp_path, caplog):
    (tmp_path / "train.txt").write_text("a\nb\nc\n")

    splits = make_splits([str(tmp_path)], videos("x/a", "x/d"), {})

    assert splits == {"train": ("a",)}
    assert "2 listed videos are not there: 'b', 'c'" in caplog.text
    assert "1 videos are in no split: 'd'" in caplog.text


def test_lists_of_other_videos_are_an_error(tmp_path):
    (tmp_path / "train.txt").write_text("b\nc\n")

    with pytest.raises(ValueError, match="names none of the videos, such as 'a'"):
        make_splits([str(tmp_path)], videos("x/a"), {})


def test_a_folder_without_lists_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="holds no lists of videos"):
        make_splits([str(tmp_path)], videos("x/a"), {})


def test_the_official_splits_of_jhmdb_fit_its_videos(shared, caplog):
    files = sorted((shared / "data/jhmdb_videos").glob("*/*.mp4"))
    named = name_videos([VideoPlace(file.with_suffix("").as_posix(), ".mp4", file.parent.name) for file in files])

    splits = make_splits([str(shared / "data/jhmdb_splits")], named, {})

    # Lines of the lists that end in 1 and in 2, counted with awk.
    assert {name: len(found) for name, found in splits.items()} == {
        "train1": 660, "test1": 268, "train2": 658, "test2": 270, "train3": 663, "test3": 265,
    }  # fmt: skip
    assert caplog.text == ""
