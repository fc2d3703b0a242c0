import os
import subprocess
import sys
from pathlib import Path

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


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("command", ["--help", "download"])
def test_a_full_disk_is_one_sentence_with_the_mend(command):
    words = f"{sys.executable} -m posec3d.cli {command} > /dev/full"
    # What is not written at once is written at the end.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}

    done = subprocess.run(words, shell=True, capture_output=True, text=True, check=False, env=environment)

    expected = "posec3d: what is written: No space left on device; make room on that disk, or write to another\n"
    assert (done.returncode, done.stderr) == (2, expected)


def test_closed_outputs_are_nobody_who_listens(tmp_path):
    out = tmp_path / "report.json"
    command = f"exec {sys.executable} -m posec3d.cli check nothing.pkl <&- >&- 2>&-"
    assert subprocess.run(command, shell=True, check=False).returncode == 2

    done = subprocess.run(
        f"exec {sys.executable} -c 'import sys; from posec3d import cli\n"
        "cli._open_what_is_closed()\n"
        f'print("kept"); print("lost", file=sys.stderr); open("{out}", "w").write("whole")\' 2>&-',
        shell=True,
        capture_output=True,
        text=True,
        check=True,
    )

    assert (done.stdout, out.read_text()) == ("kept\n", "whole")


def test_processes_that_are_started_have_no_closed_outputs_either(tmp_path):
    out = tmp_path / "report.json"
    child = f"import os; file = open({str(out)!r}, 'w'); os.write(2, b'noise'); file.write('whole')"
    program = (
        "import subprocess, sys; from posec3d import cli; cli._open_what_is_closed(); "
        f"subprocess.run([sys.executable, '-c', {child!r}])"
    )

    subprocess.run(["bash", "-c", 'exec "$0" -c "$1" 2>&-', sys.executable, program], check=True)

    assert out.read_text() == "whole"


def test_what_is_terminated_says_what_is_left_as_if_it_were_interrupted():
    program = (
        "import os, signal, sys\n"
        "from posec3d import cli\n"
        "def endless(*_):\n"
        "    child = os.fork()\n"
        "    if not child:\n"
        "        os.kill(os.getpid(), signal.SIGTERM)\n"
        "        os._exit(7)\n"
        "    print(os.waitpid(child, 0)[1], flush=True)\n"
        "    try:\n"
        "        os.kill(os.getpid(), signal.SIGTERM)\n"
        "        signal.pause()\n"
        "    except KeyboardInterrupt:\n"
        "        raise KeyboardInterrupt('half is kept')\n"
        "cli._run = endless\n"
        "sys.exit(cli.run(['check']))\n"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)

    # A child of it ends by the signal, at once.
    assert (done.returncode, done.stdout, done.stderr) == (143, "15\n", "posec3d: stopped; half is kept\n")


def test_workers_that_are_terminated_as_well_hide_nothing():
    program = (
        "import os, subprocess, sys, time\n"
        "from posec3d import cli\n"
        "def training(*_):\n"
        "    from torch.utils.data import DataLoader\n"
        "    numbers = iter(DataLoader(range(1_000_000), num_workers=2))\n"
        "    try:\n"
        "        for number in numbers:\n"
        "            if number == 9:\n"
        "                subprocess.run(['sh', '-c', f'kill -TERM -{os.getpgrp()}'])\n"
        "                time.sleep(20)\n"
        "    except KeyboardInterrupt:\n"
        "        subprocess.run(['sh', '-c', f'trap \"\" TERM; kill -TERM -{os.getpgrp()}'])\n"
        "        for _ in range(20):\n"
        "            time.sleep(0.05)\n"
        "        raise KeyboardInterrupt('half is kept')\n"
        "cli._run = training\n"
        "sys.exit(cli.run(['check']))\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        start_new_session=True,
    )

    assert (done.returncode, done.stderr) == (143, "posec3d: stopped; half is kept\n")


def test_who_is_told_not_to_hear_the_signal_does_not():
    program = (
        "import os, signal, sys\n"
        "from posec3d import cli\n"
        "cli._run = lambda *_: os.kill(os.getpid(), signal.SIGTERM)\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "sys.exit(cli.run(['check']))\n"
    )

    assert subprocess.run([sys.executable, "-c", program], timeout=60, check=False).returncode == 0
