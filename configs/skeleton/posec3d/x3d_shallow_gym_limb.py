"""FineGYM, 99 classes, limb heatmaps, X3D-shallow. Published: mean class accuracy 90.0."""

from posec3d.experiment import Data
from posec3d.experiment import Source
from posec3d.recipes import light_from_scratch

experiment = light_from_scratch(
    "limb",
    Data(
        train=Source(annotations="data/posec3d/gym_train.pkl"),
        val=Source(annotations="data/posec3d/gym_val.pkl"),
        num_classes=99,
    ),
    backbone="x3d",
    best_by="mean_class",
)
