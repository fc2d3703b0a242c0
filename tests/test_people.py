import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posec3d.people import UNKNOWN
from posec3d.people import PeopleInFrame
from posec3d.people import share_identities
from posec3d.people import stack_people
from posec3d.people import unstack_people


def frame(seconds, people):
    """People by id, each at (id, id) with score 0.5."""
    ids = np.array(list(people), np.int64)
    keypoints = np.repeat(ids[:, None, None], 3, axis=1).repeat(2, axis=2).astype(np.float32)
    return PeopleInFrame(float(seconds), keypoints, np.full((len(ids), 3), 0.5, np.float32), ids)


def test_people_get_rows_in_the_order_of_their_first_appearance():
    poses, ids = stack_people([frame(0, [7]), frame(1, [2, 7]), frame(2, [])], 3, (10, 20))

    assert ids.tolist() == [7, 2]
    assert poses.canvas == (10, 20)
    assert poses.keypoints[:, :, 0, 0].tolist() == [[7, 7, 0], [0, 2, 0]]
    assert (poses.scores > 0).all(-1).tolist() == [[True, True, False], [False, True, False]]


def test_people_whom_nobody_told_apart_fill_rows_in_order():
    poses, ids = stack_people([frame(0, [UNKNOWN, UNKNOWN]), frame(1, [UNKNOWN])], 3, (10, 20))

    assert ids.tolist() == [UNKNOWN, UNKNOWN]
    assert (poses.scores > 0).all(-1).tolist() == [[True, True], [True, False]]


@given(st.lists(st.sets(st.integers(0, 5)), min_size=1, max_size=8), st.sets(st.integers(0, 5)))
def test_shared_identities_are_as_few_as_people_at_once_and_nobody_is_lost(there, kept):
    frames = [frame(time, sorted(people)) for time, people in enumerate(there)]

    shared = share_identities(frames, kept)

    new = {}
    for before, after in zip(frames, shared, strict=True):
        assert after.keypoints[:, 0, 0].tolist() == [identity for identity in before.ids.tolist() if identity in kept]
        assert len(set(after.ids.tolist())) == after.num_people
        for identity, given_to in zip(after.keypoints[:, 0, 0].tolist(), after.ids.tolist(), strict=True):
            assert new.setdefault(identity, given_to) == given_to
    spans = {
        identity: [time for time, people in enumerate(there) if identity in people]
        for identity in kept & set().union(*there)
    }
    at_once = [sum(times[0] <= time <= times[-1] for times in spans.values()) for time in range(len(there))]
    assert len(set(new.values())) == max(at_once)


def test_no_frames_are_no_people():
    poses, ids = stack_people([], 17, (10, 20))

    assert poses.keypoints.shape == (0, 0, 17, 2)
    assert ids.shape == (0,)


@given(st.lists(st.sets(st.integers(0, 5)), min_size=1, max_size=8))
def test_stacking_and_taking_apart_keep_who_is_where(people):
    poses, ids = stack_people([frame(time / 30, sorted(one)) for time, one in enumerate(people)], 3, (10, 20))

    again = unstack_people(poses, frames_per_second=30.0)

    assert [{int(ids[row]) for row in one.ids} for one in again] == people
    assert [one.seconds for one in again] == pytest.approx([time / 30 for time in range(len(people))])
    for one in again:
        assert (one.keypoints[:, 0, 0] == ids[one.ids]).all()


def test_people_and_videos_of_other_shapes_are_refused(untyped):
    imported = (
        "import numpy as np; from posec3d.people import *; from posec3d.skeletons import get_skeleton; "
        "f = lambda *s: np.ones(s, np.float32); one = PeopleInFrame(0.0, f(1, 17, 2), f(1, 17), np.array([1]))"
    )
    mistakes = {
        "PeopleInFrame(0.0, f(17, 2), f(17), np.array([1]))": "keypoints (17, 2), scores (17,) and ids (1,); give (p",
        "PeopleInFrame(0.0, f(1, 17, 2), f(1, 17), np.array([1, 2]))": "scores (1, 17) and ids (2,); give (people",
        "PosedVideo('a', (9, 9), get_skeleton('openpose25'), 30.0, [one])": "a: people have 17 keypoints, but skel",
        "PosedVideo('a', (9, 9), get_skeleton('coco17'), 0.0, [one])": "a: 0 frames a second; give a number above 0",
    }
    for said, expected in zip(untyped(imported, *mistakes), mistakes.values(), strict=True):
        assert expected in said
