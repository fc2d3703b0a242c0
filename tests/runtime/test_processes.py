import json
import logging
import os
import signal
import subprocess
import sys
import time
from functools import partial

import pytest

from posec3d.runtime.processes import Crash
from posec3d.runtime.processes import done_in_processes
from posec3d.runtime.processes import usable_cores

# A process finds functions by their module: these have one that is written to a file.
JOBS = """
import logging, os, signal

def prepare():
    return do

def fail():
    raise ValueError("no weights; fetch them")

def leave():
    os._exit(3)

def do(job):
    if job == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if job == "raise":
        raise EOFError("odd job")
    if job == "log":
        logging.getLogger("posec3d.jobs").warning("said by %d", 1)
    return f"{job} done"
"""


@pytest.fixture
def jobs(tmp_path, monkeypatch):
    (tmp_path / "jobs_of_a_test.py").write_text(JOBS)
    monkeypatch.syspath_prepend(tmp_path)
    import jobs_of_a_test

    yield jobs_of_a_test
    del sys.modules["jobs_of_a_test"]


def test_every_job_is_done_once():
    # prepare() returns what raises 2 to the power of a job.
    done = dict(done_in_processes(partial(partial, pow, 2), range(20), 2))

    assert done == {job: 2**job for job in range(20)}


def test_jobs_are_begun_in_their_order():
    assert [job for job, _ in done_in_processes(partial(partial, pow, 2), [3, 1, 2], 1)] == [3, 1, 2]


def test_no_jobs_need_no_process():
    assert list(done_in_processes(partial(partial, pow, 2), [], 2)) == []


@pytest.mark.parametrize("processes", [1, 2])
def test_a_crash_costs_its_own_job_alone(jobs, processes):
    done = dict(done_in_processes(jobs.prepare, ["a", "kill", "b", "c"], processes))

    assert done == {"a": "a done", "kill": Crash(-signal.SIGKILL), "b": "b done", "c": "c done"}
    assert str(done["kill"]) == "its process was ended by SIGKILL"


def test_an_error_of_a_job_is_raised_here(jobs):
    with pytest.raises(EOFError, match="odd job"):
        list(done_in_processes(jobs.prepare, ["a", "raise"], 1))


def test_an_error_before_the_first_job_is_raised_here(jobs):
    with pytest.raises(ValueError, match="no weights; fetch them"):
        list(done_in_processes(jobs.fail, ["a", "b"], 2))


def test_a_process_that_cannot_begin_is_an_error_and_not_replaced_for_ever(jobs):
    with pytest.raises(OSError, match="could not begin its work: its process ended with status 3"):
        list(done_in_processes(jobs.leave, ["a", "b"], 2))


def test_what_a_process_logs_is_logged_here(jobs, caplog):
    list(done_in_processes(jobs.prepare, ["log"], 1))

    assert [(record.name, record.levelno, record.message) for record in caplog.records] == [
        ("posec3d.jobs", logging.WARNING, "said by 1")
    ]


def test_an_interrupt_ends_all_processes(tmp_path):
    code = (
        "import time\n"
        "from functools import partial\n"
        "from posec3d.runtime.processes import done_in_processes\n"
        "try:\n"
        "    for job, _ in done_in_processes(partial(partial, time.sleep), [0, 0, 60, 60], 2):\n"
        "        print(job, flush=True)\n"
        "except KeyboardInterrupt:\n"
        "    print('stopped', flush=True)\n"
    )
    # A session of its own: the interrupt goes to all of its processes, as Ctrl-C does.
    run = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert [run.stdout.readline(), run.stdout.readline()] == ["0\n", "0\n"]

    os.killpg(run.pid, signal.SIGINT)
    began = time.monotonic()
    rest, errors = run.communicate(timeout=30)

    assert (rest, errors) == ("stopped\n", "")
    # The output ends when the last process that could write to it has: none went on with its job.
    assert time.monotonic() - began < 20


def test_cores_are_those_that_may_be_used():
    assert 1 <= usable_cores() <= (os.cpu_count() or 1)


def test_jobs_may_be_anything_that_can_be_pickled(jobs):
    job = json.dumps({"name": "clip (1)@2"})

    assert dict(done_in_processes(jobs.prepare, [job], 1)) == {job: f"{job} done"}
