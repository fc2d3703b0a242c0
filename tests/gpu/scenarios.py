"""What posec3d does on a GPU, on an emulated one and on the processor: by how much its results differ.

Run as a process of its own; prints JSON: of each scenario the largest difference, or the traceback that ended it.
"""

import json
import sys
import traceback
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from emulated_gpu import EmulatedAccelerator
from emulated_gpu import GpuTensor
from emulated_gpu import emulated_gpu
from lightning_fabric import Fabric
from lightning_fabric.strategies import SingleDeviceStrategy
from safetensors.torch import load_file
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from posec3d import ActionRecognizer
from posec3d.annotations.translation import with_keypoints_of
from posec3d.checkpoints import build_model
from posec3d.evaluation.robustness import measure_robustness
from posec3d.evaluation.scoring import score_videos
from posec3d.evaluation.scoring import views_loader
from posec3d.experiment import Augmentation
from posec3d.experiment import Clips
from posec3d.experiment import Data
from posec3d.experiment import Experiment
from posec3d.experiment import Heatmaps
from posec3d.experiment import ModelCard
from posec3d.experiment import Network
from posec3d.experiment import Source
from posec3d.experiment import Training
from posec3d.inference.explanation import explain
from posec3d.inference.model_choice import choose_model
from posec3d.models.recognizer import HeatmapLayer
from posec3d.skeletons import get_skeleton
from posec3d.synthetic import make_annotations
from posec3d.training import loop

CPU = torch.device("cpu")
MOTIONS = ("squat", "walk", "wave")
VIDEOS = make_annotations(12, seed=0, motions=MOTIONS)
SMALL = Clips(length=8, train_short_side=20, train_canvas=16, test_canvas=16)
BACKBONES = {
    "slowonly": Network(backbone="slowonly", base_channels=4, stage_blocks=(1, 1), dropout=0.0),
    "c3d": Network(backbone="c3d", base_channels=4, stage_blocks=(1, 1), dropout=0.0),
    "x3d": Network(backbone="x3d", base_channels=4, stage_blocks=(1, 1), dropout=0.0),
}


def drawing(gpu, _folder):
    generator = torch.Generator().manual_seed(0)
    keypoints = torch.rand(2, 2, 8, 17, 2, generator=generator) * 30 - 5
    scores = torch.rand(2, 2, 8, 17, generator=generator)
    differences = []
    for settings in ({}, {"limbs": get_skeleton("coco17").limbs}, {"motion": True}):
        layer = HeatmapLayer(**settings)
        drawn = layer(keypoints.to(gpu), scores.to(gpu), (20, 24))
        assert drawn.device == gpu
        differences.append(difference(layer(keypoints, scores, (20, 24)), drawn))
    return max(differences)


def backbones(gpu, _folder):
    generator = torch.Generator().manual_seed(0)
    keypoints = torch.rand(2, 1, 8, 17, 2, generator=generator) * 24
    scores, labels = torch.ones(2, 1, 8, 17), torch.arange(2)
    differences = []
    for network in BACKBONES.values():
        models = []
        for device in (CPU, gpu):
            torch.manual_seed(0)
            model = build_model(card(network)).to(memory_format=torch.channels_last_3d).to(device)
            logits = model(keypoints.to(device), scores.to(device), (24, 24))
            functional.cross_entropy(logits, labels.to(device)).backward()
            models.append(model)
        gradients = zip(*(model.parameters() for model in models), strict=True)
        differences += [difference(here.grad, there.grad) for here, there in gradients]
    return max(differences)


def training_and_resuming(gpu, folder):
    everything = {"warmup_epochs": 1, "label_smoothing": 0.1, "mixup": 0.3, "average": 0.9, "optimizer": "adamw"}
    experiment = Experiment(
        data=Data(train=Source(annotations="made up"), num_classes=len(MOTIONS), classes=MOTIONS),
        network=BACKBONES["c3d"],
        clips=SMALL,
        augmentation=Augmentation(shortest_part=0.7, rotation=10.0, noise=0.02, dropout=0.1),
        training=Training(epochs=3, batch_size=4, learning_rate=0.01, **everything),
    )
    on_gpu = Fabric(strategy=SingleDeviceStrategy(device=gpu, accelerator=EmulatedAccelerator()))
    videos = VIDEOS.split("train"), VIDEOS.split("val")

    def trained(name, fabric, **options):
        loop.train(experiment, *videos, work_dir=folder / name, fabric=fabric, **options)
        return load_file(folder / name / "last.safetensors")

    whole = trained("whole", on_gpu)
    real = loop._train_epoch

    def cut(*arguments):
        if arguments[5] == 3:
            raise InterruptedError
        return real(*arguments)

    loop._train_epoch = cut
    try:
        trained("cut", on_gpu)
    except InterruptedError:
        loop._train_epoch = real
    resumed = trained("cut", on_gpu, resume=True)
    assert all(torch.equal(whole[name], resumed[name]) for name in whole), "a resumed run ends in other bits"
    on_cpu = trained("cpu", Fabric(accelerator="cpu"))
    return max(difference(on_cpu[name], whole[name]) for name in whole)


def waiting(gpu, folder):
    """Return how often more is waited for than for the loss of a step, and for the scores of a batch."""
    data = Data(train=Source(annotations="made up"), num_classes=len(MOTIONS), classes=MOTIONS)
    training = Training(epochs=1, batch_size=3, learning_rate=0.01)
    videos = VIDEOS.split("train")
    fabric = Fabric(strategy=SingleDeviceStrategy(device=gpu, accelerator=EmulatedAccelerator()))
    num_waits, real = {}, loop._train_epoch

    def counted(*arguments):
        with Waits() as waits:
            loss = real(*arguments)
        num_waits[arguments[0].heatmaps.kind] = waits.number
        return loss

    loop._train_epoch = counted
    for kind in ("keypoint", "limb"):
        experiment = Experiment(
            data=data, heatmaps=Heatmaps(kind=kind), network=BACKBONES["c3d"], clips=SMALL, training=training
        )
        loop.train(experiment, videos, None, work_dir=folder / kind, fabric=fabric)
    loop._train_epoch = real
    num_steps = -(-len(videos) // training.batch_size)
    assert num_waits["limb"] > num_waits["keypoint"], "limbs are waited for, which was not seen"

    its_card = card(BACKBONES["slowonly"])
    model = build_model(its_card).to(gpu)
    with Waits() as waits:
        score_videos(model, its_card, views_loader(its_card, videos, num_clips=2, mirrored=True))
    return float(abs(num_waits["keypoint"] - num_steps) + abs(waits.number - len(videos)))


class Waits(TorchDispatchMode):
    """Counts what needs a value that is on the device."""

    number = 0
    _FETCHES = (
        torch.ops.aten._local_scalar_dense.default,
        torch.ops.aten.nonzero.default,
        torch.ops.aten.repeat_interleave.Tensor,
    )

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func._can_decompose():
            with self:
                return func.decompose(*args, **kwargs)
        there = any(isinstance(one, GpuTensor) for one in tree_leaves((args, kwargs)))
        fetched = func is torch.ops.aten._to_copy.default and kwargs.get("device") == CPU
        self.number += there and (fetched or func in self._FETCHES)
        return func(*args, **kwargs)


def scoring(gpu, _folder):
    differences = []
    for network in BACKBONES.values():
        torch.manual_seed(0)
        model, videos = build_model(card(network)).eval(), VIDEOS.split("val")
        scores = []
        for device in (CPU, gpu):
            batches = views_loader(card(network), videos, num_clips=4, mirrored=True)
            scores.append(score_videos(model.to(device), card(network), batches, mirror_volumes=True))
        differences.append(float(np.abs(scores[0] - scores[1]).max()))
    return max(differences)


def recognition(gpu, _folder):
    video = VIDEOS.annotations[0]
    (here,), (there,) = (
        ActionRecognizer.load(["packaged", "packaged-coordinates"], device=device).recognize(video)
        for device in (CPU, gpu)
    )
    assert here.action == there.action
    return abs(here.score - there.score)


def explanation(gpu, _folder):
    model, its_card = choose_model("packaged")
    video = with_keypoints_of(its_card.heatmaps.skeleton, VIDEOS.annotations[0], get_skeleton("coco17"))
    here, there = (explain(model.to(device), its_card, video) for device in (CPU, gpu))
    return float(np.abs(here.importance - there.importance).max())


def robustness(gpu, _folder):
    torch.manual_seed(0)
    model, its_card = build_model(card(BACKBONES["c3d"])).eval(), card(BACKBONES["c3d"])
    videos = VIDEOS.split("val")
    here, there = (measure_robustness([(model.to(device), its_card)], videos, mirrored=True) for device in (CPU, gpu))
    return float(here != there)


def card(network):
    return ModelCard(heatmaps=Heatmaps(), network=network, clips=SMALL, num_classes=len(MOTIONS))


def difference(here, there):
    return float((here - there.cpu()).abs().max())


def main():
    results = {}
    with emulated_gpu() as gpu:
        for scenario in SCENARIOS:
            with TemporaryDirectory() as folder:
                try:
                    results[scenario.__name__] = scenario(gpu, Path(folder))
                except Exception:
                    results[scenario.__name__] = traceback.format_exc()
    sys.stdout.write(json.dumps(results))


SCENARIOS = (drawing, backbones, training_and_resuming, waiting, scoring, recognition, explanation, robustness)

if __name__ == "__main__":
    main()
