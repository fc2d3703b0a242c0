import copy
import pickle
from dataclasses import dataclass
from dataclasses import replace

import numpy as np
import pytest

from posec3d.annotations import Annotation
from posec3d.annotations import AnnotationSet
from posec3d.inference.segments import Segment
from posec3d.people import PeopleInFrame
from posec3d.people import PosedVideo
from posec3d.poses import Poses
from posec3d.runtime.values import ByValue
from posec3d.skeletons import get_skeleton


def keypoints(*size):
    return np.arange(np.prod(size), dtype=np.float32).reshape(size)


def values():
    frame = PeopleInFrame(0.5, keypoints(1, 17, 2), keypoints(1, 17), np.array([3]))
    return [
        Segment("clip", 0.0, 1.5, (1, 2), np.array([0.25, 0.75]), ("sit", "stand")),
        Annotation("clip", None, (10, 20), keypoints(1, 4, 17, 2), None),
        Poses(keypoints(1, 4, 17, 2), keypoints(1, 4, 17), (10, 20)),
        frame,
        PosedVideo("clip", (10, 20), get_skeleton("coco17"), 25.0, [frame, frame]),
    ]


@pytest.mark.parametrize("number", range(5))
def test_values_with_arrays_are_equal_by_value(number):
    value = values()[number]

    assert value == values()[number] == pickle.loads(pickle.dumps(value)) == copy.deepcopy(value)
    assert len({*values(), *values()}) == 5
    assert value in values()
    assert value != values()[number - 1]


@pytest.mark.parametrize(
    ("number", "other"),
    [
        (0, {"probabilities": np.array([0.25, 0.7])}),
        (0, {"people": None}),
        (1, {"scores": keypoints(1, 4, 17)}),
        (1, {"keypoints": keypoints(1, 5, 17, 2)}),
        (2, {"canvas": (20, 10)}),
        (3, {"ids": np.array([4])}),
        (4, {"frames": []}),
    ],
)
def test_a_field_that_differs_makes_another_value(number, other):
    assert values()[number] != replace(values()[number], **other)


def test_what_is_not_a_number_is_what_is_not_a_number():
    @dataclass(frozen=True, eq=False)
    class Measured(ByValue):
        numbers: np.ndarray

    assert Measured(np.array([1, np.nan])) == Measured(np.array([1, np.nan])) != Measured(np.array([1, 2.0]))
    assert Measured(np.array(["a"])) == Measured(np.array(["a"])) != Measured(np.array([np.nan]))
    assert replace(values()[0], end_seconds=float("nan")) == replace(values()[0], end_seconds=float("nan"))


@dataclass(frozen=True, eq=False)
class Anything(ByValue):
    name: str
    value: object


@pytest.mark.parametrize(
    ("one", "other"),
    [((1, 2), [np.int64(1), 2]), (1.5, np.float32(1.5)), (("a", "b"), ["a", "b"]), (3, np.int64(3)), (None, None)],
)
def test_what_is_equal_has_the_same_hash(one, other):
    assert len({Anything("a", one), Anything("a", other)}) == 1
    assert Anything("a", one) != Anything("b", other)


@pytest.mark.parametrize(("one", "other"), [("ab", ("a", "b")), (None, np.zeros(2)), ((1,), (1, 2)), ("1", 1)])
def test_values_of_different_kinds_differ_either_way(one, other):
    assert Anything("a", one) != Anything("a", other)
    assert Anything("a", other) != Anything("a", one)


def test_a_set_of_annotations_goes_to_other_processes():
    whole = AnnotationSet((values()[1],), {"train": ("clip",)}, ("sit", "stand"))

    assert pickle.loads(pickle.dumps(whole)) == copy.deepcopy(whole) == whole
