"""Lists of names: whether two count the same things in one order, and where somebody's name stands in one."""

import difflib
from collections.abc import Sequence

# So many names are listed where none is near.
_LISTED = 12


def first_misplaced(known: Sequence[str], names: Sequence[str]) -> int | None:
    """Return the first place at which `names` have what `known` has at another one; None where there is none.

    A name that is not known is another word for what stands there.
    """
    pairs = enumerate(zip(known, names, strict=False))
    return next((place for place, (own, name) in pairs if name != own and name in known), None)


def place_of(name: str, names: Sequence[str], complaint: str) -> int:
    """Return where a name stands, capital letters or not; ValueError with the nearest or the first ones."""
    lower = [other.lower() for other in names]
    if name in names or name.lower() in lower:
        return names.index(name) if name in names else lower.index(name.lower())
    near = difflib.get_close_matches(name.lower(), lower, n=1, cutoff=0.6)
    if near:
        raise ValueError(f"{complaint}; did you mean {names[lower.index(near[0])]!r}?")
    others = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    raise ValueError(f"{complaint}; there are {', '.join(names[:_LISTED])}{others}")
