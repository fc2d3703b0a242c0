"""Jobs done in several processes, of which one may crash without the others, or this one, coming to harm."""

import logging
import multiprocessing
import os
import pickle
import signal
import threading
from collections.abc import Callable
from collections.abc import Generator
from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import contextmanager
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from typing import Any
from typing import Generic
from typing import TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")
_PATIENCE_SECONDS = 5.0
_NO_MORE = object()


@dataclass(frozen=True)
class Crash:
    """The end of a process over its job: its exit status, or the number of the signal that ended it, negative."""

    status: int

    def __str__(self) -> str:
        if self.status >= 0:
            return f"its process ended with status {self.status}"
        names = {member.value: member.name for member in signal.Signals}
        return f"its process was ended by {names.get(-self.status, f'signal {-self.status}')}"


@dataclass
class _Worker(Generic[Job]):
    process: SpawnProcess
    connection: "Connection[Any, Any]"
    ready: bool = False
    job: Job | None = None


def usable_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def done_in_processes(
    prepare: Callable[[], Callable[[Job], Result]], jobs: Sequence[Job], num_processes: int
) -> Generator[tuple[Job, Result | Crash]]:
    """Yield each job with its result, in the order in which they are done.

    `prepare` is called once in each process and returns what does a job; it, jobs and results travel as pickles. What
    a process logs is logged here, and what `prepare` or a job raises is raised here. A process that ends over a job is
    replaced. An interrupt from the keyboard reaches this process alone, which then ends the others.

    Raises OSError when a process ends before its first job.
    """
    waiting = list(reversed(jobs))
    workers: list[_Worker[Job]] = []
    try:
        while waiting or any(worker.job is not None for worker in workers):
            busy = sum(worker.job is not None for worker in workers)
            while len(workers) < min(num_processes, busy + len(waiting)):
                workers.append(_started(prepare))
            for worker in _told(workers):
                try:
                    kind, content, messages = worker.connection.recv()
                except (EOFError, ConnectionError):
                    workers.remove(worker)
                    worker.process.join()
                    crash = Crash(worker.process.exitcode or 0)
                    if not worker.ready:
                        raise OSError(f"a process could not begin its work: {crash}") from None
                    if worker.job is not None:
                        yield worker.job, crash
                    continue
                for name, level, message in messages:
                    logging.getLogger(name).log(level, "%s", message)
                if kind == "error":
                    raise content
                done, worker.job = worker.job, None
                worker.ready = True
                if waiting:
                    worker.job = waiting.pop()
                    # One that has ended meanwhile is noticed when it is asked for its result.
                    with suppress(ConnectionError):
                        worker.connection.send(worker.job)
                if kind == "done":
                    assert done is not None
                    yield done, content
    finally:
        _end(workers)


def _told(workers: Sequence[_Worker[Job]]) -> list[_Worker[Job]]:
    """Wait until some workers have something to tell, and return them."""
    talking = wait([worker.connection for worker in workers])
    return [worker for worker in workers if worker.connection in talking]


def _started(prepare: Callable[[], Callable[[Job], Result]]) -> _Worker[Job]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(prepare, theirs), daemon=True)
    with _deaf_to_interrupts():
        process.start()
    theirs.close()
    return _Worker(process, ours)


def _end(workers: Sequence[_Worker[Job]]) -> None:
    for worker in workers:
        worker.connection.close()
        if worker.job is not None:
            worker.process.terminate()
    for worker in workers:
        worker.process.join(_PATIENCE_SECONDS)
        if worker.process.is_alive():
            worker.process.kill()
            worker.process.join()


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Let processes that are started meanwhile ignore the interrupt from the keyboard from their first moment on."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    usual = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)


class _Messages(logging.Handler):
    """Keeps what is logged, as (logger, level, message)."""

    def __init__(self) -> None:
        super().__init__()
        self._kept: list[tuple[str, int, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self._kept.append((record.name, record.levelno, record.getMessage()))

    def take(self) -> list[tuple[str, int, str]]:
        """Return what has come since the last call."""
        kept, self._kept = self._kept, []
        return kept


def _serve(prepare: Callable[[], Callable[[Job], Result]], connection: "Connection[Any, Any]") -> None:
    """Do jobs, one after the other, until the other end of the connection is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    messages = _Messages()
    logger = logging.getLogger("posec3d")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.addHandler(messages)
    # Without the other process there is nobody to tell.
    with suppress(ConnectionError):
        try:
            do = prepare()
            connection.send(("ready", None, messages.take()))
            while (job := _next_job(connection)) is not _NO_MORE:
                connection.send(("done", do(job), messages.take()))
        except Exception as error:
            connection.send(("error", _able_to_travel(error), messages.take()))


def _next_job(connection: "Connection[Any, Any]") -> Any:
    try:
        return connection.recv()
    except EOFError:
        return _NO_MORE


def _able_to_travel(error: Exception) -> Exception:
    """Return the error itself if another process can read it, else one that says the same."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
