"""Commands in processes of their own, forked from one that has imported what takes seconds (see `warm_imports`)."""

import multiprocessing
import multiprocessing.forkserver
import os
import runpy
import subprocess
import sys
from multiprocessing.context import ForkServerContext
from pathlib import Path
from tempfile import TemporaryDirectory


def run_forked(
    program: list[str], *, cwd: Path, env: dict[str, str], timeout: float
) -> subprocess.CompletedProcess[str]:
    """Run `-m MODULE ...` or `SCRIPT ...` as Python does, and return what came of it as `subprocess.run` does."""
    context = multiprocessing.get_context("forkserver")
    _start_server(context)
    with TemporaryDirectory() as folder:
        outputs = Path(folder, "stdout"), Path(folder, "stderr")
        process = context.Process(target=_run, args=(program, str(cwd), env, *map(str, outputs)))
        process.start()
        process.join(timeout)
        if process.is_alive():
            process.kill()
            raise subprocess.TimeoutExpired(program, timeout)
        stdout, stderr = (path.read_text(encoding="utf-8") for path in outputs)
    assert process.exitcode is not None
    return subprocess.CompletedProcess(program, process.exitcode, stdout, stderr)


def _start_server(context: ForkServerContext) -> None:
    """Start the process that others are forked from, unless it runs; it ends with this one."""
    context.set_forkserver_preload(["warm_imports"])
    # It looks for modules by its environment alone, and says nothing of those it does not find.
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = str(Path(__file__).parent)
    try:
        multiprocessing.forkserver.ensure_running()
    finally:
        del os.environ["PYTHONPATH"]
        if before is not None:
            os.environ["PYTHONPATH"] = before


def _run(program: list[str], cwd: str, env: dict[str, str], *outputs: str) -> None:
    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd)
    for number, path in enumerate(("/dev/null", *outputs)):
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        os.dup2(file, number)
        os.close(file)
    assert "torch" in sys.modules, "warm_imports was not imported before"
    if program[0] == "-m":
        sys.argv = program[1:]
        sys.path.insert(0, cwd)
        runpy.run_module(program[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = program
        sys.path.insert(0, str(Path(program[0]).parent))
        runpy.run_path(program[0], run_name="__main__")
