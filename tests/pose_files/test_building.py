"""What is decided alike for all formats; one person a frame, three keypoints, is enough to see it."""

import logging

import numpy as np
import pytest

from posec3d.people import UNKNOWN
from posec3d.pose_files.building import posed_video
from posec3d.pose_files.contents import FileVideo
from posec3d.pose_files.contents import Person
from posec3d.skeletons import Skeleton

BODY = Skeleton("three", ("head", "left_hand", "right_hand"), ())
POINTS = ((10, 20), (30, 40), (50, 60))


def person(points=POINTS, scores=(0.5, 0.5, 0.5), identity=None):
    keypoints, scores = np.array(points, np.float64), np.array(scores, np.float64)
    keypoints.flags.writeable = scores.flags.writeable = False
    return Person(keypoints, scores, identity, "person")


def build(*frames, canvas=None, first=0, rate=None, **more):
    video = FileVideo("clip", dict(enumerate(frames, first)), first, **more)
    return posed_video(video, "file", skeleton=BODY, canvas=canvas, frames_per_second=rate)


@pytest.mark.parametrize(
    ("point", "score"),
    [
        ((30, 40), 0),
        ((30, 40), np.nan),
        ((np.nan, 40), 0.5),
        ((30, np.inf), 0.5),
        ((0, 0), 0.5),  # how OpenPose and COCO mark it
        ((30, 40), -0.1),
    ],
)
def test_missing_keypoints_have_score_0_and_no_place(point, score):
    video = build([person(((10, 20), point, (50, 60)), (0.5, score, 0.5))], canvas=(100, 200))

    assert video.frames[0].scores.tolist() == [[0.5, 0, 0.5]]
    assert video.frames[0].keypoints.tolist() == [[[10, 20], [0, 0], [50, 60]]]


def test_people_without_a_keypoint_are_not_there():
    video = build([person(scores=(0, 0, 0), identity=1), person(identity=2)], [person(scores=(0, 0, 0), identity=2)])

    assert [f.ids.tolist() for f in video.frames] == [[2], []]


def test_the_canvas_is_the_smallest_that_holds_all_keypoints_and_that_is_logged(caplog):
    far = person(((10, 20), (30.4, 80.6), (500, 600)), (0.5, 0.5, 0))  # the third is missing

    video = build([person()], [far])

    # The centre of the last pixel of 51 columns and 82 rows is at (50, 81).
    assert video.canvas == (82, 51)
    assert caplog.messages == [
        "file: video 'clip': the file does not say how large the frames are: taking 82 x 51 (height x width), the "
        "smallest that holds all keypoints; give the canvas (--canvas HEIGHT WIDTH) if you know it"
    ]


@pytest.mark.parametrize(
    ("said", "given", "canvas", "logged"),
    [
        ((100, 200), None, (100, 200), ""),
        (None, (90, 70), (90, 70), ""),
        ((100, 200), (100, 200), (100, 200), ""),
        ((100, 200), (90, 70), (100, 200), "the file says frames are 100 x 200 (height x width): keeping that"),
    ],
)
def test_the_canvas_of_the_file_comes_first(said, given, canvas, logged, caplog):
    stored = FileVideo("clip", {0: [person()]}, canvas=said)

    video = posed_video(stored, "file", skeleton=BODY, canvas=given, frames_per_second=30.0)

    assert video.canvas == canvas
    assert logged in caplog.text
    assert bool(logged) == bool(caplog.messages)


def test_shares_of_the_frame_become_pixels():
    # MediaPipe guesses legs below the picture: y above 1.
    video = build([person(((0.5, 0.25), (0.25, 1.5), (-0.1, 0.5)))], canvas=(100, 200))

    np.testing.assert_allclose(video.frames[0].keypoints[0], [[100, 25], [50, 150], [-20, 50]], rtol=1e-6)


def test_shares_of_a_frame_of_unknown_size_are_refused():
    with pytest.raises(
        ValueError, match=r"file: video 'clip': coordinates lie between 0.1 and 0.9, so they are shares"
    ):
        build([person(((0.1, 0.2), (0.3, 0.4), (0.5, 0.9)))])


@pytest.mark.parametrize("canvas", [None, (100, 200)])
def test_coordinates_around_the_middle_are_refused(canvas):
    with pytest.raises(ValueError, match=r"coordinates lie around 0, from -0.5 to 0.9, .*--keypoint_scale 0"):
        build([person(((-0.1, -0.2), (-0.5, 0.4), (0.5, 0.9)))], canvas=canvas)


def test_nobody_seen_on_frames_of_unknown_size_is_refused():
    with pytest.raises(ValueError, match="nobody is seen, and the file does not say how large the frames are"):
        build([person(scores=(0, 0, 0))])


def test_nobody_seen_is_a_video_too():
    video = build([], [person(scores=(0, 0, 0))], canvas=(100, 200))

    assert [f.keypoints.shape for f in video.frames] == [(0, 3, 2)] * 2


@pytest.mark.parametrize(
    ("stored", "scores", "logged"),
    [
        ((0, 1, 2), [0, 1, 1], ""),  # flags: missing, hidden, visible
        ((0, 1, 1), [0, 1, 1], ""),
        ((0.25, 1, 1.05), [0.25, 1, 1], ""),  # refined maxima of heatmaps
        ((0.25, 1, 2), [0.25, 1, 1], "scores go up to 2; those above 1 count as 1"),  # no flags
    ],
)
def test_scores_end_up_between_0_and_1(stored, scores, logged, caplog):
    video = build([person(scores=stored)], canvas=(100, 200))

    assert video.frames[0].scores.tolist() == [scores]
    assert logged in caplog.text
    assert bool(logged) == bool(caplog.messages)


def test_depths_in_the_place_of_scores_are_refused():
    with pytest.raises(ValueError, match=r"scores go up to 87.5, so they are no confidences of 0 to 1"):
        build([person(scores=(87.5, np.nan, 20))], canvas=(100, 200))


@pytest.mark.parametrize(
    ("identities", "ids", "logged"),
    [
        ([[4, 2], [2]], [[4, 2], [2]], ""),
        ([[None, None], [None]], [[UNKNOWN] * 2, [UNKNOWN]], ""),
        ([["bob", "ann"], ["ann"]], [[0, 1], [1]], ""),
        ([["bob", 7], ["bob"]], [[0, 1], [0]], ""),
        ([[4, None], [4]], [[UNKNOWN] * 2, [UNKNOWN]], "person has no identity: nobody's is used"),
        ([[4], [4, 4]], [[UNKNOWN], [UNKNOWN] * 2], "identity 4 is there twice in frame 1: none is used"),
    ],
)
def test_people_are_told_apart_only_where_the_file_does(identities, ids, logged, caplog):
    with caplog.at_level(logging.WARNING):
        video = build(*([person(identity=i) for i in frame] for frame in identities), canvas=(100, 200))

    assert [f.ids.tolist() for f in video.frames] == ids
    assert logged in caplog.text
    assert bool(logged) == bool(caplog.messages)


def test_time_starts_at_the_first_frame():
    video = build([person()], [], [person()], canvas=(100, 200), first=100, rate=10.0)

    assert [f.seconds for f in video.frames] == [0.0, 0.1, 0.2]
    assert video.frames_per_second == 10.0


def test_the_rate_of_the_file_comes_first():
    for given in (None, 50.0):
        video = build([person()], [person()], canvas=(100, 200), rate=given, frames_per_second=50.0)

        assert [f.seconds for f in video.frames] == [0.0, 0.02]
        assert video.frames_per_second == 50.0
    with pytest.raises(ValueError, match="video 'clip': the file says 50 frames a second, not 10; leave the rate out"):
        build([person()], [person()], canvas=(100, 200), rate=10.0, frames_per_second=50.0)


def test_without_a_rate_there_are_thirty_frames_a_second():
    assert build([person()], [person()], canvas=(100, 200)).frames_per_second == 30.0


def test_one_guess_far_below_the_picture_makes_no_pixels_of_shares():
    shares = person(((0.1, 0.2), (0.3, 0.4), (0.5, 0.6)))
    far = person(((0.1, 0.2), (0.3, 0.4), (0.5, 30.0)))

    video = build(*[[shares]] * 9, [far], canvas=(100, 200))

    assert video.frames[0].keypoints[0].round().tolist() == [[20, 20], [60, 40], [100, 60]]
    assert video.frames[9].keypoints[0, 2].tolist() == [100, 3000]


def test_placeholders_of_people_make_no_shares_of_pixels():
    nobody = person(((1, 1), (1, 1), (1, 1)))

    video = build(*[[nobody]] * 9, [person()], canvas=(480, 640))

    assert video.frames[9].keypoints[0].tolist() == [[10, 20], [30, 40], [50, 60]]


@pytest.mark.parametrize(("first", "logged"), [(0, False), (1, False), (300, True)])
def test_a_late_start_is_said_to_count_as_zero(first, logged, caplog):
    caplog.set_level(logging.INFO)

    video = build([person()], [person()], first=first, canvas=(100, 200))

    assert video.frames[0].seconds == 0
    assert ("file: video 'clip': begins with frame 300, which counts as 0 s" in caplog.messages) == logged
