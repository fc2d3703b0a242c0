import errno
import os
import subprocess
import sys

import pytest

from posec3d.runtime.devices import start_fabric
from posec3d.training.work_directory import check_work_directory
from posec3d.training.work_directory import keep_others_out
from posec3d.training.work_directory import move_earlier_run

# A training with a worker, which outlives it for a moment: until its standard input is closed.
KILLED = """
import os, sys
from pathlib import Path
from posec3d.runtime.devices import start_fabric
from posec3d.training.work_directory import keep_others_out

with keep_others_out(Path(sys.argv[1]), start_fabric(accelerator="cpu", devices=1, precision="fp32")):
    if os.fork() == 0:
        sys.stdin.read()
    os._exit(9)
"""


@pytest.fixture(scope="module")
def fabric():
    return start_fabric(accelerator="cpu", devices=1, precision="fp32")


def test_a_folder_is_for_one_training_at_a_time(tmp_path, fabric):
    folder = tmp_path / "work_dirs" / "my"

    with (
        keep_others_out(folder, fabric),
        pytest.raises(ValueError, match="work_dirs/my: another training is writing here; wait for its end, or give"),
        keep_others_out(folder, fabric),
    ):
        pass
    with keep_others_out(folder, fabric), keep_others_out(tmp_path / "other", fabric):
        pass


def test_a_training_that_fails_leaves_its_folder_free(tmp_path, fabric):
    with pytest.raises(InterruptedError), keep_others_out(tmp_path, fabric):
        raise InterruptedError

    with keep_others_out(tmp_path, fabric):
        pass


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_killed_training_leaves_its_folder_free_at_once(tmp_path, fabric):
    killed = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path)], stdin=subprocess.PIPE)
    assert killed.wait(timeout=300) == 9

    with keep_others_out(tmp_path, fabric):
        pass
    killed.stdin.close()


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK])
def test_where_files_cannot_be_locked_training_goes_on_with_a_warning(tmp_path, fabric, monkeypatch, caplog, number):
    fcntl = pytest.importorskip("fcntl")

    def refuse(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with keep_others_out(tmp_path, fabric):
        pass

    assert "files cannot be locked here" in caplog.text


def write(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)


@pytest.mark.parametrize("left", ["config.py", "last.safetensors", "resume.pth", "coordinates/best.safetensors"])
def test_what_is_left_of_a_run_is_moved_whatever_else_is_gone(tmp_path, left):
    write(tmp_path, left, "notes.txt")

    move_earlier_run(tmp_path)

    assert (tmp_path / "previous-1" / left).read_text() == left
    assert [path.name for path in tmp_path.iterdir() if path.name != "previous-1"] == ["notes.txt"]


def test_a_folder_without_a_run_stays_as_it_is(tmp_path):
    write(tmp_path, "coordinates/gps.csv", "log.jsonl")

    move_earlier_run(tmp_path)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["coordinates", "log.jsonl"]


def test_a_run_of_which_half_was_moved_is_still_found(tmp_path, monkeypatch):
    names = ["config.py", "best.safetensors", "last.safetensors", "resume.pth", "log.jsonl"]
    write(tmp_path, *names)
    moved = []

    def rename(path, place):
        if len(moved) == 2:
            raise KeyboardInterrupt
        moved.append(path.name)
        path.replace(place)

    with monkeypatch.context() as patch:
        patch.setattr(type(tmp_path), "rename", rename)
        with pytest.raises(KeyboardInterrupt):
            move_earlier_run(tmp_path)
    move_earlier_run(tmp_path)

    assert not [path for path in tmp_path.iterdir() if path.is_file()]
    assert {path.name for path in tmp_path.glob("previous-*/*")} == set(names)


def test_weights_that_would_be_moved_away_are_no_start(tmp_path):
    write(tmp_path, "best.safetensors")

    with pytest.raises(ValueError, match=r"is of the earlier run in .*, which a new one there would move away"):
        check_work_directory(tmp_path, tmp_path / "best.safetensors", resume=False)
