"""mmaction2's command `tools/test.py`: the same as `posec3d test`."""

import sys

from posec3d.cli import main

if __name__ == "__main__":
    sys.exit(main(["test", *sys.argv[1:]]))
