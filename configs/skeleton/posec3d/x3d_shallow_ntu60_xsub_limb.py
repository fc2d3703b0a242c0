"""NTU RGB+D 60, cross-subject, limb heatmaps, X3D-shallow. Published: top-1 91.6."""

from posec3d.experiment import Data
from posec3d.experiment import Source
from posec3d.recipes import light_from_scratch

experiment = light_from_scratch(
    "limb",
    Data(
        train=Source(annotations="data/posec3d/ntu60_xsub_train.pkl"),
        val=Source(annotations="data/posec3d/ntu60_xsub_val.pkl"),
        num_classes=60,
    ),
    backbone="x3d",
)
