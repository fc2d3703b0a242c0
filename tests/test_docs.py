"""Every command and every snippet of the README and of the guide to own data is run, in the order of the page."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from posec3d.annotations import AnnotationSet
from posec3d.annotations import save_annotations
from posec3d.checkpoints import build_model
from posec3d.config_files import load_experiment
from posec3d.evaluation.scores import Scores
from posec3d.evaluation.scores import save_scores
from posec3d.experiment import card_of
from posec3d.published import ANNOTATIONS
from posec3d.published import find_published
from posec3d.synthetic import make_annotations
from posec3d.video.scene import film
from posec3d.video.writing import VideoWriter

REPOSITORY = Path(__file__).parents[1]
sys.path.insert(0, str(REPOSITORY / "tests" / "warm"))

from warm_process import run_forked  # noqa: E402

DAYS = ("monday", "tuesday")
TINY = [
    *("network.base_channels=4", "network.stage_blocks=(1,1)", "clips.length=8", "clips.train_short_side=20"),
    *("clips.train_canvas=16", "clips.test_canvas=16", "clips.test_clips=2", "training.epochs=2"),
]


@pytest.fixture
def folder(tmp_path, _folder):
    """A copy of it for each page, which writes there."""
    return Path(shutil.copytree(_folder, tmp_path, dirs_exist_ok=True))


@pytest.fixture(scope="module")
def _folder(tmp_path_factory):
    """A folder with what a page takes for granted: data where configs expect it, a checkpoint, a file of one's own."""
    tmp_path = tmp_path_factory.mktemp("page")
    made_up = make_annotations(12, seed=0, motions=("squat", "walk", "wave"))
    for name in ("gym_train", "gym_val"):
        save_annotations(tmp_path / "data" / "posec3d" / f"{name}.pkl", AnnotationSet(made_up.annotations))
    shutil.copytree(REPOSITORY / "tools", tmp_path / "tools")
    film_to(tmp_path / "clip.mp4", "wave", seed=0)
    for number, motion in enumerate(("squat", "wave") * 3):
        film_to(tmp_path / "videos" / motion / f"{motion}{number}.mp4", motion, seed=number)
    film_to(tmp_path / "games/monday.mp4", "squat", seed=6)
    film_to(tmp_path / "games/tuesday.mp4", "wave", seed=7)
    segments = ["video,start,end,label", *(f"{day},{n / 4},{n / 4 + 0.2},squat" for day in DAYS for n in range(4))]
    (tmp_path / "segments.csv").write_text("\n".join(segments))
    np.savez(tmp_path / "poses.npz", keypoints=made_up.annotations[0].keypoints, canvas=made_up.annotations[0].canvas)
    card = card_of(load_experiment(Path("slowonly_r50_u48_240e_gym_keypoint"), TINY))
    (tmp_path / "checkpoints").mkdir()
    torch.save({"state_dict": build_model(card).state_dict()}, tmp_path / "checkpoints" / "SOME_CHECKPOINT.pth")
    save_annotations(tmp_path / "annotations.pkl", made_up)
    for kind in ("keypoint", "limb"):
        scores = torch.rand(6, 3).softmax(-1).numpy()
        save_scores(tmp_path / f"{kind}.json", Scores(scores, torch.arange(6).numpy() % 3, tuple("abcdef")))
    return tmp_path


def film_to(path, motion, *, seed):
    path.parent.mkdir(parents=True, exist_ok=True)
    pictures, _ = film(motion, rng=np.random.RandomState(seed), num_frames=20, size=(240, 320))
    with VideoWriter(path, frames_per_second=15.0) as writer:
        for picture in pictures:
            writer.write(picture)


@pytest.fixture
def servers(folder):
    """Servers that a page starts, which go on while it uses them; the address that each has instead of its own."""
    started = []
    yield started
    for server, _ in started:
        server.terminate()
        server.communicate()


def start_server(words, folder):
    command = [sys.executable, "-m", "posec3d.cli", *words[1:], "--port", "0"]
    server = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return server, server.stdout.readline().split()[0]


def run(words, folder, *, forked):
    if words[0] == "make":
        assert re.search(rf"^{words[1]}:", (REPOSITORY / "Makefile").read_text(), re.MULTILINE)
        return
    if words[:3] == ["posec3d", "stream", "0"]:
        return  # There is no webcam where tests run.
    if words[:2] == ["posec3d", "download"]:
        assert all(find_published(name, ANNOTATIONS) for name in words[2:])
        return
    if words[0] == "curl":
        answer = subprocess.run([*words, "--silent", "--fail"], cwd=folder, capture_output=True, check=True)
        assert json.loads(answer.stdout)["segments"]
        return
    program = ["-m", "posec3d.cli"] if words[0] == "posec3d" else []
    trained = re.search(r"\b(train|test)\b", words[1]) and "--split" not in words and "rocket" not in " ".join(words)
    # Of a work directory each network has a config of its own.
    small = ["--cfg-options", *TINY] if trained and not (folder / words[2]).is_dir() else []
    if forked:
        done = run_forked([*program, *words[1:], *small], cwd=folder, env=dict(os.environ), timeout=300)
    else:
        done = subprocess.run(
            [sys.executable, *program, *words[1:], *small], cwd=folder, capture_output=True, text=True, check=False
        )
    assert done.returncode == 0, f"{shlex.join(words)}\n{done.stdout}{done.stderr}"


@pytest.mark.parametrize(
    ("page", "fewest_blocks"),
    [
        ("README.md", 3),
        ("docs/own-data.md", 3),
        ("docs/long-videos.md", 3),
        ("docs/recognize.md", 3),
        ("docs/serve.md", 3),
        ("docs/visualize.md", 3),
        ("docs/export.md", 3),
        ("docs/speed.md", 1),
    ],
)
def test_every_command_and_snippet_runs(folder, servers, page, fewest_blocks, monkeypatch):
    monkeypatch.chdir(folder)
    blocks = re.findall(r"```(shell|python)\n(.*?)```", (REPOSITORY / page).read_text(), re.DOTALL)

    for language, content in blocks:
        for _, address in servers:
            content = content.replace("http://127.0.0.1:8000", address)
        if language == "python":
            exec(compile(content, page, "exec"), {})
            continue
        for line in content.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            if words[:2] == ["posec3d", "serve"]:
                servers.append(start_server(words, folder))
            else:
                # The first page as a user does it, the others sooner.
                run(words, folder, forked=page != "README.md")

    assert len(blocks) >= fewest_blocks


def test_links_of_the_pages_lead_somewhere():
    for page in [REPOSITORY / "README.md", *(REPOSITORY / "docs").glob("*.md")]:
        for target in re.findall(r"\]\((?!http)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
