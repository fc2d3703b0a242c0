"""What a long extraction has finished: a file for each source, in a folder beside the output, from which it goes on."""

import hashlib
from collections.abc import Iterator
from collections.abc import Sequence
from pathlib import Path

from posec3d.annotations import AnnotationSet
from posec3d.annotations import load_annotations
from posec3d.annotations import save_annotations
from posec3d.video.sources import Source
from posec3d.video.sources import is_url
from posec3d.video.sources import pictures_of

# No ending of ours, so that nobody takes one for a pose file.
_SUFFIX = ".part"


def parts_folder(out: Path) -> Path:
    """Return the folder in which the parts of an output are kept while it is not there yet."""
    return out.with_name(f"{out.name}.parts")


def part_path(folder: Path, source: Source, settings: str) -> Path:
    """Return where the part of a source is kept: another place once its files, or the settings, are others."""
    digest = hashlib.sha256(settings.encode())
    for path in [source] if is_url(source) else _files(source):
        digest.update(f"\n{path}".encode(errors="surrogateescape"))
        if isinstance(path, Path) and path.exists():
            status = path.stat()
            digest.update(f" {status.st_size} {status.st_mtime_ns}".encode())
    return folder / f"{digest.hexdigest()[:32]}{_SUFFIX}"


def save_part(path: Path, annotations: AnnotationSet) -> None:
    """Write a part, whole or not at all."""
    save_annotations(path, annotations)


def load_part(path: Path) -> AnnotationSet:
    """Read a part; ValueError for one that is damaged, with what to do about it."""
    try:
        return load_annotations(path)
    except FileNotFoundError:
        raise ValueError(
            f"{path}: is gone; one `posec3d extract` at a time can write the same --out, so give the command again"
        ) from None
    except ValueError as error:
        raise ValueError(f"{path}: is damaged ({error}); delete it, and give the same command again") from None


def remove_parts(folder: Path) -> None:
    """Delete all parts, and the folder unless somebody has put other files there."""
    if not folder.is_dir():
        return
    for path in folder.iterdir():
        if path.suffix == _SUFFIX:
            path.unlink()
    if not any(folder.iterdir()):
        folder.rmdir()


def _files(source: Source) -> Iterator[Path]:
    """Yield the files that a source is made of, by their whole paths."""
    path = Path(source).absolute()
    if path.is_dir():
        yield from sorted(entry for entry in path.iterdir() if entry.is_file())
    else:
        files: Sequence[Path] = [path] if path.exists() else pictures_of(source) or [path]
        yield from (file.absolute() for file in files)
