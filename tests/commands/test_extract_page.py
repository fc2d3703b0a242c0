"""Every command of docs/extraction.md is run, in the order of the page."""

import re
import shlex
from pathlib import Path

import numpy as np
import tyro

from posec3d.annotations import load_annotations
from posec3d.commands.extract import extract
from posec3d.skeletons import get_skeleton
from posec3d.video import extraction_run
from posec3d.video.writing import VideoWriter

PAGE = (Path(__file__).resolve().parents[2] / "docs/extraction.md").read_text(encoding="utf-8")


def in_this_process(prepare, jobs, num_processes):
    do = prepare()
    yield from ((job, do(job)) for job in jobs)


def write_inputs(folder):
    """Make what the page takes for granted: videos, a table, lists, and what OpenPose writes."""
    for name in ("fall/a", "fall/b", "walk/a"):
        path = folder / f"videos/{name}.mp4"
        path.parent.mkdir(parents=True, exist_ok=True)
        with VideoWriter(path, frames_per_second=25.0) as video:
            video.write(np.zeros((48, 64, 3), np.uint8))
    (folder / "labels.csv").write_text(re.search(r"```text\n(video,label\n.*?)```", PAGE, re.DOTALL)[1])
    (folder / "splits.csv").write_text("video,split\nfall/a,train\nfall/b,val\nwalk/a,train\n")
    (folder / "lists").mkdir()
    (folder / "lists/fall_test_split1.txt").write_text("a.avi 1\nb.avi 2\n")
    (folder / "lists/walk_test_split1.txt").write_text("a.avi 1\n")
    body = np.column_stack([np.linspace(10, 60, 25), np.linspace(20, 90, 25), np.full(25, 0.5)]).ravel().tolist()
    for name in ("fall/a", "walk/b"):
        (folder / "openpose" / name).mkdir(parents=True)
        for frame in range(2):
            path = folder / "openpose" / name / f"{name[-1]}_{frame:012}_keypoints.json"
            path.write_text(f'{{"version": 1.3, "people": [{{"pose_keypoints_2d": {body}}}]}}')


def test_every_command_of_the_page_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(extraction_run, "done_in_processes", in_this_process)
    write_inputs(tmp_path)
    lines = [line for block in re.findall(r"```shell\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]

    for line in lines:
        assert line.startswith("posec3d extract ")
        tyro.cli(extract, args=shlex.split(line)[2:])

    sets = {path.name: load_annotations(path) for path in tmp_path.glob("*.pkl")}
    assert len(sets) == len(lines) >= 8
    assert sets["labelled-later.pkl"].classes == ("accident", "daily life")
    assert dict(sets["official.pkl"].splits) == {"train1": ("fall/a", "walk/a"), "test1": ("b",)}
    assert sets["converted.pkl"].keypoint_names == get_skeleton("openpose25").keypoints
    assert [video.canvas for video in sets["converted.pkl"].annotations] == [(480, 640), (480, 640)]
