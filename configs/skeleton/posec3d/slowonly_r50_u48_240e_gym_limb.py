"""FineGYM, 99 classes, limb heatmaps. Published: mean class accuracy 94.0."""

from posec3d.experiment import Data
from posec3d.experiment import Source
from posec3d.recipes import from_scratch

experiment = from_scratch(
    "limb",
    Data(
        train=Source(annotations="data/posec3d/gym_train.pkl"),
        val=Source(annotations="data/posec3d/gym_val.pkl"),
        num_classes=99,
    ),
    best_by="mean_class",
)
