import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from posec3d.people import UNKNOWN
from posec3d.people import PeopleInFrame
from posec3d.skeletons import Skeleton
from posec3d.skeletons import get_skeleton
from posec3d.synthetic import motion_3d
from posec3d.synthetic.cameras import Camera
from posec3d.synthetic.estimation import estimate_poses
from posec3d.video.tracking import PeopleTracker
from posec3d.video.tracking import identify

_COCO = get_skeleton("coco17")
# Somebody who stands, 165 pixels high, around (0, 0).
_FIGURE = np.array(
    [
        *((0, -75), (3, -78), (-3, -78), (7, -76), (-7, -76)),
        *((18, -55), (-18, -55), (24, -25), (-24, -25), (26, 0), (-26, 0)),
        *((11, 0), (-11, 0), (12, 42), (-12, 42), (12, 85), (-12, 85)),
    ],
    np.float32,
)


def _person(x, y=200.0, scale=1.0):
    return _FIGURE * np.float32(scale) + np.array([x, y], np.float32)


def _track(frames, tracker=None, frames_per_second=25.0, start=0):
    """Return the identities in each frame, whose people are given as arrays (17, 2), all seen."""
    tracker = tracker or PeopleTracker(_COCO)
    found = []
    for time, people in enumerate(frames, start):
        keypoints = np.array(people, np.float32).reshape(-1, 17, 2)
        scores = np.full(keypoints.shape[:2], 0.8, np.float32)
        keypoints.flags.writeable = scores.flags.writeable = False
        found.append(tracker.update(keypoints, scores, time / frames_per_second).tolist())
    return found


def test_identities_count_from_one_and_do_not_depend_on_the_order_of_people():
    a, b, c = _person(100), _person(300), _person(500)

    assert _track([[a, b], [b, a], [c, b, a], [], [a, c, b]]) == [[1, 2], [2, 1], [3, 2, 1], [], [1, 3, 2]]


@pytest.mark.parametrize("frames_per_second", [5.0, 12.0, 25.0, 60.0])
@pytest.mark.parametrize("hidden_seconds", [0.0, 0.5])
def test_people_who_pass_each_other_keep_their_identities(frames_per_second, hidden_seconds):
    # 150 pixels are about 1.6 m a second; the one behind is hidden around the middle.
    seconds = np.arange(round(4 * frames_per_second)) / frames_per_second
    frames = [
        [_person(100 + 150 * t)] + ([_person(700 - 150 * t, scale=0.9)] if abs(t - 2) > hidden_seconds / 2 else [])
        for t in seconds
    ]

    found = _track(frames, frames_per_second=frames_per_second)

    assert all(ids == [1, 2][: len(ids)] for ids in found)


@pytest.mark.parametrize(("gap_seconds", "identity"), [(0.2, 1), (0.7, 1), (1.4, 1), (1.7, 2)])
def test_who_is_lost_on_the_way_is_found_again_until_the_longest_gap(gap_seconds, identity):
    frames = [[_person(100 + 6 * time)] for time in range(100)]
    for time in range(40, 40 + round(gap_seconds * 25)):
        frames[time] = []

    assert _track(frames)[-1] == [identity]


def test_frames_rarer_than_the_longest_gap_still_belong_together():
    assert _track([[_person(100)], [_person(103)], [_person(99)]], frames_per_second=0.5) == [[1], [1], [1]]


@pytest.mark.parametrize("wrong", [[9, 10], [0, 1, 2, 3, 4, 7, 8], [11, 12, 13, 14, 15, 16]])
def test_keypoints_that_jump_for_a_frame_change_nobody(wrong):
    frames = [[_person(100 + 4 * time), _person(240 + 4 * time)] for time in range(20)]
    frames[10][0][wrong] += np.array([140, -30], np.float32)  # onto the other person

    assert _track(frames) == [[1, 2]] * 20


@pytest.mark.parametrize("growth", [1.06, 1 / 1.06])
def test_who_comes_or_goes_changes_size_and_stays_the_same(growth):
    # From 25 to 800 pixels of height, or back, among people who stand still.
    scales = 0.87 * growth ** np.arange(-30.0, 30)

    assert _track([[_person(320, scale=scale), _person(900)] for scale in scales]) == [[1, 2]] * 60


def test_who_leaves_and_who_enters_elsewhere_are_two():
    leaving = [[_person(560 + 10 * time)] for time in range(8)]
    entering = [[_person(20 + 10 * time)] for time in range(8)]

    assert _track([*leaving, *entering]) == [[1]] * 8 + [[2]] * 8


def test_a_cut_makes_everyone_new_though_one_stands_about_where_another_stood():
    before = [[_person(150), _person(300), _person(450)]] * 10
    after = [[_person(165), _person(375), _person(520)]] * 10

    assert _track(before + after) == [[1, 2, 3]] * 10 + [[4, 5, 6]] * 10


def test_one_of_two_who_jumps_is_no_cut():
    before, after = [[_person(150), _person(450)]] * 10, [[_person(150), _person(468)]] * 10

    assert _track(before + after) == [[1, 2]] * 20


def test_people_of_whom_nothing_shows_are_unknown_and_cost_no_number():
    tracker = PeopleTracker(_COCO)
    keypoints = np.stack([_person(100), np.full((17, 2), np.nan, np.float32), _person(300), _person(400)])
    scores = np.array([[0.9] * 17, [0.0] * 17, [0.9] * 17, [0.0] * 17], np.float32)

    assert [tracker.update(keypoints, scores, time / 25).tolist() for time in range(3)] == [[1, -1, 2, -1]] * 3


def test_upper_body_and_legs_of_one_person_belong_together_by_their_place():
    tracker = PeopleTracker(_COCO)
    keypoints = np.stack([_person(100), _person(300)])
    upper = (np.arange(17) < 11).astype(np.float32)

    assert tracker.update(keypoints, np.stack([upper, np.ones_like(upper)]), 0.0).tolist() == [1, 2]
    assert tracker.update(keypoints[::-1], np.stack([np.ones_like(upper), 1 - upper]), 0.04).tolist() == [2, 1]


@pytest.mark.parametrize("seen", [[5], [5, 11], [0, 5, 6, 7]])
def test_few_keypoints_will_do_and_missing_ones_may_be_nan(seen):
    tracker = PeopleTracker(_COCO)
    scores = np.zeros((2, 17), np.float32)
    scores[:, seen] = 1
    people = np.where(scores[..., None] > 0, np.stack([_person(100), _person(300)]), np.float32(np.nan))

    for time in range(4):
        assert tracker.update(people + np.float32(time), scores, time / 25).tolist() == [1, 2]


@pytest.mark.parametrize("times", [[0.0, 0.0, 0.0], [5.0, 5.04, 0.0], [0.0, 0.3, 0.31]])
def test_any_times_are_taken(times):
    tracker = PeopleTracker(_COCO)
    scores = np.ones((2, 17), np.float32)

    for time in times:
        assert tracker.update(np.stack([_person(100), _person(300)]), scores, time).tolist() == [1, 2]


def test_keypoints_of_any_name_will_do():
    skeleton = Skeleton("three", ("tip", "middle", "left_wrist"), ((0, 1),))
    tracker = PeopleTracker(skeleton)
    keypoints = np.array([[[0, 0], [30, 10], [60, 50]], [[200, 0], [230, 10], [260, 50]]], np.float32)
    scores = np.ones((2, 3), np.float32)

    assert tracker.update(keypoints, scores, 0.0).tolist() == [1, 2]
    assert tracker.update(keypoints[::-1] + np.float32(2), scores, 0.1).tolist() == [2, 1]


def test_what_was_lost_long_ago_is_forgotten():
    tracker = PeopleTracker(_COCO)
    _track([[_person(1000 * time)] for time in range(200)], tracker)

    assert len(tracker._known.ids) <= 1.5 * 25 + 1


def test_frames_of_a_file_are_identified_and_empty_people_left_out():
    keypoints = np.stack([_person(100), _person(300), np.zeros((17, 2), np.float32)])
    scores = np.array([[1.0] * 17, [0.5] * 17, [0.0] * 17], np.float32)
    unknown = np.full(3, UNKNOWN)
    orders = [[0, 1, 2], [2, 1, 0]]
    frames = [PeopleInFrame(time / 25, keypoints[order], scores[order], unknown) for time, order in enumerate(orders)]

    first, second = identify(frames, _COCO)

    assert (first.ids.tolist(), second.ids.tolist()) == ([1, 2], [2, 1])
    assert (first.seconds, second.seconds) == (0.0, 0.04)
    np.testing.assert_array_equal(second.keypoints, keypoints[[1, 0]])
    np.testing.assert_array_equal(second.scores, scores[[1, 0]])
    assert identify([], _COCO) == []


def _placed(points, turn, place, middle):
    """Turn a person to the left, in radians, and put them above `place` at frame `middle`."""
    cos, sin = np.cos(turn), np.sin(turn)
    points = points @ np.array([[cos, sin, 0], [-sin, cos, 0], [0, 0, 1.0]])
    step = np.array(place) - points[middle, 11:13, :2].mean(axis=0)
    return points + np.append(step, 0)


def _filmed_walkers(num_people, rng, frames_per_second):
    """People who walk past each other across the picture, as an estimator sees them: (M, T, 17, 2) and (M, T, 17)."""
    num_frames = round(4 * frames_per_second)

    def walk(person):
        points = motion_3d("walk", num_frames=num_frames, rng=rng, frames_per_second=frames_per_second)
        place = (1.2 - 0.8 * person, rng.normal(0, 0.3))
        return _placed(points, (-1) ** person * np.pi / 2 + rng.normal(0, 0.15), place, num_frames // 2)

    points = np.stack([walk(person) for person in range(num_people)])
    aim = np.tile([0.0, 0.0, 0.9], (num_frames, 1))
    camera = Camera(np.array([7.0, 0.0, 1.4]), aim, 0.0, 1100.0, (640.0, 360.0), (720, 1280))
    keypoints, depth = camera.project(points)
    poses = estimate_poses(keypoints, depth, focal_length=1100.0, canvas=(720, 1280), rng=rng, noise=1.0, missing=0.05)
    scores = poses.scores.copy()
    # Who is behind somebody is lost while they cover each other, and everyone once for up to 0.7 seconds.
    hips = keypoints[:, :, 11:13, 0].mean(axis=2)
    for behind in range(1, num_people):
        scores[behind, (np.abs(hips[:behind] - hips[behind]) < 35).any(axis=0)] = 0
    for person in range(num_people):
        first = rng.randint(num_frames)
        scores[person, first : first + round(rng.uniform(0.2, 0.7) * frames_per_second)] = 0
    return poses.keypoints, scores


# Some are hidden together for longer than a second, most so at few frames a second: not every scene can be right.
@pytest.mark.parametrize(("frames_per_second", "share"), [(5.0, 0.85), (15.0, 0.95), (30.0, 0.97)])
def test_walkers_of_made_up_videos_are_told_apart(frames_per_second, share):
    shares = []
    for seed in range(8):
        rng = np.random.RandomState([4, seed])
        keypoints, scores = _filmed_walkers(2 + seed % 2, rng, frames_per_second)
        tracker = PeopleTracker(_COCO)
        together = np.zeros((len(keypoints), 99))
        for time in range(keypoints.shape[1]):
            order = rng.permutation(np.flatnonzero((scores[:, time] > 0).sum(axis=1) > 2))
            ids = tracker.update(keypoints[order, time], scores[order, time], time / frames_per_second)
            assert len(set(ids.tolist())) == len(ids)
            together[order, ids] += 1
        right = together[linear_sum_assignment(together, maximize=True)].sum()
        shares.append(right / together.sum())

    assert np.mean(shares) > share
