"""Work for a GPU and for the processor at the same time."""

from collections.abc import Iterable
from collections.abc import Iterator
from typing import TypeVar

Item = TypeVar("Item")


def each_after_the_next(items: Iterable[Item]) -> Iterator[Item]:
    """Give items in their order, but each only when the one after it has been made.

    Of results on a GPU, that are read one by one: while one is waited for, the GPU has the next to do already.
    """
    before: list[Item] = []
    for item in items:
        yield from before
        before = [item]
    yield from before
