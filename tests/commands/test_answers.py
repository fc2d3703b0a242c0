import os

import pytest

from posec3d.commands.answers import check_output


def test_below_a_file_there_is_no_room(tmp_path):
    (tmp_path / "notes").write_text("mine")
    with pytest.raises(ValueError, match=r"--out .*notes/new/a\.json: .*notes is a file, so nothing can be below it"):
        check_output("--out", tmp_path / "notes/new/a.json", [])


@pytest.mark.parametrize("name", ["closed/a.json", "closed/new/a.json", "closed"])
def test_where_nothing_can_be_written_is_said_before_anything_is_computed(tmp_path, monkeypatch, name):
    (tmp_path / "closed").mkdir()
    monkeypatch.setattr(os, "access", lambda path, _mode: path != tmp_path / "closed")
    with pytest.raises(ValueError, match=r"--out .*: .*closed cannot be written; give another place"):
        check_output("--out", tmp_path / name, [])


def test_new_folders_and_files_that_are_there_may_be_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.json").write_text("{}")
    for path in ("a.json", "b.json", "new/folder/b.json", os.devnull):
        check_output("--json", tmp_path.__class__(path), [])
    check_output("--json", None, [])


def test_a_folder_is_no_file(tmp_path):
    (tmp_path / "new.mp4").mkdir()
    with pytest.raises(ValueError, match=r"--out .*new\.mp4: is a folder; give the name of a file"):
        check_output("--out", tmp_path / "new.mp4", [])


@pytest.mark.parametrize(
    ("beside", "name", "refused"),
    [
        ("frame_1.json", "answers.json", True),
        ("frame_1.png", "answers.json", False),
        ("frame_1.png", "frame_2.png", True),
        ("frame_1.png", "annotated.mp4", True),  # a folder with a film is one of films
        ("frame_1.json", "notes.txt", False),
        ("frame_1.json", ".answers.json", False),
        ("clip.mp4", "figure.png", False),
        ("clip.mp4", "figure.mp4", True),
    ],
)
def test_what_would_be_read_as_a_part_of_a_source_is_not_put_beside_it(tmp_path, beside, name, refused):
    (tmp_path / beside).touch()
    for _ in ("the first time", "and once it is there"):
        if refused:
            with pytest.raises(ValueError, match=f"--out .*{name}: would be taken for a file of the source"):
                check_output("--out", tmp_path / name, [tmp_path])
        else:
            check_output("--out", tmp_path / name, [tmp_path])
        (tmp_path / name).touch()
