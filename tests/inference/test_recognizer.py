import numpy as np
import pytest

import posec3d
from posec3d.checkpoints import build_model
from posec3d.checkpoints import save_checkpoint
from posec3d.experiment import Clips
from posec3d.experiment import Heatmaps
from posec3d.experiment import ModelCard
from posec3d.experiment import Network
from posec3d.synthetic import make_annotations


@pytest.fixture
def recognizer(tmp_path):
    card = ModelCard(
        heatmaps=Heatmaps(),
        network=Network(base_channels=4, stage_blocks=(1, 1)),
        clips=Clips(length=8, test_canvas=16, test_clips=2),
        num_classes=3,
        classes=("squat", "walk", "wave"),
    )
    save_checkpoint(tmp_path / "model.safetensors", build_model(card).state_dict(), card)
    return posec3d.ActionRecognizer.load(tmp_path / "model.safetensors")


def test_a_video_gets_a_probability_for_each_class(recognizer):
    video = make_annotations(3, seed=0).annotations[0]

    recognition = recognizer.recognize(video)

    assert recognition.video == video.video
    assert recognition.probabilities.sum() == pytest.approx(1, abs=1e-5)
    assert [name for name, _ in recognition.top(3)] != []
    assert [share for _, share in recognition.top(3)] == sorted(recognition.probabilities, reverse=True)
    assert str(recognition).startswith(f"{video.video}: {recognition.top(1)[0][0]} ")


def test_poses_are_recognised_like_the_annotation_they_come_from(recognizer):
    video = make_annotations(3, seed=0).annotations[1]

    np.testing.assert_allclose(
        recognizer.recognize(video.poses()).probabilities, recognizer.recognize(video).probabilities, atol=1e-6
    )


def test_another_skeleton_is_refused_with_the_names_of_the_right_one(recognizer):
    poses = posec3d.Poses(np.ones((1, 9, 13, 2), np.float32), np.ones((1, 9, 13), np.float32), (20, 20))

    with pytest.raises(ValueError, match="has 13 keypoints, but the network was trained on 'coco17' with 17: nose"):
        recognizer.recognize(poses)


def test_no_frames_are_refused(recognizer):
    poses = posec3d.Poses(np.ones((1, 0, 17, 2), np.float32), np.ones((1, 0, 17), np.float32), (20, 20))

    with pytest.raises(ValueError, match="has no frames"):
        recognizer.recognize(poses)


def test_the_package_has_what_it_names():
    assert all(getattr(posec3d, name) is not None for name in posec3d.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Recogniser'"):
        _ = posec3d.Recogniser
