"""`posec3d pack`: put annotation files together into a store that trains in little memory."""

import logging
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import tyro

from posec3d.annotations.schema import VideoStream
from posec3d.commands.options import OptionalPath
from posec3d.runtime.progress import Progress

_LOGGER = logging.getLogger(__name__)


def pack(
    sources: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="SOURCE ...")],
    *,
    out: Path = Path("annotations.arrow"),
    kpfiles: OptionalPath = None,
    overwrite: bool = False,
) -> None:
    """Put annotation files together into a store, which every command takes, and which trains in little memory.

    One file, several that become splits of one store, and Kinetics-400 as published:

    posec3d pack my.pkl --out my.arrow

    posec3d pack gym_train.pkl gym_val.pkl --out gym.arrow

    posec3d pack k400_2d.pkl --kpfiles kpfiles/ --out k400.arrow

    Nothing is lost: the arrays in the store are those of the files, bit for bit. Kinetics-400 is unpacked on the way,
    as its configs do when they train. The store needs pyarrow: pip install posec3d[store].

    Args:
        sources: Annotation files (pickles, plain or gzipped, or stores), or folders with one pickle a video. Of
            several, one without splits becomes a split of its own, called after it.
        out: The store, .arrow.
        kpfiles: The folder of keypoint files, for a table of contents such as Kinetics-400's.
        overwrite: Replace the store if it is there already.
    """
    from posec3d.annotations.files import load_annotations
    from posec3d.annotations.store import SUFFIX
    from posec3d.annotations.store_writing import write_store
    from posec3d.commands.answers import check_output

    if not sources:
        raise ValueError("which annotation files? Give one or more; see posec3d pack --help")
    check_output("--out", out, ())
    if out.suffix != SUFFIX:
        raise ValueError(f"--out {out}: a store ends in {SUFFIX}; name it so")
    if out.exists() and not overwrite:
        raise ValueError(f"--out {out}: is there already; give another name, or --overwrite to replace it")
    bars: list[Progress] = []

    def streams() -> Iterator[VideoStream]:
        for source in sources:
            stream = _stream(source, kpfiles, as_split=len(sources) > 1)
            with Progress(stream.num_videos, "video", what=source.name) as progress:
                bars[:] = [progress]
                yield stream

    summary = write_store(out, streams(), advance=lambda number: bars[0].advance(number), check_labels=True)
    packed = load_annotations(out)
    splits = [f"{name} {len(packed.split(name)):,}" for name in packed.splits]
    nobody = f"; nobody is seen in {summary.nobody_seen:,}" if summary.nobody_seen else ""
    print(
        f"{out}: {summary.videos:,} videos in {out.stat().st_size / 1e6:,.1f} MB, "
        f"splits {', '.join(splits) or 'none'}{nobody}"
    )


def _stream(source: Path, kpfiles: Path | None, *, as_split: bool) -> VideoStream:
    """Return the videos of one source; with `as_split`, they are a split called after it if it has none."""
    from posec3d.annotations.columns import names_of
    from posec3d.annotations.files import load_annotations
    from posec3d.annotations.kinetics import stream_compressed
    from posec3d.annotations.schema import stream_of

    _LOGGER.info("%s: reading", source)
    if kpfiles is not None:
        return stream_compressed(source, kpfiles)
    annotations = load_annotations(source)
    if as_split and not annotations.splits:
        name = re.sub(r"\.(pkl|pkl\.gz|arrow)$", "", source.name)
        _LOGGER.info("%s: has no splits, so its videos become split %r", source, name)
        annotations = replace(annotations, splits={name: tuple(names_of(annotations.annotations))})
    return stream_of(annotations)
