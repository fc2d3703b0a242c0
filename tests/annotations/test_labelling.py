import re

import pytest

from posec3d.annotations.labelling import labels_of_folders
from posec3d.annotations.labelling import labels_of_segments
from posec3d.annotations.labelling import labels_of_table
from posec3d.annotations.labelling import read_classes
from posec3d.annotations.video_lists import VideoPlace
from posec3d.annotations.video_lists import name_videos


def videos(*paths):
    return name_videos([VideoPlace(f"/v/{path}", ".mp4", path.split("/")[-2]) for path in paths])


@pytest.fixture
def table(tmp_path):
    def write(content):
        path = tmp_path / "labels.csv"
        path.write_text(content)
        return path

    return write


def test_folders_are_classes_sorted_by_name():
    labels = labels_of_folders(videos("walk/a", "fall/b", "walk/c"))

    assert labels.classes == ("fall", "walk")
    assert labels.of_video == {"a": 1, "b": 0, "c": 1}


def test_folders_called_by_numbers_keep_their_order():
    assert labels_of_folders(videos("10/a", "9/b", "1/c")).classes == ("1", "9", "10")


def test_a_list_of_classes_fixes_their_order():
    labels = labels_of_folders(videos("walk/a", "fall/b"), ("walk", "sit", "fall"))

    assert labels.classes == ("walk", "sit", "fall")
    assert labels.of_video == {"a": 0, "b": 2}


def test_a_folder_that_is_no_class_is_an_error():
    with pytest.raises(ValueError, match=r"/v/jump/b: its folder 'jump' is none of the classes 'fall', 'walk'"):
        labels_of_folders(videos("walk/a", "jump/b"), ("fall", "walk"))


@pytest.mark.parametrize(
    ("content", "classes", "labels", "names"),
    [
        ("a,walk\nb,fall\n", None, {"a": 1, "b": 0}, ("fall", "walk")),
        ("a,walk\nb,fall\n", ("walk", "fall"), {"a": 0, "b": 1}, ("walk", "fall")),
        ("a,3\nb,0\n", None, {"a": 3, "b": 0}, None),  # numbers are labels as they are
        ("a,1\nb,fall\n", ("fall", "walk"), {"a": 1, "b": 0}, ("fall", "walk")),
        ("a,1\nb,0\n", ("1", "0"), {"a": 0, "b": 1}, ("1", "0")),  # a name counts before a number
    ],
)
def test_a_table_labels_by_name_or_number(table, content, classes, labels, names):
    found = labels_of_table(table(content), videos("x/a", "x/b"), classes)

    assert dict(found.of_video) == labels
    assert found.classes == names


def test_a_video_without_a_label_is_an_error(table):
    with pytest.raises(ValueError, match=r"labels\.csv: has no label for 2 of 3 videos: 'b', 'c'; add a line"):
        labels_of_table(table("a,walk\n"), videos("x/a", "x/b", "x/c"))


@pytest.mark.parametrize("label", ["jump", "2", "-1"])
def test_a_label_that_is_no_class_is_an_error(table, label):
    with pytest.raises(
        ValueError, match=rf"line 1: label '{label}' is none of the classes 'fall', 'walk', nor a number"
    ):
        labels_of_table(table(f"a,{label}\n"), videos("x/a"), ("fall", "walk"))


def test_lines_of_videos_that_are_not_there_are_a_warning(table, caplog):
    labels_of_table(table("a,walk\nb,walk\nc,fall\n"), videos("x/a"))

    assert "2 of 3 lines name videos that are not there: 'b', 'c'" in caplog.text


@pytest.mark.parametrize(
    ("content", "message"), [("\n", "has no class names"), ("a\nb\na\n", "class 'a' is there twice")]
)
def test_a_list_of_classes_names_each_once(tmp_path, content, message):
    (tmp_path / "labels.txt").write_text(content)

    with pytest.raises(ValueError, match=message):
        read_classes(tmp_path / "labels.txt")


def test_classes_are_read_in_their_order(tmp_path):
    (tmp_path / "labels.txt").write_text("walk\n\nfall \n")

    assert read_classes(tmp_path / "labels.txt") == ("walk", "fall")


SEGMENTS = "video,start,end,label\nb.mp4,1,2,walk\na,0,3,fall\nb,4,6,fall\n"


def test_segments_of_videos_are_labelled(table):
    labels = labels_of_segments(table(SEGMENTS), videos("x/a", "x/b"))

    assert labels.classes == ("fall", "walk")
    assert {name: [(one.start, one.end, label) for one, label in lines] for name, lines in labels.of_video.items()} == {
        "a": [(0, 3, 0)],
        "b": [(1, 2, 1), (4, 6, 0)],
    }
    assert (labels.in_frames, labels.background, labels.usual_length) == (False, None, 2)


def test_what_lies_between_is_a_class_if_asked(table):
    labels = labels_of_segments(table(SEGMENTS), videos("x/a", "x/b", "x/c"), background="nothing")

    # A video of which nothing is told is nothing but that.
    assert (labels.classes, labels.background) == (("fall", "nothing", "walk"), 1)


@pytest.mark.parametrize(
    ("text", "names", "background", "message"),
    [
        (SEGMENTS, None, None, "tells nothing of 1 of 3 videos: 'c'; add lines, or leave these videos out"),
        ("video,start,end,label\nz,1,2,walk\n", None, "rest", "tells nothing of 3 of 3 videos: 'a', 'b', 'c'"),
        (SEGMENTS + "c,1,2,walk\nb,1.0,2,walk\n", None, None, "line 6: the same time as "),
        (SEGMENTS, ("fall", "walk"), "rest", "--background rest: is none of the classes 'fall', 'walk'; add it to"),
        (SEGMENTS, ("fall", "rest"), "rest", "line 2: label 'walk' is none of the classes"),
        ("video,start,end,label\na,1,2,0\n", None, "rest", "--background rest: labels are numbers without names"),
    ],
)
def test_segments_that_cannot_be_labelled(table, text, names, background, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        labels_of_segments(table(text), videos("x/a", "x/b", "x/c"), names, background)


def test_segments_of_videos_that_are_not_there_are_told(table, caplog):
    labels_of_segments(table(SEGMENTS), videos("x/a"))

    assert "2 of 3 lines name videos that are not there: 'b.mp4', 'b'" in caplog.text
