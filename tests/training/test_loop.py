import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins.precision import MixedPrecision
from safetensors.torch import load_file

from posec3d.annotations import load_annotations
from posec3d.annotations import save_annotations
from posec3d.annotations.columns import labels_of
from posec3d.experiment import Augmentation
from posec3d.experiment import Clips
from posec3d.experiment import Data
from posec3d.experiment import Experiment
from posec3d.experiment import Network
from posec3d.experiment import Source
from posec3d.experiment import Training
from posec3d.runtime.devices import start_fabric
from posec3d.synthetic import make_annotations
from posec3d.training import loop
from posec3d.training.loop import train

CLASSES = ("jumping_jacks", "squat", "walk")


# All that the paper does not have.
EVERYTHING = {"warmup_epochs": 1, "label_smoothing": 0.1, "mixup": 0.3, "average": 0.9, "optimizer": "adamw"}


def experiment(base_channels=4, dropout=0.5, **training):
    settings = {"epochs": 3, "batch_size": 8, "learning_rate": 0.4} | training
    return Experiment(
        data=Data(train=Source(annotations="made up"), num_classes=3, classes=CLASSES),
        network=Network(base_channels=base_channels, stage_blocks=(1, 1), dropout=dropout),
        clips=Clips(length=8, train_short_side=20, train_canvas=16, test_canvas=16),
        augmentation=Augmentation(shortest_part=0.7, rotation=10.0, noise=0.02, dropout=0.1),
        training=Training(**settings),
    )


@pytest.fixture(scope="module")
def fabric():
    return start_fabric(accelerator="cpu", devices=1, precision="fp32")


@pytest.fixture(scope="module")
def videos():
    made_up = make_annotations(36, seed=1, motions=CLASSES, max_people=1)
    return made_up.split("train"), made_up.split("val")


@pytest.fixture(scope="module")
def few_videos(videos):
    return videos[0][:8], videos[1][:2]


def weights(folder):
    return load_file(folder / "last.safetensors")


def stop_before(epoch, monkeypatch):
    """Let a training end with an error when it comes to an epoch."""
    real = loop._train_epoch

    def stopped(*arguments):
        if arguments[5] == epoch:
            raise InterruptedError
        return real(*arguments)

    monkeypatch.setattr(loop, "_train_epoch", stopped)


def test_training_lowers_the_loss_and_leaves_what_it_says(tmp_path, fabric, videos):
    settings = experiment(base_channels=8, dropout=0.0, epochs=12, learning_rate=1.6)
    result = train(settings, *videos, work_dir=tmp_path, fabric=fabric)

    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in log] == list(range(1, 13))
    assert log[-1]["loss"] < 0.8 * log[0]["loss"]
    assert log[-1]["learning_rate"] == pytest.approx(0, abs=1e-9)
    assert result.best == tmp_path / "best.safetensors"
    assert result.best_accuracy == max(line["validation"]["top1"] for line in log)
    assert list((tmp_path / "tensorboard").glob("events.out.tfevents.*"))


def test_the_same_seed_gives_the_same_bits(tmp_path, fabric, videos):
    for folder in ("one", "two"):
        train(experiment(), *videos, work_dir=tmp_path / folder, fabric=fabric, seed=4)
    train(experiment(), *videos, work_dir=tmp_path / "other", fabric=fabric, seed=5)

    one, two, other = (weights(tmp_path / folder) for folder in ("one", "two", "other"))
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert not torch.equal(one["cls_head.fc_cls.weight"], other["cls_head.fc_cls.weight"])


def test_a_store_trains_to_the_bits_of_its_pickle(tmp_path, fabric, videos):
    made_up = make_annotations(36, seed=1, motions=CLASSES, max_people=1)
    save_annotations(tmp_path / "my.arrow", made_up)
    stored = load_annotations(tmp_path / "my.arrow")
    settings = experiment(epochs=1)

    train(settings, *videos, work_dir=tmp_path / "pickle", fabric=fabric)
    train(settings, stored.split("train"), stored.split("val"), work_dir=tmp_path / "store", fabric=fabric)

    pickled, mapped = weights(tmp_path / "pickle"), weights(tmp_path / "store")
    assert all(torch.equal(pickled[name], mapped[name]) for name in pickled)


@pytest.mark.parametrize(
    ("where", "settings"),
    [
        ("between epochs", {}),
        ("within an epoch", {}),
        ("while saving", {}),
        ("between epochs", EVERYTHING | {"learning_rate": 0.01}),
    ],
)
def test_a_stopped_training_resumes_to_the_same_bits(tmp_path, fabric, videos, monkeypatch, where, settings):
    train(experiment(**settings), *videos, work_dir=tmp_path / "whole", fabric=fabric)

    class PowerCutError(Exception):
        pass

    calls = 0

    def cut(real, at):
        def call(*arguments, **named):
            nonlocal calls
            calls += 1
            if calls == at:
                raise PowerCutError
            return real(*arguments, **named)

        return call

    with monkeypatch.context() as patch:
        if where == "between epochs":
            patch.setattr(loop, "_train_epoch", cut(loop._train_epoch, 3))
        elif where == "within an epoch":
            patch.setattr(loop.functional, "cross_entropy", cut(loop.functional.cross_entropy, 6))
        else:
            patch.setattr(loop, "save_state", cut(loop.save_state, 2))
        with pytest.raises(PowerCutError):
            train(experiment(**settings), *videos, work_dir=tmp_path / "cut", fabric=fabric)
    train(experiment(**settings), *videos, work_dir=tmp_path / "cut", fabric=fabric, resume=True)

    whole, cut_and_resumed = weights(tmp_path / "whole"), weights(tmp_path / "cut")
    assert all(torch.equal(whole[name], cut_and_resumed[name]) for name in whole)
    best = [load_file(tmp_path / folder / "best.safetensors") for folder in ("whole", "cut")]
    assert all(torch.equal(best[0][name], best[1][name]) for name in best[0])
    logs = [
        [{**json.loads(line), "seconds": 0} for line in (tmp_path / folder / "log.jsonl").read_text().splitlines()]
        for folder in ("whole", "cut")
    ]
    assert logs[0] == logs[1]


def test_the_number_of_workers_changes_no_bit(tmp_path, fabric, few_videos):
    settings = experiment(epochs=2)
    for folder, num_workers in (("none", 0), ("two", 2)):
        train(settings, *few_videos, work_dir=tmp_path / folder, fabric=fabric, num_workers=num_workers)

    none, two = weights(tmp_path / "none"), weights(tmp_path / "two")
    assert all(torch.equal(none[name], two[name]) for name in none)


def test_a_training_with_workers_resumes_to_the_same_bits(tmp_path, fabric, few_videos, monkeypatch):
    settings = experiment(epochs=2)
    train(settings, *few_videos, work_dir=tmp_path / "whole", fabric=fabric, num_workers=1)

    stop_before(2, monkeypatch)
    with pytest.raises(InterruptedError):
        train(settings, *few_videos, work_dir=tmp_path / "cut", fabric=fabric, num_workers=1)
    monkeypatch.undo()
    train(settings, *few_videos, work_dir=tmp_path / "cut", fabric=fabric, num_workers=1, resume=True)

    whole, cut_and_resumed = weights(tmp_path / "whole"), weights(tmp_path / "cut")
    assert all(torch.equal(whole[name], cut_and_resumed[name]) for name in whole)


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_the_optimizer_resumes_where_fabric_has_put_the_parameters(tmp_path, fabric, videos, monkeypatch, optimizer):
    settings = experiment(epochs=2, optimizer=optimizer, learning_rate=0.01)
    train(experiment(epochs=1, optimizer=optimizer, learning_rate=0.01), *videos, work_dir=tmp_path, fabric=fabric)
    monkeypatch.setattr(loop, "refuse_other_run", lambda *_, **__: None)
    set_up, dtypes = fabric.setup, set()

    def moved(model, optimizer):
        # float64 stands in for a device that tests do not have: torch loads a state to the dtype of the parameters
        # as it does to their device, and Fabric leaves alone what an optimizer holds already.
        return set_up(model.double(), optimizer)

    def look(_experiment, _network, optimizer, *_):
        for state in optimizer.state.values():
            dtypes.update(value.dtype for name, value in state.items() if name != "step")
        raise InterruptedError

    monkeypatch.setattr(fabric, "setup", moved)
    monkeypatch.setattr(loop, "_train_epoch", look)
    with pytest.raises(InterruptedError):
        train(settings, *videos, work_dir=tmp_path, fabric=fabric, resume=True)

    assert dtypes == {torch.float64}


@pytest.mark.parametrize(
    ("changes", "seed", "message"),
    [
        ({"learning_rate": 0.1}, 0, r"training.learning_rate \(0.4 before, 0.1 asked for\)"),
        ({}, 1, r"--seed \(0 before, 1 asked for\)"),
    ],
)
def test_another_training_is_not_resumed(tmp_path, fabric, videos, changes, seed, message):
    train(experiment(epochs=1), *videos, work_dir=tmp_path, fabric=fabric)

    with pytest.raises(ValueError, match=message):
        train(experiment(epochs=1, **changes), *videos, work_dir=tmp_path, fabric=fabric, seed=seed, resume=True)


def test_a_state_that_does_not_tell_its_precision_is_resumed(tmp_path, fabric, videos):
    train(experiment(epochs=1), *videos, work_dir=tmp_path, fabric=fabric)
    state = torch.load(tmp_path / "resume.pth", weights_only=True)
    assert state.pop("precision") == "fp32"
    torch.save(state, tmp_path / "resume.pth")

    train(experiment(epochs=1), *videos, work_dir=tmp_path, fabric=fabric, resume=True)


def half_precision_fabric():
    """Return a Fabric whose loss scale doubles after every step without an overflow, not after 2000 of them."""
    scaler = torch.amp.GradScaler("cpu", growth_interval=1)
    fabric = Fabric(accelerator="cpu", devices=1, plugins=[MixedPrecision("16-mixed", "cpu", scaler)])
    fabric.launch()
    return fabric


def test_a_training_in_half_precision_resumes_with_its_loss_scale(tmp_path, few_videos, monkeypatch):
    settings = experiment(epochs=3)
    whole = half_precision_fabric()
    train(settings, *few_videos, work_dir=tmp_path / "whole", fabric=whole)

    stop_before(3, monkeypatch)
    with pytest.raises(InterruptedError):
        train(settings, *few_videos, work_dir=tmp_path / "cut", fabric=half_precision_fabric())
    monkeypatch.undo()
    resumed = half_precision_fabric()
    train(settings, *few_videos, work_dir=tmp_path / "cut", fabric=resumed, resume=True)

    assert resumed.strategy.precision.state_dict() == whole.strategy.precision.state_dict()
    one, other = weights(tmp_path / "whole"), weights(tmp_path / "cut")
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_a_state_without_a_loss_scale_is_resumed(tmp_path, few_videos):
    train(experiment(epochs=1), *few_videos, work_dir=tmp_path, fabric=half_precision_fabric())
    state = torch.load(tmp_path / "resume.pth", weights_only=True)
    assert state.pop("loss_scaler")["scale"] > 0
    torch.save(state, tmp_path / "resume.pth")

    train(experiment(epochs=1), *few_videos, work_dir=tmp_path, fabric=half_precision_fabric(), resume=True)


def test_other_videos_are_not_gone_on_with(tmp_path, fabric, videos):
    train_videos, val_videos = videos
    train(experiment(epochs=1), *videos, work_dir=tmp_path, fabric=fabric)
    relabelled = (replace(train_videos[0], label=(train_videos[0].label + 1) % 3), *train_videos[1:])

    for others in ((train_videos[1:], val_videos), (train_videos, val_videos[1:]), (relabelled, val_videos)):
        with pytest.raises(ValueError, match="was made with other videos or labels than made up has now; start anew"):
            train(experiment(epochs=1), *others, work_dir=tmp_path, fabric=fabric, resume=True)


@pytest.mark.parametrize("before", [True, False])
def test_validation_is_not_begun_or_ended_in_between(tmp_path, fabric, videos, before):
    train_videos, val_videos = videos
    first, then = (val_videos, None) if before else (None, val_videos)
    words = ("--validate before, --no-validate asked for", "--no-validate before, --validate asked for")
    train(experiment(epochs=1), train_videos, first, work_dir=tmp_path, fabric=fabric)

    with pytest.raises(ValueError, match=f"was made with other settings: validation .{words[not before]}"):
        train(experiment(epochs=1), train_videos, then, work_dir=tmp_path, fabric=fabric, resume=True)


def test_a_state_of_an_earlier_version_is_resumed(tmp_path, fabric, videos):
    train(experiment(epochs=1), *videos, work_dir=tmp_path, fabric=fabric)
    state = torch.load(tmp_path / "resume.pth", weights_only=True)
    state["best"] = state["best"][0]
    for digest in ("0123abc", None):
        torch.save({**state, "videos": digest}, tmp_path / "resume.pth")
        train(experiment(epochs=1), *videos, work_dir=tmp_path, fabric=fabric, resume=True)
    del state["videos"]
    torch.save(state, tmp_path / "resume.pth")

    train(experiment(epochs=1), *videos, work_dir=tmp_path, fabric=fabric, resume=True)


def test_of_epochs_that_are_right_alike_the_surest_is_best(tmp_path, fabric, few_videos, monkeypatch):
    labels = labels_of(few_videos[1])
    right, unsure = np.eye(3, dtype=np.float32)[labels], np.full((len(labels), 3), 1 / 3, np.float32)
    shares = iter((0.1, 0.7, 0.4))
    monkeypatch.setattr(loop, "_scored", lambda *_: unsure + next(shares) * (right - unsure))

    result = train(experiment(validate_every=1), *few_videos, work_dir=tmp_path, fabric=fabric)

    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["is_best"] for line in log] == [True, True, False]
    assert result.best_accuracy == 1.0


def test_an_epoch_is_told_when_it_can_be_gone_on_from(tmp_path, fabric, few_videos, monkeypatch, caplog):
    caplog.set_level("INFO", logger="posec3d")
    told = []
    real = loop.save_state
    monkeypatch.setattr(loop, "save_state", lambda *given: (told.append("epoch 1/2" in caplog.text), real(*given)))

    train(experiment(epochs=2), *few_videos, work_dir=tmp_path, fabric=fabric)

    assert told == [False, True]


def test_nothing_and_damage_cannot_be_resumed(tmp_path, fabric, videos):
    with pytest.raises(FileNotFoundError, match="nothing to resume here"):
        train(experiment(), *videos, work_dir=tmp_path, fabric=fabric, resume=True)
    (tmp_path / "resume.pth").write_bytes(b"half")
    with pytest.raises(ValueError, match="damaged state"):
        train(experiment(), *videos, work_dir=tmp_path, fabric=fabric, resume=True)


def test_without_validation_there_is_no_best(tmp_path, fabric, videos):
    result = train(experiment(epochs=1), videos[0], None, work_dir=tmp_path, fabric=fabric)

    assert result.best is None
    assert not (tmp_path / "best.safetensors").exists()


def test_a_loss_is_read_when_the_next_step_is_under_way(tmp_path, fabric, videos, monkeypatch):
    happened, mix_clips, step = [], loop.mix_clips, loop.Reporter.step

    def begin(*arguments):
        assert torch.backends.cudnn.benchmark
        happened.append("begun")
        return mix_clips(*arguments)

    def read(self, epoch, loss):
        happened.append("read")
        step(self, epoch, loss)

    monkeypatch.setattr(loop, "mix_clips", begin)
    monkeypatch.setattr(loop.Reporter, "step", read)

    train(experiment(epochs=2, batch_size=15), *videos, work_dir=tmp_path, fabric=fabric)

    assert happened == ["begun", "begun", "read", "read"] * 2
    assert not torch.backends.cudnn.benchmark


def test_a_loss_that_is_not_a_number_stops_with_advice(tmp_path, fabric, videos):
    with pytest.raises(ValueError, match=r"the loss is not a number at step .* lower training.learning_rate"):
        train(experiment(learning_rate=1e30), *videos, work_dir=tmp_path, fabric=fabric)


def test_training_starts_from_given_weights(tmp_path, fabric, videos):
    first = train(experiment(epochs=1), *videos, work_dir=tmp_path / "first", fabric=fabric)

    train(
        experiment(epochs=1, learning_rate=1e-12),
        *videos,
        work_dir=tmp_path / "second",
        fabric=fabric,
        init=first.last,
        seed=9,
    )

    torch.testing.assert_close(
        weights(tmp_path / "second")["backbone.conv1.conv.weight"],
        weights(tmp_path / "first")["backbone.conv1.conv.weight"],
    )


def test_best_can_be_chosen_by_mean_class_accuracy(tmp_path, fabric, videos):
    result = train(experiment(best_by="mean_class"), *videos, work_dir=tmp_path, fabric=fabric)

    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert result.best_accuracy == max(line["validation"]["mean_class"] for line in log)


def test_the_average_of_the_weights_is_what_is_kept(tmp_path, fabric, videos):
    plain, averaged = tmp_path / "plain", tmp_path / "averaged"
    train(experiment(), *videos, work_dir=plain, fabric=fabric)
    train(experiment(average=0.9), *videos, work_dir=averaged, fabric=fabric)

    state = torch.load(averaged / "resume.pth", weights_only=True)
    name = "backbone.conv1.conv.weight"
    # It was trained as without the average, and something else was kept.
    assert torch.equal(state["weights"][name], weights(plain)[name])
    assert torch.equal(state["average"]["module." + name], weights(averaged)[name])
    assert not torch.equal(weights(averaged)[name], weights(plain)[name])


def test_the_optimizer_is_the_one_asked_for(tmp_path, fabric, videos):
    train(experiment(epochs=1, optimizer="adamw", learning_rate=0.01), *videos, work_dir=tmp_path, fabric=fabric)

    state = torch.load(tmp_path / "resume.pth", weights_only=True)["optimizer"]
    assert {"exp_avg", "exp_avg_sq"} <= set(state["state"][0])


def test_smoothed_labels_are_learnt_less_surely(tmp_path, fabric, videos):
    losses = []
    for smoothing in (0.0, 0.5):
        folder = tmp_path / str(smoothing)
        train(
            experiment(epochs=1, label_smoothing=smoothing, learning_rate=1e-12),
            *videos,
            work_dir=folder,
            fabric=fabric,
        )
        losses.append(json.loads((folder / "log.jsonl").read_text())["loss"])
    assert losses[0] != losses[1]
