"""Every knob of an experiment on one page. Frozen, checked when built, and the same in Python and in JSON."""

import math
from dataclasses import field
from typing import Annotated
from typing import Literal

from pydantic import BeforeValidator
from pydantic import ConfigDict
from pydantic import Field
from pydantic import TypeAdapter
from pydantic import model_validator
from pydantic.dataclasses import dataclass

from posec3d.skeletons import Skeleton
from posec3d.skeletons import get_skeleton

_STRICT = ConfigDict(extra="forbid", arbitrary_types_allowed=True, allow_inf_nan=False)
_Positive = Annotated[int, Field(ge=1)]
_Share = Annotated[float, Field(ge=0, le=1)]
_ShareAboveZero = Annotated[float, Field(gt=0, le=1)]
Backbone = Literal["slowonly", "c3d", "x3d", "rocket"]


def _named_skeleton(value: object) -> object:
    """Let a skeleton be given by its name in the table."""
    try:
        return get_skeleton(value) if isinstance(value, str) else value
    except KeyError as error:
        raise ValueError(error.args[0]) from None


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Source:
    """Videos of one annotation file: all of them, or those of one `split` of it."""

    annotations: str
    split: str | None = None


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Data:
    """What is learnt from and measured on. Labels are 0..num_classes-1; `classes` are their names, in that order.

    Without `val`, the share `held_out` of each class of the training videos validates instead of training. Without
    `test`, testing is done on what validates.
    """

    train: Source
    val: Source | None = None
    test: Source | None = None
    held_out: Annotated[float, Field(gt=0, lt=1)] = 0.1
    num_classes: Annotated[int, Field(ge=2)]
    classes: tuple[str, ...] | None = None

    @model_validator(mode="after")
    def _names_fit(self) -> "Data":
        if self.classes is not None and len(self.classes) != self.num_classes:
            raise ValueError(
                f"{len(self.classes)} names in classes, but num_classes is {self.num_classes}; make them equal"
            )
        return self


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Heatmaps:
    """What is drawn: a channel for each keypoint or for each limb of the skeleton, in the skeleton's order.

    Of the kind "motion" four more for each keypoint, which say how fast it moves right, left, down and up.
    `sigma` is in pixels of the canvas; scores below `threshold` are not drawn (mmaction2 1e-4, pyskl 1e-3).
    """

    kind: Literal["keypoint", "limb", "motion"] = "keypoint"
    skeleton: Annotated[Skeleton, BeforeValidator(_named_skeleton)] = field(
        default_factory=lambda: get_skeleton("coco17")
    )
    sigma: Annotated[float, Field(gt=0)] = 0.6
    threshold: _Share = 1e-4

    @model_validator(mode="after")
    def _limbs_are_there(self) -> "Heatmaps":
        if self.kind == "limb" and not self.skeleton.limbs:
            raise ValueError(f"skeleton {self.skeleton.name!r} has no limbs to draw; give it some, or draw keypoints")
        return self

    @property
    def limbs(self) -> tuple[tuple[int, int], ...] | None:
        """The limbs that are drawn; None where keypoints are."""
        return self.skeleton.limbs if self.kind == "limb" else None

    @property
    def mirrored_channels(self) -> tuple[int, ...]:
        """For each channel, the one that takes its place when the volume is mirrored."""
        if self.kind == "limb":
            return self.skeleton.mirrored_limbs
        # As `posec3d.motion` orders them: keypoints, then what moves right, left, down and up.
        groups = (0, 2, 1, 3, 4) if self.kind == "motion" else (0,)
        size = self.skeleton.num_keypoints
        return tuple(group * size + keypoint for group in groups for keypoint in self.skeleton.mirrored_keypoints)


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Network:
    """The backbone and its size; as published where no size is given.

    `base_channels` is how many channels the first layer gives: 32, for "x3d" 24. `stage_blocks` is the number of
    residual blocks in each stage: (4, 6, 3) for "slowonly", (2, 5, 3) for "x3d" (X3D-shallow); for "c3d", that of
    convolutions: (1, 1, 2, 2) (C3D-light). `temporal_strides`, one a stage, say by how much stages divide time:
    (1, 1, 2) for "slowonly", else 1 in each.

    "rocket" draws nothing and has one size: it looks at the coordinates of whoever is seen best, over a whole video,
    and is solved for instead of trained (`posec3d.models.rocket`).
    """

    backbone: Backbone = "slowonly"
    base_channels: _Positive | None = None
    stage_blocks: Annotated[tuple[_Positive, ...], Field(min_length=1)] | None = None
    temporal_strides: Annotated[tuple[_Positive, ...], Field(min_length=1)] | None = None
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.5

    @model_validator(mode="after")
    def _rocket_has_one_size(self) -> "Network":
        for name in ("base_channels", "stage_blocks", "temporal_strides"):
            value = getattr(self, name)
            if self.backbone == "rocket" and value is not None:
                raise ValueError(f"network.{name}={value} changes nothing in the network rocket; leave it out")
        return self


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Clips:
    """How clips are taken from a video: `length` frames, cropped to the people, on a square canvas of pixels.

    `crop_to` "given" widens the crop by guessed keypoints with score 0, as mmaction2 does; "seen" does not. Training
    scales the short side to `train_short_side`, cuts a rectangle with a share of the area within `train_area`, and
    stretches it to `train_canvas`. Testing scales to `test_canvas` and cuts the middle ("crop"), or stretches
    ("stretch", pyskl). `test_clips` clips a video are scored, each also mirrored: by drawing mirrored "keypoints"
    (mmaction2 0.x), by mirroring the drawn "volume" (mmaction2 1.x, pyskl), or "none". Validation takes one clip,
    not mirrored. Of all people in a video the `most_people` who are seen best are looked at, everybody without it.
    """

    length: _Positive = 48
    most_people: _Positive | None = None
    crop_to: Literal["given", "seen"] = "given"
    train_short_side: _Positive = 64
    train_area: tuple[_ShareAboveZero, _ShareAboveZero] = (0.56, 1.0)
    train_canvas: _Positive = 56
    train_mirror: _Share = 0.5
    test_canvas: _Positive = 64
    test_fit: Literal["crop", "stretch"] = "crop"
    test_clips: _Positive = 10
    test_mirror: Literal["keypoints", "volume", "none"] = "keypoints"


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Augmentation:
    """Random changes of training clips beyond those of the paper, which are in `Clips`; none of them by default.

    A clip is taken from a part of the video that is between `shortest_part` of it and all of it; turned by up to
    `rotation` degrees; each of its keypoints moved by a normal distribution with a standard deviation of up to `noise`
    of the person's height, and made missing with probability `dropout`. Rules in `posec3d.clips.augmentation`.

    Networks that are trained step by step see other changes in each epoch; one that is solved for, rocket, sees so many
    changed `copies` of each video besides the video itself.
    """

    shortest_part: Annotated[float, Field(gt=0, le=1)] = 1.0
    rotation: Annotated[float, Field(ge=0, le=180)] = 0.0
    noise: _Share = 0.0
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    copies: Annotated[int, Field(ge=0)] = 0


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Training:
    """Gradient descent, by default with momentum, and its schedule.

    `batch_size` is clips a device. `learning_rate` holds for `learning_rate_batch` clips a step over all devices and is
    scaled to the actual number (linear scaling rule, arXiv 1706.02677) while `scale_learning_rate`. It falls along a
    cosine to 0 with every step, or by a tenth at each epoch of `milestones`. `class_weights` say how often each class
    is seen in an epoch (mmaction2 0.x `class_prob`).

    Not in the paper, and off by default: `optimizer` "adamw" (arXiv 1711.05101; `momentum` is its first beta);
    `warmup_epochs` in which the rate rises from 0; `label_smoothing` (arXiv 1512.00567); `mixup`, the alpha of
    Beta(alpha, alpha) by which two clips are mixed (arXiv 1710.09412; see `posec3d.training.mixing`); `average`, the
    decay a step of a moving average of the weights, which is what is validated and kept.
    """

    epochs: _Positive = 240
    batch_size: _Positive = 16
    optimizer: Literal["sgd", "adamw"] = "sgd"
    learning_rate: Annotated[float, Field(gt=0)] = 0.2
    learning_rate_batch: _Positive = 128
    scale_learning_rate: bool = True
    momentum: _Share = 0.9
    weight_decay: Annotated[float, Field(ge=0)] = 3e-4
    warmup_epochs: Annotated[int, Field(ge=0)] = 0
    milestones: tuple[_Positive, ...] | None = None
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    mixup: Annotated[float, Field(ge=0)] = 0.0
    average: Annotated[float, Field(ge=0, lt=1)] = 0.0
    clip_gradient: Annotated[float, Field(gt=0)] | None = 40.0
    class_weights: tuple[Annotated[float, Field(gt=0)], ...] | None = None
    validate_every: _Positive = 1
    best_by: Literal["top1", "mean_class"] = "top1"

    def scaled_learning_rate(self, num_devices: int) -> float:
        """Return the learning rate that suits `batch_size` clips on each of `num_devices` devices."""
        if not self.scale_learning_rate:
            return self.learning_rate
        return self.learning_rate * self.batch_size * num_devices / self.learning_rate_batch

    def learning_rate_share(self, step: int, num_steps: int) -> float:
        """Return the share, 0 to 1, of the learning rate that holds at a step of `num_steps` in the whole training."""
        warm = num_steps * self.warmup_epochs // self.epochs
        if step < warm:
            return (step + 1) / warm
        if self.milestones is None:
            return 0.5 * (1 + math.cos(math.pi * (step - warm) / max(num_steps - warm, 1)))
        epoch = step * self.epochs // num_steps
        return float(0.1 ** sum(epoch >= milestone for milestone in self.milestones))


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Experiment:
    """One experiment, whole. `init` names the checkpoint, a file or a published one, that training starts from."""

    data: Data
    heatmaps: Heatmaps = field(default_factory=Heatmaps)
    network: Network = field(default_factory=Network)
    clips: Clips = field(default_factory=Clips)
    augmentation: Augmentation = field(default_factory=Augmentation)
    training: Training = field(default_factory=Training)
    init: str | None = None

    @model_validator(mode="after")
    def _weights_fit(self) -> "Experiment":
        weights = self.training.class_weights
        if weights is not None and len(weights) != self.data.num_classes:
            raise ValueError(
                f"training.class_weights has {len(weights)} numbers, but data.num_classes is {self.data.num_classes}; "
                "give one a class"
            )
        return self

    @model_validator(mode="after")
    def _copies_are_looked_at(self) -> "Experiment":
        if self.augmentation.copies and self.network.backbone != "rocket":
            raise ValueError(
                f"augmentation.copies={self.augmentation.copies}: only the network rocket looks at copies, others see "
                "each clip changed anew; leave it out"
            )
        return self


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class ModelCard:
    """All that a checkpoint needs to be run without its experiment: what goes in, the network, and what comes out."""

    heatmaps: Heatmaps
    network: Network
    clips: Clips
    num_classes: _Positive
    classes: tuple[str, ...] | None = None

    @property
    def follows_people(self) -> bool:
        """Whether it matters whose row is whose: for how somebody moves, or for whom to look at, not for heatmaps."""
        moves = self.heatmaps.kind == "motion" or self.network.backbone == "rocket"
        return moves or self.clips.most_people is not None

    @property
    def most_people(self) -> int | None:
        """How many people are looked at together, at most; None: everybody."""
        return 1 if self.network.backbone == "rocket" else self.clips.most_people

    def class_name(self, label: int) -> str:
        """Return the name of a class; its number when classes have no names."""
        return self.classes[label] if self.classes else str(label)


def card_of(experiment: Experiment) -> ModelCard:
    """Return the part of an experiment that travels with its weights."""
    return ModelCard(
        heatmaps=experiment.heatmaps,
        network=experiment.network,
        clips=experiment.clips,
        num_classes=experiment.data.num_classes,
        classes=experiment.data.classes,
    )


def experiment_json(experiment: Experiment) -> str:
    """Return the experiment as indented JSON."""
    return TypeAdapter(Experiment).dump_json(experiment, indent=2).decode()
