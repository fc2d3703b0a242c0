"""Pictures of how well a network does: its learning curves, and which classes it takes for which."""

import warnings
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float
from jaxtyping import Int

from posec3d.evaluation.metrics import Accuracy
from posec3d.evaluation.metrics import confusion
from posec3d.evaluation.metrics import measure
from posec3d.runtime.files import replacing
from posec3d.video.lettering import font_file
from posec3d.video.lettering import text_width

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito (2008): told apart also by people who do not see red and green.
BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#888888"
# With more classes, numbers no longer fit into cells, and names no longer beside rows.
_MOST_WITH_NUMBERS, _MOST_WITH_NAMES = 25, 80
_MOST_CONFUSIONS, _LONGEST_NAME = 14, 28
_DPI = 120
_HEADING = "most frequent confusions"


def save_learning_curves(
    path: Path,
    epochs: Int[np.ndarray, " E"],
    loss: Float[np.ndarray, " E"],
    learning_rate: Float[np.ndarray, " E"],
    validation: Mapping[int, Accuracy],
) -> None:
    """Draw a training's epochs as a PNG: loss and learning rate, and the accuracy of the epochs that were validated."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure((11, 4.6), layout="constrained")
    grid = figure.add_gridspec(4, 2)
    losses = figure.add_subplot(grid[:3, 0])
    _plot(losses, epochs, loss, BLUE, "training loss")
    losses.set_title("training loss", loc="left")
    losses.set_ylim(bottom=0)
    losses.tick_params(labelbottom=False)
    rates = figure.add_subplot(grid[3, 0], sharex=losses)
    _plot(rates, epochs, learning_rate, GREY, "learning rate")
    rates.set_title("learning rate", loc="left", fontsize="small")
    rates.set_ylim(bottom=0)
    accuracies = figure.add_subplot(grid[:, 1], sharex=losses)
    _plot_accuracies(accuracies, validation)
    for axes in (losses, rates, accuracies):
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    # One epoch alone would get an axis with fractions of it.
    losses.set_xlim(min(epochs, default=1) - 0.5, max(epochs, default=1) + 0.5)
    losses.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    for axes in (rates, accuracies):
        axes.set_xlabel("epoch")
    save_figure(figure, path)


def save_confusion_matrix(
    path: Path,
    scores: Float[np.ndarray, "N K"],
    labels: Int[np.ndarray, " N"],
    classes: Sequence[str] | None = None,
    *,
    whose: str = "",
) -> None:
    """Draw as a PNG what the videos of each class (row, as shares of it) are taken for (column), and by `whose` words.

    Up to 80 classes stand by name, or by number without `classes`; up to 25 have percentages in their cells. The most
    frequent confusions are listed beside. Raises ValueError as `measure` does.
    """
    from matplotlib.colors import PowerNorm
    from matplotlib.figure import Figure

    accuracy = measure(scores, labels)
    counts = confusion(scores, labels)
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    names = [_shown(name) for name in classes] if classes else [str(label) for label in range(len(counts))]
    lines = _confusion_lines(counts, names)
    # By hand and in inches: matplotlib's own layouts cut off what stands around a square.
    few, named = len(counts) <= _MOST_WITH_NUMBERS, len(counts) <= _MOST_WITH_NAMES
    font_size = 9.0 if few else 7.0
    side = min(max(4.5, (0.36 if few else 0.15) * len(counts)), 12.0)
    room = 0.15 + (_width_of(names, font_size) if named else 0.3)
    beside = _width_of([_HEADING, *lines], 10.0)
    width, height = 0.5 + room + side + 1.6 + beside, 0.5 + side + room + 0.5
    figure = Figure((width, height))
    axes = figure.add_axes(((0.5 + room) / width, (0.5 + room) / height, side / width, side / height))
    # The square root shows one confusion in a hundred beside classes that are all right.
    image = axes.imshow(shares, cmap="Blues", norm=PowerNorm(0.5, vmin=0, vmax=1), interpolation="nearest")
    measured = f"top-1 {accuracy.top1:.1%}, mean class {accuracy.mean_class:.1%}, {accuracy.num_videos} videos"
    axes.set_title(f"{whose}: {measured}" if whose else measured, loc="left")
    axes.set_xlabel("predicted class")
    axes.set_ylabel("true class; colour: share of its videos")
    if named:
        _write_names(axes, names, font_size)
    if few:
        _write_numbers(axes, shares)
    right = 0.5 + room + side + 0.2
    bar = figure.colorbar(
        image,
        cax=figure.add_axes((right / width, (0.5 + room) / height, 0.18 / width, side / height)),
        ticks=[0, 0.01, 0.05, 0.2, 0.5, 1],
    )
    bar.ax.set_yticklabels(["0", "1%", "5%", "20%", "50%", "100%"])
    for row, line in enumerate([_HEADING if lines else "no confusions", *lines]):
        y = 1 - (0.7 + 0.27 * row) / height
        figure.text((right + 1.1) / width, y, line, font=font_file(line), fontsize=10 if row == 0 else 9)
    save_figure(figure, path)


def worst_confusions(counts: Int[np.ndarray, "K K"]) -> list[tuple[int, int]]:
    """Return (label, prediction) of the confusions there are, by videos, then by share of the class; at most 14."""
    wrong = counts * (1 - np.eye(len(counts), dtype=counts.dtype))
    shares = wrong / np.maximum(counts.sum(1, keepdims=True), 1)
    order = np.lexsort((-shares.ravel(), -wrong.ravel()))[:_MOST_CONFUSIONS]
    pairs = [divmod(int(cell), len(counts)) for cell in order]
    return [(label, prediction) for label, prediction in pairs if wrong[label, prediction]]


def _plot(axes: "Axes", epochs: Sequence[int] | np.ndarray, values: np.ndarray, colour: str, name: str) -> None:
    # Single epochs are dots: a line of one would not be seen.
    axes.plot(epochs, values, color=colour, label=name, marker="o", markersize=3 if len(epochs) < 60 else 0)


def _plot_accuracies(axes: "Axes", validation: Mapping[int, Accuracy]) -> None:
    axes.set_title("validation", loc="left")
    axes.set_ylim(0, 1.02)
    axes.yaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    if not validation:
        axes.text(0.5, 0.5, "not validated yet", ha="center", transform=axes.transAxes, color=GREY)
        return
    epochs = sorted(validation)
    for field, name, colour in (("top1", "top-1", BLUE), ("mean_class", "mean class", ORANGE)):
        values = np.array([getattr(validation[epoch], field) for epoch in epochs])
        best = int(values.argmax())
        _plot(axes, epochs, values, colour, f"{name}: best {values[best]:.1%}, epoch {epochs[best]}")
        axes.plot(epochs[best], values[best], marker="o", color=colour, fillstyle="none", markersize=10)
    axes.legend(loc="lower right")


def _write_names(axes: "Axes", names: Sequence[str], font_size: float) -> None:
    for axis, turn in ((axes.xaxis, 90), (axes.yaxis, 0)):
        axis.set_ticks(range(len(names)), names)
        for name, tick in zip(names, axis.get_ticklabels(), strict=True):
            tick.set(font=font_file(name), fontsize=font_size, rotation=turn)


def _write_numbers(axes: "Axes", shares: Float[np.ndarray, "K K"]) -> None:
    for row, column in np.argwhere(shares > 0):
        share = float(shares[row, column])
        # The square root of a quarter is the middle of the colours.
        shown = f"{100 * share:.0f}" if share >= 0.005 else "<1"
        colour = "white" if share > 0.25 else "black"
        axes.text(column, row, shown, ha="center", va="center", fontsize=8, color=colour)


def _confusion_lines(counts: Int[np.ndarray, "K K"], names: Sequence[str]) -> list[str]:
    return [
        f"{counts[label, prediction]} of {counts[label].sum()}:  {names[label]}  →  {names[prediction]}"
        for label, prediction in worst_confusions(counts)
    ]


def _width_of(texts: Sequence[str], font_size: float) -> float:
    """Return the width in inches of the longest text."""
    return max(text_width(text, font_size) for text in texts) / 72


def _shown(name: str) -> str:
    """Return a class name on one line, cut to a length there is room for, and with nothing to be read as a formula."""
    name = " ".join(name.split())
    shortened = name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1].rstrip() + "…"
    return shortened.replace("$", r"\$")


def save_figure(figure: "Figure", path: Path) -> None:
    """Write a figure as a PNG, whole or not at all."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    FigureCanvasAgg(figure)
    with replacing(path) as unfinished, warnings.catch_warnings():
        # `font_file` has said so already, once.
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        figure.savefig(unfinished, format="png", dpi=_DPI)
