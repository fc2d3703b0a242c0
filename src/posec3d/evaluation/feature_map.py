"""A picture of features: every video a point, near those that a network sees alike."""

from pathlib import Path

import numpy as np

from posec3d.evaluation.charts import save_figure
from posec3d.evaluation.features import Features
from posec3d.evaluation.features import flattened

# With more classes their colours and names run together: each class then has its number of twenty colours.
_MOST_WITH_NAMES = 40


def save_feature_map(path: Path, features: Features) -> None:
    """Draw as a PNG the plane in which videos lie farthest apart, coloured by class; names stand amid their videos."""
    from matplotlib import colormaps
    from matplotlib.figure import Figure
    from matplotlib.patheffects import withStroke

    plane, labels = flattened(features.values), features.labels
    colours = colormaps["tab20"](np.arange(20))
    figure = Figure((8, 7), layout="constrained")
    axes = figure.add_subplot()
    unknown = labels < 0
    x, y = plane.T
    axes.scatter(x[unknown], y[unknown], s=14, color="#bbbbbb")
    axes.scatter(x[~unknown], y[~unknown], s=14, c=colours[labels[~unknown] % 20])
    known = np.unique(labels[~unknown])
    if len(known) <= _MOST_WITH_NAMES:
        for label in known:
            # Labels need not have names, nor all of them.
            name = dict(enumerate(features.classes or ())).get(label, str(label))
            axes.annotate(
                name.replace("$", r"\$"),
                np.median(plane[labels == label], axis=0),
                ha="center",
                va="center",
                fontsize=9,
                path_effects=[withStroke(linewidth=3, foreground="white")],
            )
    axes.set_title(f"{len(plane):,} videos as the network sees them", loc="left")
    axes.set_xlabel("first principal component")
    axes.set_ylabel("second principal component")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[["top", "right"]].set_visible(False)
    save_figure(figure, path)
