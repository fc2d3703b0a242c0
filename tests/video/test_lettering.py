import logging

import numpy as np
import pytest

from posec3d.video import lettering
from posec3d.video.lettering import font_file
from posec3d.video.lettering import lay_text
from posec3d.video.lettering import text_mask
from posec3d.video.lettering import text_width


@pytest.fixture
def no_installed_fonts(monkeypatch):
    monkeypatch.setattr(lettering, "_installed_fonts", lambda: ())
    font_file.cache_clear()
    lettering._warn_of_boxes.cache_clear()
    yield
    font_file.cache_clear()
    lettering._warn_of_boxes.cache_clear()


@pytest.mark.parametrize("text", ["walk", "Gehen über", "бег", "τρέξιμο", "", "a  b\n"])
def test_western_scripts_need_no_installed_font(no_installed_fonts, caplog, text):
    assert font_file(text).name == "DejaVuSans.ttf"
    assert caplog.text == ""


def test_letters_that_no_font_has_are_said_once_and_drawn_as_boxes(no_installed_fonts, caplog):
    with caplog.at_level(logging.WARNING):
        masks = [text_mask(text, 22) for text in ("走る", "歩く")]

    assert caplog.text.count("no installed font has the letters") == 1
    assert all(mask.any() for mask in masks)


def test_an_installed_font_that_has_the_letters_is_taken(monkeypatch, tmp_path):
    fonts = {tmp_path / "cyrillic.ttf": {ord("я")}, tmp_path / "japanese.ttf": {ord("走"), ord("る")}}
    monkeypatch.setattr(lettering, "_installed_fonts", lambda: tuple(fonts))
    monkeypatch.setattr(lettering, "_letters_of", lambda font: frozenset(fonts.get(font, ())))
    font_file.cache_clear()

    assert font_file("走る") == tmp_path / "japanese.ttf"

    font_file.cache_clear()


def test_a_line_is_as_high_as_asked_and_nothing_of_it_is_cut_off():
    mask = text_mask("Ågjpqy|", 40)

    assert mask.shape[0] == 40
    assert not mask[0].any()
    assert not mask[-1].any()


@pytest.mark.parametrize(("text", "longest"), [("drink water from a bottle", 120), ("w" * 500, 60), ("walk", 3)])
def test_what_is_too_long_loses_its_end(text, longest):
    mask = text_mask(text, 20, longest)

    assert mask.shape[1] <= max(longest, text_mask("…", 20).shape[1])
    assert mask.any()


def test_what_fits_is_left_alone():
    np.testing.assert_array_equal(text_mask("walk", 20, 500), text_mask("walk", 20))
    np.testing.assert_array_equal(text_mask("walk\nfast", 20), text_mask("walk fast", 20))


def test_widths_grow_with_the_letters():
    assert text_width("walk", 10.0) == pytest.approx(text_width("walk", 20.0) / 2)
    assert text_width("walking", 10.0) > text_width("walk", 10.0) > 0


def test_text_is_blended_in_its_colour():
    picture = np.full((4, 4, 3), 100, np.uint8)

    lay_text(picture, np.array([[255, 0, 51]], np.uint8), (1, 2), (200, 0, 100))

    assert picture[2].tolist() == [[100] * 3, [200, 0, 100], [100] * 3, [120, 80, 100]]
    assert (picture[[0, 1, 3]] == 100).all()


@pytest.mark.parametrize("place", [(-2, -2), (3, 3), (-9, 0), (0, 99), (50, -50), (0, -6), (-6, 0)])
def test_text_that_leaves_the_picture_is_cut_off(place):
    picture = np.zeros((5, 5, 3), np.uint8)

    lay_text(picture, np.full((4, 4), 255, np.uint8), place)

    rows, columns = np.mgrid[:5, :5]
    inside = (abs(columns - place[0] - 1.5) < 2) & (abs(rows - place[1] - 1.5) < 2)
    np.testing.assert_array_equal(picture[..., 0] == 255, inside)
