import threading

import pytest

from posec3d.runtime.progress import Progress
from posec3d.serving import jobs as module
from posec3d.serving.jobs import FullError
from posec3d.serving.jobs import Job
from posec3d.serving.jobs import Jobs


class Steps(Job):
    """Does as many steps as it is let."""

    def __init__(self, folder, steps=3, error=None):
        super().__init__(folder)
        self._steps, self._error = steps, error
        self.begun, self.let = threading.Event(), threading.Semaphore(0)
        self.heard = []

    def work(self):
        with Progress(self._steps, "step", what="steps") as progress:
            for _ in range(self._steps):
                self.begun.set()
                self.let.acquire()
                self.heard.append((self.state, self.status()["done"]))
                progress.advance()
        if self._error is not None:
            raise self._error
        self.answer = {"steps": self._steps}

    def let_go(self):
        self.let.release(self._steps)


@pytest.fixture
def make_jobs(tmp_path):
    made = []

    def make(**limits):
        made.append(Jobs(tmp_path, **limits))
        return made[-1]

    yield make
    for jobs in made:
        jobs.close()


def submitted(jobs, **what):
    job = Steps(jobs.new_folder(), **what)
    jobs.submit(job)
    return job


def test_jobs_are_done_in_turn_and_say_how_far_they_are(make_jobs):
    jobs = make_jobs()
    first, second = submitted(jobs), submitted(jobs)
    first.begun.wait(10)

    assert (first.state, second.state) == ("running", "waiting")
    assert (jobs.num_before(first), jobs.num_before(second)) == (0, 1)
    assert first.status()["step"] == "steps"
    assert first.status()["total"] == 3
    assert jobs.get(second.id) is second
    assert jobs.get("other") is None

    first.let_go()
    second.let_go()
    second.finished.result(10)

    assert first.heard == [("running", 0), ("running", 1), ("running", 2)]
    assert [job.state for job in (first, second)] == ["done", "done"]
    assert first.answer == {"steps": 3}
    assert first.status()["files"] == {"answer": f"/jobs/{first.id}/answer.json"}


def test_time_left_follows_from_what_is_done_of_the_step(tmp_path, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: clock[0])
    job = Job(tmp_path)
    job.state = "running"

    left = []
    steps = [("poses", 0, 4), ("poses", 1, 4), ("poses", 3, 4), ("poses", 5, 4), ("film", 0, 9), ("film", 3, 9)]
    for step, done, total in [*steps, ("film", 4, None)]:
        job.hear(step, done, total)
        left.append(job.status()["seconds_left"])
        clock[0] += 1

    assert left == [None, 3.0, 0.7, 0.0, None, 2.0, None]


@pytest.mark.parametrize("error", [ValueError("no such thing"), RuntimeError("no such thing"), MemoryError()])
def test_a_job_that_fails_says_why_and_the_next_is_done(make_jobs, error):
    jobs = make_jobs()
    bad, good = submitted(jobs, error=error), submitted(jobs)
    bad.let_go()
    good.let_go()
    good.finished.result(10)

    assert (bad.state, bad.error) == ("failed", str(error))
    assert good.state == "done"


def test_what_nobody_wants_is_left_out_or_ends_at_its_next_step(make_jobs):
    jobs = make_jobs()
    running, waiting, wanted = (submitted(jobs) for _ in range(3))
    running.begun.wait(10)

    jobs.cancel(waiting)
    jobs.cancel(running)
    running.let.release()
    wanted.let_go()
    wanted.finished.result(10)

    assert [job.state for job in (running, waiting, wanted)] == ["cancelled", "cancelled", "done"]
    assert len(running.heard) == 1
    assert waiting.heard == []


def test_only_so_many_wait(make_jobs):
    jobs = make_jobs(most_waiting=2)
    running = submitted(jobs)
    running.begun.wait(10)
    waiting = [submitted(jobs) for _ in range(2)]

    with pytest.raises(FullError):
        jobs.new_folder()

    for job in (running, *waiting):
        job.let_go()
    waiting[-1].finished.result(10)
    jobs.new_folder()


def test_the_oldest_that_ended_are_forgotten_with_their_files(make_jobs):
    jobs = make_jobs(most_kept=2)
    done = []
    for _ in range(4):
        done.append(submitted(jobs))
        (done[-1].folder / "film.mp4").touch()
        done[-1].let_go()
        done[-1].finished.result(10)

    assert [jobs.get(job.id) is job for job in done] == [False, True, True, True]
    assert [job.folder.exists() for job in done] == [False, True, True, True]


def test_closing_ends_what_runs_and_what_waits(tmp_path):
    jobs = Jobs(tmp_path)
    running, waiting = submitted(jobs), submitted(jobs)
    running.begun.wait(10)
    threading.Timer(0.1, running.let.release).start()

    jobs.close()

    assert [job.state for job in (running, waiting)] == ["cancelled", "cancelled"]
