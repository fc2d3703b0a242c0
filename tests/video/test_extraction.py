import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posec3d.clips.subjects import without_bystanders
from posec3d.people import UNKNOWN
from posec3d.people import PeopleInFrame
from posec3d.people import PosedVideo
from posec3d.skeletons import get_skeleton
from posec3d.video import extraction as module
from posec3d.video.extraction import annotation_of
from posec3d.video.extraction import extract_poses
from posec3d.video.extraction import of_nearest
from posec3d.video.extraction import scene_of
from posec3d.video.extraction import steady_people
from posec3d.video.extraction import told_apart

SKELETON = get_skeleton("coco17")


class OnePerson:
    """Finds somebody in every picture that is not black."""

    skeleton = SKELETON

    def start(self):
        pass

    def estimate(self, picture):
        people = int(picture.any())
        body = np.stack([np.linspace(10, 30, 17), np.linspace(5, 40, 17)], -1).astype(np.float32)
        return body[None][:people], np.full((people, 17), 0.5, np.float32)


def people(seconds, ids, score=0.5):
    places = np.arange(1, len(ids) + 1, dtype=np.float32) * 100
    keypoints = np.stack(np.broadcast_arrays(places[:, None], np.linspace(5, 80, 17, dtype=np.float32)), -1)
    return PeopleInFrame(seconds, keypoints, np.full((len(ids), 17), score, np.float32), np.array(ids, np.int64))


def video(*ids, scores=None):
    frames = [people(index / 25, each, *([scores[index]] if scores else [])) for index, each in enumerate(ids)]
    return PosedVideo("clip", (120, 640), SKELETON, 25.0, frames)


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "clip"
    folder.mkdir()
    for index, shade in enumerate([0, 255, 255, 0]):
        cv2.imwrite(str(folder / f"{index}.png"), np.full((48, 64, 3), shade, np.uint8))
    return folder


def test_every_frame_is_looked_at_and_counted(pictures):
    steps = []

    found = extract_poses(pictures, OnePerson(), advance=steps.append)

    assert (found.name, found.canvas, found.skeleton.name) == ("clip", (48, 64), "coco17")
    assert [frame.ids.tolist() for frame in found.frames] == [[], [1], [1], []]
    assert steps == [1, 1, 1, 1]


def test_a_live_source_is_refused_without_its_password(monkeypatch):
    class Live:
        live = True

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

    monkeypatch.setattr(module, "open_frames", lambda source, **_: Live())

    with pytest.raises(ValueError, match=r"^rtsp://camera/1: a live source has no end"):
        extract_poses("rtsp://me:secret@camera/1", OnePerson())


def test_who_has_an_identity_keeps_it():
    known = video([7], [7, 3])

    assert told_apart(known) is known


def test_who_has_none_gets_one_by_place():
    apart = told_apart(video([UNKNOWN], [UNKNOWN, UNKNOWN], [UNKNOWN, UNKNOWN]))

    first, second, third = (frame.ids.tolist() for frame in apart.frames)
    assert first[0] == second[0] == third[0] != second[1] == third[1]
    assert (apart.name, apart.canvas, apart.frames_per_second) == ("clip", (120, 640), 25.0)


def test_an_annotation_has_a_row_a_person_the_surest_first():
    annotation = annotation_of(video([1], [1, 2], [1, 2], [2, 1], [2], [2]), "fall/clip", 3)

    assert (annotation.video, annotation.label, annotation.canvas) == ("fall/clip", 3, (120, 640))
    assert annotation.keypoints.dtype == annotation.scores.dtype == np.float32
    # Person 2 is seen in five frames, person 1 in four.
    assert (annotation.scores > 0).any(-1).astype(int).tolist() == [[0, 1, 1, 1, 1, 1], [1, 1, 1, 1, 0, 0]]
    assert annotation.keypoints[0, :, 0, 0].tolist() == [0, 200, 200, 100, 100, 100]


def test_in_a_scene_who_comes_after_another_takes_the_row_and_who_passes_by_is_left_out():
    scene = scene_of(video([1], [1, 2], [1, 2, 4], [2, 3], [2, 3], [3]))

    # Each at 100 times the place in their frame: person 1, then 3; and person 2.
    assert scene.keypoints[:, :, 0, 0].tolist() == [[100, 100, 100, 200, 200, 100], [0, 200, 200, 100, 100, 0]]
    assert (scene.scores > 0).any(-1).sum() == 10


def test_the_name_is_that_of_the_video_unless_given():
    assert annotation_of(video([1])).video == "clip"


@pytest.mark.parametrize(
    ("frames_seen", "expected"),
    [
        ([10, 3, 2], [0, 1]),  # seen in two frames: a mistake of the estimator
        ([2, 1], [0]),  # a short video: those who are seen as long as anybody
        ([2, 5, 4], [1, 2]),
        ([], []),
        ([0, 0], [0, 1]),
    ],
)
def test_people_seen_in_passing_are_left_out(frames_seen, expected):
    scores = np.zeros((len(frames_seen), 10, 17), np.float32)
    for row, count in enumerate(frames_seen):
        scores[row, :count] = 0.5

    assert steady_people(scores).tolist() == expected


def test_a_video_without_anybody_has_no_rows_but_its_frames():
    annotation = annotation_of(video([], [], []))

    assert annotation.keypoints.shape == (0, 3, 17, 2)
    assert annotation.scores.shape == (0, 3, 17)


@given(seed=st.integers(0, 999), most=st.integers(1, 4))
def test_who_is_looked_at_is_the_same_when_the_others_are_left_out(seed, most):
    rng = np.random.default_rng(seed)
    frames = []
    for index in range(8):
        ids = np.flatnonzero(rng.random(6) < 0.5)
        keypoints = rng.uniform(0, 1, (len(ids), 17, 2)) * (10 + 40 * ids[:, None, None])
        scores = rng.uniform(0.1, 1, (len(ids), 17)) * (rng.random((len(ids), 17)) < 0.8)
        frames.append(PeopleInFrame(index / 25, keypoints.astype(np.float32), scores.astype(np.float32), ids))
    clip = PosedVideo("clip", (120, 640), SKELETON, 25.0, frames)

    everybody, few = annotation_of(clip), annotation_of(of_nearest(clip, most))
    wanted, found = (without_bystanders(one, most) for one in (everybody, few))

    seen = np.flatnonzero(np.any(wanted.poses().scores > 0, axis=(1, 2)))
    assert len(few.keypoints) <= most
    assert len(few.keypoints) == min(most, len(everybody.keypoints))
    np.testing.assert_array_equal(found.poses().scores, wanted.poses().scores[seen])
    np.testing.assert_array_equal(found.poses().keypoints, wanted.poses().keypoints[seen])
