"""What the published experiments share, and a start for one's own data.

Numbers as in the configs of mmaction2 0.24.1, and for C3D-light and X3D-shallow as in those of pyskl.
"""

from dataclasses import replace
from typing import Literal

from posec3d.experiment import Augmentation
from posec3d.experiment import Backbone
from posec3d.experiment import Clips
from posec3d.experiment import Data
from posec3d.experiment import Experiment
from posec3d.experiment import Heatmaps
from posec3d.experiment import Network
from posec3d.experiment import Training
from posec3d.skeletons import Skeleton

Kind = Literal["keypoint", "limb", "motion"]
Recipe = Literal["small", "published"]

# For some hundred videos: what Penn Action was trained with. It needs more epochs than training without; at 150,
# nothing that was tried on JHMDB's true poses with 20 views was better (docs/results.md, "What was tried").
SMALL_DATA = Augmentation(rotation=10.0, noise=0.02, dropout=0.05, shortest_part=0.7)


def from_scratch(
    kind: Kind,
    data: Data,
    *,
    class_weights: tuple[float, ...] | None = None,
    best_by: Literal["top1", "mean_class"] = "top1",
) -> Experiment:
    """SlowOnly-R50 (4, 6, 3) for 240 epochs along a cosine: FineGYM and NTU RGB+D."""
    return Experiment(
        data=data,
        heatmaps=Heatmaps(kind=kind),
        training=Training(validate_every=10, class_weights=class_weights, best_by=best_by),
    )


def from_kinetics(kind: Kind, data: Data, *, weight_decay: float) -> Experiment:
    """SlowOnly-R50 (3, 4, 6) from Kinetics-400 weights, 120 epochs in steps: UCF101 and HMDB51."""
    return Experiment(
        data=data,
        heatmaps=Heatmaps(kind=kind),
        network=Network(stage_blocks=(3, 4, 6)),
        clips=Clips(train_canvas=48, test_canvas=56),
        training=Training(
            epochs=120, learning_rate=0.01, weight_decay=weight_decay, milestones=(90, 110), validate_every=10
        ),
        init="k400-keypoint",
    )


def light_from_scratch(
    kind: Kind, data: Data, *, backbone: Literal["c3d", "x3d"], best_by: Literal["top1", "mean_class"] = "top1"
) -> Experiment:
    """C3D-light or X3D-shallow as pyskl: 256 clips a step, 240 epochs along a cosine; tested on stretched clips."""
    return Experiment(
        data=data,
        heatmaps=Heatmaps(kind=kind, threshold=1e-3),
        network=Network(backbone=backbone),
        clips=Clips(test_fit="stretch", test_mirror="volume"),
        training=Training(
            batch_size=32, learning_rate=0.4, learning_rate_batch=256, validate_every=10, best_by=best_by
        ),
    )


def few_videos(
    kind: Kind,
    data: Data,
    *,
    skeleton: Skeleton,
    length: int,
    epochs: int,
    learning_rate: float = 0.6,
    most_people: int | None = None,
    class_weights: tuple[float, ...] | None = None,
) -> Experiment:
    """C3D-light of half the width on 24x24 pixels: some hundred to some thousand videos, in minutes on a processor."""
    experiment = own_data(
        kind, data, skeleton=skeleton, size="small", epochs=epochs, recipe="small", class_weights=class_weights
    )
    return replace(
        experiment,
        clips=replace(experiment.clips, length=length, most_people=most_people),
        training=replace(experiment.training, learning_rate=learning_rate, validate_every=10),
    )


def own_data(
    kind: Kind,
    data: Data,
    *,
    skeleton: Skeleton,
    size: Literal["small", "full"],
    epochs: int,
    backbone: Backbone | None = None,
    recipe: Recipe = "published",
    class_weights: tuple[float, ...] | None = None,
    mirrored: bool = True,
) -> Experiment:
    """A start for any annotation file.

    The published network ("full"), or one that a CPU trains in minutes ("small"): SlowOnly and C3D-light, unless
    another `backbone` is given. Trained as published, or as suits some hundred videos (recipe "small"): with more
    augmentation, smoothed labels and averaged weights.
    """
    small = size == "small"
    backbone = backbone or ("c3d" if small else "slowonly")
    # Few videos make few steps: smaller batches make more of them, and a higher rate makes more of each.
    training = Training(epochs=epochs, batch_size=8, learning_rate=0.6) if small else Training(epochs=epochs)
    if recipe == "small":
        training = replace(
            training, warmup_epochs=min(2, epochs - 1), label_smoothing=0.1, average=0.99, class_weights=class_weights
        )
    clips = _small_clips(backbone) if small else Clips()
    return Experiment(
        data=data,
        heatmaps=Heatmaps(kind=kind, skeleton=skeleton),
        network=_small_network(backbone) if small else Network(backbone=backbone),
        clips=clips if mirrored else replace(clips, train_mirror=0.0, test_mirror="none"),
        augmentation=SMALL_DATA if recipe == "small" else Augmentation(),
        training=training,
    )


def solved(data: Data, *, skeleton: Skeleton, mirrored: bool = True, copies: int = 2) -> Experiment:
    """The network rocket for any annotation file: whole videos at 64 moments, and noisy copies of each.

    docs/results.md ("Coordinates") has other lengths and other copies.
    """
    return Experiment(
        data=data,
        heatmaps=Heatmaps(skeleton=skeleton),
        network=Network(backbone="rocket"),
        clips=Clips(length=64, crop_to="seen", test_clips=1, test_mirror="keypoints" if mirrored else "none"),
        augmentation=Augmentation(noise=0.04, dropout=0.1, copies=copies) if copies else Augmentation(),
    )


def _small_network(backbone: Backbone) -> Network:
    if backbone == "slowonly":
        return Network(base_channels=16, stage_blocks=(2, 2, 2))
    # X3D-shallow is small as it was published.
    return Network(backbone=backbone, base_channels=16 if backbone == "c3d" else None)


def _small_clips(backbone: Backbone) -> Clips:
    """Return clips of few pixels. Tested on 36 after 32, a network loses half its accuracy: so on the same canvas.

    Keypoints that are not seen do not widen the crop: data sets guess them, and estimators are far off there.
    """
    canvas = 24 if backbone == "c3d" else 32
    return Clips(length=24, crop_to="seen", train_short_side=canvas * 9 // 8, train_canvas=canvas, test_canvas=canvas)
