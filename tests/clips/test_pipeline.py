import numpy as np
import pytest

from posec3d.annotations import Annotation
from posec3d.clips.geometry import mirror
from posec3d.clips.pipeline import scored_views
from posec3d.clips.pipeline import train_clip
from posec3d.skeletons import get_skeleton

COCO = get_skeleton("coco17")


@pytest.fixture
def annotation(poses):
    keypoints = np.tile(poses.keypoints, (1, 40, 1, 1))
    return Annotation("video", 3, poses.canvas, keypoints, np.tile(poses.scores, (1, 40, 1)))


def test_a_training_clip_depends_on_its_stream_alone(annotation):
    first, again, other = (
        train_clip(annotation, np.random.RandomState(seed), skeleton=COCO, length=16, canvas=32) for seed in (1, 1, 2)
    )

    np.testing.assert_array_equal(first.keypoints, again.keypoints)
    assert first.keypoints.shape == (2, 16, 17, 2)
    assert first.canvas == (32, 32)
    assert not np.array_equal(first.keypoints, other.keypoints)


def test_views_are_the_clips_and_then_their_mirrors(annotation):
    views = scored_views(annotation, skeleton=COCO, length=16, num_clips=3, canvas=36)

    assert len(views) == 6
    assert {view.keypoints.shape for view in views} == {(2, 16, 17, 2)}
    for plain, mirrored in zip(views[:3], views[3:], strict=True):
        np.testing.assert_array_equal(mirrored.keypoints, mirror(plain, COCO).keypoints)


def test_stretching_keeps_everybody_on_the_canvas(annotation):
    view = scored_views(annotation, skeleton=COCO, num_clips=1, canvas=64, fit="stretch", mirrored=False)[0]

    seen = view.keypoints[view.scores > 0]
    assert view.canvas == (64, 64)
    assert (seen >= 0).all()
    assert (seen <= 64).all()


def test_a_video_without_people_gives_clips_all_the_same(annotation):
    empty = Annotation("empty", 0, (240, 320), annotation.keypoints[:0], None)

    view = scored_views(empty, skeleton=COCO, num_clips=1, mirrored=False)[0]

    assert view.keypoints.shape == (0, 48, 17, 2)
