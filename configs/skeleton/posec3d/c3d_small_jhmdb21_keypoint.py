"""JHMDB, 21 classes, poses found in its videos, keypoint heatmaps (docs/results.md)."""

from posec3d.class_names import class_names_of
from posec3d.experiment import Data
from posec3d.experiment import Source
from posec3d.recipes import few_videos
from posec3d.skeletons import get_skeleton

experiment = few_videos(
    "keypoint",
    Data(
        train=Source(annotations="data/jhmdb21.pkl", split="train1"),
        test=Source(annotations="data/jhmdb21.pkl", split="test1"),
        held_out=0.02,
        num_classes=21,
        classes=class_names_of("jhmdb21"),
    ),
    skeleton=get_skeleton("penn13"),
    length=16,
    epochs=120,
    most_people=1,  # whose action it is; others, in a tenth of the videos, are only there
)
