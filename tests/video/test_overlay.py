from dataclasses import replace

import numpy as np
import pytest

from posec3d.people import UNKNOWN
from posec3d.people import PeopleInFrame
from posec3d.skeletons import Skeleton
from posec3d.video.drawing import draw_skeletons
from posec3d.video.overlay import TimelineBar
from posec3d.video.overlay import draw_overlay
from posec3d.video.overlay import enlarge
from posec3d.video.overlay import scaled_up

BODY = Skeleton("hands", ("nose", "left_hand", "right_hand"), ((0, 1), (0, 2), (1, 2)))
TIMELINE = (TimelineBar(0.0, 2.0, "walk", 0.9), TimelineBar(2.0, 8.0, "run", 0.5))


def grey(height=480, width=640):
    picture = np.full((height, width, 3), 90, np.uint8)
    picture.flags.writeable = False
    return picture


def people(*heads, seconds=4.0, ids=None):
    """People whose noses are at `heads`, their hands a hundred pixels below."""
    keypoints = np.array([[(x, y), (x + 30, y + 100), (x - 30, y + 100)] for x, y in heads], np.float32)
    identities = np.arange(1, len(heads) + 1) if ids is None else np.array(ids)
    return PeopleInFrame(
        seconds, keypoints.reshape(-1, 3, 2), np.ones((len(heads), 3), np.float32), identities.astype(np.int64)
    )


def changed(picture, other):
    """The box (left, top, right, bottom) within which two pictures differ."""
    rows, columns = np.nonzero((picture != other).any(-1))
    return columns.min(), rows.min(), columns.max(), rows.max()


def skeletons_only(seen, picture=None):
    return draw_skeletons(grey() if picture is None else picture, seen.keypoints, seen.scores, BODY)


def test_without_anything_to_say_there_are_skeletons_alone():
    seen = people((300, 200), ids=[UNKNOWN])

    np.testing.assert_array_equal(draw_overlay(grey(), seen, BODY), skeletons_only(seen))


def test_the_picture_that_is_given_stays_as_it_was():
    picture = grey()

    draw_overlay(picture, people((300, 200)), BODY, top=[("walk", 0.5)], timeline=TIMELINE, duration_seconds=8.0)

    assert (picture == 90).all()


def test_a_name_stands_above_its_person():
    seen = people((300, 200))

    left, top, right, bottom = changed(draw_overlay(grey(), seen, BODY, labels={1: "walk 87%"}), skeletons_only(seen))

    assert 140 < top < bottom < 200
    assert (left + right) / 2 == pytest.approx(300, abs=2)


@pytest.mark.parametrize("head", [(2, 3), (638, 3), (320, -80)])
def test_a_name_stays_in_the_picture(head):
    seen = people(head)

    left, top, right, bottom = changed(draw_overlay(grey(), seen, BODY, labels={1: "walk"}), skeletons_only(seen))

    assert bottom - top >= 17
    assert right - left >= 50


def test_names_of_neighbours_do_not_cover_one_another():
    seen = people((300, 200), (320, 200))
    labels = {1: "walk 87%", 2: "run 61%"}

    both = draw_overlay(grey(), seen, BODY, labels=labels)
    first = draw_overlay(grey(), replace(seen, ids=np.array([1, UNKNOWN])), BODY, labels=labels)

    left, top, right, bottom = changed(first, skeletons_only(seen))
    np.testing.assert_array_equal(both[top : bottom + 1, left : right + 1], first[top : bottom + 1, left : right + 1])
    assert changed(both, first)[3] < top


def test_people_without_a_seen_keypoint_have_no_name():
    seen = replace(people((300, 200)), scores=np.zeros((1, 3), np.float32))

    np.testing.assert_array_equal(draw_overlay(grey(), seen, BODY, labels={1: "walk"}), grey())


def test_actions_stand_at_the_bottom_left_above_the_timeline():
    nobody = people()

    timed = draw_overlay(grey(), nobody, BODY, timeline=TIMELINE, duration_seconds=8.0)
    both = draw_overlay(
        grey(), nobody, BODY, top=[("walk", 0.7), ("run", 0.2)], timeline=TIMELINE, duration_seconds=8.0
    )

    left, top, right, bottom = changed(both, timed)
    assert left < 15
    assert right < 320
    assert 380 < top < bottom < changed(timed, grey())[1]


def test_a_timeline_has_the_colours_of_its_labels_and_gaps_where_nothing_happens():
    bars = (TimelineBar(0.0, 2.0, "a", 0.9), TimelineBar(4.0, 6.0, "b", 0.5), TimelineBar(6.0, 8.0, "a", 0.5))
    picture = draw_overlay(grey(), people(seconds=3.0), BODY, timeline=bars, duration_seconds=8.0)

    bottom = changed(picture, grey())[3]
    # Below the text of the strip; an eighth of its 622 pixels a second, from the ninth on.
    at = [tuple(picture[bottom - 3, 9 + round(622 * second / 8)]) for second in (1, 5, 7, 2.5)]
    assert at[0] == at[2] != at[1]
    assert at[3] == (32, 32, 32)


def test_what_is_not_sure_is_grey_and_takes_no_colour_from_the_others():
    sure = TimelineBar(2.0, 6.0, "a", 0.9)
    bars = TimelineBar(0.0, 2.0, "unsure", 0.2, is_sure=False), sure
    both, alone = (
        draw_overlay(grey(), people(seconds=7.0), BODY, timeline=some, duration_seconds=8.0) for some in (bars, (sure,))
    )
    row = changed(both, grey())[3] - 3
    assert tuple(both[row, 60]) == (120, 120, 120)
    assert tuple(both[row, 300]) == tuple(alone[row, 300]) != (120, 120, 120)


@pytest.mark.parametrize(("seconds", "column"), [(0.0, 9), (4.0, 320), (8.0, 630), (99.0, 630)])
def test_the_cursor_stands_at_the_present_time(seconds, column):
    picture = draw_overlay(grey(), people(seconds=seconds), BODY, duration_seconds=8.0)

    white = np.flatnonzero((picture[-15] == 255).all(-1))
    assert white.mean() == pytest.approx(column, abs=2)


@pytest.mark.parametrize("size", [(48, 64), (120, 2000), (2000, 120), (1080, 1920)])
def test_any_size_of_frame_can_be_annotated(size):
    top = [("走る $x$ " * 9, 1.0), ("", 0.0)]
    bars = (*TIMELINE, TimelineBar(-5.0, 99.0, "wide", 1.5), TimelineBar(8.0, 8.0, "late", 0.1))

    picture = draw_overlay(
        grey(*size), people((30, 40)), BODY, top=top, labels={1: "ä" * 200}, timeline=bars, duration_seconds=8.0
    )

    assert picture.shape == (*size, 3)


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        ((240, 320), (480, 640)),
        ((480, 640), (480, 640)),
        ((1080, 1920), (1080, 1920)),
        ((405, 719), (404, 720)),  # even, or as good as
        ((426, 240), (1136, 640)),
    ],
)
def test_small_frames_are_shown_larger(size, shown):
    assert scaled_up(size) == shown


def test_people_grow_with_their_frame():
    picture = np.zeros((240, 320, 3), np.uint8)
    picture[50, 100] = 255
    seen = people((100, 50))

    large, grown = enlarge(picture, seen)

    assert large.shape == (480, 640, 3)
    rows, columns = np.nonzero(large[..., 0])
    weights = large[rows, columns, 0]
    np.testing.assert_allclose(
        grown.keypoints[0, 0], [np.average(columns, weights=weights), np.average(rows, weights=weights)], atol=1e-3
    )
    assert grown.seconds == seen.seconds


@pytest.mark.parametrize(
    ("size", "shown"), [((48, 64), (480, 640)), ((1080, 1920), (1080, 1920)), ((3000, 90), (16384, 492))]
)
def test_small_frames_are_shown_larger_as_far_as_a_film_holds_them(size, shown):
    assert scaled_up(size) == shown
