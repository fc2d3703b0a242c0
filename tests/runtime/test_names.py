import pytest

from posec3d.runtime.names import first_misplaced


@pytest.mark.parametrize(
    ("names", "place"),
    [
        (("wave", "run", "sit"), None),
        (("wave",), None),
        ((), None),
        (("wave", "laufen", "sit"), None),
        (("wave", "sit", "run"), 1),
        (("winken", "wave"), 1),
        (("wave", "run", "sit", "wave"), None),
    ],
)
def test_a_name_of_another_place_is_found_and_another_word_is_not(names, place):
    assert first_misplaced(("wave", "run", "sit"), names) == place
