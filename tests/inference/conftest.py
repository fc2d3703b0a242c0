import pytest

import posec3d
from posec3d.checkpoints import build_model
from posec3d.checkpoints import save_checkpoint
from posec3d.experiment import Clips
from posec3d.experiment import Heatmaps
from posec3d.experiment import ModelCard
from posec3d.experiment import Network


@pytest.fixture
def checkpoint(tmp_path):
    """A tiny network, not trained, as a file."""
    card = ModelCard(
        heatmaps=Heatmaps(),
        network=Network(base_channels=4, stage_blocks=(1, 1)),
        clips=Clips(length=8, test_canvas=16, test_clips=2),
        num_classes=3,
        classes=("squat", "walk", "wave"),
    )
    save_checkpoint(tmp_path / "model.safetensors", build_model(card).state_dict(), card)
    return tmp_path / "model.safetensors"


@pytest.fixture
def recognizer(checkpoint):
    return posec3d.ActionRecognizer.load(checkpoint)
