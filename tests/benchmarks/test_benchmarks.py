"""The benchmarks measure what they say: the reference formulations are right, the table and the chart come out."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

REPOSITORY = Path(__file__).parents[2]
sys.path.insert(0, str(REPOSITORY))

from benchmarks import reference  # noqa: E402
from benchmarks.growth import exponent  # noqa: E402
from benchmarks.timing import compared  # noqa: E402
from benchmarks.timing import medians  # noqa: E402
from benchmarks.videos import made_up_video  # noqa: E402
from posec3d.clips.pipeline import scored_views  # noqa: E402
from posec3d.models import heatmap_convolution  # noqa: E402
from posec3d.models.builders import build_posec3d  # noqa: E402
from posec3d.models.recognizer import HeatmapLayer  # noqa: E402
from posec3d.skeletons import get_skeleton  # noqa: E402


@pytest.mark.parametrize("kind", ["keypoint", "limb"])
@pytest.mark.parametrize("num_people", [1, 3])
def test_the_plain_loops_draw_what_posec3d_draws(kind, num_people):
    skeleton = get_skeleton("coco17")
    limbs = skeleton.limbs if kind == "limb" else None
    view = scored_views(made_up_video(num_people), skeleton=skeleton, num_clips=1, mirrored=False)[0]
    keypoints, scores = torch.from_numpy(view.keypoints)[None], torch.from_numpy(view.scores)[None]

    volume = HeatmapLayer(limbs=limbs)(keypoints, scores, view.canvas)

    assert (volume > 0).float().mean() > 0.003
    # The plain loops round in float32, limbs of many pixels to 5e-6.
    np.testing.assert_allclose(reference.drawn(view, limbs), volume[0], rtol=0, atol=1e-5)


@pytest.mark.parametrize("num_people", [1, 2, 32])
def test_made_up_videos_have_so_many_people_and_frames(num_people):
    video = made_up_video(num_people, 100)

    assert video.keypoints.shape == (num_people, 100, 17, 2)
    assert (video.scores > 0).mean() > 0.8
    assert len(np.unique(video.keypoints[:, 0, 5:].reshape(num_people, -1), axis=0)) == num_people


def test_ways_take_turns_and_the_median_counts():
    calls = []

    times = medians({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, rounds=2, calls=2)

    assert "".join(calls) == "ab" + "aabb" * 2
    assert set(times) == {"a", "b"}


def test_rows_say_how_many_times_faster():
    rows = compared("stage", "case", {"ours": 2.0, "reference": 50.0}, reference="reference", asked={"ours": 20.0})

    assert [(row.way, row.ratio, row.asked) for row in rows] == [("reference", 1.0, None), ("ours", 25.0, 20.0)]


def test_the_power_of_a_growth_is_found():
    points = [{"people": n, "ms": 3.0 * n**2} for n in (1, 2, 4, 8)]

    assert exponent(points, "people", "ms") == pytest.approx(2)


def test_the_command_writes_a_table_json_and_a_chart(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "samples", "accelerator", "--rounds", "1", "--out", str(tmp_path)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "| training sample | limb, 2 people | posec3d bfloat16 |" in done.stdout
    rows = json.loads((tmp_path / "results.json").read_text())["rows"]
    # Ratios are of the times beside them; nobody asks here how large they are.
    assert all(row["ratio"] > 0 for row in rows if row["stage"] == "training sample")
    if not torch.cuda.is_available():
        assert [row["note"] for row in rows if row["stage"] == "CUDA"] == ["not measured: no CUDA device"] * 2
    with Image.open(tmp_path / "speed.png") as chart:
        assert chart.width > 600


@pytest.mark.parametrize("backbone", ["slowonly", "c3d", "x3d"])
def test_the_reference_network_is_torchs_operators_alone(backbone):
    model = build_posec3d(num_classes=3, backbone=backbone, base_channels=4)
    volume = torch.zeros(1, 17, 4, 16, 16)

    with reference.plain_convolutions():
        plain = operators_of(model.classify(volume))

    # Functions of our own have names of Python classes that nobody imports.
    assert not [name for name in plain if name.startswith("_")]
    assert [name for name in operators_of(model.classify(volume)) if name.startswith("_")]


@pytest.mark.parametrize("backbone", ["slowonly", "c3d", "x3d"])
def test_the_reference_network_scores_without_compiled_loops(monkeypatch, backbone):
    model = build_posec3d(num_classes=3, backbone=backbone, base_channels=4).eval()
    called = []
    monkeypatch.setattr(heatmap_convolution, "in_parallel", lambda *_: called.append("ours"))

    with torch.no_grad(), reference.plain_convolutions():
        model.classify(torch.zeros(1, 17, 4, 16, 16))
        assert not called
    with torch.no_grad():
        model.classify(torch.zeros(1, 17, 4, 16, 16))
    assert called


def operators_of(result):
    """Return the names of all that a gradient would pass."""
    found, waiting = {}, [result.grad_fn]
    while waiting:
        function = waiting.pop()
        if function is not None and function not in found:
            found[function] = type(function).__name__
            waiting += [before for before, _ in function.next_functions]
    return set(found.values())
