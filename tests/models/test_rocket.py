from itertools import combinations

import numpy as np
import pytest
import torch

from posec3d.models.rocket import SHORTEST
from posec3d.models.rocket import PoseRocket
from posec3d.models.rocket import Rocket
from posec3d.models.rocket import RocketFeatures


def by_loops(rocket, series):
    """The features as MultiRocket's paper has them: a kernel, a bias and a moment at a time."""
    features = []
    dilations = [int(name[len("kernels") :]) for name, _ in rocket.named_buffers() if name.startswith("kernels")]
    for number, dilation in enumerate(dilations):
        kernels = rocket.get_buffer(f"kernels{dilation}").numpy()
        biases = rocket.get_buffer(f"biases{dilation}").numpy()
        margin = 4 * dilation
        padded = np.pad(series, ((0, 0), (margin, margin)))
        given = np.zeros((84, series.shape[1]))
        for kernel in range(84):
            for moment in range(series.shape[1]):
                seen = padded[:, moment : moment + 8 * dilation + 1 : dilation]
                given[kernel, moment] = (kernels[kernel] * seen).sum()
        for turn in (0, 1):
            part = given[:, margin : given.shape[1] - margin] if turn else given
            own = range((turn + number) % 2, 84, 2)
            above = [[part[kernel] - bias for bias in biases[kernel]] for kernel in own]
            features += [(one > 0).mean() for row in above for one in row]
            features += [one[one > 0].mean() if (one > 0).any() else 0.0 for row in above for one in row]
    return np.array(features)


@pytest.mark.parametrize(("channels", "length"), [(1, 10), (4, 33), (30, 64)])
def test_features_are_those_of_the_paper(channels, length):
    rng = np.random.RandomState(length)
    series = torch.from_numpy(rng.randn(5, channels, length).astype(np.float32))
    rocket = Rocket(channels, length, biases=7, seed=1)
    rocket.fit(series, rng)
    features = rocket(series)
    assert features.shape == (5, rocket.num_features) == (5, 84 * 7 * 2)
    for row, one in zip(features.numpy(), series.numpy(), strict=True):
        # A height that only rounding puts above a bias counts here or there.
        assert (np.abs(row - by_loops(rocket, one)) < 1e-4).mean() > 0.99


def test_kernels_are_all_choices_of_three_of_nine_on_one_to_nine_series():
    rocket = Rocket(30, 64, seed=0)
    kernels = rocket.get_buffer("kernels1").numpy()
    assert sorted(map(tuple, combinations(range(9), 3))) == sorted(
        tuple(np.flatnonzero((kernel == 2).any(0))) for kernel in kernels
    )
    used = (kernels != 0).any(2).sum(1)
    assert used.min() >= 1
    assert used.max() <= 9
    # What never changes gives nothing.
    assert not kernels.sum(2).any()
    assert (np.median(used), used.mean()) < (4, 4)


def test_dilations_reach_from_neighbours_to_the_whole_series():
    names = [name for name, _ in Rocket(2, 64).named_buffers()]
    assert names[::2] == [f"kernels{dilation}" for dilation in range(1, 8)]
    assert sum(buffer.shape[1] for name, buffer in Rocket(2, 64).named_buffers() if "biases" in name) == 74


def test_biases_are_quantiles_of_what_kernels_give_on_the_examples():
    rng = np.random.RandomState(0)
    series = torch.from_numpy(rng.randn(3, 2, 20).astype(np.float32))
    rocket = Rocket(2, 20, seed=0)
    rocket.fit(series, rng)
    shares = rocket(series)[:, ::1]
    assert torch.isfinite(shares).all()
    biases = rocket.get_buffer("biases1").numpy()
    given = torch.nn.functional.conv1d(series, rocket.get_buffer("kernels1").float(), padding=4).numpy()
    low, high = given.min((0, 2))[:, None], given.max((0, 2))[:, None]
    assert ((biases >= low) & (biases <= high)).all()
    # Spread over all of them: some are low, and some are high.
    assert 0.4 < ((biases - low) / (high - low)).mean() < 0.6
    assert ((biases - low) / (high - low)).std() > 0.15


@pytest.mark.parametrize("seed", [2**31, 2**32 - 1])
def test_large_seeds_draw_kernels_too(seed):
    assert RocketFeatures(2, 20, seed=seed).num_features == RocketFeatures(2, 20, seed=0).num_features


def test_the_same_seed_draws_the_same_kernels_and_another_one_others():
    first, same, other = (RocketFeatures(6, 20, seed=seed).state_dict() for seed in (3, 3, 4))
    for name, buffer in first.items():
        assert torch.equal(buffer, same[name])
    assert not torch.equal(first["places.kernels1"], other["places.kernels1"])
    assert not torch.equal(first["places.kernels1"], first["changes.kernels1"])


def test_too_few_frames_are_refused():
    with pytest.raises(ValueError, match=f"clips.length={SHORTEST}: the network rocket needs {SHORTEST + 1} frames"):
        PoseRocket(3, (), length=SHORTEST, num_classes=2)
    keypoints, scores = torch.rand(2, 1, SHORTEST + 1, 3, 2), torch.ones(2, 1, SHORTEST + 1, 3)
    assert PoseRocket(3, (), length=SHORTEST + 1, num_classes=2)(keypoints, scores).shape == (2, 2)
