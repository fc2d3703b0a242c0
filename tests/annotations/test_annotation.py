import jaxtyping
import numpy as np
import pytest

from posec3d.annotations import Annotation

KEYPOINTS = np.ones((2, 5, 17, 2), np.float32)


@pytest.mark.parametrize(
    ("keypoints", "scores", "message"),
    [
        (KEYPOINTS[0], None, r"video 'a': keypoints are an array \(5, 17, 2\) of float32; give .*, keypoints, 2\)"),
        (KEYPOINTS.tolist(), None, "video 'a': keypoints are list; give a NumPy array of numbers"),
        (KEYPOINTS.astype(str), None, r"video 'a': keypoints are an array \(2, 5, 17, 2\) of <U32; give a NumPy"),
        (np.ones((2, 5, 17, 3), np.float32), None, r"video 'a': keypoints have shape \(2, 5, 17, 3\); give \(x, y\)"),
        (
            KEYPOINTS,
            KEYPOINTS,
            r"video 'a': scores are an array \(2, 5, 17, 2\) of float32; give .*frames, keypoints\)",
        ),
        (KEYPOINTS, KEYPOINTS[:1, ..., 0], r"video 'a': scores have shape \(1, 5, 17\), keypoints \(2, 5, 17, 2\)"),
    ],
)
def test_arrays_of_other_shapes_are_refused(monkeypatch, keypoints, scores, message):
    # Types are checked in tests alone: here they are what careless callers give.
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    with pytest.raises(ValueError, match=message):
        Annotation("a", None, (48, 64), keypoints, scores)
