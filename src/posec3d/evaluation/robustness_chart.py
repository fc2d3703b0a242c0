"""The picture of robustness: accuracy over how bad the poses are."""

from collections.abc import Sequence
from pathlib import Path
from textwrap import fill

from posec3d.evaluation.charts import BLUE
from posec3d.evaluation.charts import GREY
from posec3d.evaluation.charts import ORANGE
from posec3d.evaluation.charts import save_figure
from posec3d.evaluation.robustness import Curve


def save_robustness_curves(path: Path, curves: Sequence[Curve], num_videos: int) -> None:
    """Draw a panel for each curve as a PNG: top-1 and mean class accuracy at each level."""
    from matplotlib.figure import Figure

    figure = Figure((3.4 * len(curves), 4.0), layout="constrained")
    panels = figure.subplots(1, len(curves), sharey=True, squeeze=False)[0]
    lowest = min(min(curve.top1 + curve.mean_class) for curve in curves)
    for panel, curve in zip(panels, curves, strict=True):
        places = range(len(curve.levels))
        for values, name, colour in ((curve.top1, "top-1", BLUE), (curve.mean_class, "mean class", ORANGE)):
            panel.plot(places, [100 * value for value in values], marker="o", markersize=4, color=colour, label=name)
        panel.axhline(100 * curve.top1[0], color=GREY, linestyle=":", linewidth=1)
        panel.annotate(
            f"{100 * (curve.top1[-1] - curve.top1[0]):+.1f}",
            (places[-1], 100 * curve.top1[-1]),
            xytext=(-6, -4),
            textcoords="offset points",
            ha="right",
            va="top",
            color=BLUE,
        )
        # Levels double from one to the next: evenly spaced they are read best.
        panel.set_xticks(list(places), [f"{level:.3g}" for level in curve.levels])
        panel.set_xlabel(fill(curve.about, 34))
        panel.grid(alpha=0.3)
        panel.spines[["top", "right"]].set_visible(False)
        panel.set_ylim(max(0.0, 100 * lowest - 8), 101)
    panels[0].set_ylabel(f"accuracy in %, {num_videos} videos")
    panels[0].legend(loc="lower left")
    save_figure(figure, path)
