"""The chart that the README shows: how many times faster than the reference, a bar each."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt

from benchmarks.timing import Row


def save_chart(path: Path, rows: Sequence[Row], machine: str) -> None:
    """Draw a bar for every way that was compared, on a logarithmic axis, with a tick at what had been asked for."""
    bars = [row for row in rows if row.ratio is not None and row.way != "reference"]
    if not bars:
        return
    figure, axes = plt.subplots(figsize=(8, 0.27 * len(bars) + 1.2), layout="constrained")
    stages = list(dict.fromkeys(row.stage for row in bars))
    places = [place + 0.6 * stages.index(row.stage) for place, row in enumerate(bars)]
    colours = plt.get_cmap("tab10")
    ratios = [row.ratio or 0.0 for row in bars]
    axes.barh(places, ratios, color=[colours(stages.index(row.stage)) for row in bars], height=0.8)
    for place, row in zip(places, bars, strict=True):
        beyond = max(row.ratio or 0, row.asked or 0)
        axes.text(beyond * 1.05, place, f"{row.ratio:.1f}x", va="center", fontsize=8)
        if row.asked is not None:
            axes.plot([row.asked] * 2, [place - 0.4, place + 0.4], color="black", linewidth=1.5)
    axes.set_yticks(
        places, [f"{row.stage}, {row.case}: {row.way.removeprefix('posec3d, ')}" for row in bars], fontsize=8
    )
    axes.set_xscale("log")
    axes.set_xlim(0.5, max(ratios) * 1.6)
    axes.axvline(1, color="grey", linewidth=1)
    axes.set_ylim(places[-1] + 0.8, places[0] - 0.8)
    axes.set_xlabel(
        f"times faster than the reference formulation (black: the least that was aimed at)\n{machine}", fontsize=8
    )
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)
    plt.close(figure)
