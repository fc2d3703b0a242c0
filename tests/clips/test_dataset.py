from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import DataLoader

from posec3d.clips.dataset import EpochOrder
from posec3d.clips.dataset import TrainingClips
from posec3d.clips.dataset import collate
from posec3d.clips.pipeline import train_clip
from posec3d.poses import Poses
from posec3d.skeletons import get_skeleton
from posec3d.synthetic import make_annotations


def videos_of(order):
    return [draw.video for draw in order]


def test_an_epoch_sees_every_video_once_in_an_order_of_its_own():
    order = EpochOrder([0] * 20, seed=3)
    first = videos_of(order)
    order.epoch = 1

    assert sorted(first) == list(range(20))
    assert sorted(videos_of(order)) == list(range(20))
    assert first != videos_of(order)


def test_class_weights_say_how_often_a_class_is_seen():
    order = EpochOrder([0] * 10 + [1] * 10 + [2] * 10, seed=0, class_weights=[1.0, 2.0, 0.5])

    labels = [video // 10 for video in videos_of(order)]
    assert [labels.count(label) for label in range(3)] == [10, 20, 5]
    assert len(order) == 35


@given(st.integers(1, 50), st.integers(1, 7), st.integers(0, 1000))
def test_processes_share_an_epoch_evenly(num_videos, num_processes, seed):
    parts = [
        videos_of(EpochOrder([0] * num_videos, seed, process=process, num_processes=num_processes))
        for process in range(num_processes)
    ]

    assert {len(part) for part in parts} == {-(-num_videos // num_processes)}
    assert {video for part in parts for video in part} == set(range(num_videos))


@pytest.fixture(scope="module")
def clips():
    annotations = make_annotations(12, seed=0).annotations
    make_clip = partial(train_clip, skeleton=get_skeleton("coco17"), length=8, short_side=28, canvas=24)
    return TrainingClips(annotations, make_clip, seed=5)


def test_the_number_of_workers_changes_nothing(clips):
    def batches(num_workers):
        order = EpochOrder([0] * 12, seed=5)
        return list(DataLoader(clips, batch_size=4, sampler=order, collate_fn=collate, num_workers=num_workers))

    for alone, shared in zip(batches(0), batches(2), strict=True):
        for left, right in zip(alone, shared, strict=True):
            np.testing.assert_array_equal(left, right)


def test_the_same_video_is_another_clip_in_another_epoch(clips):
    order = EpochOrder([0] * 12, seed=5)
    draw = next(iter(order))

    first, second = clips[draw][0][0], clips[draw._replace(epoch=1)][0][0]

    assert not np.array_equal(first.keypoints, second.keypoints)


def test_people_are_filled_up_with_score_zero():
    def poses(num_people):
        shape = (num_people, 4, 5)
        return Poses(np.ones((*shape, 2), np.float32), np.ones(shape, np.float32), (8, 8))

    batch = collate([([poses(1)], 2), ([poses(3)], -1), ([poses(0)], 0)])

    assert batch.keypoints.shape == (3, 1, 3, 4, 5, 2)
    assert batch.scores.sum((2, 3, 4)).flatten().tolist() == [20, 60, 0]
    assert batch.scores.amax((1, 3, 4)).tolist() == [[1, 0, 0], [1, 1, 1], [0, 0, 0]]
    assert batch.labels.tolist() == [2, -1, 0]
