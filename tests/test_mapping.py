import logging

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posec3d.mapping import _DERIVED
from posec3d.mapping import map_keypoints
from posec3d.mapping import map_people
from posec3d.people import PeopleInFrame
from posec3d.people import PosedVideo
from posec3d.skeletons import SKELETONS
from posec3d.skeletons import Skeleton
from posec3d.skeletons import get_skeleton
from posec3d.skeletons import mirrored_name
from posec3d.skeletons import side_of

COCO = get_skeleton("coco17")


def poses(skeleton, num_people=2, seed=0):
    rng = np.random.default_rng(seed)
    keypoints = rng.uniform(1, 99, (num_people, skeleton.num_keypoints, 2)).astype(np.float32)
    scores = rng.uniform(0.1, 1, keypoints.shape[:-1]).astype(np.float32)
    keypoints.flags.writeable = scores.flags.writeable = False
    return keypoints, scores


def video(skeleton, counts=(2, 0, 1)):
    frames = [
        PeopleInFrame(time / 25, *poses(skeleton, count, seed=time), np.arange(count))
        for time, count in enumerate(counts)
    ]
    return PosedVideo("clip", (100, 100), skeleton, 25.0, frames)


def possible(source, target):
    try:
        map_keypoints(*poses(source), source, target)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("name", ["openpose18", "openpose25", "halpe26", "mediapipe33"])
def test_other_programs_bodies_have_every_keypoint_of_coco(name):
    source = get_skeleton(name)
    keypoints, scores = poses(source)

    mapped, mapped_scores = map_keypoints(keypoints, scores, source, COCO)

    order = [source.keypoints.index(keypoint) for keypoint in COCO.keypoints]
    np.testing.assert_array_equal(mapped, keypoints[:, order])
    np.testing.assert_array_equal(mapped_scores, scores[:, order])


def test_a_midpoint_is_as_sure_as_the_less_sure_of_its_ends():
    target = Skeleton("target", ("neck", "thorax", "mid_hip", "belly"), ())
    source = Skeleton("source", ("l_shoulder", "r_shoulder", "l_hip", "r_hip"), ())
    keypoints = np.array([[10, 20], [30, 40], [10, 60], [20, 80]], np.float32)
    scores = np.array([0.9, 0.5, 0.25, 0.75], np.float32)

    mapped, mapped_scores = map_keypoints(keypoints, scores, source, target)

    np.testing.assert_array_equal(mapped, [[20, 30], [20, 30], [15, 70], [17.5, 50]])
    np.testing.assert_array_equal(mapped_scores, np.array([0.5, 0.5, 0.25, 0.25], np.float32))


def test_a_midpoint_with_a_missing_end_is_missing():
    target = Skeleton("target", ("neck",), ())
    source = Skeleton("source", ("left_shoulder", "right_shoulder"), ())

    mapped, scores = map_keypoints(np.float32([[10, 20], [0, 0]]), np.float32([0.9, 0]), source, target)

    assert mapped.tolist() == [[0, 0]]
    assert scores.tolist() == [0]


@pytest.mark.parametrize(
    ("source", "target", "keypoint", "found"),
    [
        ("penn13", "coco17", "nose", "head"),
        ("jhmdb15", "penn13", "head", "face"),
        ("coco17", "jhmdb15", "face", "nose"),
        ("ntu25", "openpose25", "mid_hip", "spine_base"),
        ("ntu25", "h36m17", "spine", "spine_middle"),
        ("ntu25", "h36m17", "thorax", "spine"),  # Kinect's "spine" is where it meets the shoulders
        ("h36m17", "ntu25", "spine", "thorax"),
        ("openpose25", "h36m17", "thorax", "neck"),
        ("mediapipe33", "openpose25", "left_big_toe", "left_foot_index"),
    ],
)
def test_the_nearest_keypoint_stands_in(source, target, keypoint, found):
    source = get_skeleton(source)
    only = Skeleton("only", tuple(k for k in get_skeleton(target).keypoints if k in (keypoint, "spine_middle")), ())
    keypoints, scores = poses(source)

    mapped, _ = map_keypoints(keypoints, scores, source, only)

    np.testing.assert_array_equal(
        mapped[:, only.keypoints.index(keypoint)], keypoints[:, source.keypoints.index(found)]
    )


def test_eyes_and_ears_may_be_missing_and_are_logged_once(caplog):
    penn = video(get_skeleton("penn13"))

    with caplog.at_level(logging.WARNING):
        mapped = map_people(penn, COCO)

    assert caplog.messages == [
        "clip: skeleton penn13 lacks left_eye, right_eye, left_ear, right_ear of coco17, which count as never seen"
    ]
    assert (mapped.frames[0].scores[:, 1:5] == 0).all()
    assert (mapped.frames[0].keypoints[:, 1:5] == 0).all()
    assert (mapped.frames[0].scores[:, [0, *range(5, 17)]] > 0).all()


def test_every_other_missing_keypoint_is_named():
    with pytest.raises(
        ValueError, match=r"poses of skeleton 'penn13' lack left_big_toe, left_small_toe, left_heel, .*'openpose25'"
    ):
        map_people(video(get_skeleton("penn13")), get_skeleton("openpose25"))


def test_frames_keep_their_times_and_people():
    halpe = video(get_skeleton("halpe26"))

    mapped = map_people(halpe, COCO)

    assert mapped.skeleton == COCO
    assert (mapped.name, mapped.canvas, mapped.frames_per_second) == ("clip", (100, 100), 25.0)
    for before, after in zip(halpe.frames, mapped.frames, strict=True):
        assert after.seconds == before.seconds
        assert after.ids.tolist() == before.ids.tolist()
        np.testing.assert_array_equal(after.keypoints, before.keypoints[:, :17])
        np.testing.assert_array_equal(after.scores, before.scores[:, :17])


@pytest.mark.parametrize("counts", [(), (0,), (0, 0)])
def test_a_video_of_nobody_is_mapped_as_well(counts):
    mapped = map_people(video(get_skeleton("openpose25"), counts), COCO)

    assert [frame.keypoints.shape for frame in mapped.frames] == [(0, 17, 2)] * len(counts)


def test_the_same_skeleton_gives_the_same_video():
    coco = video(COCO)

    assert map_people(coco, COCO) is coco


def test_other_limbs_leave_the_people_alone():
    coco = video(COCO)

    mapped = map_people(coco, get_skeleton("coco17_default_limbs"))

    assert mapped.skeleton.name == "coco17_default_limbs"
    assert mapped.frames is coco.frames


def test_what_stands_in_is_the_same_on_both_sides():
    for name, ways in _DERIVED.items():
        mirrored = [sorted(mirrored_name(part) for part in way) for way in ways]
        assert mirrored == [sorted(way) for way in _DERIVED[mirrored_name(name)]]
        assert side_of(name) is None or {side_of(part) for way in ways for part in way} == {side_of(name)}


PAIRS = [(a, b) for a in SKELETONS.values() for b in SKELETONS.values() if possible(a, b)]


@given(st.sampled_from(PAIRS), st.integers(0, 2**32 - 1))
def test_mapping_a_mirrored_body_is_mirroring_the_mapped_one(pair, seed):
    source, target = pair
    keypoints, scores = poses(source, seed=seed)
    mirror, mapped_mirror = list(source.mirrored_keypoints), list(target.mirrored_keypoints)

    mapped, mapped_scores = map_keypoints(keypoints, scores, source, target)
    mirrored, mirrored_scores = map_keypoints(keypoints[:, mirror], scores[:, mirror], source, target)

    # Sums of four in another order differ in the last bit of float32.
    np.testing.assert_allclose(mirrored, mapped[:, mapped_mirror], rtol=1e-6)
    np.testing.assert_array_equal(mirrored_scores, mapped_scores[:, mapped_mirror])


@given(st.permutations(range(17)), st.integers(0, 2**32 - 1))
def test_the_order_of_keypoints_in_the_source_does_not_matter(order, seed):
    keypoints, scores = poses(COCO, seed=seed)
    shuffled = Skeleton("shuffled", tuple(COCO.keypoints[i] for i in order), ())

    mapped, mapped_scores = map_keypoints(keypoints[:, order], scores[:, order], shuffled, COCO)

    np.testing.assert_array_equal(mapped, keypoints)
    np.testing.assert_array_equal(mapped_scores, scores)


def test_what_is_not_a_number_is_missing_and_spreads_to_nothing():
    source, target = get_skeleton("openpose25"), get_skeleton("coco17")
    keypoints, scores = (values.copy() for values in poses(source))
    expected, _ = map_keypoints(keypoints, scores, source, target)
    keypoints[0, source.keypoints.index("left_wrist")] = np.nan
    scores[1, source.keypoints.index("left_elbow")] = np.inf

    mapped, mapped_scores = map_keypoints(keypoints, scores, source, target)

    gone = np.zeros(mapped_scores.shape, bool)
    gone[0, target.keypoints.index("left_wrist")] = gone[1, target.keypoints.index("left_elbow")] = True
    assert not mapped_scores[gone].any()
    assert not mapped[gone].any()
    np.testing.assert_array_equal(mapped[~gone], expected[~gone])
