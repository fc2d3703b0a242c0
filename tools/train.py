"""mmaction2's command `tools/train.py`: the same as `posec3d train`."""

import sys

from posec3d.cli import run

if __name__ == "__main__":
    sys.exit(run(["train", *sys.argv[1:]]))
