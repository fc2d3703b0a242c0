import re
from pathlib import Path

import pytest

from posec3d.video.sources import find_sources
from posec3d.video.sources import is_live
from posec3d.video.sources import is_posed
from posec3d.video.sources import name_of
from posec3d.video.sources import natural_order
from posec3d.video.sources import pictures_of
from posec3d.video.sources import shown


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty working folder, in which `touch` makes files."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def touch(*names):
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()


def found(*given):
    return [str(source) for source in find_sources(given)]


def test_names_are_sorted_as_people_count():
    names = ["f10.png", "f9.png", "F1.png", "f010a.png", "f2/x", "f2.png"]

    assert sorted(names, key=natural_order) == ["F1.png", "f2.png", "f2/x", "f9.png", "f10.png", "f010a.png"]


@pytest.mark.parametrize(
    ("files", "given", "expected"),
    [
        (["a.mp4"], "a.mp4", ["a.mp4"]),
        (["notes.txt"], "notes.txt", ["notes.txt"]),  # whoever reads it complains
        (
            ["v/c10.MP4", "v/c2.avi", "v/deep/d.mkv", "v/x.json", "v/a.png"],
            "v",
            ["v/c2.avi", "v/c10.MP4", "v/deep/d.mkv"],
        ),
        (["v/.trash/a.mp4", "v/._b.mp4", "v/b.mp4"], "v", ["v/b.mp4"]),  # hidden ones stay hidden
        (["p/1.png", "p/2.jpg", "p/readme.txt"], "p", ["p"]),
        (["p/v10/1.jpg", "p/v2/1.jpg"], "p", ["p/v2", "p/v10"]),  # a folder of frames for each video
        (["o/1.json", "o/2.json"], "o", ["o"]),  # one .json a frame
        (["o/v1/1.json", "o/v2/1.json"], "o", ["o/v1", "o/v2"]),
        (["o/1.json", "o/2.json", "o/Thumbs.db", "o/run.log"], "o", ["o"]),  # whatever lies beside them
        (["o/b.npz", "o/a.json", "o/c.pkl.gz"], "o", ["o/a.json", "o/b.npz", "o/c.pkl.gz"]),
        (["v/2.mp4", "v/10.mp4", "v/x.txt"], "v/*.mp4", ["v/2.mp4", "v/10.mp4"]),
        (["v/a/1.mp4", "v/b/1.mp4"], "v/*/*.mp4", ["v/a/1.mp4", "v/b/1.mp4"]),
        (["v/a/1.mp4", "v/b/c/1.mp4"], "v/**/*.mp4", ["v/a/1.mp4", "v/b/c/1.mp4"]),
        (["v/a/1.mp4", "v/b/1.png"], "v/*", ["v/a/1.mp4", "v/b"]),
        (["p/1.png", "p/2.png"], "p/*.png", ["p/*.png"]),
        (["o/a.json", "o/b.json"], "o/*.json", ["o/a.json", "o/b.json"]),
        (["clip [1].mp4"], "clip [1].mp4", ["clip [1].mp4"]),  # a name, not a pattern
        ([], "0", ["0"]),
        (["0"], "0", ["0"]),
        ([], "rtsp://camera/live", ["rtsp://camera/live"]),
        ([], "https://host/a.mp4?key=*", ["https://host/a.mp4?key=*"]),
    ],
)
def test_what_a_source_stands_for(folder, files, given, expected):
    touch(*files)

    assert found(given) == expected


def test_globs_may_be_absolute(folder):
    touch("v/a.mp4")

    assert found(f"{folder}/v/*.mp4") == [f"{folder}/v/a.mp4"]


def test_many_sources_keep_their_order_and_come_once(folder):
    touch("b.mp4", "v/a.mp4")

    assert found("b.mp4", "0", "v", "v/*.mp4", Path("b.mp4")) == ["b.mp4", "0", "v/a.mp4"]
    assert find_sources([]) == []


def test_what_a_glob_leaves_out_is_said(folder, caplog):
    touch("v/a.mp4", "v/a.png", "v/a.txt")

    assert found("v/*") == ["v/a.mp4"]
    assert "2 files that are neither video nor poses are ignored" in caplog.text


def test_what_a_folder_leaves_out_is_said(folder, caplog):
    touch("v/a.mp4", "v/b.rmvb", "v/in/c.rmvb", "v/README")
    caplog.set_level("INFO")

    assert found("v") == ["v/a.mp4"]
    assert "v: of this folder, videos alone are taken (1); passed over: 2 .rmvb, 1 README" in caplog.text


def test_an_array_without_a_name_is_refused(folder):
    touch("a.npy")

    with pytest.raises(ValueError, match=r"a.npy: says nothing but numbers; save it as .npz with keypoints="):
        found("a.npy")


def test_nothing_is_said_of_a_folder_of_videos_alone(folder, caplog):
    touch("v/a.mp4", "v/b.mp4", "v/.hidden")
    caplog.set_level("INFO")

    found("v")
    assert not caplog.text


@pytest.mark.parametrize(
    ("files", "given", "message"),
    [
        ([], "a.mp4", "a.mp4: no such file or folder; correct the path"),
        ([], "v/*.mp4", "v/*.mp4: no file fits this pattern"),
        (["v/a.txt"], "v/*", "v/*: no video, pictures or poses fit this pattern"),
        (["v/a.txt"], "v", "v: no videos, pictures or poses in this folder"),
    ],
)
def test_what_is_not_there_is_named(folder, files, given, message):
    touch(*files)

    with pytest.raises(FileNotFoundError, match=re.escape(message)):
        find_sources([given])


def test_pictures_given_one_by_one_are_an_oversight(folder):
    touch("p/1.png", "p/2.png", "p/3.png")

    with pytest.raises(ValueError, match=r"p/1.png and 2 more pictures .* folder 'p' or put the pattern in quot"):
        find_sources(["p/1.png", "p/2.png", "p/3.png"])
    assert found("p/1.png") == ["p/1.png"]


@pytest.mark.parametrize(
    ("source", "live"),
    [
        ("0", True),
        ("1", True),
        ("rtsp://camera/live.mp4", True),
        ("udp://@:5000", True),
        ("http://camera/stream", True),
        ("https://host/a.MP4?key=1", False),
        ("a.mp4", False),
        (Path("a.mp4"), False),
        ("frames/*.png", False),
    ],
)
def test_webcams_and_streams_are_live(folder, source, live):
    assert is_live(source) is live


def test_a_file_with_a_number_for_a_name_is_not_a_webcam(folder):
    touch("0")

    assert not is_live("0")


def test_passwords_stay_secret():
    assert shown("rtsp://me:secret@camera:554/live?a=1") == "rtsp://camera:554/live?a=1"
    assert name_of("rtsp://me:secret@camera/live") == "rtsp://camera/live"
    assert shown("me@home.mp4") == "me@home.mp4"


@pytest.mark.parametrize(
    ("source", "name"),
    [("a/b.mp4", "b.mp4"), (Path("a/frames"), "frames"), ("a/*.png", "*.png"), ("0", "webcam 0")],
)
def test_a_source_has_a_short_name(folder, source, name):
    assert name_of(source) == name


def test_the_working_folder_has_a_name(folder):
    assert name_of(".") == folder.name


def test_pictures_come_in_natural_order(folder):
    touch("p/f10.png", "p/f2.JPG", "p/.f1.png", "p/a.txt", "p/deep/f1.png", "q.webp")

    assert pictures_of("p") == pictures_of("p/*") == [Path("p/f2.JPG"), Path("p/f10.png")]
    assert pictures_of("q.webp") == [Path("q.webp")]
    assert pictures_of("a.mp4") is pictures_of("0") is pictures_of("http://host/a.png") is None


def test_a_folder_without_pictures_is_refused(folder):
    touch("p/a.txt")

    with pytest.raises(ValueError, match=r"p: no pictures here; one video is made of .*\.png"):
        pictures_of("p")


@pytest.mark.parametrize(
    ("names", "poses"),
    [
        (["a.json", "b.json", ".DS_Store", "Thumbs.db"], True),
        (["a.json", "b.jpg"], False),
        (["a.json", "b.npz"], False),
        (["a.jpg"], False),
        ([], False),
    ],
)
def test_a_folder_holds_poses_if_it_holds_json_and_nothing_to_look_at(folder, names, poses):
    touch(*(f"o/{name}" for name in names))
    Path("o").mkdir(exist_ok=True)

    assert is_posed(Path("o")) == poses


def test_a_file_of_poses_is_told_by_its_name():
    assert [
        is_posed(source) for source in ("a.npz", Path("a.csv"), "a.mp4", "0", "p/*.png", "rtsp://camera/a.npz")
    ] == [*(True, True, False, False, False, False)]


@pytest.mark.parametrize("given", [("o/clip_0001_keypoints.json", "o/clip_0002_keypoints.json"), ("o/*.json",)])
def test_frames_of_openpose_one_by_one_are_refused(folder, given):
    touch("o/clip_0001_keypoints.json", "o/clip_0002_keypoints.json")
    for path in Path("o").iterdir():
        path.write_text('{"people": []}')

    with pytest.raises(ValueError, match=r"clip_0001_keypoints.json and 1 more files are given .* their folder 'o'"):
        find_sources(given)
    assert found("o/clip_0001_keypoints.json") == ["o/clip_0001_keypoints.json"]
    touch("o/times.csv", "o/0.json", "o/my.pkl")
    assert found("o") == ["o"]
    assert is_posed("o")
    for path in Path("o").glob("clip*"):
        path.write_text('{"results": []}')
    assert len(found(*given)) >= 2
