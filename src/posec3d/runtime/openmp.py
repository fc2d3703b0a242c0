"""How long PyTorch's threads wait for work before they sleep."""

import os

# libgomp's own number is 300,000. Of 3,000, 10,000 and 30,000 training was fastest with this (benchmarks/NOTES.md).
_SPINS = 10_000


def wait_briefly() -> None:
    """Let threads of libgomp give their processor away soon after an operation, unless the environment says otherwise.

    They keep it busy while they wait for PyTorch's next operation, and compiled loops want to run there in between.
    Call before torch is imported; where PyTorch has another OpenMP, nothing changes.
    """
    if not {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"} & os.environ.keys():
        os.environ["GOMP_SPINCOUNT"] = str(_SPINS)
