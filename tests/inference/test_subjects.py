from dataclasses import replace

import numpy as np
import pytest

from posec3d.inference.subjects import looked_at
from posec3d.inference.subjects import pairs_of_whole
from posec3d.inference.subjects import spans_of
from posec3d.inference.subjects import subjects_of
from posec3d.people import PeopleInFrame
from posec3d.people import PosedVideo
from posec3d.skeletons import Skeleton


def frame(people):
    """People by id: 10 pixels wide and 40 high, with their left edge at this x."""
    box = np.array([[0, 0], [10, 0], [0, 40], [10, 40]], np.float32)
    keypoints = np.array([box + np.array([left, 0]) for left in people.values()], np.float32).reshape(-1, 4, 2)
    return PeopleInFrame(0.0, keypoints, np.ones((len(people), 4), np.float32), np.array(list(people), np.int64))


def subjects(frames, people):
    return subjects_of(frames, people, num_keypoints=4, canvas=(100, 200))


@pytest.mark.parametrize(
    ("most_people", "kept"),
    [([1, 1], range(2, 10)), ([9, 1], range(1, 10)), ([1, None], range(10)), ([None], range(10))],
)
def test_of_many_those_are_left_whom_a_network_may_look_at(most_people, kept):
    # The higher the number, the larger.
    people = frame({identity: 20 * identity for identity in range(10)})
    people = replace(people, keypoints=people.keypoints * np.float32(1 + people.ids)[:, None, None])
    video = PosedVideo("clip", (100, 200), Skeleton("box", tuple("abcd"), ()), 25.0, [people] * 4)

    found = looked_at(video, most_people)

    assert [one.ids.tolist() for one in found.frames] == [list(kept)] * 4


def test_everybody_is_one_subject():
    found = subjects([frame({1: 0, 2: 50}), frame({2: 50})], "scene")

    assert list(found) == [None]
    assert found[None].keypoints.shape == (2, 2, 4, 2)


@pytest.mark.parametrize(
    ("num_frames_of_two", "num_frames", "expected"),
    [
        (2, 5, [(1,)]),  # in fewer than three frames
        (3, 5, [(1,), (2,)]),
        (4, 20, [(1,)]),  # in less than a quarter
        (5, 20, [(1,), (2,)]),
        (0, 5, [(1,)]),
        (1, 1, [(1,), (2,)]),  # more frames there are not
    ],
)
def test_people_are_judged_if_they_are_seen_for_a_while(num_frames_of_two, num_frames, expected):
    frames = [frame({1: 0, 2: 50} if time < num_frames_of_two else {1: 0}) for time in range(num_frames)]

    found = subjects(frames, "each")

    assert list(found) == expected
    assert all(annotation.keypoints.shape == (1, num_frames, 4, 2) for annotation in found.values())


@pytest.mark.parametrize(
    ("left_of_two", "near"),
    [
        (0, True),  # in the same place
        (30, True),  # a gap of 20 = half of 40
        (31, False),
    ],
)
def test_two_people_are_a_pair_up_to_half_their_height_apart(left_of_two, near):
    frames = [frame({2: left_of_two, 1: 0})] * 4

    assert list(subjects(frames, "pairs")) == [(1, 2)] * near


def test_beside_a_child_the_height_of_the_taller_one_counts():
    tall, small = frame({1: 0, 2: 29}).keypoints
    small[:, 1] /= 2
    frames = [PeopleInFrame(0.0, np.stack([tall, small]), np.ones((2, 4), np.float32), np.array([1, 2]))] * 4

    assert list(subjects(frames, "pairs")) == [(1, 2)]


def test_people_who_never_meet_in_a_frame_are_no_pair():
    assert subjects([frame({1: 0})] * 4 + [frame({2: 0})] * 4, "pairs") == {}


@pytest.mark.parametrize(
    ("num_frames_of_two", "near_for", "expected"),
    [
        (8, 8, [(1, 2)]),  # all of what they share, if little of the 100 frames
        (8, 2, []),  # for two frames
        (2, 2, []),
        (40, 10, [(1, 2)]),  # a quarter of what they share
        (40, 9, []),
    ],
)
def test_a_pair_of_a_whole_video_is_near_for_a_quarter_of_the_time_that_both_are_there(
    num_frames_of_two, near_for, expected
):
    frames = [frame({1: 0})] * 50 + [frame({2: 0 if i < near_for else 99, 1: 0}) for i in range(num_frames_of_two)]
    frames += [frame({1: 0})] * (100 - len(frames))

    found = pairs_of_whole(frames, num_keypoints=4, canvas=(100, 200))

    assert list(found) == expected
    assert all(annotation.keypoints.shape == (2, num_frames_of_two, 4, 2) for annotation in found.values())


def test_people_of_other_times_are_no_pair():
    frames = [frame({1: 0})] * 4 + [frame({2: 0})] * 4

    assert pairs_of_whole(frames, num_keypoints=4, canvas=(100, 200)) == {}


@pytest.mark.parametrize("people", ["scene", "each", "pairs"])
def test_nobody_is_no_subject(people):
    assert subjects([frame({})] * 3, people) == {}


def test_a_span_is_from_the_first_to_after_the_last_frame():
    assert spans_of([frame({1: 0}), frame({}), frame({1: 0, 2: 0})]) == {1: (0, 3), 2: (2, 3)}
