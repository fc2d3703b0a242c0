from dataclasses import replace

import numpy as np
import pytest
import torch

from posec3d.annotations import Annotation
from posec3d.annotations.columns import labels_of
from posec3d.checkpoints import load_model
from posec3d.checkpoints import read_checkpoint
from posec3d.evaluation.metrics import measure
from posec3d.evaluation.scoring import score_videos
from posec3d.evaluation.scoring import views_loader
from posec3d.experiment import Augmentation
from posec3d.experiment import Clips
from posec3d.experiment import Data
from posec3d.experiment import Experiment
from posec3d.experiment import Heatmaps
from posec3d.experiment import Network
from posec3d.experiment import Source
from posec3d.experiment import Training
from posec3d.skeletons import get_skeleton
from posec3d.training.solving import MOST_CLIPS
from posec3d.training.solving import check_solvable
from posec3d.training.solving import ridge
from posec3d.training.solving import solve


def examples(num_videos=12, num_views=2, num_features=40, num_classes=3, seed=0):
    rng = np.random.RandomState(seed)
    labels = np.arange(num_videos) % num_classes
    features = rng.randn(num_videos, num_views, num_features) + rng.randn(num_classes, num_features)[labels][:, None]
    features[..., 0] = 7.0
    return torch.from_numpy(features.astype(np.float32)), torch.from_numpy(labels)


def plainly(rows, targets, penalty):
    """A ridge regression whose constant term is not held down, by its normal equations."""
    with_one = np.concatenate([rows, np.ones((len(rows), 1))], axis=1)
    held_down = penalty * np.eye(with_one.shape[1])
    held_down[-1, -1] = 0
    return np.linalg.solve(with_one.T @ with_one + held_down, with_one.T @ targets)


@pytest.mark.parametrize("penalty", [1.0, 100.0])
@pytest.mark.parametrize("num_views", [1, 2])
def test_it_is_a_ridge_regression_and_answers_for_each_video_by_all_others(monkeypatch, penalty, num_views):
    monkeypatch.setattr("posec3d.training.solving._PENALTIES", (penalty,))
    monkeypatch.setattr("posec3d.training.solving._SHARPNESSES", [2.5])
    monkeypatch.setattr("posec3d.training.solving._COLUMNS_AT_ONCE", 7)
    features, labels = examples(num_views=num_views)
    solution = ridge(features, labels, 3)
    rows = features.flatten(0, 1).double().numpy()
    targets = np.repeat(np.eye(3)[labels.numpy()] * 2 - 1, num_views, axis=0)
    spread = rows.std(0, ddof=1)
    spread[0] = np.inf
    standardised = (rows - rows.mean(0)) / spread
    expected = 2.5 * (standardised @ plainly(standardised, targets, penalty)[:-1] + targets.mean(0))
    given = features.flatten(0, 1) @ solution.weight.T + solution.bias
    np.testing.assert_allclose(given.numpy(), expected, atol=1e-3)
    assert not solution.weight[:, 0].any()
    for video in range(len(features)):
        own = np.arange(len(rows)) // num_views == video
        weights = plainly(standardised[~own], targets[~own], penalty)
        answers = standardised[own] @ weights[:-1] + weights[-1]
        probabilities = np.exp(2.5 * answers) / np.exp(2.5 * answers).sum(1, keepdims=True)
        np.testing.assert_allclose(solution.held_out[video].numpy(), probabilities.mean(0), atol=1e-4)


def test_what_makes_left_out_videos_likeliest_is_chosen():
    features, labels = examples(num_videos=30, seed=1)
    best = ridge(features, labels, 3)
    chosen = best.held_out[torch.arange(30), labels].log().mean()
    assert float(chosen) > np.log(1 / 3)
    noise, _ = examples(num_videos=30, seed=2)
    noise = torch.from_numpy(np.random.RandomState(3).randn(*noise.shape).astype(np.float32))
    # Of what says nothing, nothing is said: probabilities as flat as the least sharp ones.
    assert (
        float(ridge(noise, labels, 3).held_out.max(1).values.mean()) < 0.6 < float(best.held_out.max(1).values.mean())
    )


def made_up(num_videos, seed):
    """One person, one of whose keypoints goes round, slowly or fast."""
    rng = np.random.RandomState(seed)
    videos = []
    for index in range(num_videos):
        label, num_frames = index % 2, rng.randint(20, 40)
        angle = np.linspace(0, (2 + 4 * label) * np.pi, num_frames) + rng.uniform(0, 6)
        keypoints = np.tile(rng.uniform(20, 80, (5, 2)), (num_frames, 1, 1)) + rng.randn(num_frames, 5, 2)
        keypoints[:, 0] = keypoints[:, 1] + 15 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        scores = np.ones((1, num_frames, 5), np.float32)
        videos.append(Annotation(f"v{index}", label, (100, 100), keypoints[None].astype(np.float32), scores))
    return videos


def experiment(**changes):
    parts = {
        "data": Data(train=Source(annotations="my.pkl"), num_classes=2, classes=("slow", "fast")),
        "heatmaps": Heatmaps(skeleton=get_skeleton("coco17")),
        "network": Network(backbone="rocket"),
        "clips": Clips(length=32, crop_to="seen", test_clips=1),
    }
    return Experiment(**(parts | changes))


@pytest.fixture
def five():
    """A skeleton of five keypoints."""
    return Heatmaps(skeleton={"name": "five", "keypoints": ("a", "b", "c", "d", "e"), "limbs": ((0, 1), (1, 2))})


def test_what_is_solved_for_is_kept_and_answers_alike(tmp_path, five):
    videos, others = made_up(40, seed=0), made_up(20, seed=1)
    result = solve(experiment(heatmaps=five), videos, others, work_dir=tmp_path, seed=3)
    assert result.best == tmp_path / "best.safetensors"
    assert result.last.read_bytes() == result.best.read_bytes()
    assert result.best_accuracy > 0.9
    model, card = load_model(result.last)
    scores = score_videos(model, card, views_loader(card, others, num_clips=1, mirrored=True))
    assert measure(scores, labels_of(others)).top1 == result.best_accuracy
    again = solve(experiment(heatmaps=five), videos, None, work_dir=tmp_path / "again", seed=3)
    assert again.best is None
    assert again.last.read_bytes() == result.last.read_bytes()
    other = solve(experiment(heatmaps=five), videos, None, work_dir=tmp_path / "other", seed=4)
    assert other.last.read_bytes() != result.last.read_bytes()


def test_what_is_said_of_left_out_videos_is_of_classes_that_have_others(tmp_path, five, caplog):
    caplog.set_level("INFO", "posec3d")
    # Of the fast ones there is one: all others never show it.
    videos = [*made_up(20, seed=0)[::2], made_up(2, seed=1)[1]]
    solve(experiment(heatmaps=five), videos, None, work_dir=tmp_path, seed=0)
    assert "each training video by all others: top-1 100.0 %" in caplog.text
    caplog.clear()
    solve(experiment(heatmaps=five), made_up(2, seed=0), None, work_dir=tmp_path, seed=0)
    assert "by all others" not in caplog.text
    assert "one training video a class: how well others are told apart, only other videos can say" in caplog.text


def test_changed_copies_make_it_mind_noise_less(tmp_path, five):
    videos, others = made_up(40, seed=0), made_up(40, seed=1)
    noise = np.random.RandomState(0)
    noisy = [replace(video, keypoints=video.keypoints + 4 * noise.randn(*video.keypoints.shape)) for video in others]
    accuracies = []
    for name, changes in (("none", Augmentation()), ("two", Augmentation(noise=0.1, copies=2))):
        settings = experiment(heatmaps=five, augmentation=changes)
        model, card = load_model(solve(settings, videos, None, work_dir=tmp_path / name, seed=0).last)
        batches = views_loader(card, noisy, num_clips=1, mirrored=True)
        scores = score_videos(model, card, batches)
        accuracies.append(measure(scores, labels_of(noisy)).top1)

    assert accuracies[0] < 0.8
    assert accuracies[1] > accuracies[0] + 0.1


def test_each_copy_is_changed_by_itself(tmp_path, five, monkeypatch):
    seen = []
    monkeypatch.setattr("posec3d.training.solving.ridge", lambda features, *_: seen.append(features) or 1 / 0)
    settings = experiment(heatmaps=five, augmentation=Augmentation(dropout=0.3, copies=2))
    with pytest.raises(ZeroDivisionError):
        solve(settings, made_up(6, seed=0), None, work_dir=tmp_path, seed=0)
    with pytest.raises(ZeroDivisionError):
        solve(replace(settings, augmentation=Augmentation()), made_up(6, seed=0), None, work_dir=tmp_path, seed=0)
    with_copies, alone = seen

    assert with_copies.shape[:2] == (6, 6)
    torch.testing.assert_close(with_copies[:, :2], alone)
    assert len(with_copies[0].unique(dim=0)) == 6


def test_too_many_videos_and_settings_of_gradient_steps_are_refused():
    check_solvable(experiment(), MOST_CLIPS // 2)
    with pytest.raises(ValueError, match=r"on at most 5,000 videos where .* 2 clips of each, and there are 5,001"):
        check_solvable(experiment(), MOST_CLIPS // 2 + 1)
    changed = experiment(augmentation=Augmentation(noise=0.1, copies=3))
    check_solvable(changed, MOST_CLIPS // 8)
    with pytest.raises(ValueError, match=r"on at most 1,250 videos where .* 1,251; take fewer augmentation\.copies"):
        check_solvable(changed, MOST_CLIPS // 8 + 1)
    with pytest.raises(ValueError, match="from at least 2 videos, and there is 1"):
        check_solvable(experiment(), 1)
    with pytest.raises(ValueError, match=r"training\.mixup=0\.2 changes nothing in the network rocket"):
        check_solvable(experiment(training=Training(mixup=0.2)), 5)
    for half in (Augmentation(noise=0.1), Augmentation(copies=1)):
        with pytest.raises(ValueError, match=r"augmentation\.copies=.: the network rocket .* give one of these"):
            check_solvable(experiment(augmentation=half), 5)
    with pytest.raises(ValueError, match=r"augmentation\.shortest_part=0\.5 changes nothing in the network rocket"):
        check_solvable(experiment(augmentation=Augmentation(shortest_part=0.5)), 5)
    with pytest.raises(ValueError, match=r"clips\.train_canvas=48 changes nothing in the network rocket"):
        check_solvable(experiment(clips=Clips(train_canvas=48, test_clips=1)), 5)
    with pytest.raises(ValueError, match=r"heatmaps\.sigma=1\.0 changes nothing in the network rocket"):
        check_solvable(experiment(heatmaps=Heatmaps(sigma=1.0)), 5)
    with pytest.raises(ValueError, match=r"network\.dropout=0\.3 changes nothing in the network rocket"):
        check_solvable(experiment(network=Network(backbone="rocket", dropout=0.3)), 5)
    with pytest.raises(ValueError, match=r"clips\.test_mirror=volume: the network rocket draws none"):
        check_solvable(experiment(clips=Clips(test_clips=1, test_mirror="volume")), 5)
    check_solvable(experiment(training=Training(best_by="mean_class")), 5)


def test_two_videos_are_enough_and_equal_ones_break_nothing(tmp_path, five):
    one = made_up(2, seed=0)
    assert solve(experiment(heatmaps=five), one, None, work_dir=tmp_path).last.is_file()
    same = [one[0], *(replace(one[0], video=f"same{number}", label=number % 2) for number in range(3))]
    weights, _ = read_checkpoint(solve(experiment(heatmaps=five), same, None, work_dir=tmp_path).last)
    assert all(torch.isfinite(tensor).all() for tensor in weights.values())
