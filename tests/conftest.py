"""What every test may ask for."""

import logging
from pathlib import Path

import pytest

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
