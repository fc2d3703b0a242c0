import numpy as np
import pytest

from posec3d.evaluation.pose_error import pose_error
from posec3d.poses import Poses
from posec3d.video.frames import open_frames
from posec3d.video.movenet import MoveNet
from posec3d.video.movenet import _People
from posec3d.video.movenet import _View
from posec3d.video.scene import film

_NOBODY = _People(
    np.zeros((0, 17, 2), np.float32),
    np.zeros((0, 17), np.float32),
    np.zeros((0, 4), np.float32),
    np.zeros(0, np.float32),
)


@pytest.fixture(scope="module")
def estimator():
    return MoveNet(num_threads=1)


@pytest.fixture(scope="module")
def filmed():
    pictures, truth = film("wave", rng=np.random.RandomState(0), num_frames=24)
    return list(pictures), truth


def estimated(estimator, pictures):
    """The surest person of each frame."""
    estimator.start()
    found = [estimator.estimate(picture) for picture in pictures]
    keypoints = np.stack([keypoints[0] for keypoints, _ in found])[None]
    return Poses(keypoints, np.stack([scores[0] for _, scores in found])[None], pictures[0].shape[:2])


def certain(truth, canvas):
    return Poses(truth, np.ones(truth.shape[:3], np.float32), canvas)


def test_a_person_is_found_in_every_frame_within_a_fifth_of_the_torso(estimator, filmed):
    pictures, truth = filmed

    error = pose_error(estimated(estimator, pictures), certain(truth, (480, 640)))

    assert error.found == 1
    assert error.pck > 0.95
    assert error.pixels < 8


def test_after_the_search_only_the_part_with_people_is_looked_at(estimator, filmed):
    shapes = []
    run = estimator._session.run

    class Session:
        def run(self, names, inputs):
            shapes.append(inputs["input"].shape[1:3])
            return run(names, inputs)

    watched = MoveNet(num_threads=1)
    watched._session = Session()
    views = []
    for picture in filmed[0][:15]:
        watched.estimate(picture)
        views.append(watched._view)

    whole = [shape for shape in shapes if shape == (352, 448)]
    assert len(whole) == 1
    # Few parts of the picture for the rest: onnxruntime plans its memory anew for each size of input.
    assert len(set(views)) <= 4
    assert np.prod(shapes[2]) < np.prod(whole[0]) / 2


def test_mirrored_pictures_give_mirrored_people(estimator, filmed):
    picture = filmed[0][0]
    estimator.start()
    (keypoints, *_), _ = estimator.estimate(picture)
    estimator.start()
    (mirrored, *_), _ = estimator.estimate(np.ascontiguousarray(picture[:, ::-1]))

    partner = list(estimator.skeleton.mirrored_keypoints)
    apart = keypoints[:, 0] - (picture.shape[1] - 1 - mirrored[partner, 0])
    assert abs(np.median(apart)) < 2


def test_where_nobody_is_found_the_picture_is_searched_with_a_border_around_it(estimator, filmed):
    picture, truth = filmed[0][0], filmed[1][0, 0]
    height, width = picture.shape[:2]
    at_once = estimator._look(picture, _View(0, 0, width, height, 448 / width))
    bordered = estimator._look(picture, _View(-width / 2, -height / 2, 2 * width, 2 * height, 448 / (2 * width)))

    for found in (at_once, bordered):
        assert np.linalg.norm(found.keypoints[0] - truth, axis=1).mean() < 12
    searched = []
    watched = MoveNet(num_threads=1)
    watched._look = lambda _, view: searched.append(view) or _NOBODY
    watched.estimate(picture)
    assert any(view.left < 0 and view.top < 0 for view in searched)


def test_nobody_is_found_in_a_plain_picture(estimator):
    estimator.start()
    for _ in range(3):
        keypoints, scores = estimator.estimate(np.full((240, 320, 3), 120, np.uint8))

        assert keypoints.shape == (0, 17, 2)
        assert scores.shape == (0, 17)


def test_an_empty_room_is_searched_now_and_then_until_somebody_comes(filmed):
    watched = MoveNet(num_threads=1)
    looks, look = [], watched._look
    watched._look = lambda picture, view: looks.append(view) or look(picture, view)
    for _ in range(40):
        watched.estimate(np.full((240, 320, 3), 120, np.uint8))

    found = [len(watched.estimate(filmed[0][0])[0]) for _ in range(5)]

    assert len(looks) < 40 * 4 / 1.5
    assert 1 in found


def test_what_lies_outside_the_picture_is_missing(estimator, filmed):
    picture = np.ascontiguousarray(filmed[0][0][:300])

    estimator.start()
    keypoints, scores = estimator.estimate(picture)

    outside = (keypoints == 0).all(-1)
    assert (scores[outside] == 0).all()
    assert (keypoints[..., 1] < 300).all()


@pytest.mark.parametrize("size", [(1, 1), (7, 500), (2000, 30)])
def test_pictures_of_odd_shapes_pass(estimator, size):
    estimator.start()
    for _ in range(2):
        keypoints, _ = estimator.estimate(np.zeros((*size, 3), np.uint8))

        assert keypoints.shape[1:] == (17, 2)


def test_two_people_who_hug_are_found_in_every_frame(estimator, shared):
    estimator.start()
    with open_frames(shared / "videos" / "ntu_sample.avi") as video:
        counts = [len(estimator.estimate(frame.picture)[0]) for frame in video]

    assert counts == [2] * 72
