"""What every test may ask for."""

import logging
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest
import torch
from filelock import FileLock

from posec3d.runtime.allocator import keep_freed_memory

_SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session", autouse=True)
def _keep_freed_memory():
    """As the commands do: without it the larger networks take three times as long."""
    keep_freed_memory()


@pytest.fixture(autouse=True)
def _logger_as_imported():
    """A command that ran within an earlier test, or a fixture, had the package's logger to itself."""
    logger = logging.getLogger("posec3d")
    logger.propagate, logger.handlers[:] = True, []
    logger.setLevel(logging.NOTSET)


@pytest.fixture
def untyped():
    """Tries expressions where types are not checked, as they are in these tests; returns what each raises."""

    def untyped(imported, *expressions):
        code = (
            f"import sys; {imported}\nfor text in sys.argv[1:]:\n"
            "    try: eval(text); print('nothing')\n"
            "    except Exception as error: print(f'{type(error).__name__}: {error}')"
        )
        done = subprocess.run([sys.executable, "-c", code, *expressions], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    return untyped


@pytest.fixture(scope="session")
def one_translation(tmp_path_factory, worker_id):
    """Traces a model once, and translates it to ONNX once, whichever process asks: these take longest of an export."""
    from posec3d.export import exporting

    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "exports"
    folder.mkdir(exist_ok=True)
    trace, write, programs = exporting.trace, exporting.write_onnx, {}

    def path_of(state, card, suffix):
        weights = b"".join(tensor.detach().numpy().tobytes() for tensor in state.values())
        return folder / f"{sha256(weights + repr(card).encode()).hexdigest()}{suffix}"

    def traced_once(model, card, *, half=False):
        path = path_of(model.state_dict(), card, f"-{half}.pt2")
        with FileLock(path.with_suffix(".lock")):
            if not path.exists():
                programs[path] = trace(model, card, half=half)
                torch.export.save(programs[path], path)
        if path not in programs:
            programs[path] = torch.export.load(path)
        return programs[path]

    def written_once(program, path, description):
        kept = path_of(program.state_dict, description.card, ".onnx")
        with FileLock(kept.with_suffix(".lock")):
            if not kept.exists():
                write(program, kept, description)
        shutil.copy(kept, path)

    # Its thousands of lines are made only because pytest listens.
    logging.getLogger("torch.__trace").setLevel(logging.CRITICAL)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exporting, "trace", traced_once)
        patch.setattr(exporting, "write_onnx", written_once)
        yield


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference data beside the repository; tests that need it are skipped where it is absent."""
    if not _SHARED.is_dir():
        pytest.skip("needs the reference data in ../shared, which is not here")
    return _SHARED


@pytest.fixture(scope="session")
def small_golden() -> Path:
    """The smaller part of `golden`, which is here; its README says where it comes from."""
    return Path(__file__).parent / "golden"


@pytest.fixture(scope="session")
def golden(shared: Path) -> Path:
    """What mmaction2 0.24.1 itself computes (recorded with mmcv 1.7.2, NumPy 1.26, torch 2.13)."""
    return shared / "golden"
