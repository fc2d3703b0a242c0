"""What an extraction made, as a page to read: numbers, failures, videos without anybody, and how to go on."""

import shlex
import textwrap
from collections import defaultdict
from collections.abc import Collection
from collections.abc import Mapping
from pathlib import Path

from posec3d.annotations import AnnotationSet
from posec3d.annotations.splitting import untrained_classes
from posec3d.video.extraction_run import ExtractionRun
from posec3d.video.sources import Source

_WIDTH = 100
_INDENT = 22
_MOST_LISTED = 20


def report_text(out: Path, annotations: AnnotationSet, run: ExtractionRun, failures: Mapping[Source, str]) -> str:
    """Return the page."""
    seen = [(video.poses().scores > 0).any(-1).sum(0) for video in annotations.annotations]
    num_frames = sum(map(len, seen))
    nobody = sum(int((people == 0).sum()) for people in seen)
    empty = [video.video for video, people in zip(annotations.annotations, seen, strict=True) if not people.any()]
    before = f", {run.num_resumed:,} of them finished before" if run.num_resumed else ""
    rate = f"{run.num_frames:,} frames in {run.seconds:.1f} s: {run.num_frames / max(run.seconds, 1e-9):.1f} a second"
    crowd = sum(int(people.sum()) for people in seen) / max(num_frames - nobody, 1)
    rows = {
        "videos": f"{len(annotations.annotations):,}{before}",
        "frames": f"{num_frames:,}",
        "this run": rate if run.num_frames else "nothing to extract",
        "frames with nobody": f"{nobody / num_frames:.1%}",
        "people a frame": f"{crowd:.2f}, where there is anybody",
        "classes": _classes(annotations),
        "splits": ", ".join(f"{name} {len(videos):,}" for name, videos in annotations.splits.items()) or "none",
        "failed": f"{len(failures):,}",
        "without anybody": f"{len(empty):,}",
    }
    page = [str(out), "\n".join(_row(name, value) for name, value in rows.items())]
    if failures:
        page.append("failed, and not in the file:\n" + _listed(list(failures.values())))
    if empty:
        page.append("in the file, but without anybody:\n" + _listed(empty))
    untrained = _untrained(annotations, set(empty))
    if untrained:
        page.append(
            "of these classes there is nothing to train on; move videos, or give another --seed:\n" + _listed(untrained)
        )
    page.append("next:\n" + "\n".join(f"  {command}" for command in next_commands(out, annotations)))
    return "\n\n".join(page)


def next_commands(out: Path, annotations: AnnotationSet) -> tuple[str, ...]:
    """Return what to call next: a check and a training, after what gives labels to videos that have none."""
    name = shlex.quote(str(out))
    if all(video.label is None for video in annotations.annotations):
        return (f"posec3d extract {name} --label-from LABELS.csv --out labelled.pkl   (for training)",)
    if len({video.label for video in annotations.annotations} - {None}) == 1:
        return (f"posec3d check {name}   (and for training, videos of a second class, such as of nothing of interest)",)
    train = f"posec3d train --annotations {name}"
    training = [split for split in annotations.splits if "train" in split.lower()]
    if annotations.splits and not (len(training) == 1 or "train" in training):
        first = training[0] if training else next(iter(annotations.splits))
        train += f" --train-split {first}"
        # Never the test split: what validates chooses the best weights.
        val = first.replace("train", "val")
        train += f" --val-split {val}" if val in annotations.splits and val != first else ""
    return f"posec3d check {name}", train


def _untrained(annotations: AnnotationSet, empty: Collection[str]) -> list[str]:
    """Return a line for each class of which no video that shows anybody is in a training split."""
    of_labels: defaultdict[int, set[str]] = defaultdict(set)
    for video in annotations.annotations:
        if video.label is not None and video.video not in empty:
            of_labels[video.label].add(video.video)
    names = annotations.classes
    found = untrained_classes(of_labels, annotations.splits)
    return [f"{label if names is None else names[label]}: {told}" for label, told in found]


def _classes(annotations: AnnotationSet) -> str:
    if annotations.classes is not None:
        return textwrap.shorten(
            f"{len(annotations.classes):,}: {', '.join(annotations.classes)}", 70, placeholder=" ..."
        )
    labels = {video.label for video in annotations.annotations} - {None}
    return f"{len(labels):,}, by number" if labels else "none: videos have no labels"


def _row(name: str, value: str) -> str:
    indent = " " * _INDENT
    return textwrap.fill(value, _WIDTH, initial_indent=f"  {name}".ljust(_INDENT), subsequent_indent=indent)


def _listed(lines: list[str]) -> str:
    more = [f"  and {len(lines) - _MOST_LISTED:,} more"] if len(lines) > _MOST_LISTED else []
    return "\n".join([*(f"  {line}" for line in lines[:_MOST_LISTED]), *more])
