"""The folder that a training writes to: what an earlier one left there is moved aside, never mixed or lost."""

import errno
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock
from filelock import Timeout
from lightning_fabric import Fabric

from posec3d.trained import BEST_FILE
from posec3d.trained import CONFIG_FILE
from posec3d.trained import COORDINATES_FOLDER
from posec3d.trained import LAST_FILE
from posec3d.training.reporting import BOARD_FOLDER
from posec3d.training.reporting import CONFUSION_FILE
from posec3d.training.reporting import CURVES_FILE
from posec3d.training.reporting import LOG_FILE
from posec3d.training.state import STATE_FILE
from posec3d.training.state import load_state

# Not one of the files of a run: a new training moves those away, with the lock in its hand.
LOCK_FILE = ".training.lock"
_NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)
_LOGGER = logging.getLogger(__name__)


def check_work_directory(folder: Path, init: Path | None, *, resume: bool) -> None:
    """Raise unless a training can write here, or go on here if `resume`. `init` are the weights that it starts from."""
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"--work-dir {folder}: is a file; give the name of a folder")
    if resume:
        load_state(folder)
    elif init is not None and init.resolve() in [path.resolve() for path in _earlier_run(folder)]:
        raise ValueError(
            f"--init {init}: is of the earlier run in {folder}, which a new one there would move away; give the new "
            "one another --work-dir"
        )


@contextmanager
def keep_others_out(folder: Path, fabric: Fabric) -> Iterator[None]:
    """Let no other training write to a folder while the block runs.

    The first process of a training holds the lock for all, and the system opens it when that process ends, in whatever
    way. Raises ValueError, in every process, where another training is there already.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # Without flock, a file that only has to be there would be left by a training that is killed.
    lock = FileLock(folder / LOCK_FILE, blocking=False, fallback_to_soft=False)
    if not fabric.broadcast(not fabric.is_global_zero or _is_locked_by_us(lock)):
        raise ValueError(
            f"--work-dir {folder}: another training is writing here; wait for its end, or give another --work-dir"
        )
    try:
        yield
    finally:
        lock.release()


def move_earlier_run(folder: Path) -> None:
    """Put what an earlier run left into a folder of its own: nothing of it is lost, nothing mixes."""
    earlier = _earlier_run(folder)
    if not earlier:
        return
    number = 1
    while (folder / f"previous-{number}").exists():
        number += 1
    place = folder / f"previous-{number}"
    place.mkdir()
    for path in earlier:
        path.rename(place / path.name)
    _LOGGER.info("%s: moved an earlier run to %s (--resume would have gone on with it)", folder, place)


def _is_locked_by_us(lock: FileLock) -> bool:
    try:
        lock.acquire()
    except Timeout:
        return False
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        _LOGGER.warning("%s: files cannot be locked here; start no other training in this folder", lock.lock_file)
    return True


def _earlier_run(folder: Path) -> list[Path]:
    """Return what a training left in its work directory, be it a part, and nothing that others keep there."""
    marks = [CONFIG_FILE, BEST_FILE, LAST_FILE, STATE_FILE]
    if not any((place / name).is_file() for place in (folder, folder / COORDINATES_FOLDER) for name in marks):
        return []
    # A stop while they are moved leaves the config, so that the rest is found the next time.
    names = [BEST_FILE, LAST_FILE, STATE_FILE, LOG_FILE, BOARD_FOLDER, CURVES_FILE, CONFUSION_FILE, COORDINATES_FOLDER]
    names += [f"{name}_scores.pkl" for name in ("best", "last")]
    return [folder / name for name in (*names, CONFIG_FILE) if (folder / name).exists()]
