from dataclasses import replace

import pytest

import posec3d
from posec3d.checkpoints import build_any
from posec3d.checkpoints import save_checkpoint
from posec3d.experiment import Clips
from posec3d.experiment import Heatmaps
from posec3d.experiment import ModelCard
from posec3d.experiment import Network


@pytest.fixture
def save_untrained(tmp_path):
    """Write a tiny network, not trained, whose card has these parts changed, to a file of this name."""

    def save(name, **changes):
        card = ModelCard(
            heatmaps=Heatmaps(),
            network=Network(base_channels=4, stage_blocks=(1, 1)),
            clips=Clips(length=8, test_canvas=16, test_clips=2),
            num_classes=3,
            classes=("squat", "walk", "wave"),
        )
        card = replace(card, **changes)
        save_checkpoint(tmp_path / name, build_any(card).state_dict(), card)
        return tmp_path / name

    return save


@pytest.fixture
def checkpoint(save_untrained):
    return save_untrained("model.safetensors")


@pytest.fixture
def recognizer(checkpoint):
    return posec3d.ActionRecognizer.load(checkpoint)
