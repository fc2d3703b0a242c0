import numpy as np
import pytest

from posec3d.video.framing import SheetRow
from posec3d.video.framing import beside
from posec3d.video.framing import sheet

GAP, CAPTION, TITLE = 8, 30, 36


def panel(value, height=40, width=100):
    return np.full((height, width, 3), value, np.uint8)


def test_panels_stand_side_by_side_under_their_captions():
    plain, captioned = (beside([panel(100), panel(200, width=60)], names) for names in (("", ""), ("poses", "limbs")))

    assert captioned.shape == (CAPTION + 40 + GAP, GAP + 100 + GAP + 60 + GAP, 3)
    assert (captioned[CAPTION : CAPTION + 40, GAP : GAP + 100] == 100).all()
    assert (captioned[CAPTION : CAPTION + 40, 2 * GAP + 100 : 2 * GAP + 160] == 200).all()
    written = np.flatnonzero((plain != captioned).any((0, 2)))
    assert written.min() < GAP + 10
    assert (written > 2 * GAP + 100).any()
    np.testing.assert_array_equal(plain[CAPTION:], captioned[CAPTION:])


@pytest.mark.parametrize(
    ("title", "note"), [("wave.mp4", ""), ("", "1.50 s"), ("wave.mp4", "1.50 s"), ("w" * 200, "1 s")]
)
def test_title_and_note_share_a_line_above(title, note):
    plain, titled = (
        beside([panel(100, width=300)], ["poses"]),
        beside([panel(100, width=300)], ["poses"], title=title, note=note),
    )

    np.testing.assert_array_equal(titled[TITLE:], plain)
    columns = np.flatnonzero((titled[:TITLE].max(-1) > 100).any(0))
    assert (columns.min() < 2 * GAP) == bool(title)
    assert (columns.max() > titled.shape[1] - 2 * GAP) == bool(note)
    # A gap before the note, however long the title.
    if title and note:
        assert np.diff(columns).max() >= GAP


def test_a_sheet_has_a_row_for_each_kind_with_notes_beneath_the_last():
    rows = [SheetRow("poses", [panel(50), panel(60)]), SheetRow("limbs", [panel(70), panel(80)], ["0.10 s", "0.20 s"])]

    drawn = sheet(rows, title="wave.mp4")

    assert drawn.shape == (TITLE + 2 * (CAPTION + 40) + CAPTION + GAP, GAP + 2 * (100 + GAP), 3)
    lefts, tops = (GAP, 2 * GAP + 100), (TITLE + CAPTION, TITLE + 2 * CAPTION + 40)
    values = [drawn[top : top + 40, left : left + 100] for top in tops for left in lefts]
    assert [(value.min(), value.max()) for value in values] == [(50, 50), (60, 60), (70, 70), (80, 80)]
    beneath = drawn[tops[1] + 40 :]
    assert all((beneath[:, left : left + 100] > 100).any() for left in lefts)


def test_a_row_without_caption_takes_less_room():
    captioned, bare = (sheet([SheetRow(caption, [panel(50)], ["0 s"])]) for caption in ("poses", ""))

    assert captioned.shape[0] - bare.shape[0] == CAPTION - GAP
