"""`posec3d check`: tell whether an annotation file is ready for training."""

from json import dumps
from pathlib import Path

from posec3d.annotations.checks import check_annotations
from posec3d.commands.answers import check_output
from posec3d.commands.options import OptionalName
from posec3d.commands.options import OptionalNumber
from posec3d.commands.options import OptionalPath
from posec3d.runtime.files import replacing
from posec3d.skeletons import named_skeleton


def check(
    file: Path, /, *, skeleton: OptionalName = None, num_classes: OptionalNumber = None, json: OptionalPath = None
) -> None:
    """Tell all that is wrong in an annotation file, what to do about it, and what the file holds.

    Example: posec3d check annotations.pkl --skeleton coco17

    The exit status is 0 if the file is ready for training (warnings allowed), 1 if training would fail or its result
    be wrong, and 2 if the file cannot be read at all.

    Args:
        file: An annotation file (pickle, plain or gzipped), or a folder with one pickle a video.
        skeleton: The skeleton that the poses must fit: coco17, openpose18, ntu25 and so on, or a .json file with its
            keypoints and limbs, as train takes it.
        num_classes: The number of classes K, if labels must be 0..K-1. Otherwise the file's list of classes, or the
            largest label plus one.
        json: Where to write the report as JSON, with every video that each problem concerns.
    """
    if num_classes is not None and num_classes < 1:
        raise ValueError(f"--num-classes {num_classes}: give 1 or more")
    check_output("--json", json, file.iterdir() if file.is_dir() else [file])
    report = check_annotations(
        file, skeleton=None if skeleton is None else named_skeleton(skeleton), num_classes=num_classes
    )
    print(report.text())
    if json is not None:
        with replacing(json) as unfinished:
            unfinished.write_text(dumps(report.as_dict(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    if report.has_errors:
        raise SystemExit(1)
