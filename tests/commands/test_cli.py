import subprocess
import sys

import pytest

from posec3d.cli import COMMANDS


def test_help_names_every_command(run):
    page = run("posec3d", "--help").stdout

    assert all(f"\n  {name}" in page for name in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_without_loading_torch(command):
    program = (
        "import sys; from posec3d.cli import main\n"
        f"try: main([{command!r}, '--help'])\n"
        "except SystemExit as stop: assert not stop.code\n"
        "assert 'torch' not in sys.modules"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert "usage: posec3d " + command in done.stdout


def test_the_version_is_that_of_the_package(run):
    from posec3d import __version__

    assert run("posec3d", "--version").stdout == f"posec3d {__version__}\n"


def test_reading_stops_quietly_when_nobody_listens(tmp_path):
    done = subprocess.run(
        f"{sys.executable} -m posec3d.cli download | head -1", shell=True, capture_output=True, text=True, check=False
    )

    assert done.stderr == ""


def test_a_command_that_is_stopped_while_it_ends_says_nothing():
    program = (
        "import atexit, os, signal, sys\n"
        "from posec3d.cli import run\n"
        "atexit.register(os.kill, os.getpid(), signal.SIGINT)\n"
        "sys.exit(run(['--version']))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout.startswith("posec3d ")
    assert done.stderr == ""
