"""What is said before an annotation file is trained on."""

import numpy as np

from posec3d.annotations import Annotation
from posec3d.annotations import AnnotationSet
from posec3d.annotations import save_annotations
from posec3d.checkpoints import build_model
from posec3d.checkpoints import save_checkpoint
from posec3d.commands.own_experiment import own_experiment
from posec3d.experiment import Clips
from posec3d.experiment import Heatmaps
from posec3d.experiment import ModelCard
from posec3d.experiment import Network
from posec3d.skeletons import get_skeleton
from posec3d.synthetic import make_annotations


def own(path, init=None):
    return own_experiment(path, None, None, "keypoint", "auto", "auto", "auto", None, None, None, "cpu", init)


def test_what_a_check_calls_an_error_is_said_before_training(tmp_path, caplog):
    rng = np.random.RandomState(0)

    def save(name, canvas):
        keypoints = (rng.uniform(0.1, 0.9, (1, 8, 17, 2)) * (640, 240)).astype(np.float32)
        videos = tuple(Annotation(f"v{i}", i % 2, canvas, keypoints, None) for i in range(6))
        save_annotations(tmp_path / name, AnnotationSet(videos))

    save("sound.pkl", (240, 640))
    save("my.pkl", (640, 240))

    own(tmp_path / "sound.pkl")
    assert not [record for record in caplog.records if record.levelname == "WARNING"]
    own(tmp_path / "my.pkl")
    said = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert said[0].startswith(
        f"warning: {tmp_path / 'my.pkl'}: img_shape looks like (width, height), or keypoints like (y, x)"
    )
    assert said[1:] == [
        f"what is learnt from it will be wrong; `posec3d check {tmp_path / 'my.pkl'}` tells how to mend it"
    ]


def test_clips_are_those_of_the_checkpoint_and_said(tmp_path, caplog):
    caplog.set_level("INFO", "posec3d")
    card = ModelCard(
        network=Network(backbone="c3d", base_channels=2),
        heatmaps=Heatmaps(skeleton=get_skeleton("coco17")),
        clips=Clips(length=16, train_canvas=24),
        num_classes=2,
    )
    save_checkpoint(tmp_path / "first.safetensors", build_model(card).state_dict(), card)
    save_annotations(tmp_path / "my.pkl", make_annotations(6, seed=0))

    experiment = own(tmp_path / "my.pkl", str(tmp_path / "first.safetensors"))

    assert (experiment.clips.length, experiment.clips.train_canvas) == (16, 24)
    assert f"network: that of {tmp_path / 'first.safetensors'}, on clips of 16 frames, 24x24 pixels" in caplog.text
