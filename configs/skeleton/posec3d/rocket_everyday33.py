"""Penn Action and JHMDB merged, 33 classes, coordinates: the second model of the package (docs/model.md)."""

from posec3d.class_names import class_names_of
from posec3d.experiment import Data
from posec3d.experiment import Source
from posec3d.recipes import solved
from posec3d.skeletons import get_skeleton

experiment = solved(
    Data(
        train=Source(annotations="data/merged.pkl", split="train"),
        test=Source(annotations="data/merged.pkl", split="test_jhmdb"),
        held_out=0.02,
        num_classes=33,
        classes=class_names_of("everyday33"),
    ),
    skeleton=get_skeleton("penn13"),
    # With two, there would be more clips than it is solved for on.
    copies=1,
)
