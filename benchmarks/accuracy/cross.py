"""Train on true poses, test on estimated ones: a checkpoint's classes, looked for in another file's videos.

  python -m benchmarks.accuracy.cross work_dirs/penn-0-keypoint-0/last.safetensors data/penn13.pkl \
      data/jhmdb21.pkl --split test1 --same golf=golf_swing pullup=pullup swing_baseball=baseball_swing

Takes the videos of the second file whose class the first file has too, by its name or as --same says, and scores them
with ten clips and their mirrors: top-1 among all classes of the checkpoint, and among the shared ones.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from posec3d.annotations import load_annotations
from posec3d.checkpoints import load_model
from posec3d.evaluation.scoring import score_videos
from posec3d.evaluation.scoring import views_loader


def main() -> None:
    """Print both accuracies."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("trained", type=Path, help="the annotation file that names the checkpoint's classes")
    parser.add_argument("tested", type=Path)
    parser.add_argument("--split", default=None)
    parser.add_argument("--same", nargs="*", default=[], metavar="THERE=HERE")
    given = parser.parse_args()
    trained, tested = load_annotations(given.trained), load_annotations(given.tested)
    assert trained.classes is not None
    assert tested.classes is not None
    names = dict(pair.split("=") for pair in given.same)
    label_of = {
        label: trained.classes.index(names.get(name, name))
        for label, name in enumerate(tested.classes)
        if names.get(name, name) in trained.classes
    }
    videos = [
        replace(video, label=label_of[video.label])
        for video in tested.split(given.split)
        if video.label is not None and video.label in label_of
    ]
    model, card = load_model(given.checkpoint)
    batches = views_loader(card, videos, num_clips=card.clips.test_clips, mirrored=True)
    scores = score_videos(model, card, batches, views_at_once=20)
    labels = np.array([video.label for video in videos])
    shared = sorted(set(label_of.values()))
    among = np.array(shared)[scores[:, shared].argmax(1)]
    top1, top1_among = (100 * (answers == labels).mean() for answers in (scores.argmax(1), among))
    print(
        f"{len(videos)} videos of {len(shared)} classes: top-1 {top1:.1f} among all {card.num_classes} classes, "
        f"{top1_among:.1f} among the {len(shared)}"
    )


if __name__ == "__main__":
    main()
