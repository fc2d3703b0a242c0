"""Files that appear whole or not at all."""

import os
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from zlib import crc32

_OPEN_ALREADY = re.compile(r"/dev/(stdout|stderr|fd/[0-9]+)")
_NUMBERS = {"stdout": 1, "stderr": 2}
# Letters, of four bytes at most.
_LONGEST_STEM = 40


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a path beside `path` to write to; it takes the place of `path` when the block ends, or goes if it fails.

    Missing parent folders are made. The suffix stays, so that writers who choose a format by it do so rightly.
    A link stays one, and what it points to is replaced. A pipe or a device, such as /dev/stdout, is written to when the
    block ends. A full disk, or any other error of the system while writing, is an OSError that names `path`.
    """
    path = Path(path)
    if _is_stream(path):
        with TemporaryDirectory() as folder:
            yield Path(folder) / path.name
            _pour(Path(folder) / path.name, path)
        return
    if path.is_symlink():
        path = path.resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    # Short enough where the name of `path` is as long as the system takes.
    stem = (
        path.stem if len(path.stem) <= _LONGEST_STEM else f"{path.stem[:_LONGEST_STEM]}-{crc32(os.fsencode(path.name))}"
    )
    unfinished = path.with_name(f".{stem}.unfinished-{os.getpid()}{path.suffix}")
    try:
        yield unfinished
        unfinished.replace(path)
    except OSError as error:
        # Of a file to read that is missing, somebody has said so already: the system gives a number.
        if isinstance(error, FileNotFoundError) and error.errno is None:
            raise
        # Another file that cannot be read is not the fault of this one; a full disk is, whichever file filled it.
        is_other = error.filename is not None and Path(os.fsdecode(error.filename)) not in (path, unfinished)
        if is_other and isinstance(error, PermissionError | FileNotFoundError | IsADirectoryError):
            raise
        raise OSError(error.errno, f"could not write: {error.strerror or error}", str(path)) from error
    finally:
        unfinished.unlink(missing_ok=True)


def _is_stream(path: Path) -> bool:
    """Tell whether a path is there and no file on a disk, whose place another one could take."""
    return (
        path.exists() and not path.is_dir() and (not path.is_file() or _OPEN_ALREADY.fullmatch(str(path)) is not None)
    )


def _pour(whole: Path, path: Path) -> None:
    """Write a file to a pipe or device, or to what this process has open already."""
    number = _OPEN_ALREADY.fullmatch(str(path))
    try:
        if number is None:
            sink = path.open("wb")
        else:
            # Opened a second time, a file would be written to from its start. What was printed before comes before.
            sys.stdout.flush()
            sink = os.fdopen(os.dup(_NUMBERS.get(number[1]) or int(number[1].removeprefix("fd/"))), "wb")
        with sink, whole.open("rb") as source:
            shutil.copyfileobj(source, sink)
    except OSError as error:
        raise OSError(error.errno, f"could not write: {error.strerror or error}", str(path)) from error
