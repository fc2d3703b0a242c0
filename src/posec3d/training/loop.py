"""Training, from the first line to the last: read from top to bottom."""

import logging
import time
from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from lightning_fabric import Fabric
from lightning_fabric.wrappers import _FabricModule
from lightning_fabric.wrappers import _FabricOptimizer
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader

from posec3d.annotations import Annotation
from posec3d.annotations.columns import labels_of
from posec3d.annotations.video_lists import some
from posec3d.checkpoints import Start
from posec3d.checkpoints import build_model
from posec3d.checkpoints import save_checkpoint
from posec3d.checkpoints import start_from
from posec3d.clips.dataset import Batch
from posec3d.clips.dataset import EpochOrder
from posec3d.clips.dataset import TrainingClips
from posec3d.clips.dataset import collate
from posec3d.clips.pipeline import train_clip
from posec3d.evaluation.metrics import log_likelihood
from posec3d.evaluation.metrics import measure
from posec3d.evaluation.scoring import score_videos
from posec3d.evaluation.scoring import views_loader
from posec3d.experiment import Experiment
from posec3d.experiment import card_of
from posec3d.models.recognizer import PoseC3D
from posec3d.runtime.devices import default_workers
from posec3d.runtime.devices import precision_of
from posec3d.runtime.overlapping import each_after_the_next
from posec3d.runtime.reproducibility import fastest_convolutions
from posec3d.runtime.reproducibility import seed_torch
from posec3d.trained import BEST_FILE
from posec3d.trained import LAST_FILE
from posec3d.training.advice import chance_level
from posec3d.training.advice import never_answered
from posec3d.training.advice import warn
from posec3d.training.advice import worth_judging
from posec3d.training.averaging import WeightAverage
from posec3d.training.mixing import mix_clips
from posec3d.training.optimization import make_optimizer
from posec3d.training.optimization import say_learning_rate
from posec3d.training.reporting import EpochReport
from posec3d.training.reporting import Reporter
from posec3d.training.state import TrainingState
from posec3d.training.state import digest_of
from posec3d.training.state import load_state
from posec3d.training.state import refuse_other_run
from posec3d.training.state import save_state

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainingResult:
    """Where the weights are: of the best validated epoch (None without validation), and of the last one."""

    best: Path | None
    last: Path
    best_accuracy: float | None


def train(
    experiment: Experiment,
    train_videos: Sequence[Annotation],
    val_videos: Sequence[Annotation] | None,
    *,
    work_dir: Path,
    fabric: Fabric,
    seed: int = 0,
    resume: bool = False,
    init: Path | None = None,
    num_workers: int | None = None,
) -> TrainingResult:
    """Train a network and keep it in `work_dir`: best and last weights, the log, and the state to resume from.

    Validates on `val_videos` every few epochs, never without any. `init` gives the weights to start from. With the same
    seed, data and number of devices, a run that was stopped and resumed ends in the same bits as one that was not.
    """
    settings = experiment.training
    card = card_of(experiment)
    seed_torch(seed)
    model = build_model(card)
    if init is not None:
        _say_what_started(start_from(model, init, card.classes), init)
    model = model.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    learning_rate = settings.scaled_learning_rate(fabric.world_size)
    optimizer = make_optimizer(settings, model, learning_rate)

    digest = digest_of(train_videos, val_videos)
    state = load_state(work_dir) if resume else None
    if state is not None:
        refuse_other_run(state, experiment, seed=seed, videos=digest, fabric=fabric, path=work_dir)
        model.load_state_dict(state.weights)
    epochs_done, best = (state.epochs_done, state.best) if state else (0, None)

    order = EpochOrder(
        labels_of(train_videos),
        seed,
        class_weights=settings.class_weights,
        process=fabric.global_rank,
        num_processes=fabric.world_size,
    )
    if not len(order):
        raise ValueError(
            f"training.class_weights {settings.class_weights}: no video is left in an epoch; give higher ones"
        )
    clips = _clips_loader(experiment, train_videos, order, seed, fabric, num_workers)
    network, sgd = fabric.setup(model, optimizer)
    if state is not None:
        # Here, not earlier: Fabric moves parameters to the device, and torch loads a state to where these are.
        optimizer.load_state_dict(state.optimizer)
        if state.loss_scaler:
            fabric.strategy.precision.load_state_dict(state.loss_scaler)
    average = WeightAverage(model, settings.average) if settings.average else None
    if average is not None and state is not None and state.average is not None:
        average.load_state_dict(state.average)
    kept = model if average is None else average.model

    val_labels = labels_of(val_videos or ())
    if fabric.is_global_zero and epochs_done < settings.epochs:
        say_learning_rate(settings, fabric.world_size)
    with Reporter(
        work_dir,
        num_epochs=settings.epochs,
        steps_an_epoch=len(clips),
        epochs_done=epochs_done,
        silent=not fabric.is_global_zero,
    ) as reporter:
        warned = False
        for epoch in range(epochs_done + 1, settings.epochs + 1):
            started = time.perf_counter()
            order.epoch = epoch
            seed_torch(seed, epoch=epoch, process=fabric.global_rank)
            loss = _train_epoch(experiment, network, sgd, average, clips, epoch, learning_rate, fabric, reporter)
            # The last epoch is always validated, whatever the interval.
            due = epoch % settings.validate_every == 0 or epoch == settings.epochs
            scores = _scored(experiment, kept, val_videos, fabric) if val_videos is not None and due else None
            accuracy = None if scores is None else measure(scores, val_labels)
            # Of few videos as many are right in one epoch as in another: then it counts how sure the network is.
            value = None
            if scores is not None:
                value = (getattr(accuracy, settings.best_by), log_likelihood(scores, val_labels))
            is_best = value is not None and (best is None or value > best)
            best = value if is_best else best
            share = settings.learning_rate_share(epoch * len(clips), settings.epochs * len(clips))
            seconds = time.perf_counter() - started
            # Before the state: a resumed run takes lines after its state out again, but could not put one in.
            report = EpochReport(epoch, loss, learning_rate * share, seconds, accuracy, is_best)
            reporter.log(report)
            if fabric.is_global_zero:
                if is_best:
                    save_checkpoint(work_dir / BEST_FILE, kept.state_dict(), card)
                save_checkpoint(work_dir / LAST_FILE, kept.state_dict(), card)
                save_state(
                    work_dir,
                    TrainingState(
                        experiment=experiment,
                        seed=seed,
                        num_devices=fabric.world_size,
                        precision=precision_of(fabric),
                        epochs_done=epoch,
                        best=best,
                        weights=model.state_dict(),
                        optimizer=optimizer.state_dict(),
                        average=None if average is None else average.state_dict(),
                        loss_scaler=fabric.strategy.precision.state_dict(),
                        videos=digest,
                    ),
                )
            # After the state: who reads it may stop, and go on from there.
            reporter.say(report)
            if scores is not None and fabric.is_global_zero:
                if not warned and worth_judging(experiment, epoch, epoch * len(clips)):
                    warned = warn(chance_level(scores, val_labels, epoch))
                if epoch == settings.epochs and not warned:
                    warn(never_answered(experiment, scores, val_labels, labels_of(train_videos)))
            fabric.barrier()
    if best is None:
        return TrainingResult(None, work_dir / LAST_FILE, None)
    return TrainingResult(work_dir / BEST_FILE, work_dir / LAST_FILE, best[0])


def _train_epoch(
    experiment: Experiment,
    network: _FabricModule,
    optimizer: _FabricOptimizer,
    average: WeightAverage[PoseC3D] | None,
    clips: "DataLoader[Batch]",
    epoch: int,
    learning_rate: float,
    fabric: Fabric,
    reporter: Reporter,
) -> float:
    """Take one gradient step a batch and return the mean loss of a clip."""
    settings = experiment.training
    canvas = (experiment.clips.train_canvas, experiment.clips.train_canvas)
    num_steps = settings.epochs * len(clips)

    def steps() -> Iterator[tuple[int, Tensor, int]]:
        """Take the steps; give of each its number, the mean loss of a clip, and how many clips these are."""
        for step, batch in enumerate(clips, start=(epoch - 1) * len(clips)):
            for group in optimizer.param_groups:
                group["lr"] = learning_rate * settings.learning_rate_share(step, num_steps)
            keypoints, scores, labels = (part.to(fabric.device, non_blocking=True) for part in batch)
            clip, targets = mix_clips(
                keypoints[:, 0], scores[:, 0], labels, experiment.data.num_classes, settings.mixup
            )
            logits = network(*clip, canvas)
            loss = functional.cross_entropy(logits.float(), targets, label_smoothing=settings.label_smoothing)
            optimizer.zero_grad()
            fabric.backward(loss)
            if settings.clip_gradient is not None:
                fabric.clip_gradients(network, optimizer, max_norm=settings.clip_gradient, error_if_nonfinite=False)
            optimizer.step()
            if average is not None:
                average.update(network.module)
            yield step, loss.detach(), len(labels)

    total, num_clips = 0.0, 0
    network.train()
    with fastest_convolutions():
        for step, loss, size in each_after_the_next(steps()):
            value = float(loss)
            if value != value:
                raise ValueError(
                    f"the loss is not a number at step {step + 1} (epoch {epoch}); lower training.learning_rate "
                    f"({settings.learning_rate}), and look for wrong coordinates with `posec3d check`"
                )
            total, num_clips = total + value * size, num_clips + size
            reporter.step(epoch, value)
    if fabric.world_size == 1:  # Apple GPUs have no float64 to sum in.
        return total / num_clips
    summed = fabric.all_reduce(torch.tensor([total, num_clips], dtype=torch.float64), reduce_op="sum")
    return float(summed[0] / summed[1])


def _scored(
    experiment: Experiment, model: PoseC3D, videos: Sequence[Annotation], fabric: Fabric
) -> Float[np.ndarray, "N K"]:
    """Score one unmirrored clip a video. Every process does all of it: the same numbers without an exchange."""
    card = card_of(experiment)
    batches = views_loader(card, videos, num_clips=1, mirrored=False, batch_size=experiment.training.batch_size)
    with fabric.autocast():
        return score_videos(model, card, batches, views_at_once=experiment.training.batch_size)


def _clips_loader(
    experiment: Experiment,
    videos: Sequence[Annotation],
    order: EpochOrder,
    seed: int,
    fabric: Fabric,
    num_workers: int | None,
) -> "DataLoader[Batch]":
    clips, augmentation = experiment.clips, experiment.augmentation
    make_clip = partial(
        train_clip,
        skeleton=experiment.heatmaps.skeleton,
        length=clips.length,
        most_people=clips.most_people,
        seen_only=clips.crop_to == "seen",
        short_side=clips.train_short_side,
        area=clips.train_area,
        canvas=clips.train_canvas,
        mirror_probability=clips.train_mirror,
        shortest_part=augmentation.shortest_part,
        rotation=augmentation.rotation,
        noise=augmentation.noise,
        dropout=augmentation.dropout,
    )
    workers = default_workers(fabric.device) if num_workers is None else num_workers
    return DataLoader(
        TrainingClips(videos, make_clip, seed),  # type: ignore[arg-type]  # collate turns its samples into batches.
        batch_size=experiment.training.batch_size,
        sampler=order,
        collate_fn=collate,
        num_workers=workers,
        persistent_workers=workers > 0,
        pin_memory=fabric.device.type == "cuda",
        # A stream of its own: from torch's, a loader draws once an epoch without workers, and once a run with them.
        generator=torch.Generator(),
    )


def _say_what_started(start: Start, init: Path) -> None:
    said = f", but not {', '.join(start.left_out)} (of another shape)" if start.left_out else ""
    said += f", but not of {some(start.new_classes)}, which it does not know" if start.new_classes else ""
    _LOGGER.info("weights from %s%s", init, said)
