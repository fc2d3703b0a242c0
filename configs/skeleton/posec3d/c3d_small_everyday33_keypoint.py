"""Penn Action and JHMDB merged, 33 classes: the model of the package (docs/model.md)."""

from posec3d.class_names import class_names_of
from posec3d.experiment import Data
from posec3d.experiment import Source
from posec3d.recipes import few_videos
from posec3d.skeletons import get_skeleton

CLASSES = class_names_of("everyday33") or ()
JHMDB = {*(class_names_of("jhmdb21") or ()), "golf_swing", "baseball_swing"}

experiment = few_videos(
    "keypoint",
    Data(
        train=Source(annotations="data/merged.pkl", split="train"),
        test=Source(annotations="data/merged.pkl", split="test_jhmdb"),
        held_out=0.02,
        num_classes=33,
        classes=CLASSES,
    ),
    skeleton=get_skeleton("penn13"),
    length=24,
    epochs=120,
    learning_rate=0.4,
    most_people=1,
    # Twice as many videos of Penn Action, and they are easier: half of them an epoch.
    class_weights=tuple(1.0 if name in JHMDB else 0.5 for name in CLASSES),
)
