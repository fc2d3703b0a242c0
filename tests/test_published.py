import functools
import hashlib
import re
import threading
from http.server import SimpleHTTPRequestHandler
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from posec3d import published
from posec3d.published import ANNOTATIONS
from posec3d.published import CHECKPOINTS
from posec3d.published import PublishedFile
from posec3d.published import checkpoint_path
from posec3d.published import find_published

WEIGHTS = b"weights"
ROW = PublishedFile(
    names=("tiny-keypoint", "slowonly_tiny_keypoint"),
    remote_path="zoo/slowonly_tiny_keypoint.pth",
    file_name=f"slowonly_tiny_keypoint-{hashlib.sha256(WEIGHTS).hexdigest()[:8]}.pth",
    description="test",
)


class Handler(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture
def mirror(monkeypatch, tmp_path):
    """A mirror on this machine: the folder that it serves, in which `ROW` can be found."""
    folder = tmp_path / "mirror"
    (folder / "zoo").mkdir(parents=True)
    (folder / ROW.remote_path).write_bytes(WEIGHTS)
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("POSEC3D_MIRROR", f"http://127.0.0.1:{server.server_port}/")
    monkeypatch.setenv("POSEC3D_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(published, "CHECKPOINTS", (*CHECKPOINTS, ROW))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    yield folder
    server.shutdown()
    server.server_close()


def test_every_checkpoint_of_the_model_zoo_page_is_in_the_table(shared, monkeypatch):
    monkeypatch.delenv("POSEC3D_MIRROR", raising=False)
    page = (shared / "docs" / "seed.md").read_text()
    urls = {url.rstrip("?") for url in re.findall(r"https://[^)\s]+\.pth\??", page)}

    assert len(urls) == 8
    assert urls <= {file.url for file in CHECKPOINTS}


def test_published_accuracy_stands_beside_its_config_on_the_model_zoo_page(shared):
    page = (shared / "docs" / "seed.md").read_text()
    rows = re.findall(r"^\| \[(\w+)\].*?\| +(\d\d\.\d) +\|", page, flags=re.MULTILINE)

    assert len(rows) == 8
    for config, accuracy in rows:
        (file,) = find_published(config, CHECKPOINTS)
        assert file.accuracy.split()[0] == accuracy


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("gym", ["gym_train.pkl", "gym_val.pkl"]),
        ("gym_val", ["gym_val.pkl"]),
        ("ntu60", ["ntu60_xsub_train.pkl", "ntu60_xsub_val.pkl"]),
        ("ntu120", ["ntu120_xsub_train.pkl", "ntu120_xsub_val.pkl"]),
        ("ucf101", ["ucf101.pkl"]),
        ("hmdb51", ["hmdb51.pkl"]),
        ("k400", ["k400_2d.pkl"]),
        ("diving48", ["diving48_2d.pkl"]),
    ],
)
def test_data_set_is_the_files_that_the_configs_expect(name, files):
    assert [f"{file.folder}/{file.file_name}" for file in find_published(name, ANNOTATIONS)] == [
        f"data/posec3d/{file}" for file in files
    ]


@pytest.mark.parametrize(
    ("name", "remote_path"),
    [
        ("slowonly_r50_u48_240e_gym_limb", "slowonly_r50_u48_240e_gym_limb-c0d7b482.pth"),
        ("gym-limb", "slowonly_r50_u48_240e_gym_limb-c0d7b482.pth"),
        ("gym-limb-1x", "slowonly_r50_8xb16-u48-240e_gym-limb_20220815-2e6e3c5c.pth"),
        ("slowonly_r50_8xb16-u48-240e_gym-limb", "slowonly_r50_8xb16-u48-240e_gym-limb_20220815-2e6e3c5c.pth"),
        ("gym-limb-pyskl", "pyskl/ckpt/posec3d/slowonly_r50_gym/limb.pth"),
        ("k400_posec3d-041f49c6.pth", "k400_posec3d-041f49c6.pth"),
        # What configs of 0.x, 1.x and pyskl write as load_from.
        (f"{published.SERVER}/mmaction/skeleton/posec3d/k400_posec3d-041f49c6.pth", "k400_posec3d-041f49c6.pth"),
        (f"{published.SERVER}/mmaction/v1.0/skeleton/posec3d/k400_posec3d-041f49c6.pth", "k400_posec3d-041f49c6.pth"),
        ("http://download.openmmlab.com/mmaction/pyskl/ckpt/posec3d/slowonly_r50_gym/joint.pth", "_gym/joint.pth"),
    ],
)
def test_checkpoint_goes_by_short_name_config_file_and_url(name, remote_path):
    (file,) = find_published(name, CHECKPOINTS)

    assert file.remote_path.endswith(remote_path)


def test_names_and_places_on_disk_are_unambiguous():
    names = [name for file in CHECKPOINTS for name in file.names]
    places = [file.folder / file.file_name for file in ANNOTATIONS + CHECKPOINTS]

    assert len(set(names)) == len(names)
    assert len(set(places)) == len(places)
    assert not set(names) & {name for file in ANNOTATIONS for name in file.names}


def test_hash_is_what_ends_the_file_name():
    assert {file.file_name: file.sha256_prefix for file in CHECKPOINTS}["k400_posec3d-041f49c6.pth"] == "041f49c6"
    assert all(file.sha256_prefix is None for file in find_published("gym-limb-pyskl", CHECKPOINTS) + ANNOTATIONS)
    assert all(file.sha256_prefix for file in CHECKPOINTS if "/pyskl/" not in file.remote_path)


@pytest.mark.parametrize(
    "mirror_url", ["https://mirror.example.org/openmmlab", "https://mirror.example.org/openmmlab/"]
)
def test_mirror_takes_the_place_of_the_server(monkeypatch, mirror_url):
    monkeypatch.setenv("POSEC3D_MIRROR", mirror_url)

    assert ROW.url == "https://mirror.example.org/openmmlab/zoo/slowonly_tiny_keypoint.pth"


def test_path_of_a_file_stays_as_it_is(mirror):
    path = mirror.parent / "mine.pth"
    path.write_bytes(b"mine")

    assert checkpoint_path(str(path)) == path


@pytest.mark.parametrize("name", ROW.names)
def test_published_checkpoint_is_fetched_once(mirror, name):
    first = checkpoint_path(name, published.cache_folder())
    (mirror / ROW.remote_path).unlink()

    assert first == mirror.parent / "home" / ROW.file_name
    assert first.read_bytes() == WEIGHTS
    assert checkpoint_path(name, published.cache_folder()) == first


def test_checkpoint_that_was_downloaded_by_command_needs_no_network(mirror):
    by_command = checkpoint_path("tiny-keypoint")
    (mirror / ROW.remote_path).unlink()

    assert by_command == Path("checkpoints") / ROW.file_name
    assert checkpoint_path("tiny-keypoint", published.cache_folder()) == by_command


def test_mirror_that_lies_about_the_weights_is_found_out(mirror):
    (mirror / ROW.remote_path).write_bytes(b"other weights")

    with pytest.raises(ValueError, match="sha256 should begin with"):
        checkpoint_path("tiny-keypoint")
    assert list(Path("checkpoints").iterdir()) == []


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("gym-keypoints", "did you mean 'gym-keypoint'?"),
        ("slowonly_r50_u48_240e_gym_keypoints", "did you mean 'slowonly_r50_u48_240e_gym_keypoint'?"),
        ("qqqqqq", "`posec3d download` lists them"),
    ],
)
def test_unknown_checkpoint_is_an_error_with_the_nearest_name(name, hint):
    with pytest.raises(KeyError) as caught:
        checkpoint_path(name)
    assert caught.value.args == (f"no file {name!r}, and nothing is published under the name {name!r}; {hint}",)


def test_cache_folder_is_in_the_home_folder_unless_told(monkeypatch):
    monkeypatch.delenv("POSEC3D_HOME", raising=False)

    assert published.cache_folder() == Path.home() / ".cache" / "posec3d"
