import os
import sys
from pathlib import Path

import pytest

from posec3d.annotations import save_annotations
from posec3d.synthetic import make_annotations

REPOSITORY = Path(__file__).parents[2]
sys.path.insert(0, str(REPOSITORY / "tests" / "warm"))

from warm_process import run_forked  # noqa: E402


@pytest.fixture
def run(tmp_path):
    """Run a command as a user does, in an empty directory; the first word is `posec3d` or a path in the repository."""

    def run(*words, status=0):
        program = ["-m", "posec3d.cli"] if words[0] == "posec3d" else [str(REPOSITORY / words[0])]
        done = run_forked(
            [*program, *map(str, words[1:])],
            cwd=tmp_path,
            env={**os.environ, "HOME": str(tmp_path), "POSEC3D_MIRROR": "http://127.0.0.1:9"},
            timeout=300,
        )
        assert done.returncode == status, done.stdout + done.stderr
        assert "Traceback" not in done.stderr, done.stderr
        return done

    return run


@pytest.fixture
def made_up(tmp_path):
    """An annotation file with splits and class names."""
    path = tmp_path / "my.pkl"
    save_annotations(path, make_annotations(30, seed=0, motions=("squat", "walk", "wave"), max_people=2))
    return path
