"""mmaction2's command `tools/test.py`: the same as `posec3d test`."""

import sys

from posec3d.cli import run

if __name__ == "__main__":
    sys.exit(run(["test", *sys.argv[1:]]))
