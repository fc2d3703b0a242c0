"""HMDB51, split 1, from Kinetics-400 weights, keypoint heatmaps. Published: top-1 69.3."""

from posec3d.experiment import Data
from posec3d.experiment import Source
from posec3d.recipes import from_kinetics

experiment = from_kinetics(
    "keypoint",
    Data(
        train=Source(annotations="data/posec3d/hmdb51.pkl", split="train1"),
        val=Source(annotations="data/posec3d/hmdb51.pkl", split="test1"),
        num_classes=51,
    ),
    weight_decay=1e-4,
)
