"""The class names of data sets that published checkpoints or our own were trained on, in the order of their labels.

A text file a data set: where the names come from, then a name a line.
"""

from importlib.resources import files

from posec3d.published import CHECKPOINTS
from posec3d.published import find_published

PUBLISHED = ("ntu60", "ntu120", "gym99", "ucf101", "hmdb51", "kinetics400", "diving48")
DATASETS = (*PUBLISHED, "penn15", "jhmdb21", "jhmdb14", "everyday33")

# Short names of published checkpoints begin with these where they do not begin with the data set's own name.
_SHORT = {"gym": "gym99", "k400": "kinetics400"}


def class_names_of(dataset: str) -> tuple[str, ...] | None:
    """Return the names of a data set's classes, label 0 first; None for a data set whose names are not known.

    No name stands twice in a data set.
    """
    if dataset not in DATASETS:
        return None
    _origin, *names = (files(__name__) / f"{dataset}.txt").read_text(encoding="utf-8").splitlines()
    return tuple(names)


def dataset_of(name: str) -> str | None:
    """Return which data set's labels a published checkpoint gives; None for a name that is not published.

    `name` is anything that `find_published` knows a checkpoint by: its short name, config, file name or URL.
    """
    try:
        (file,) = find_published(name, CHECKPOINTS)
    except KeyError:
        return None
    start = file.names[0].split("-")[0]
    dataset = _SHORT.get(start, start)
    return dataset if dataset in PUBLISHED else None
