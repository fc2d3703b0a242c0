"""Fetch one URL to one file: resumed after a break, checked, and in its place only when it is whole."""

import errno
import hashlib
import logging
import os
import re
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path
from urllib.parse import urlsplit

import requests
from tqdm import tqdm

if sys.platform != "win32":
    import fcntl

_log = logging.getLogger(__name__)

# Small: of a chunk that breaks off in the middle nothing is kept.
_CHUNK = 1 << 14
# Attempts in a row that bring nothing; one that brings something starts the count again.
_ATTEMPTS = 5
_CONNECT_SECONDS = 10.0
_LATER_MAY_WORK = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)


def fetch(
    url: str, path: Path, *, sha256_prefix: str | None = None, timeout_seconds: float = 30.0, wait_seconds: float = 0.5
) -> Path:
    """Fetch `url` to `path` and return `path`; a file that is already there is checked and not fetched again.

    What arrives is kept in `part_of(path)` until size and hash are right, and a later call goes on from there
    if the server still has the same file. Broken connections are tried again after `wait_seconds`, then twice that,
    and so on; `timeout_seconds` is the longest silence of the server. A second process waits for the first.

    Raises ValueError for a wrong hash or an answer that is not the file, FileNotFoundError where the server has no such
    file, ConnectionError where it cannot be reached or refuses, and OSError for a full disk.
    """
    if path.exists():
        _check_hash(path, path, sha256_prefix, "delete it to fetch it again")
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    with _one_process(path):
        if not path.exists():
            part = part_of(path)
            _fetch_part(url, path, timeout_seconds, wait_seconds)
            try:
                _check_hash(part, path, sha256_prefix, f"it has been deleted: run again, or fetch {url} by hand")
            except ValueError:
                part.unlink()
                raise
            part.replace(path)
    return path


def part_of(path: Path) -> Path:
    """Return where the beginning of an unfinished download is kept: beside `path`."""
    return path.with_name(path.name + ".part")


def _version_of(path: Path) -> Path:
    """Return the file beside the part that says which version of the file on the server the part is a beginning of."""
    return path.with_name(path.name + ".part.version")


@contextmanager
def _one_process(path: Path) -> Iterator[None]:
    """Hold the lock on this download, after waiting for another process that holds it; leave no empty files behind."""
    with _version_of(path).open("a") as file:
        if sys.platform != "win32":
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                _log.warning("another process is downloading %s; waiting for it", path)
                fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            if _size(part_of(path)) == 0:
                part_of(path).unlink(missing_ok=True)
                _version_of(path).unlink(missing_ok=True)


def _check_hash(file: Path, path: Path, sha256_prefix: str | None, mend: str) -> None:
    if sha256_prefix is None:
        return
    with file.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if not found.startswith(sha256_prefix):
        raise ValueError(
            f"{path}: the file is damaged: its sha256 should begin with {sha256_prefix} but is {found[:16]}...; {mend}"
        )


class _InterruptedError(Exception):
    """The answer broke off, or is one that a later attempt may improve on."""


def _fetch_part(url: str, path: Path, timeout_seconds: float, wait_seconds: float) -> None:
    """Complete the part file of `path`, over as many connections as it takes while each brings something."""
    failures, furthest = 0, _size(part_of(path))
    while True:
        try:
            _receive(url, path, timeout_seconds)
            return
        except (
            requests.ConnectionError,
            requests.Timeout,
            requests.exceptions.ChunkedEncodingError,
            _InterruptedError,
        ) as error:
            size = _size(part_of(path))
            # Beyond the furthest ever: a server that starts over and breaks at the same byte brings nothing.
            failures = 1 if size > furthest else failures + 1
            furthest = max(size, furthest)
            host, reason = urlsplit(url).netloc, _reason(error)
            if failures == _ATTEMPTS and size == 0:
                raise ConnectionError(
                    f"cannot reach host {host} ({reason}); download {url} by hand and put it at {path}"
                ) from error
            if failures == _ATTEMPTS:
                raise ConnectionError(
                    f"{url} broke off at {size:,} bytes {failures} times in a row ({reason}); "
                    f"{part_of(path)} is kept: run the same command again to go on from there"
                ) from error
            wait = wait_seconds * 2 ** (failures - 1)
            _log.warning("%s: %s at %s bytes; trying again in %g s", host, reason, f"{size:,}", wait)
        time.sleep(wait)


def _receive(url: str, path: Path, timeout_seconds: float) -> None:
    """Append to the part file what one connection brings; raise unless the part is whole then."""
    part, version_file = part_of(path), _version_of(path)
    kept, version = _size(part), version_file.read_text() if version_file.exists() else ""
    # identity: sizes and ranges count the bytes of the file, not those of a compressed stream.
    headers = {"Accept-Encoding": "identity"}
    if kept and version:
        headers |= {"Range": f"bytes={kept}-", "If-Range": version}
    timeout = (min(timeout_seconds, _CONNECT_SECONDS), timeout_seconds)
    with requests.get(url, headers=headers, stream=True, timeout=timeout) as response:
        start, total = _span(response)
        if response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and total == kept:
            return
        resumed = response.status_code == HTTPStatus.PARTIAL_CONTENT
        # A server may leave the version out of a partial answer; one that names another has ignored If-Range.
        if response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE or (
            resumed and (start != kept or _version(response) not in ("", version))
        ):
            part.unlink(missing_ok=True)
            raise _InterruptedError("the file on the server has changed")
        _refuse(response, url, path)
        if not resumed:
            # Emptied before the version is noted: a crash in between must not join two versions.
            part.open("wb").close()
            version_file.write_text(_version(response))
            kept = 0
        _check_space(path, kept, total)
        try:
            _write(response, path, kept, total)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            raise _disk_full(path, "the disk is full") from error
    if total is not None and _size(part) != total:
        raise _InterruptedError("the connection closed early")


def _write(response: requests.Response, path: Path, kept: int, total: int | None) -> None:
    """Append the body to the part file, which holds `kept` of `total` bytes, with a progress bar on stderr."""
    with (
        part_of(path).open("ab") as file,
        tqdm(
            desc=path.name,
            initial=kept,
            total=total,
            unit="B",
            unit_scale=True,
            leave=False,
            # A log file wants a line now and then, not ten a second.
            mininterval=0.2 if sys.stderr.isatty() else 10.0,
        ) as bar,
    ):
        for chunk in response.iter_content(_CHUNK):
            file.write(chunk)
            bar.update(len(chunk))
        file.flush()
        os.fsync(file.fileno())
        bar.leave = True


def _span(response: requests.Response) -> tuple[int, int | None]:
    """Return where the body starts in the file, and the size of the whole file if the server tells it."""
    match = re.fullmatch(r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)", response.headers.get("Content-Range", ""))
    if match:
        return int(match[1] or 0), None if match[2] == "*" else int(match[2])
    length = response.headers.get("Content-Length")
    return 0, int(length) if length is not None else None


def _version(response: requests.Response) -> str:
    """Return what If-Range may ask for: a strong ETag, else the date of the last change, else nothing."""
    tag = response.headers.get("ETag", "")
    return tag if tag and not tag.startswith("W/") else response.headers.get("Last-Modified", "")


def _refuse(response: requests.Response, url: str, path: Path) -> None:
    """Raise unless the answer brings the file."""
    code, by_hand = response.status_code, f"download it by hand and put it at {path}"
    status = f"{code} {response.reason or ''}".strip()
    if code in _LATER_MAY_WORK or code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise _InterruptedError(f"the server answered {status}")
    if code in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
        raise FileNotFoundError(f"the server has no file {url} ({status}); find it elsewhere and put it at {path}")
    if code not in (HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT):
        raise ConnectionError(f"the server refuses {url} ({status}); {by_hand}")
    if response.headers.get("Content-Type", "").startswith("text/html") and not path.suffix.startswith(".htm"):
        raise ValueError(f"{url} answered with a web page, as networks do that ask for a login first; {by_hand}")


def _check_space(path: Path, kept: int, total: int | None) -> None:
    missing, free = (total or 0) - kept, shutil.disk_usage(path.parent).free
    if missing > free:
        raise _disk_full(path, f"the disk has {free:,} bytes free, but {missing:,} are to come")


def _disk_full(path: Path, what: str) -> OSError:
    return OSError(errno.ENOSPC, f"{what}; make room and run the same command again to go on", str(path))


def _reason(error: BaseException) -> str:
    """Return why a connection failed in a few words: those of the system, not those of the layers above it."""
    while error.__context__ is not None:
        error = error.__context__
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, HTTPException):
        return "the connection closed early"
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0
