"""All that is at hand, as a config: Penn Action, JHMDB, and made-up motions, 48 classes (docs/results.md).

  python -m benchmarks.accuracy.merge data/penn13.pkl data/jhmdb21.pkl --made-up 480 --out data/everything.pkl
  posec3d train benchmarks/accuracy/everything.py --seed 0 --precision bf16 --work-dir work_dirs/everything

Trained as the model of the package (configs/skeleton/posec3d/c3d_small_everyday33_keypoint.py), but from scratch.
"""

from dataclasses import replace
from pathlib import Path

from posec3d.config_files import load_experiment
from posec3d.experiment import Source
from posec3d.synthetic.motions import MOTIONS

packaged = load_experiment(Path("c3d_small_everyday33_keypoint"))
made_up = tuple(f"made_up_{motion}" for motion in MOTIONS)

experiment = replace(
    packaged,
    data=replace(
        packaged.data,
        train=Source(annotations="data/everything.pkl", split="train"),
        test=Source(annotations="data/everything.pkl", split="test_jhmdb"),
        num_classes=packaged.data.num_classes + len(made_up),
        classes=(*(packaged.data.classes or ()), *made_up),
    ),
    training=replace(
        packaged.training, class_weights=(*(packaged.training.class_weights or ()), *(1.0 for _ in made_up))
    ),
)
