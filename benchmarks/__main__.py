"""`python -m benchmarks`: ours and the reference formulation side by side, in one table, as JSON and as a chart."""

import json
import logging
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC
from datetime import datetime
from pathlib import Path
from typing import Literal

import torch
import tyro

from benchmarks.chart import save_chart
from benchmarks.timing import Row

Stage = Literal["samples", "views", "annotations", "networks", "training", "testing", "accelerator", "growth"]
_ALL: tuple[Stage, ...] = (
    "samples",
    "views",
    "annotations",
    "networks",
    "training",
    "testing",
    "accelerator",
    "growth",
)


def benchmark(
    stages: tyro.conf.Positional[tuple[Stage, ...]] = _ALL,
    *,
    out: Path = Path("benchmarks/results"),
    rounds: int = 9,
    default_allocator: bool = False,
) -> None:
    """Measure each stage against the reference formulation, in one run, and write JSON and charts.

    python -m benchmarks                      # everything; half an hour on two cores, and 15 GB of disk for a while

    python -m benchmarks samples views        # what a training sample and the views of a test cost

    Args:
        stages: What to measure.
        out: The folder for results.json, speed.png and growth.png.
        rounds: How often each way is timed, in turns; the median counts.
        default_allocator: Leave glibc's allocator as it is, in place of what every command of posec3d does: eager
            networks then wait for page faults.
    """
    logging.getLogger("posec3d").setLevel(logging.WARNING)
    out.mkdir(parents=True, exist_ok=True)
    rows: list[Row] = []
    growth = {}
    for stage in stages:
        print(f"measuring {stage} ...", file=sys.stderr, flush=True)
        if stage == "growth":
            from benchmarks.growth import measure_growth

            growth = measure_growth(out / "growth.png")
        else:
            rows += _in_own_process(stage, rounds, default_allocator)
    content = {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine(),
        "allocator": "default" if default_allocator else "freed memory kept",
        "rows": [row.as_dict() for row in rows],
        "growth": growth,
    }
    (out / "results.json").write_text(json.dumps(content, indent=1) + "\n")
    save_chart(out / "speed.png", rows, machine())
    print(as_table(rows))


def as_table(rows: Sequence[Row]) -> str:
    """Return the rows as a Markdown table."""
    lines = ["| stage | case | way | ms | times faster | asked | |", "|---|---|---|---|---|---|---|"]
    for row in rows:
        numbers = [_short(value) for value in (row.milliseconds, row.ratio, row.asked)]
        lines.append(f"| {row.stage} | {row.case} | {row.way} | {' | '.join(numbers)} | {row.note} |")
    return "\n".join(lines)


def _short(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.3g}" if value < 100 else f"{value:,.0f}"


def machine() -> str:
    """Return what the figures were measured on: processor, cores, PyTorch, and the CUDA device if there is one."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        named = (line for line in cpuinfo.read_text().splitlines() if line.startswith("model name"))
        model = next(named, model).split(":")[-1].strip()
    device = f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""
    return f"{model}, {os.cpu_count()} cores, PyTorch {torch.__version__}{device}"


def _in_own_process(stage: Stage, rounds: int, default_allocator: bool) -> list[Row]:
    """Measure one stage where no other has left threads, memory or settings."""
    command = [sys.executable, "-m", "benchmarks.one_stage", stage, str(rounds), str(int(default_allocator))]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return [Row(**row) for row in json.loads(done.stdout.splitlines()[-1])]


if __name__ == "__main__":
    tyro.cli(benchmark, prog="python -m benchmarks")
