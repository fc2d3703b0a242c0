import numpy as np

from posec3d.skeletons import get_skeleton
from posec3d.video.frames import Frame
from posec3d.video.pose_estimation import estimate_people
from posec3d.video.tracking import PeopleTracker


class Scripted:
    """Finds at each frame the people that a script says: by the x of their left side, 30 pixels wide, 80 high."""

    def __init__(self, *script):
        self.script = script
        self.started = 0
        self.pictures = []

    @property
    def skeleton(self):
        return get_skeleton("coco17")

    def start(self):
        self.started += 1
        self.frames = iter(self.script)

    def estimate(self, picture):
        self.pictures.append(picture)
        lefts = next(self.frames)
        body = np.stack([np.linspace(0, 30, 17), np.linspace(20, 100, 17)], -1)
        keypoints = np.array([body + np.array([left, 0]) for left in lefts], np.float32).reshape(-1, 17, 2)
        return keypoints, np.full((len(lefts), 17), 0.9, np.float32)


def frames(count):
    return [Frame(index / 25, np.full((120, 160, 3), index, np.uint8)) for index in range(count)]


def test_each_frame_comes_with_its_people_and_their_ids():
    estimator = Scripted([10], [12, 90], [], [92, 14])

    found = list(estimate_people(frames(4), estimator))

    assert [int(frame.picture[0, 0, 0]) for frame, _ in found] == [0, 1, 2, 3]
    assert [people.ids.tolist() for _, people in found] == [[1], [1, 2], [], [2, 1]]
    assert [people.seconds for _, people in found] == [0, 1 / 25, 2 / 25, 3 / 25]
    assert found[3][1].keypoints[:, 0, 0].tolist() == [92, 14]


def test_the_estimator_is_told_that_a_video_begins():
    estimator = Scripted([10], [12])

    first = [people.ids.tolist() for _, people in estimate_people(frames(2), estimator)]
    second = [people.ids.tolist() for _, people in estimate_people(frames(2), estimator)]

    assert estimator.started == 2
    assert first == second == [[1], [1]]


def test_people_of_whom_nothing_shows_are_nobody():
    class Unsure(Scripted):
        def estimate(self, picture):
            keypoints, scores = super().estimate(picture)
            scores[1:] = 0
            return keypoints, scores

    ((_, people),) = estimate_people(frames(1), Unsure([10, 90]))

    assert people.num_people == 1
    assert people.keypoints[0, 0, 0] == 10


def test_a_tracker_that_is_handed_over_goes_on_counting():
    tracker = PeopleTracker(get_skeleton("coco17"), longest_gap=0.5)
    list(estimate_people(frames(1), Scripted([10]), tracker))

    later = [Frame(9.0, np.zeros((120, 160, 3), np.uint8))]
    ((_, people),) = estimate_people(later, Scripted([10]), tracker)

    assert people.ids.tolist() == [2]


def test_nothing_is_looked_at_before_it_is_asked_for():
    estimator = Scripted([10], [12])

    next(estimate_people(frames(2), estimator))

    assert len(estimator.pictures) == 1
