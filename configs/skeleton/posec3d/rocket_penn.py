"""Penn Action, 15 classes, coordinates: solved for in 67 seconds on two cores, docs/results.md."""

from posec3d.class_names import class_names_of
from posec3d.experiment import Data
from posec3d.experiment import Source
from posec3d.recipes import solved
from posec3d.skeletons import get_skeleton

experiment = solved(
    Data(
        train=Source(annotations="data/penn13.pkl", split="train"),
        test=Source(annotations="data/penn13.pkl", split="test"),
        held_out=0.02,
        num_classes=15,
        classes=class_names_of("penn15"),
    ),
    skeleton=get_skeleton("penn13"),
)
