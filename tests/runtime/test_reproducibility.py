import os

import pytest
import torch

from posec3d.runtime.reproducibility import fastest_convolutions
from posec3d.runtime.reproducibility import seed_torch
from posec3d.runtime.reproducibility import use_deterministic_algorithms


def drawn(seed, **place):
    seed_torch(seed, **place)
    return torch.rand(4).tolist()


@pytest.fixture
def restored(monkeypatch):
    """Put back what holds for the whole process."""
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", "")
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG")
    before = torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.benchmark
    yield
    torch.use_deterministic_algorithms(before[0])
    torch.backends.cudnn.benchmark = before[1]


def test_a_place_in_training_has_a_stream_of_its_own():
    places = [{}, {"epoch": 1}, {"epoch": 2}, {"process": 1}, {"epoch": 1, "process": 1}]

    streams = [drawn(seed, **place) for seed in (0, 1) for place in places]

    assert streams == [drawn(seed, **place) for seed in (0, 1) for place in places]
    assert len({tuple(stream) for stream in streams}) == 10


@pytest.mark.parametrize("seed", [0, 2**31, 2**63 - 1, 2**70])
def test_any_seed_will_do(seed):
    assert drawn(seed) == drawn(seed)


def test_deterministic_algorithms_are_asked_for(restored):
    use_deterministic_algorithms()

    assert torch.are_deterministic_algorithms_enabled()
    assert not torch.backends.cudnn.benchmark
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"


def test_a_workspace_chosen_by_the_user_stays(restored, monkeypatch):
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":16:8")

    use_deterministic_algorithms()

    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":16:8"


@pytest.mark.parametrize("deterministic", [False, True])
def test_convolutions_are_tried_where_any_will_do(restored, deterministic):
    torch.use_deterministic_algorithms(deterministic)
    torch.backends.cudnn.benchmark = False

    with fastest_convolutions():
        assert torch.backends.cudnn.benchmark is not deterministic

    assert not torch.backends.cudnn.benchmark
