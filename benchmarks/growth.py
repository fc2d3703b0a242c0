"""How time and memory grow with clips, people, frames and canvas, each point in a process of its own."""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np

_AXES: Mapping[str, Sequence[int]] = {
    "clips": (1, 2, 4, 8, 16),
    "people": (1, 2, 4, 8, 16, 32),
    "frames": (16, 32, 48, 96, 192),
    "canvas": (28, 40, 56, 80, 112),
}
_USUAL = {"clips": 2, "people": 2, "frames": 48, "canvas": 56}


def measure_growth(chart: Path) -> dict[str, list[dict[str, float]]]:
    """Run the network, untrained and of half the published width, over each axis alone, and draw what comes out."""
    results: dict[str, list[dict[str, float]]] = {}
    for axis, values in _AXES.items():
        for value in values:
            point = {**_USUAL, axis: value}
            done = subprocess.run(
                [sys.executable, "-m", "benchmarks.growth", json.dumps(point)],
                check=True,
                capture_output=True,
                text=True,
            )
            results.setdefault(axis, []).append({axis: value, **json.loads(done.stdout)})
            print(f"growth: {axis} {value}: {done.stdout.strip()}", file=sys.stderr)
    _draw(chart, results)
    return results


def measure_point(point: Mapping[str, int]) -> dict[str, float]:
    """Return milliseconds of drawing and of the network, and the megabytes that the two took."""
    import torch

    from benchmarks.videos import made_up_video
    from posec3d.clips.dataset import collate
    from posec3d.clips.pipeline import scored_views
    from posec3d.models.builders import build_posec3d
    from posec3d.runtime.allocator import keep_freed_memory
    from posec3d.skeletons import get_skeleton

    keep_freed_memory()
    torch.manual_seed(0)
    model = build_posec3d(num_classes=60, base_channels=16).eval().to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    video = made_up_video(point["people"], 300)
    views = scored_views(
        video,
        skeleton=get_skeleton("coco17"),
        length=point["frames"],
        num_clips=point["clips"],
        canvas=point["canvas"],
        mirrored=False,
    )
    batch = collate([(views, 0)])
    size = (point["canvas"], point["canvas"])
    drawing, network = [], []
    with torch.inference_mode():
        # Compiled before anything is counted.
        model(batch.keypoints[0, :1, :, :2], batch.scores[0, :1, :, :2], (16, 16))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for _ in range(5):
            started = time.perf_counter()
            volume = model.heatmaps(batch.keypoints[0], batch.scores[0], size)
            drawn = time.perf_counter()
            model.classify(volume)
            drawing.append(drawn - started)
            network.append(time.perf_counter() - drawn)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return {
        "drawing_ms": float(np.median(drawing)) * 1e3,
        "network_ms": float(np.median(network)) * 1e3,
        "memory_mb": grown / 1024,
    }


def exponent(points: Sequence[Mapping[str, float]], axis: str, what: str) -> float:
    """Return the power of `axis` with which something grows, over the upper half of its points."""
    upper = points[len(points) // 2 :]
    x, y = (np.log([max(point[name], 1e-9) for point in upper]) for name in (axis, what))
    return float(np.polyfit(x, y, 1)[0])


def _draw(path: Path, results: Mapping[str, Sequence[Mapping[str, float]]]) -> None:
    figure, plots = plt.subplots(1, len(results), figsize=(3 * len(results), 3), layout="constrained", sharey=True)
    for plot, (axis, points) in zip(plots, results.items(), strict=True):
        values = [point[axis] for point in points]
        for what, label in (("network_ms", "network, ms"), ("drawing_ms", "drawing, ms"), ("memory_mb", "memory, MB")):
            plot.plot(values, [max(point[what], 0.1) for point in points], "o-", markersize=4, label=label)
        plot.set_xscale("log", base=2)
        plot.set_yscale("log")
        plot.set_xticks(values, [str(value) for value in values])
        plot.minorticks_off()
        plot.set_xlabel(axis if axis != "canvas" else "canvas, pixels a side")
        plot.grid(alpha=0.3)
    plots[0].legend(fontsize=8)
    figure.savefig(path, dpi=110)
    plt.close(figure)


if __name__ == "__main__":
    print(json.dumps(measure_point(json.loads(sys.argv[1]))))
