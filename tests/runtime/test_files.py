import errno
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from posec3d.runtime.files import replacing


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_appears_whole_when_the_block_ends(tmp_path):
    path = tmp_path / "scores.json"
    path.write_text("old")

    with replacing(path) as unfinished:
        unfinished.write_text("new")
        assert path.read_text() == "old"

    assert path.read_text() == "new"
    assert names(tmp_path) == ["scores.json"]


@pytest.mark.parametrize("error", [ValueError("wrong"), KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left")])
def test_an_error_leaves_the_old_file_and_no_other(tmp_path, error):
    path = tmp_path / "scores.json"
    path.write_text("old")

    with pytest.raises(type(error)), replacing(path) as unfinished:  # noqa: PT012
        unfinished.write_text("half")
        raise error

    assert path.read_text() == "old"
    assert names(tmp_path) == ["scores.json"]


def test_the_unfinished_file_is_hidden_beside_it_with_its_suffix(tmp_path):
    with replacing(tmp_path / "annotations.pkl.gz") as unfinished:
        unfinished.touch()
        assert unfinished.parent == tmp_path
        assert unfinished.suffix == ".gz"
        assert unfinished.name.startswith(".")


def test_missing_folders_are_made_and_text_will_do_for_a_path(tmp_path):
    with replacing(str(tmp_path / "a" / "b" / "scores")) as unfinished:
        unfinished.write_text("new")

    assert (tmp_path / "a" / "b" / "scores").read_text() == "new"


def test_an_error_of_the_system_names_the_file(tmp_path):
    path = tmp_path / "scores.json"

    with pytest.raises(OSError, match="could not write: No space left on device") as raised, replacing(path):
        raise OSError(errno.ENOSPC, "No space left on device", "somewhere else")

    assert raised.value.errno == errno.ENOSPC
    assert raised.value.filename == str(path)


def test_a_folder_in_the_way_is_an_error_that_names_it(tmp_path):
    (tmp_path / "scores.json").mkdir()

    with pytest.raises(OSError, match=r"could not write: .*scores\.json"):  # noqa: SIM117
        with replacing(tmp_path / "scores.json") as unfinished:
            unfinished.write_text("new")

    assert names(tmp_path) == ["scores.json"]


def test_other_errors_pass_as_they_are(tmp_path):
    with pytest.raises(ValueError, match=r"^wrong$"), replacing(tmp_path / "scores.json"):
        raise ValueError("wrong")


def test_a_name_as_long_as_the_system_takes_can_be_written(tmp_path):
    path = tmp_path / f"{'a' * 251}.txt"
    with replacing(path) as unfinished:
        unfinished.write_text("whole")
    assert path.read_text() == "whole"


def test_an_error_of_another_file_is_not_blamed_on_this_one(tmp_path):
    (tmp_path / "source").mkdir()
    with pytest.raises(IsADirectoryError) as caught, replacing(tmp_path / "out.txt"):
        (tmp_path / "source").read_text()
    assert caught.value.filename == str(tmp_path / "source")


def test_a_link_stays_and_what_it_points_to_is_replaced(tmp_path):
    (tmp_path / "real.json").write_text("old")
    (tmp_path / "latest.json").symlink_to("real.json")

    with replacing(tmp_path / "latest.json") as unfinished:
        unfinished.write_text("new")

    assert (tmp_path / "latest.json").is_symlink()
    assert (tmp_path / "real.json").read_text() == "new"
    assert names(tmp_path) == ["latest.json", "real.json"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_written_to_and_stays(tmp_path):
    os.mkfifo(tmp_path / "pipe.json")
    with ThreadPoolExecutor(1) as readers:
        reader = readers.submit((tmp_path / "pipe.json").read_text)
        with replacing(tmp_path / "pipe.json") as unfinished:
            assert unfinished.suffix == ".json"
            unfinished.write_text("new")

        assert reader.result(timeout=60) == "new"
    assert (tmp_path / "pipe.json").is_fifo()
    assert names(tmp_path) == ["pipe.json"]


@pytest.mark.skipif(not Path("/dev/stdout").exists(), reason="this system has no /dev/stdout")
@pytest.mark.parametrize("name", ["stdout", "fd/1"])
def test_standard_output_is_written_to_wherever_it_goes(tmp_path, name):
    program = (
        "from posec3d.runtime.files import replacing\n"
        "print('first')\n"
        f"with replacing('/dev/{name}') as unfinished: unfinished.write_text('second\\n')\n"
        "print('third')"
    )
    # As a shell's > opens it, and with output kept back until the end, as it is without a terminal.
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
    with (tmp_path / "said.txt").open("w") as said:
        subprocess.run([sys.executable, "-c", program], stdout=said, check=True, env=environment)
    piped = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment)

    assert (tmp_path / "said.txt").read_text() == piped.stdout == "first\nsecond\nthird\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_device_that_takes_nothing_is_named():
    with pytest.raises(OSError, match="could not write: No space left") as caught, replacing("/dev/full") as unfinished:
        unfinished.write_text("new")

    assert caught.value.filename == "/dev/full"


@pytest.mark.skipif(not os.access("/dev/shm", os.W_OK), reason="this system has no /dev/shm")
def test_a_file_in_memory_is_replaced_as_any_other():
    with TemporaryDirectory(dir="/dev/shm") as folder:
        for text in ("old", "new"):
            with replacing(f"{folder}/report.json") as unfinished:
                unfinished.write_text(text)

        assert Path(folder, "report.json").read_text() == "new"
