"""JHMDB, 14 classes, true poses, coordinates: solved for in 13 seconds on two cores, docs/results.md."""

from posec3d.class_names import class_names_of
from posec3d.experiment import Data
from posec3d.experiment import Source
from posec3d.recipes import solved
from posec3d.skeletons import get_skeleton

experiment = solved(
    Data(
        train=Source(annotations="data/jhmdb14.pkl", split="train1"),
        test=Source(annotations="data/jhmdb14.pkl", split="test1"),
        held_out=0.02,
        num_classes=14,
        classes=class_names_of("jhmdb14"),
    ),
    skeleton=get_skeleton("penn13"),
)
