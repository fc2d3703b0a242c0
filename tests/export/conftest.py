import pytest
import torch

from posec3d.checkpoints import build_model
from posec3d.experiment import Clips
from posec3d.experiment import Heatmaps
from posec3d.experiment import ModelCard
from posec3d.experiment import Network
from posec3d.export.exporting import export_model


@pytest.fixture(scope="session")
def lively():
    """Builds small networks in which every weight matters, as in trained ones, with their cards."""

    def lively(kind="keypoint", test_mirror="keypoints", **heatmaps):
        card = ModelCard(
            heatmaps=Heatmaps(kind=kind, **heatmaps),
            network=Network(base_channels=8, stage_blocks=(1, 1)),
            clips=Clips(length=8, test_canvas=24, test_clips=2, test_mirror=test_mirror),
            num_classes=5,
        )
        torch.manual_seed(0)
        model = build_model(card).eval()
        for name, tensor in model.state_dict().items():
            if "bn" in name and tensor.is_floating_point():
                tensor.uniform_(0.5, 1.5)
            if "fc_cls.weight" in name:
                tensor.normal_(0, 0.5)
        return model, card

    return lively


@pytest.fixture(scope="session")
def exported(lively, tmp_path_factory, one_translation):
    """Gives an exported file and what it was made from; each is made once."""
    folder, made = tmp_path_factory.mktemp("exported"), {}

    def exported(suffix, precision="fp32", videos=(), **of):
        key = (suffix, precision, *sorted(of.items()))
        if key not in made:
            path = folder / f"{len(made)}{suffix}"
            model, card = lively(**of)
            agreement = export_model(model, card, path, precision=precision, videos=videos)
            made[key] = path, model, card, agreement
        return made[key]

    return exported
