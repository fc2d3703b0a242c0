import json
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from posec3d.annotations import Annotation
from posec3d.annotations import AnnotationSet
from posec3d.annotations import save_annotations
from posec3d.people import posed_videos
from posec3d.skeletons import get_skeleton
from posec3d.video import extraction_run as module
from posec3d.video.extraction_parts import load_part
from posec3d.video.extraction_run import PoseFileReading
from posec3d.video.extraction_run import extract_to_parts
from posec3d.video.extraction_run import extract_videos

# Processes find it by its module, so it has one that is written to a file.
ESTIMATOR = """
import os, signal
import numpy as np
from posec3d.people import posed_videos
from posec3d.skeletons import get_skeleton

class Estimator:
    '''Finds somebody in bright pictures, and does other things at colours of their own.'''

    skeleton = get_skeleton("coco17")

    def __init__(self, num_threads):
        self.num_threads = num_threads

    def start(self):
        pass

    def estimate(self, picture):
        colour = tuple(int(value) for value in picture[0, 0])
        if colour == (1, 0, 0):
            os.kill(os.getpid(), signal.SIGKILL)
        if colour == (2, 0, 0):
            raise RuntimeError("odd shapes")
        people = int(colour == (255, 255, 255))
        body = np.stack([np.linspace(10, 30, 17), np.linspace(5, 40, 17)], -1).astype(np.float32)
        return body[None][:people], np.full((people, 17), 0.1 * (self.num_threads or 9), np.float32)
"""
COLOURS = {"white": (255, 255, 255), "black": (0, 0, 0), "deadly": (1, 0, 0), "odd": (2, 0, 0)}


@pytest.fixture
def make_estimator(tmp_path, monkeypatch):
    (tmp_path / "estimator_of_a_test.py").write_text(ESTIMATOR)
    monkeypatch.syspath_prepend(tmp_path)
    import estimator_of_a_test

    yield estimator_of_a_test.Estimator
    del sys.modules["estimator_of_a_test"]


@pytest.fixture
def clip(tmp_path):
    """Make a folder of pictures, all of one colour."""

    def make(colour, frames=3, name=None):
        folder = tmp_path / "clips" / (name or colour)
        folder.mkdir(parents=True)
        for index in range(frames):
            picture = np.full((48, 64, 3), COLOURS[colour][::-1], np.uint8)
            cv2.imwrite(str(folder / f"{index}.png"), picture)
        return folder

    return make


def run(sources, make_estimator, folder, workers=2):
    parts = {source: folder / f"{number}.part" for number, source in enumerate(sources)}
    return parts, extract_to_parts(parts, make_estimator, reading=PoseFileReading(), workers=workers)


def highest_score(path):
    return max(frame.scores.max() for frame in load_part(path).videos[0].frames)


def test_every_source_gets_its_part(clip, make_estimator, tmp_path):
    sources = [clip("white", 3, "a"), clip("white", 5, "b"), clip("white", 2, "c")]

    parts, done = run(sources, make_estimator, tmp_path / "parts")

    assert [len(load_part(path).videos[0].frames) for path in parts.values()] == [3, 5, 2]
    assert (done.num_extracted, done.num_resumed, done.num_frames, dict(done.failures)) == (3, 0, 10, {})
    assert done.seconds > 0


def test_side_by_side_each_has_one_thread_and_alone_all_of_them(clip, make_estimator, tmp_path):
    several, _ = run([clip("white", 1, "a"), clip("white", 1, "b")], make_estimator, tmp_path / "1", workers=1)
    alone, _ = run([clip("white", 1, "c")], make_estimator, tmp_path / "2", workers=2)

    assert [highest_score(path) for path in several.values()] == pytest.approx([0.1, 0.1])
    assert [highest_score(path) for path in alone.values()] == pytest.approx([0.9])


def test_what_is_finished_is_not_done_again(clip, make_estimator, tmp_path):
    first, second = clip("white", 3, "a"), clip("white", 5, "b")
    run([first], make_estimator, tmp_path / "parts")
    written = (tmp_path / "parts/0.part").stat().st_mtime_ns

    _, done = run([first, second], make_estimator, tmp_path / "parts")

    assert (done.num_resumed, done.num_extracted, done.num_frames) == (1, 1, 5)
    assert (tmp_path / "parts/0.part").stat().st_mtime_ns == written


def test_bad_videos_are_failures_and_the_others_are_done(clip, make_estimator, tmp_path, caplog):
    empty = tmp_path / "clips/empty.mp4"
    sources = [clip("white", 3, "a"), clip("deadly"), clip("odd"), empty, clip("white", 3, "b")]
    empty.touch()

    parts, done = run(sources, make_estimator, tmp_path / "parts")

    assert [path.exists() for path in parts.values()] == [True, False, False, False, True]
    assert list(done.failures) == [sources[1], sources[2], empty]
    deadly, odd, nothing = done.failures.values()
    assert deadly == (
        f"{sources[1]}: its process was ended by SIGKILL; convert it to H.264 in an .mp4, or use fewer --workers if "
        "memory is short"
    )
    assert odd == f"{sources[2]}: RuntimeError: odd shapes"
    assert nothing == f"{empty}: the file is empty; copy or record it again"
    assert f"failed: {nothing}" in caplog.text
    assert done.num_extracted == 2


def test_a_single_bad_video_is_a_failure_as_well(clip, make_estimator, tmp_path):
    source = clip("odd")

    _, done = run([source], make_estimator, tmp_path / "parts")

    assert dict(done.failures) == {source: f"{source}: RuntimeError: odd shapes"}


@pytest.mark.parametrize("number", [1, 2])
def test_a_part_that_cannot_be_written_stops_the_run(clip, make_estimator, tmp_path, number):
    (tmp_path / "parts").write_text("a file, not a folder")

    with pytest.raises(OSError, match="parts"):
        run([clip("white", 1, str(index)) for index in range(number)], make_estimator, tmp_path / "parts")


def test_an_estimator_that_is_missing_is_said_before_anything_begins(clip, tmp_path):
    def missing(num_threads):
        raise ImportError("rtmlib is not installed; pip install rtmlib")

    with pytest.raises(ImportError, match="pip install"):
        run([clip("white"), clip("black")], missing, tmp_path / "parts")


def test_poses_need_no_estimator(tmp_path):
    path = tmp_path / "vid_000000000000_keypoints.json"
    body = np.column_stack([np.linspace(10, 60, 25), np.linspace(20, 90, 25), np.full(25, 0.5)])
    path.write_text(json.dumps({"version": 1.3, "people": [{"pose_keypoints_2d": body.ravel().tolist()}]}))

    def never(num_threads):
        raise AssertionError

    parts, done = run([path], never, tmp_path / "parts")

    assert done.num_frames == 1
    assert load_part(parts[path]).skeleton == get_skeleton("openpose25")


def test_the_skeleton_and_size_of_poses_can_be_said(tmp_path):
    np.savez(tmp_path / "poses.npz", keypoints=np.full((4, 1, 13, 2), 30.0), scores=np.ones((4, 1, 13)))
    reading = PoseFileReading(get_skeleton("penn13"), (120, 160))

    (found,) = extract_videos(tmp_path / "poses.npz", None, reading)

    assert (found.canvas, found.skeleton) == ((120, 160), get_skeleton("penn13"))


def test_all_videos_of_a_file_are_taken(tmp_path):
    keypoints = np.full((2, 5, 17, 2), 30, np.float32)
    videos = [Annotation(name, 1, (48, 64), keypoints, np.ones((2, 5, 17), np.float32)) for name in "ab"]
    save_annotations(tmp_path / "old.pkl", AnnotationSet(tuple(videos)))

    found = extract_videos(tmp_path / "old.pkl", None, PoseFileReading())

    assert [(video.name, len(video.frames), video.frames[0].num_people) for video in found] == [
        ("a", 5, 2),
        ("b", 5, 2),
    ]


def test_a_file_without_frames_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "load_pose_file", lambda path, **_: posed_videos([]))

    with pytest.raises(ValueError, match=r"old\.pkl: has no frames"):
        extract_videos(Path("old.pkl"), None, PoseFileReading())
