"""A moving average of the weights as training goes: steadier than the weights of any one step."""

from collections.abc import Mapping
from typing import Any
from typing import Generic
from typing import TypeVar

from torch import nn
from torch.optim.swa_utils import AveragedModel
from torch.optim.swa_utils import get_ema_multi_avg_fn

Model = TypeVar("Model", bound=nn.Module)


class WeightAverage(Generic[Model]):
    """The exponential moving average of a model's parameters and of its normalisation's statistics.

    After each step it keeps `decay` of itself and takes the rest from the model. The first step is taken whole, and the
    next ones by more than the rest, so that it follows at once: step n keeps at most (1 + n) / (10 + n), as
    TensorFlow's `ExponentialMovingAverage` with `num_updates` does.
    """

    def __init__(self, model: Model, decay: float) -> None:
        self.decay = decay
        # Which average is taken is said with each update.
        self._averaged = AveragedModel(model, use_buffers=True, multi_avg_fn=get_ema_multi_avg_fn())  # type: ignore[no-untyped-call]

    @property
    def model(self) -> Model:
        """The model with the averaged weights."""
        module: Model = self._averaged.module  # type: ignore[assignment]
        return module

    def update(self, model: nn.Module) -> None:
        """Take in the weights after one more step."""
        steps = int(self._averaged.n_averaged)
        decay = min(self.decay, (1 + steps) / (10 + steps))
        self._averaged.multi_avg_fn = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
        self._averaged.update_parameters(model)

    def state_dict(self) -> dict[str, Any]:
        """Return what `load_state_dict` goes on from."""
        return dict(self._averaged.state_dict())

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from the state of another average."""
        self._averaged.load_state_dict(state)
