"""Which models may be asked together, so that their answers are averaged."""

from posec3d.experiment import ModelCard
from posec3d.mapping import check_mappable


def check_together(first: ModelCard, other: ModelCard, position: int) -> None:
    """Raise ValueError unless another network can see the first one's keypoints, and knows the same classes."""
    skeleton, own = first.heatmaps.skeleton, other.heatmaps.skeleton
    try:
        check_mappable(skeleton, own)
    except ValueError as error:
        raise ValueError(
            f"model {position} cannot be averaged with the first, whose keypoints are given to all: {error}; "
            "models of more keypoints go first"
        ) from None
    names, own_names = ([card.class_name(label) for label in range(card.num_classes)] for card in (first, other))
    if len(own_names) != len(names):
        raise ValueError(
            f"model {position} knows {len(own_names)} classes, the first {len(names)}; answers are averaged over "
            "models of the same classes"
        )
    for label, (name, own_name) in enumerate(zip(names, own_names, strict=True)):
        if own_name != name:
            raise ValueError(
                f"class {label} of model {position} is {own_name!r}, of the first {name!r}; answers are averaged over "
                "models of the same classes in the same order"
            )
