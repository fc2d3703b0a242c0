"""JHMDB, 21 classes, poses from video, coordinates: solved for in 21 seconds on two cores, docs/results.md."""

from posec3d.class_names import class_names_of
from posec3d.experiment import Data
from posec3d.experiment import Source
from posec3d.recipes import solved
from posec3d.skeletons import get_skeleton

experiment = solved(
    Data(
        train=Source(annotations="data/jhmdb21.pkl", split="train1"),
        test=Source(annotations="data/jhmdb21.pkl", split="test1"),
        held_out=0.02,
        num_classes=21,
        classes=class_names_of("jhmdb21"),
    ),
    skeleton=get_skeleton("penn13"),
)
