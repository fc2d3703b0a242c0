"""FineGYM, 99 classes, keypoint heatmaps, C3D-light. Published: mean class accuracy 91.8."""

from posec3d.experiment import Data
from posec3d.experiment import Source
from posec3d.recipes import light_from_scratch

experiment = light_from_scratch(
    "keypoint",
    Data(
        train=Source(annotations="data/posec3d/gym_train.pkl"),
        val=Source(annotations="data/posec3d/gym_val.pkl"),
        num_classes=99,
    ),
    backbone="c3d",
    best_by="mean_class",
)
