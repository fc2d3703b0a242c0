"""NTU RGB+D 120, cross-subject, keypoint heatmaps. Published: top-1 86.3."""

from posec3d.experiment import Data
from posec3d.experiment import Source
from posec3d.recipes import from_scratch

experiment = from_scratch(
    "keypoint",
    Data(
        train=Source(annotations="data/posec3d/ntu120_xsub_train.pkl"),
        val=Source(annotations="data/posec3d/ntu120_xsub_val.pkl"),
        num_classes=120,
    ),
    # The 60 classes that NTU 60 lacks have half as many videos.
    class_weights=(1.0,) * 60 + (2.0,) * 60,
)
