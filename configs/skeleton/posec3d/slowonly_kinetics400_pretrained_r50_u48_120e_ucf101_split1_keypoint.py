"""UCF101, split 1, from Kinetics-400 weights, keypoint heatmaps. Published: top-1 87.0."""

from posec3d.experiment import Data
from posec3d.experiment import Source
from posec3d.recipes import from_kinetics

experiment = from_kinetics(
    "keypoint",
    Data(
        train=Source(annotations="data/posec3d/ucf101.pkl", split="train1"),
        val=Source(annotations="data/posec3d/ucf101.pkl", split="test1"),
        num_classes=101,
    ),
    weight_decay=3e-4,
)
