import os
import subprocess
import sys

import pytest
import torch


@pytest.mark.skipif("OpenMP" not in torch.__config__.parallel_info(), reason="PyTorch has no OpenMP here")
@pytest.mark.parametrize(
    ("given", "spins"),
    [({}, "10000"), ({"GOMP_SPINCOUNT": "77"}, "77"), ({"OMP_WAIT_POLICY": "PASSIVE"}, "0")],
)
def test_a_command_has_torchs_threads_sleep_soon_unless_the_environment_says_otherwise(given, spins, tmp_path):
    environment = {
        name: value for name, value in os.environ.items() if name not in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")
    }
    done = subprocess.run(
        [sys.executable, "-m", "posec3d.cli", "test", "missing.safetensors", "--annotations", "missing.pkl"],
        cwd=tmp_path,
        env=environment | given | {"OMP_DISPLAY_ENV": "VERBOSE"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    if "GOMP_SPINCOUNT" not in done.stderr:
        pytest.skip("PyTorch has another OpenMP than libgomp here")
    # What libgomp itself says that it goes by.
    assert f"GOMP_SPINCOUNT = '{spins}'" in done.stderr
