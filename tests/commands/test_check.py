import json
import pickle
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tyro

from posec3d.annotations import load_annotations
from posec3d.commands.check import check
from posec3d.commands.pack import pack


@pytest.fixture
def write(tmp_path):
    def write(*others, **changes):
        """Write a video, and others like it but for what is given."""
        fields = {
            "frame_dir": "a",
            "label": 0,
            "img_shape": (240, 320),
            "total_frames": 4,
            "keypoint": np.full((1, 4, 17, 2), 50, np.float32),
        }
        path = tmp_path / "file.pkl"
        path.write_bytes(pickle.dumps([fields | changes, *(fields | other for other in others)]))
        return path

    return write


def test_a_sound_file_is_ready(write, capsys):
    path = write({"frame_dir": "b", "label": 1})
    check(path)

    page = capsys.readouterr().out
    assert page.startswith(str(path))
    assert "keypoints          17 (coco17 or h36m17)" in page
    assert page.endswith("Ready for training: no problems.\n")
    assert "\x1b" not in page


def test_an_error_is_printed_and_gives_exit_status_1(write, capsys):
    with pytest.raises(SystemExit) as ended:
        check(write(total_frames=5))

    assert ended.value.code == 1
    assert "a: total_frames is 5, keypoint has 4 frames" in capsys.readouterr().out


def test_a_warning_alone_does_not_fail(write, capsys):
    check(write(label=1))

    assert "Ready for training: 1 kind of warning." in capsys.readouterr().out


def test_json_is_written_with_errors_and_without(write, tmp_path):
    with pytest.raises(SystemExit):
        check(write(label="röst"), json=tmp_path / "reports/report.json")

    report = json.loads((tmp_path / "reports/report.json").read_text(encoding="utf-8"))
    assert report["has_errors"]
    assert report["problems"][0]["findings"] == [{"video": "a", "found": "label is 'röst'"}]
    assert report["statistics"]["videos"] == 1


def test_the_command_line_passes_its_options(write, capsys):
    with pytest.raises(SystemExit):
        tyro.cli(check, args=[str(write(label=3)), "--skeleton", "openpose18", "--num-classes", "2"])

    page = capsys.readouterr().out
    assert "17 keypoints, openpose18 has 18" in page
    assert "label is 3, labels are 0..1" in page


def test_no_classes_at_all_are_refused(write):
    with pytest.raises(ValueError, match="--num-classes 0: give 1 or more"):
        check(write(), num_classes=0)


def test_help_explains_each_argument(capsys):
    with pytest.raises(SystemExit) as ended:
        tyro.cli(check, args=["--help"])

    page = " ".join(capsys.readouterr().out.replace("│", "").split())
    assert ended.value.code == 0
    assert "Example: posec3d check annotations.pkl" in page
    assert "The skeleton that the poses must fit" in page
    assert "The number of classes K" in page
    assert "Where to write the report as JSON" in page


def test_what_cannot_be_read_is_a_value_error(tmp_path):
    (tmp_path / "file.pkl").write_bytes(b"{}")

    with pytest.raises(ValueError, match="JSON"):
        check(tmp_path / "file.pkl")


def test_an_unknown_skeleton_is_a_key_error(write):
    with pytest.raises(KeyError, match="did you mean 'coco17'"):
        check(write(), skeleton="coco71")


def test_a_skeleton_of_ones_own_is_a_file(write, tmp_path, capsys):
    (tmp_path / "pair.json").write_text('{"keypoints": ["tip", "tail"], "limbs": [[0, 1]]}')

    with pytest.raises(SystemExit):
        check(write(), skeleton=str(tmp_path / "pair.json"))

    assert "17 keypoints" in capsys.readouterr().out
    with pytest.raises(FileNotFoundError, match=r"none\.json: no such skeleton file"):
        check(write(), skeleton=str(tmp_path / "none.json"))


def test_checking_never_imports_torch():
    # It takes seconds that a check should not.
    code = "import sys, posec3d.commands.check; sys.exit('torch' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_documentation_runs_and_shows_what_is_printed(tmp_path, monkeypatch, capsys):
    text = (Path(__file__).resolve().parents[2] / "docs/annotations.md").read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    variables: dict[str, object] = {}

    pages = {}
    for language, block in re.findall(r"^```(\w+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        if language == "python":
            exec(compile(block, "docs/annotations.md", "exec"), variables)
        elif block.startswith(("annotations.pkl\n", "wrong.pkl\n", "annotations.arrow: ")):
            pages[re.split(r":|\n", block)[0]] = block

    check(Path("annotations.pkl"), skeleton="coco17")
    assert capsys.readouterr().out == pages["annotations.pkl"]
    with pytest.raises(SystemExit):
        check(Path("wrong.pkl"))
    assert capsys.readouterr().out == pages["wrong.pkl"]
    pack((Path("annotations.pkl"),), out=Path("annotations.arrow"))
    assert capsys.readouterr().out == pages["annotations.arrow"]
    assert len(load_annotations("annotations.pkl.gz").annotations) == 6
