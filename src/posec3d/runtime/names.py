"""Two lists of names for the same things: whether they count them in one order."""

from collections.abc import Sequence


def first_misplaced(known: Sequence[str], names: Sequence[str]) -> int | None:
    """Return the first place at which `names` have what `known` has at another one; None where there is none.

    A name that is not known is another word for what stands there.
    """
    pairs = enumerate(zip(known, names, strict=False))
    return next((place for place, (own, name) in pairs if name != own and name in known), None)
