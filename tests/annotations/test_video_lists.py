import pytest

from posec3d.annotations.video_lists import ListedVideo
from posec3d.annotations.video_lists import VideoPlace
from posec3d.annotations.video_lists import match_videos
from posec3d.annotations.video_lists import name_videos
from posec3d.annotations.video_lists import read_table


def place(path, suffix=".mp4"):
    return VideoPlace(path, suffix, path.split("/")[-2])


def videos(*paths):
    return name_videos([place(path) for path in paths])


def lines(*written):
    return [ListedVideo(video, value, f"list.csv, line {n}") for n, (video, value) in enumerate(written, start=1)]


def matched(written, *paths):
    found, absent = match_videos(lines(*written), videos(*paths))
    return {name: line.value for name, line in found.items()}, [line.video for line in absent]


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["/v/fall/a", "/v/walk/b"], ["a", "b"]),
        (["/v/fall/a", "/v/walk/a", "/v/walk/b"], ["fall/a", "walk/a", "b"]),
        (["/x/fall/a", "/y/fall/a", "/y/walk/a"], ["x/fall/a", "y/fall/a", "walk/a"]),
        (["/a/a", "/a"], ["a/a", "a"]),  # one path is the end of the other
        (["/v/clip v1.2", "/v/clip v1.3"], ["clip v1.2", "clip v1.3"]),  # no endings
    ],
)
def test_a_video_is_called_by_as_much_of_its_path_as_tells_it_apart(paths, expected):
    assert [video.name for video in name_videos([VideoPlace(path, ".mp4", "") for path in paths])] == expected


def test_videos_that_differ_in_their_endings_alone_keep_these():
    named = name_videos([place("/v/a", ".mp4"), place("/v/a", ".avi"), place("/v/b", ".avi")])

    assert [video.name for video in named] == ["a.mp4", "a.avi", "b"]


def test_a_video_that_is_given_twice_is_refused():
    with pytest.raises(ValueError, match=r"v/a\.mp4: is given twice"):
        videos("/v/a", "/v/a")


@pytest.mark.parametrize(
    "written",
    ["a", "a.mp4", "a.avi", "fall/a", "Fall/a.avi", "/elsewhere/fall/a.mp4", "fall\\a.avi", "./a", "a.avi 17", "a 17"],
)
def test_a_line_may_give_the_name_the_file_or_a_path_with_any_ending(written):
    assert matched([(written, "x")], "/v/fall/a", "/v/walk/b") == ({"a": "x"}, [])


@pytest.mark.parametrize("name", ["Day_@_7", "Torwart_2_(_sterreich)", "v1.2", "50%_!", "a b"])
def test_names_with_odd_characters_are_found(name):
    assert matched([(f"{name}.avi 1", "x")], f"/v/{name}") == ({name: "x"}, [])


@pytest.mark.parametrize("step", [1, -1])
def test_the_video_that_agrees_in_most_parts_is_meant(step):
    # jump/b is not there, though its file is called as one that is.
    written = [("fall/a", "1"), ("old/walk/a.avi", "2"), ("jump/b", "4"), ("fall/b", "3")][::step]

    assert matched(written, "/v/fall/a", "/v/walk/a", "/v/fall/b")[0] == {"fall/a": "1", "walk/a": "2", "b": "3"}


@pytest.mark.parametrize(
    ("written", "paths"),
    [
        (["fall/1", "walk/2"], ["/v/walk/1", "/v/walk/2"]),  # the list knows the folder walk, and says fall
        (["fall/1.mp4 3", "walk/2"], ["/v/walk/1", "/v/walk/2"]),
        (["/other/fall/1", "/other/walk/2"], ["/v/walk/1", "/v/walk/2"]),
        (["fall/1"], ["/v/walk/1", "/v/fall/2"]),  # the disk has a folder fall, and this is in another
        (["Fall/1"], ["/v/walk/1", "/v/fall/2"]),
    ],
)
def test_a_line_does_not_mean_a_file_of_another_folder(written, paths):
    found, absent = matched([(line, "x") for line in written], *paths)

    assert "1" not in found
    assert absent == [line for line in written if "1" in line]


@pytest.mark.parametrize(
    ("written", "paths"),
    [
        (["ApplyEyeMakeup/v_1.avi 1"], ["/v/apply_eye_makeup/v_1"]),
        (["brush hair/v_1", "wave/v_2"], ["/v/brush_hair/v_1", "/v/wave/v_2"]),
        (["/other/root/fall/v_1"], ["/v/fall/v_1"]),
        (["v_1.avi"], ["/v/fall/v_1"]),
    ],
)
def test_a_folder_may_be_spelt_and_rooted_otherwise(written, paths, caplog):
    found, absent = matched([(line, "x") for line in written], *paths)

    assert list(found) == [path.split("/")[-1] for path in paths]
    assert not absent
    assert not caplog.text


def test_the_name_of_a_file_of_several_videos_is_no_folder_that_tells_them_apart(caplog):
    several = name_videos([VideoPlace(f"/v/poses/{video}", "", "v") for video in ("fall/a", "walk/a", "b")])

    found, absent = match_videos(lines(("fall/a", "1"), ("walk/a", "2"), ("fall/b", "3")), several)

    assert {name: line.value for name, line in found.items()} == {"fall/a": "1", "walk/a": "2", "b": "3"}
    assert not absent
    assert not caplog.text


def test_folders_that_neither_the_list_nor_the_disk_shares_are_passed_over_with_a_warning(caplog):
    # As UCF101's lists, of videos that lie in one folder.
    found, absent = matched([("Fall/v_1.avi", "x"), ("Walk/v_2.avi", "x")], "/v/clips/v_1", "/v/clips/v_2")

    assert list(found) == ["v_1", "v_2"]
    assert not absent
    assert "list.csv, line 1: 2 of 2 lines name other folders than those of the videos that they are taken for" in (
        caplog.text
    )


def test_lines_of_no_video_are_returned():
    assert matched([("c", "1"), ("jump/a", "1")], "/v/fall/a", "/v/walk/a") == ({}, ["c", "jump/a"])


def test_a_line_that_may_be_several_videos_is_an_error():
    with pytest.raises(ValueError, match=r"list\.csv, line 1: 'a' may be 'fall/a', 'walk/a'; write more of the path"):
        matched([("a", "1")], "/v/fall/a", "/v/walk/a")


def test_two_lines_may_not_contradict_each_other():
    assert matched([("a", "x"), ("a.mp4", "x")], "/v/a") == ({"a": "x"}, [])
    with pytest.raises(ValueError, match=r"line 2: video 'a' has 'y', but list\.csv, line 1 says 'x'"):
        matched([("a", "x"), ("a.mp4", "y")], "/v/a")


@pytest.mark.parametrize(
    "content",
    [
        "a.mp4,fall\nb.mp4,walk\n",
        "video,label\na.mp4,fall\nb.mp4,walk\n",
        "\ufeffvideo,label\r\na.mp4,fall\r\n\r\nb.mp4,walk\r\n",  # as spreadsheets save it
        "label;name;seconds\nfall;a.mp4;3\nwalk;b.mp4;4\n",
        "File\tClass\na.mp4\tfall\nb.mp4\twalk\n",
        "a.mp4 fall\nb.mp4 walk\n",
        '"a.mp4","fall"\n"b.mp4",walk\n',
    ],
)
def test_a_table_is_read_in_every_usual_form(tmp_path, content):
    path = tmp_path / "labels.csv"
    path.write_text(content, encoding="utf-8")

    read = read_table(path, "label", also=("class",))

    assert [(line.video, line.value) for line in read] == [("a.mp4", "fall"), ("b.mp4", "walk")]
    assert read[1].line == f"{path}, line {len(content.splitlines())}"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "has no lines"),
        ("video,label\n", "has no lines"),
        ("video,labl,seconds\na,fall,3\n", "has columns video, labl, seconds, but none called 'label'"),
        ("clip_id,label\na,fall\n", "none called 'video'"),
        ("video,label\na,fall\nb\n", "line 3: no label for 'b'"),
        ("video,label\na,\n", "line 2: no label for 'a'"),
    ],
)
def test_what_is_wrong_in_a_table_is_told_with_its_place(tmp_path, content, message):
    path = tmp_path / "labels.csv"
    path.write_text(content)

    with pytest.raises(ValueError, match=message) as error:
        read_table(path, "label")

    assert str(path) in str(error.value)


def test_a_table_must_be_there_and_text(tmp_path):
    (tmp_path / "labels.csv").write_bytes(b"\xff\xfe\x00")

    with pytest.raises(ValueError, match="not text in UTF-8"):
        read_table(tmp_path / "labels.csv", "label")
    with pytest.raises(FileNotFoundError, match="no such file"):
        read_table(tmp_path / "none.csv", "label")
