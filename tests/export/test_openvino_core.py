import subprocess
import sys

# Opened and left in the same order, as two models of `posec3d recognize` are.
CODE = """
import os, signal, sys
from pathlib import Path
from posec3d.export.runtimes import open_exported

signal.signal(signal.SIGUSR1, lambda *_: print("told"))
first = open_exported(Path(sys.argv[1]))
second = open_exported(Path(sys.argv[1]))
del first
del second
os.kill(os.getpid(), signal.SIGUSR1)
"""


def test_signals_arrive_when_models_are_gone(exported):
    path = exported(".xml", kind="keypoint")[0]

    run = subprocess.run([sys.executable, "-c", CODE, path], check=False, capture_output=True, text=True)

    assert (run.returncode, run.stdout) == (0, "told\n")
