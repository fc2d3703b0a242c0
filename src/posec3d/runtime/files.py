"""Files that appear whole or not at all."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from zlib import crc32

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
    if _is_for_writing_to(path):
        with TemporaryDirectory() as folder:
            yield Path(folder) / path.name
            with path.open("ab") as sink, (Path(folder) / path.name).open("rb") as whole:
                shutil.copyfileobj(whole, sink)
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


def _is_for_writing_to(path: Path) -> bool:
    """Tell whether a path is there and no file on a disk, whose place another one could take."""
    return path.exists() and not path.is_dir() and (not path.is_file() or path.is_relative_to("/dev"))
