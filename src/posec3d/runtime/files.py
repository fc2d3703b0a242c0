"""Files that appear whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a path beside `path` to write to; it takes the place of `path` when the block ends, or goes if it fails.

    Missing parent folders are made. The suffix stays, so that writers who choose a format by it do so rightly.
    A full disk, or any other error of the system while writing, is an OSError that names `path`.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.stem}.unfinished-{os.getpid()}{path.suffix}")
    try:
        yield unfinished
        unfinished.replace(path)
    except OSError as error:
        # Of a file to read that is missing, somebody has said so already: the system gives a number.
        if isinstance(error, FileNotFoundError) and error.errno is None:
            raise
        raise OSError(error.errno, f"could not write: {error.strerror or error}", str(path)) from error
    finally:
        unfinished.unlink(missing_ok=True)
