from pathlib import Path

import numpy as np
import pytest

from posec3d.annotations import Annotation
from posec3d.annotations import AnnotationSet
from posec3d.video.extraction_report import next_commands
from posec3d.video.extraction_report import report_text
from posec3d.video.extraction_run import ExtractionRun


def video(name, label, *people):
    """A video with so many people in each frame."""
    scores = np.zeros((max(people, default=0) or 1, len(people), 17), np.float32)
    for time, count in enumerate(people):
        scores[:count, time] = 0.5
    return Annotation(name, label, (48, 64), np.full((*scores.shape, 2), 20, np.float32), scores)


def test_the_page_says_what_was_made():
    annotations = AnnotationSet(
        (video("a", 0, 1, 1, 0, 1), video("b", 1, 2, 2), video("c", 1, 0, 0)),
        {"train": ("a", "b"), "val": ("c",)},
        ("fall", "walk"),
    )
    run = ExtractionRun({Path("v/d.mp4"): "v/d.mp4: the file is empty"}, 1, 2, 6, 1.5)

    page = report_text(Path("my.pkl"), annotations, run, run.failures)

    # Eight frames, three of them without anybody; seven people in the other five.
    assert page == (
        "my.pkl\n"
        "\n"
        "  videos              3, 1 of them finished before\n"
        "  frames              8\n"
        "  this run            6 frames in 1.5 s: 4.0 a second\n"
        "  frames with nobody  37.5%\n"
        "  people a frame      1.40, where there is anybody\n"
        "  classes             2: fall, walk\n"
        "  splits              train 2, val 1\n"
        "  failed              1\n"
        "  without anybody     1\n"
        "\n"
        "failed, and not in the file:\n"
        "  v/d.mp4: the file is empty\n"
        "\n"
        "in the file, but without anybody:\n"
        "  c\n"
        "\n"
        "next:\n"
        "  posec3d check my.pkl\n"
        "  posec3d train --annotations my.pkl"
    )


@pytest.mark.parametrize("names", [("fall", "walk"), None])
def test_classes_that_are_not_trained_are_told(names):
    videos = (video("a", 0, 1), video("b", 0, 1), video("c", 1, 1), video("d", 1, 0))
    told = f"{names[1] if names else 1}: none of its 1 videos is in split 'train'"

    for trained, lines in ((("a", "c"), []), (("a", "d"), [told]), (("a", "b"), [told])):
        annotations = AnnotationSet(videos, {"train": trained, "val": ("b",)}, names)
        page = report_text(Path("my.pkl"), annotations, ExtractionRun({}, 4, 0, 4, 0.1), {})
        assert [line.strip() for line in page.splitlines() if "is in split" in line] == lines


def test_long_lists_are_cut():
    annotations = AnnotationSet(tuple(video(f"v{n}", n % 2, 0) for n in range(25)))

    page = report_text(Path("my.pkl"), annotations, ExtractionRun({}, 25, 0, 0, 0.1), {})

    assert "  v19\n  and 5 more\n" in page
    assert "this run            nothing to extract" in page
    assert "classes             2, by number" in page


@pytest.mark.parametrize(
    ("splits", "expected"),
    [
        ((), "posec3d train --annotations my.pkl"),
        (("train", "val"), "posec3d train --annotations my.pkl"),
        (("train", "train_small", "test"), "posec3d train --annotations my.pkl"),
        (("trainlist01", "testlist01"), "posec3d train --annotations my.pkl"),  # told by their names
        (
            ("train1", "test1", "train2", "test2"),
            "posec3d train --annotations my.pkl --train-split train1",
        ),
        (("a", "b"), "posec3d train --annotations my.pkl --train-split a"),
    ],
)
def test_the_next_command_names_splits_where_it_must(splits, expected):
    annotations = AnnotationSet((video("a", 0, 1), video("b", 1, 1)), {split: ("a",) for split in splits})

    assert next_commands(Path("my.pkl"), annotations) == ("posec3d check my.pkl", expected)


def test_videos_of_one_class_need_others_before_training():
    (command,) = next_commands(Path("my.pkl"), AnnotationSet((video("a", 0, 1), video("b", None, 1))))

    assert command.startswith("posec3d check my.pkl   (and for training, videos of a second class")


def test_videos_without_labels_need_some_first():
    (command,) = next_commands(Path("my poses.pkl"), AnnotationSet((video("a", None, 1),)))

    assert command.startswith("posec3d extract 'my poses.pkl' --label-from LABELS.csv --out labelled.pkl")
