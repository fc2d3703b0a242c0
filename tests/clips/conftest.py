import numpy as np
import pytest

from posec3d.poses import Poses


@pytest.fixture
def poses():
    """Two people over three frames, one keypoint missing, arrays read-only so that no step writes into them."""
    rng = np.random.RandomState(0)
    keypoints = rng.uniform(100, 300, (2, 3, 17, 2)).astype(np.float32)
    scores = rng.uniform(0.5, 1, (2, 3, 17)).astype(np.float32)
    keypoints[0, 1, 4], scores[0, 1, 4] = 0, 0
    keypoints.flags.writeable = scores.flags.writeable = False
    return Poses(keypoints, scores, (480, 640))
