"""What an annotation file holds once it has been read: videos with their poses and labels, and named splits."""

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field

from posec3d.annotations.annotation import Annotation
from posec3d.annotations.columns import choose
from posec3d.annotations.columns import names_of


@dataclass(frozen=True)
class AnnotationSet:
    """The videos of one annotation file, in file order.

    `splits` maps a split's name to its videos; a plain list has none. `classes` and `keypoint_names` are there if the
    file names them. `source` is the path, for messages. Videos of a store are read when they are asked for.
    """

    annotations: Sequence[Annotation]
    splits: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    classes: tuple[str, ...] | None = None
    keypoint_names: tuple[str, ...] | None = None
    source: str = "annotations"

    def split(self, name: str | None) -> Sequence[Annotation]:
        """Return the videos of one split, in file order; all of them for None.

        Raises KeyError, with the splits there are, for a name that the file does not have.
        """
        if name is None:
            return self.annotations
        if name not in self.splits:
            known = ", ".join(self.splits) or "none: the file is a plain list, so leave the split out"
            raise KeyError(f"{self.source}: no split {name!r}; splits in the file: {known}")
        wanted = frozenset(self.splits[name])
        return choose(self.annotations, [video in wanted for video in names_of(self.annotations)])


@dataclass(frozen=True)
class VideoStream:
    """A set whose videos come one after another, once: `num_videos` of them, never all in memory."""

    videos: Iterable[Annotation]
    num_videos: int
    splits: Mapping[str, tuple[str, ...]]
    classes: tuple[str, ...] | None
    keypoint_names: tuple[str, ...] | None
    source: str


def stream_of(annotations: AnnotationSet) -> VideoStream:
    """Return a set as a stream."""
    return VideoStream(
        videos=annotations.annotations,
        num_videos=len(annotations.annotations),
        splits=annotations.splits,
        classes=annotations.classes,
        keypoint_names=annotations.keypoint_names,
        source=annotations.source,
    )
