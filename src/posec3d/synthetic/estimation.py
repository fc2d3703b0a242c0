"""What a pose estimator makes of keypoints: errors, confidences that follow them, and gaps."""

import numpy as np
from jaxtyping import Bool
from jaxtyping import Float
from jaxtyping import Float32

from posec3d.poses import Poses
from posec3d.skeletons import get_skeleton
from posec3d.synthetic.curves import wander

# How far annotators of COCO differ at each keypoint, as a share of a person's size: the constants of OKS, 2 sigma.
_SPREAD = 2 * np.array([26, 25, 25, 35, 35, 79, 79, 72, 72, 62, 62, 107, 107, 87, 87, 89, 89]) / 1000
_SIZE = 0.6  # metres: the square root of the area that a person covers, by which OKS measures
_JITTER, _DRIFT, _OUTLIER = 0.08, 0.15, 6.0  # errors in units of that spread; an outlier is so many times as far
_HIDDEN_ERROR, _HIDDEN_GAPS = 2.5, 6.0  # so many times a visible keypoint's
_LONGEST_GAP = 7  # frames


def estimate_poses(
    keypoints: Float[np.ndarray, "M T 17 2"],
    depth: Float[np.ndarray, "M T 17"],
    *,
    focal_length: float,
    canvas: tuple[int, int],
    rng: np.random.RandomState,
    noise: float,
    missing: float,
) -> Poses:
    """Return what an estimator would report of true keypoints in pixels, at `depth` metres from the camera.

    Errors grow with the person's size in pixels, jitter from frame to frame and drift slowly; `noise` scales them.
    About the share `missing` of the keypoints is lost, in runs of a few frames, and now and then a whole person.
    What the person's own body hides is guessed worse and lost more often. What lies outside the canvas is missing.
    """
    num_people, num_frames, num_keypoints = depth.shape
    seconds = np.arange(num_frames) / 30
    pixels_per_metre = focal_length / np.maximum(depth[:, :, 11:13].mean(axis=2), 0.2)
    hidden = _hidden_by_own_body(keypoints, depth, pixels_per_metre)

    jitter = _JITTER * rng.normal(size=keypoints.shape)
    drift = _DRIFT * np.moveaxis(
        wander(rng, seconds, num_people * num_keypoints * 2).reshape(num_frames, num_people, num_keypoints, 2), 0, 1
    )
    outlier = np.where(rng.uniform(size=depth.shape) < 0.005, _OUTLIER, 1.0)
    error = noise * (jitter + drift) * (np.where(hidden, _HIDDEN_ERROR, 1.0) * outlier)[..., None]
    unit = _SPREAD * _SIZE * pixels_per_metre[..., None]
    estimated = (keypoints + error * unit[..., None]).astype(np.float32)

    agreement = np.exp(-((2 * error) ** 2).sum(axis=-1) / 2)  # OKS, with half its spread
    confidence = 0.95 * agreement * np.where(hidden, 0.75, 1.0) + 0.03 * rng.normal(size=depth.shape)
    height, width = canvas
    inside = (estimated >= 0).all(axis=-1) & (estimated[..., 0] <= width - 1) & (estimated[..., 1] <= height - 1)
    lost = (
        _gaps(rng, np.where(hidden, _HIDDEN_GAPS, 1.0), missing) | _absences(rng, depth.shape[:2], missing)[..., None]
    )
    seen = inside & (depth > 0.2) & ~lost
    scores: Float32[np.ndarray, "M T 17"] = np.where(seen, np.clip(confidence, 0.05, 1), 0).astype(np.float32)
    return Poses(np.where(seen[..., None], estimated, np.float32(0)), scores, canvas)


def _hidden_by_own_body(
    keypoints: Float[np.ndarray, "M T 17 2"],
    depth: Float[np.ndarray, "M T 17"],
    pixels_per_metre: Float[np.ndarray, "M T"],
) -> Bool[np.ndarray, "M T 17"]:
    """Return which keypoints lie behind the trunk, behind their partner on the other side, or behind the head."""
    neck, pelvis = keypoints[:, :, 5:7].mean(axis=2), keypoints[:, :, 11:13].mean(axis=2)
    trunk = pelvis - neck
    along = ((keypoints - neck[:, :, None]) * trunk[:, :, None]).sum(axis=-1)
    along = np.clip(along / np.maximum((trunk**2).sum(axis=-1), 1e-6)[..., None], 0, 1)
    beside = np.linalg.norm(keypoints - neck[:, :, None] - along[..., None] * trunk[:, :, None], axis=-1)
    behind_trunk = depth > depth[:, :, [5, 6, 11, 12]].mean(axis=2, keepdims=True) + 0.06
    hidden: Bool[np.ndarray, "M T 17"] = behind_trunk & (beside < 0.13 * pixels_per_metre[..., None])

    partner = list(get_skeleton("coco17").mirrored_keypoints)
    apart = np.linalg.norm(keypoints - keypoints[:, :, partner], axis=-1)
    hidden |= (depth > depth[:, :, partner] + 0.06) & (apart < 0.1 * pixels_per_metre[..., None])

    hidden[..., :5] = depth[..., :5] > depth[..., 3:5].mean(axis=2, keepdims=True) + 0.03
    return hidden


def _gaps(
    rng: np.random.RandomState, weights: Float[np.ndarray, "M T 17"], missing: float
) -> Bool[np.ndarray, "M T 17"]:
    """Return which keypoints are lost: runs of 1 to 7 frames, the share `missing` of all, more for higher weights."""
    mean_length = (1 + _LONGEST_GAP) / 2
    # Runs overlap: a rate of starts r leaves exp(-r * length) of the keypoints in place.
    starts = rng.uniform(size=weights.shape) < -np.log1p(-missing) / mean_length * weights / weights.mean()
    lengths = rng.randint(1, _LONGEST_GAP + 1, weights.shape)
    lost: Bool[np.ndarray, "M T 17"] = starts.copy()
    for frame in range(1, min(_LONGEST_GAP, weights.shape[1])):
        lost[:, frame:] |= starts[:, :-frame] & (lengths[:, :-frame] > frame)
    return lost


def _absences(rng: np.random.RandomState, shape: tuple[int, int], missing: float) -> Bool[np.ndarray, "M T"]:
    """Return the frames in which a detector lost a whole person: once, for up to a sixth of the clip, and seldom."""
    num_people, num_frames = shape
    first = rng.uniform(0, num_frames, (num_people, 1))
    length = rng.uniform(0, num_frames / 6, (num_people, 1)) * (rng.uniform(size=(num_people, 1)) < 2 * missing)
    frames = np.arange(num_frames)
    absent: Bool[np.ndarray, "M T"] = (frames >= first) & (frames < first + length)
    return absent
