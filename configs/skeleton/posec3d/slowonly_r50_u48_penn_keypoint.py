"""Penn Action, 15 classes, 13 joints, keypoint heatmaps; a tenth of the official training part validates."""

from posec3d.experiment import Clips
from posec3d.experiment import Data
from posec3d.experiment import Experiment
from posec3d.experiment import Heatmaps
from posec3d.experiment import Source
from posec3d.experiment import Training
from posec3d.skeletons import get_skeleton

experiment = Experiment(
    data=Data(
        train=Source(annotations="data/penn_action_2d.pkl.gz", split="train"),
        test=Source(annotations="data/penn_action_2d.pkl.gz", split="test"),
        num_classes=15,
    ),
    heatmaps=Heatmaps(skeleton=get_skeleton("penn13")),
    # Invisible joints keep guessed coordinates, many of them at (1, 1): the crop must not follow those.
    clips=Clips(crop_to="seen"),
    training=Training(epochs=60),
)
