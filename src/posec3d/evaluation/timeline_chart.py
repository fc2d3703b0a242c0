"""The picture of timelines: what happens in each video, and below it what was told."""

from collections.abc import Sequence
from pathlib import Path

from posec3d.evaluation.charts import save_figure
from posec3d.evaluation.timelines import Timeline

_MOST_VIDEOS = 20
_UNLABELLED = "#ececec"
# Matplotlib's qualitative colours without the greys, which are for nothing: 52 of them.
_COLOURS = (("tab20", (*range(14), *range(16, 20))), ("tab20b", range(20)), ("tab20c", range(14)))


def save_timelines(path: Path, timelines: Sequence[Timeline]) -> None:
    """Draw as a PNG a pair of bars for each of up to twenty videos, a colour for each action."""
    from matplotlib import colormaps
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch
    from matplotlib.ticker import FuncFormatter

    shown = timelines[:_MOST_VIDEOS]
    actions = sorted({one.action for line in shown for one in (*line.labelled, *line.told)})
    palette = [colormaps[name](place) for name, places in _COLOURS for place in places]
    colours = {action: palette[place % len(palette)] for place, action in enumerate(actions)}
    num_rows = -(-(len(actions) + 1) // 5)
    figure = Figure((10, 1.0 + 0.62 * len(shown) + 0.25 * num_rows), layout="constrained")
    axes = figure.add_subplot()
    for place, timeline in enumerate(shown):
        for intervals, top in ((timeline.labelled, place - 0.36), (timeline.told, place + 0.02)):
            axes.barh(top, timeline.duration, 0.34, color=_UNLABELLED, align="edge")
            for interval in intervals:
                axes.barh(
                    top,
                    interval.end - interval.start,
                    0.34,
                    left=interval.start,
                    color=colours[interval.action],
                    edgecolor="white",
                    linewidth=0.5,
                    align="edge",
                )
    axes.set_yticks(range(len(shown)), [f"{line.video}\nlabelled\ntold" for line in shown], fontsize=7)
    axes.set_ylim(len(shown) - 0.4, -0.6)
    longest = max(line.duration for line in shown)
    axes.set_xlim(0, longest)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda time, _: _clock(time) if longest >= 120 else f"{time:g} s"))
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    if len(timelines) > len(shown):
        axes.set_title(f"the first {len(shown)} of {len(timelines):,} videos", loc="left")
    patches = [Patch(color=colours[action], label=action) for action in actions]
    patches.append(Patch(color=_UNLABELLED, label="nothing"))
    figure.legend(handles=patches, loc="outside lower center", ncols=5, frameon=False, fontsize=8)
    save_figure(figure, path)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02}"
