"""Work that is asked for from outside: one piece at a time, in turn, and how far each has come."""

import logging
import queue
import secrets
import shutil
import threading
import time
from concurrent.futures import Future
from pathlib import Path
from typing import Any
from typing import Literal

from posec3d.runtime.progress import heard_by

_PATIENCE_SECONDS = 10.0
State = Literal["waiting", "running", "done", "failed", "cancelled"]
_LOGGER = logging.getLogger(__name__)


class FullError(Exception):
    """So many pieces of work wait already that no other is taken."""


class _Cancelled(BaseException):
    """Nobody wants the work any more. Not an Exception, so that nothing in it goes on after it."""


class Job:
    """A piece of work with a folder of its own, which goes when the job is forgotten.

    What subclasses do in `work` fills `answer`, for JSON, and `files`, by their names; both may be looked at before
    the work is done. `finished` is a future without a value.
    """

    def __init__(self, folder: Path) -> None:
        self.id = folder.name
        self.folder = folder
        self.state: State = "waiting"
        self.error: str | None = None
        self.answer: dict[str, Any] | None = None
        self.files: dict[str, Path] = {}
        self.finished: Future[None] = Future()
        self.is_wanted = True
        self._step, self._done = "", 0
        self._total: int | None = None
        self._step_began = time.monotonic()

    def work(self) -> None:
        """Do it; ValueError and OSError are what whoever asked can mend."""
        raise NotImplementedError

    def failure(self, error: Exception) -> str:
        """Return what went wrong as one sentence."""
        return str(error)

    def status(self) -> dict[str, Any]:
        """Return how it stands: its state, the step and how much of it is done, seconds left if that is known.

        `files` are addresses of what there is already, the `answer` among them.
        """
        names = {name: path.name for name, path in self.files.items()}
        if self.answer is not None:
            names["answer"] = "answer.json"
        return {
            "id": self.id,
            "state": self.state,
            "step": self._step,
            "done": self._done,
            "total": self._total,
            "seconds_left": self._seconds_left(),
            "error": self.error,
            "files": {name: f"/jobs/{self.id}/{file}" for name, file in names.items()},
        }

    def hear(self, step: str, done: int, total: int | None) -> None:
        """Take down how far the work is; end it here if nobody wants it any more."""
        if not self.is_wanted:
            raise _Cancelled
        if done == 0:
            self._step_began = time.monotonic()
        self._step, self._done, self._total = step, done, total

    def _seconds_left(self) -> float | None:
        if self.state != "running" or not self._done or self._total is None:
            return None
        passed = time.monotonic() - self._step_began
        return round(max(0.0, passed / self._done * (self._total - self._done)), 1)


class Jobs:
    """Does jobs one after the other in a thread of its own, and remembers the last ones.

    At most `most_waiting` wait when another is taken in, besides `most_coming` for which a file still comes in; of
    those that ended `most_kept` are kept, each with its folder below `folder`.
    """

    def __init__(self, folder: Path, *, most_waiting: int = 16, most_coming: int = 64, most_kept: int = 64) -> None:
        self._folder = folder
        self._most_waiting, self._most_coming, self._most_kept = most_waiting, most_coming, most_kept
        self._known: dict[str, Job] = {}
        self._coming: set[Path] = set()
        self._lock = threading.Lock()
        self._queue: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="jobs", daemon=True)
        self._thread.start()

    def new_folder(self) -> Path:
        """Make the folder of a job to come, whose name is the secret to ask for it by; FullError if too many wait."""
        waiting = sum(job.state == "waiting" for job in self._known.values())
        if waiting >= self._most_waiting or len(self._coming) >= self._most_coming:
            raise FullError
        folder = self._folder / secrets.token_urlsafe(12)
        folder.mkdir()
        self._coming.add(folder)
        return folder

    def give_up(self, folder: Path) -> None:
        """Take back the folder of a job that does not come."""
        self._coming.discard(folder)
        shutil.rmtree(folder, ignore_errors=True)

    def submit(self, job: Job) -> None:
        """Have a job done after all that wait."""
        self._coming.discard(job.folder)
        with self._lock:
            self._known[job.id] = job
            ended = [one for one in self._known.values() if one.finished.done()]
            forgotten = ended[: max(0, len(ended) - self._most_kept)]
            for old in forgotten:
                del self._known[old.id]
        for old in forgotten:
            shutil.rmtree(old.folder, ignore_errors=True)
        self._queue.put(job)

    def get(self, name: str) -> Job | None:
        """Return the job of this id, None if there is none or it is forgotten."""
        return self._known.get(name)

    def num_before(self, job: Job) -> int:
        """Return how many jobs come before one that waits, with the one that is being done."""
        if job.state != "waiting":
            return 0
        known = list(self._known.values())
        return sum(one.state in ("waiting", "running") for one in known[: known.index(job)])

    def cancel(self, job: Job) -> None:
        """Leave out a job that waits, and end one that is being done at its next step; it is not forgotten."""
        with self._lock:
            job.is_wanted = False
            if job.state == "waiting":
                job.state = "cancelled"
                job.finished.set_result(None)

    def close(self) -> None:
        """End the work, at the next step of the job that is being done if that comes within seconds."""
        for job in list(self._known.values()):
            self.cancel(job)
        self._queue.put(None)
        self._thread.join(timeout=_PATIENCE_SECONDS)

    def _run(self) -> None:
        while (job := self._queue.get()) is not None:
            self._do(job)

    def _do(self, job: Job) -> None:
        with self._lock:
            if job.state == "cancelled":
                return
            job.state = "running"
        began = time.monotonic()
        try:
            with heard_by(job.hear):
                job.work()
            job.state = "done"
        except _Cancelled:
            job.state = "cancelled"
        except Exception as error:
            if not isinstance(error, ValueError | OSError | KeyError | MemoryError):
                _LOGGER.exception("job %s", job.id)
            job.error = job.failure(error)
            job.state = "failed"
        finally:
            told = f": {job.error}" if job.error else ""
            _LOGGER.info("%s, %.1f s: %s%s", type(job).__name__.lower(), time.monotonic() - began, job.state, told)
            job.finished.set_result(None)
