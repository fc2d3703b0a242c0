"""`posec3d extract`: from videos, or files of poses, to one annotation file that is ready for training."""

import logging
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Annotated
from typing import Literal
from typing import NamedTuple

import tyro

from posec3d.commands.options import OptionalName
from posec3d.commands.options import OptionalNumber
from posec3d.commands.options import OptionalPath
from posec3d.commands.options import OptionalRate
from posec3d.commands.options import OptionalSize

if TYPE_CHECKING:
    from collections.abc import Sequence

    from posec3d.annotations.labelling import Labels
    from posec3d.annotations.labelling import SegmentLabels
    from posec3d.annotations.video_lists import NamedVideo
    from posec3d.annotations.video_lists import VideoPlace
    from posec3d.video.extraction_set import Grouping
    from posec3d.video.pose_estimation import PoseEstimator
    from posec3d.video.sources import Source

Estimator = Literal["movenet", "rtmlib", "ultralytics", "mediapipe"]
Words = Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME=SHARE ...|PATH", help_behavior_hint="")]
_LOGGER = logging.getLogger(__name__)


def extract(
    videos: Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="VIDEOS ...")],
    *,
    out: Path = Path("annotations.pkl"),
    label_from: Annotated[str | None, tyro.conf.arg(metavar="folder|none|FILE.csv", help_behavior_hint="")] = None,
    classes: OptionalPath = None,
    background: OptionalName = None,
    splits: Words = (),
    seed: int = 0,
    estimator: Estimator = "movenet",
    weights: OptionalPath = None,
    skeleton: OptionalName = None,
    canvas: OptionalSize = None,
    fps: OptionalRate = None,
    workers: OptionalNumber = None,
    overwrite: bool = False,
) -> None:
    """Find the people in videos, follow them, and write one annotation file that is ready for training.

    A folder for each class, a table of labels, one of what happens when in long videos, the official splits of a data
    set, and poses of another program:

    posec3d extract videos/ --splits train=0.8 val=0.2

    posec3d extract clips/*.mp4 --label-from labels.csv --out my.pkl

    posec3d extract games/ --label-from segments.csv --background nothing --splits train=0.8 val=0.2

    posec3d extract JHMDB/videos --splits JHMDB/splits --out jhmdb.pkl

    posec3d extract openpose_json/ --label-from labels.csv --canvas 1080 1920

    What is finished is kept in a folder beside the output until that is written: after any stop, the same command
    goes on. A video that cannot be read is listed at the end and does not stop the others. The exit status is 0 if the
    file was written, 2 if not, and 130 after Ctrl-C.

    Args:
        videos: Video files, folders, patterns in quotation marks, folders of pictures, and files of poses (OpenPose,
            AlphaPose, MMPose, COCO, .npz, .csv, annotation files).
        out: The annotation file, .pkl or .pkl.gz.
        label_from: Where labels come from: the name of each video's folder, or a table with columns video and label;
            with start and end as well (75.5 or 1:15.5), or start_frame and end_frame, each line is cut out of its
            video. Without it, folders if the videos came in several folders below a given one, else no labels.
        classes: A text file with one class name a line, in the order of labels; otherwise they are sorted.
        background: The class of all that such a table says nothing of; without it, that is left out.
        splits: Shares such as train=0.8 val=0.2; or a .csv with columns video and split; or a folder of lists, or .txt
            files, as of UCF101, HMDB51 and JHMDB.
        seed: Which videos go to which share.
        estimator: What finds the people. Others than movenet are packages of their own.
        weights: A file of weights for ultralytics or mediapipe.
        skeleton: The skeleton of files of poses that do not say it: coco17, openpose18 and so on, or a .json file.
        canvas: The size of the frames, height first, for files of poses that do not say it.
        fps: Frames a second of files of poses that do not say it, 30 without it; and of pictures, 25.
        workers: Processes that work side by side; by default one a core.
        overwrite: Replace the annotation file if it is there already.
    """
    from posec3d import __version__
    from posec3d.annotations import save_annotations
    from posec3d.annotations.labelling import Labels
    from posec3d.commands.answers import check_output
    from posec3d.commands.people_finder import PeopleFinder
    from posec3d.inference.output import counted
    from posec3d.runtime.processes import usable_cores
    from posec3d.skeletons import named_skeleton
    from posec3d.video.extraction_parts import load_part
    from posec3d.video.extraction_parts import part_path
    from posec3d.video.extraction_parts import parts_folder
    from posec3d.video.extraction_parts import remove_parts
    from posec3d.video.extraction_report import report_text
    from posec3d.video.extraction_run import PoseFileReading
    from posec3d.video.extraction_run import extract_to_parts
    from posec3d.video.extraction_set import place_of
    from posec3d.video.extraction_set import places_of
    from posec3d.video.extraction_set import put_together
    from posec3d.video.sources import is_posed
    from posec3d.video.sources import pictures_of

    check_output("--out", out, ())
    _check_out(out, overwrite)
    if weights is not None and not weights.exists():
        raise FileNotFoundError(f"--weights {weights}: no such file; correct the path")
    if workers is not None and workers < 1:
        raise ValueError(f"--workers {workers}: give 1 or more")
    sources = _recorded_sources(videos, [out, *(Path(one) for one in (label_from, classes, *splits) if one)])
    PeopleFinder(estimator, skeleton, canvas, fps).check(sources)
    reading = PoseFileReading(None if skeleton is None else named_skeleton(skeleton), canvas, fps)
    labelling = _Labelling(label_from, classes, background)
    group = partial(_grouping, videos, sources, labelling, splits, seed)
    # A slip in a table shows before hours of work. What is in files of poses shows only when these have been read.
    has_poses = any(is_posed(source) for source in sources)
    grouping = None if has_poses else group([place_of(source) for source in sources])
    folder = parts_folder(out)
    of_videos = f"{__version__} {estimator} {weights} {weights.stat().st_mtime_ns if weights else ''}"
    parts = {}
    for source in sources:
        settings = f"{__version__} {skeleton} {canvas} {fps}" if is_posed(source) else of_videos
        if not is_posed(source) and pictures_of(source) is not None:
            settings += f" {fps}"
        parts[source] = part_path(folder, source, settings)
    try:
        make_estimator = partial(_estimator, estimator, weights)
        run = extract_to_parts(parts, make_estimator, reading=reading, workers=workers or usable_cores())
    except KeyboardInterrupt:
        finished = sum(path.exists() for path in parts.values())
        raise KeyboardInterrupt(
            f"{finished} of {len(parts)} are finished, and the same command goes on from there"
        ) from None
    if len(run.failures) == len(sources):
        raise ValueError(
            f"nothing could be extracted from {counted(len(sources), 'source')}; the first: {run.failures[sources[0]]}"
        )
    loaded = {source: None if source in run.failures else load_part(path) for source, path in parts.items()}
    labelled_by = grouping or group(places_of(loaded))
    annotations, misfits = put_together(loaded, labelled_by)
    save_annotations(out, annotations)
    failures = {**run.failures, **misfits}
    print(report_text(out, annotations, run, failures))
    if run.failures:
        _LOGGER.warning(
            "%d failed; %s keeps what is finished: the same command with --overwrite tries only these again",
            len(run.failures), folder,
        )  # fmt: skip
    elif not isinstance(labelled_by.labels, Labels):
        _LOGGER.info(
            "%s keeps what was seen: once %s is corrected, the same command with --overwrite takes seconds",
            folder, label_from,
        )  # fmt: skip
    else:
        remove_parts(folder)


def _check_out(out: Path, overwrite: bool) -> None:
    if not out.name.endswith((".pkl", ".pkl.gz")):
        raise ValueError(f"--out {out}: an annotation file ends in .pkl or .pkl.gz; name it so")
    if out.is_dir():
        raise ValueError(f"--out {out}: is a folder; give the name of a file in it, such as {out / 'annotations.pkl'}")
    if out.exists() and not overwrite:
        raise ValueError(f"--out {out}: is there already; give another name, or --overwrite to replace it")


def _recorded_sources(given: "Sequence[str]", others: "Sequence[Path]") -> "list[Source]":
    """Return what to extract, without other files of this command that lie among it."""
    from posec3d.video.sources import find_sources
    from posec3d.video.sources import is_live
    from posec3d.video.sources import shown

    if not given:
        raise ValueError("which videos? Give files, folders or patterns; see posec3d extract --help")
    not_meant = {path.absolute() for path in others}
    sources = [source for source in find_sources(given) if Path(source).absolute() not in not_meant]
    live = next((source for source in sources if is_live(source)), None)
    if live is not None:
        raise ValueError(f"{shown(live)}: a live source has no end; give recorded videos")
    if not sources:
        raise ValueError(f"{' '.join(given)}: no videos here, only other files of this command; give some")
    return sources


class _Labelling(NamedTuple):
    """Where labels come from, as the options say."""

    given: str | None
    classes: Path | None
    background: str | None


def _grouping(
    given: "Sequence[str]",
    sources: "Sequence[Source]",
    labelling: _Labelling,
    splits: "Sequence[str]",
    seed: int,
    places: "Sequence[VideoPlace]",
) -> "Grouping":
    """Return the names, labels and splits of videos, by their places."""
    from posec3d.annotations.labelling import Labels
    from posec3d.annotations.splitting import make_splits
    from posec3d.annotations.video_lists import name_videos
    from posec3d.video.extraction_set import Grouping
    from posec3d.video.extraction_set import come_in_class_folders

    if labelling.given is None:
        label_from = "folder" if come_in_class_folders(given, sources) else "none"
        if label_from == "folder":
            _LOGGER.info("labels: the name of each video's folder (--label-from none: no labels)")
        else:
            _LOGGER.info("labels: none; for training, say --label-from folder, or --label-from FILE.csv")
        labelling = labelling._replace(given=label_from)
    videos = name_videos(places)
    labels = _labels(labelling, videos)
    # A video of several segments goes to one split as a whole, whatever happens in it.
    of_video = labels.of_video if isinstance(labels, Labels) else {}
    return Grouping(videos, labels, make_splits(splits, videos, of_video, seed=seed) if splits else {})


def _labels(labelling: _Labelling, videos: "Sequence[NamedVideo]") -> "Labels | SegmentLabels":
    from posec3d.annotations.labelling import Labels
    from posec3d.annotations.labelling import labels_of_folders
    from posec3d.annotations.labelling import labels_of_segments
    from posec3d.annotations.labelling import labels_of_table
    from posec3d.annotations.labelling import read_classes
    from posec3d.annotations.segment_tables import has_segments

    label_from, classes, background = labelling
    assert label_from is not None
    table = None if label_from in ("folder", "none") else Path(label_from)
    if table is not None and not table.exists():
        raise FileNotFoundError(f"--label-from {table}: no such table; give its path, or folder, or none")
    of_segments = table is not None and has_segments(table)
    if background is not None and not of_segments:
        raise ValueError(
            f"--background {background}: goes with --label-from FILE.csv, of a table with columns video, start, end "
            "and label; add it"
        )
    if label_from == "none":
        if classes is not None:
            raise ValueError(f"--classes {classes}: goes with --label-from folder or --label-from FILE.csv; add one")
        return Labels({}, None)
    names = None if classes is None else read_classes(classes)
    if table is None:
        return labels_of_folders(videos, names)
    if of_segments:
        return labels_of_segments(table, videos, names, background)
    return labels_of_table(table, videos, names)


def _estimator(name: Estimator, weights: Path | None, num_threads: int | None) -> "PoseEstimator":
    from posec3d.video.estimators import load_estimator

    if name == "movenet" and weights is None:
        from posec3d.video.movenet import MoveNet

        return MoveNet(num_threads=num_threads)
    return load_estimator(name, weights)
