"""Penn Action and JHMDB merged, 33 classes: the model of the package (docs/model.md)."""

from posec3d.class_names import class_names_of
from posec3d.experiment import Data
from posec3d.experiment import Source
from posec3d.recipes import few_videos
from posec3d.skeletons import get_skeleton

experiment = few_videos(
    "keypoint",
    Data(
        train=Source(annotations="data/merged.pkl", split="train"),
        test=Source(annotations="data/merged.pkl", split="test_jhmdb"),
        held_out=0.02,
        num_classes=33,
        classes=class_names_of("everyday33"),
    ),
    skeleton=get_skeleton("penn13"),
    length=24,
    epochs=30,
    learning_rate=0.4,
)
