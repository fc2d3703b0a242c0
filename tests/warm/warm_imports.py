"""What commands import of other packages: seconds each time, and once only where processes are forked after it.

Nothing of posec3d is here: what a command forgets to import, it misses all the same. Nor is what starts threads.
"""

import av  # noqa: F401
import cv2  # noqa: F401
import lightning_fabric  # noqa: F401
import matplotlib.backends.backend_agg
import matplotlib.figure  # noqa: F401
import numba
import requests  # noqa: F401
import scipy.optimize  # noqa: F401
import tensorboardX  # noqa: F401
import torch._dynamo
import torch.optim  # noqa: F401
import tyro  # noqa: F401
from tqdm.contrib import logging  # noqa: F401

# Numba looks through all that it can compile when it first compiles.
numba.njit(lambda: 0)()
