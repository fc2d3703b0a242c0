import torch
from torch import nn

from posec3d.training.averaging import WeightAverage


def model_with(value):
    model = nn.Sequential(nn.Linear(1, 1, bias=False), nn.BatchNorm1d(1))
    with torch.no_grad():
        model[0].weight.fill_(value)
        model[1].running_mean.fill_(10 * value)
    return model


def test_the_average_follows_at_once_and_then_ever_more_slowly():
    average = WeightAverage(model_with(5.0), 0.5)
    expected = None
    for step, value in enumerate([1.0, 2.0, 3.0, 4.0]):
        average.update(model_with(value))
        decay = min(0.5, (1 + step) / (10 + step))
        expected = value if expected is None else decay * expected + (1 - decay) * value
        torch.testing.assert_close(average.model[0].weight, torch.tensor([[expected]]))
        # The statistics of the normalisation belong to the weights.
        torch.testing.assert_close(average.model[1].running_mean, torch.tensor([10 * expected]))


def test_it_goes_on_from_its_state():
    one, two = WeightAverage(model_with(0.0), 0.9), WeightAverage(model_with(7.0), 0.9)
    for value in (1.0, 2.0):
        one.update(model_with(value))
    two.load_state_dict(one.state_dict())
    for average in (one, two):
        average.update(model_with(3.0))
    assert torch.equal(one.model[0].weight, two.model[0].weight)
