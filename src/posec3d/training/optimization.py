"""What takes the steps: the optimizer and its learning rate."""

import logging

import torch
from torch import nn

from posec3d.experiment import Training

_LOGGER = logging.getLogger(__name__)


def make_optimizer(settings: Training, model: nn.Module, learning_rate: float) -> torch.optim.Optimizer:
    """Return the optimizer that an experiment asks for, over all parameters of a model."""
    if settings.optimizer == "adamw":
        betas = (settings.momentum, 0.999)
        return torch.optim.AdamW(model.parameters(), learning_rate, betas, weight_decay=settings.weight_decay)
    return torch.optim.SGD(
        model.parameters(), learning_rate, momentum=settings.momentum, weight_decay=settings.weight_decay
    )


def say_learning_rate(settings: Training, num_devices: int) -> None:
    """Log the learning rate, and how it comes about."""
    if settings.scale_learning_rate:
        _LOGGER.info(
            "learning rate %.6g = %g x %d clips a step / %d (linear scaling rule; --no-scale-lr keeps %g)",
            settings.scaled_learning_rate(num_devices),
            settings.learning_rate,
            settings.batch_size * num_devices,
            settings.learning_rate_batch,
            settings.learning_rate,
        )
    else:
        _LOGGER.info("learning rate %.6g, not scaled to the batch", settings.learning_rate)
