"""A strong simple peer: a tree ensemble on resampled, normalised coordinates of the same poses.

  python -m benchmarks.accuracy.peers data/penn13.pkl --train train --test test --seeds 0 1 2

Each video is 32 poses, evenly spaced over it; of the person who is seen best. Coordinates are relative to the middle of
the box around all that is seen in the video, and divided by its longer side; missing keypoints are filled in over time.
Beside them, the differences between one pose and the next. 500 extremely randomised trees learn each video and its
mirror, and answer with the mean over both.
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from posec3d.annotations import Annotation
from posec3d.annotations import load_annotations
from posec3d.clips.geometry import mirror
from posec3d.evaluation.metrics import measure
from posec3d.poses import Poses
from posec3d.skeletons import Skeleton
from posec3d.skeletons import skeleton_of_keypoints

_NUM_POSES = 32


def main() -> None:
    """Train and test the ensemble on one split, once a seed, and print what it reaches."""
    from sklearn.ensemble import ExtraTreesClassifier

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("annotations", type=Path)
    parser.add_argument("--train", default="train")
    parser.add_argument("--test", default="test")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    given = parser.parse_args()
    annotations = load_annotations(given.annotations)
    assert annotations.keypoint_names is not None
    skeleton = skeleton_of_keypoints(annotations.keypoint_names)
    assert skeleton is not None
    features, labels = _features(annotations.split(given.train), skeleton)
    tested, answers = _features(annotations.split(given.test), skeleton)
    for seed in given.seeds:
        started = time.perf_counter()
        trees = ExtraTreesClassifier(500, random_state=seed, n_jobs=1)
        trees.fit(np.concatenate(features), np.concatenate([labels, labels]))
        scores = np.mean([trees.predict_proba(views) for views in tested], axis=0).astype(np.float32)
        accuracy = measure(scores, answers)
        print(
            f"{given.annotations.name} {given.test} seed {seed}: top-1 {100 * accuracy.top1:.2f}, "
            f"mean class {100 * accuracy.mean_class:.2f}, {time.perf_counter() - started:.0f} s"
        )


def _features(videos: Sequence[Annotation], skeleton: Skeleton) -> tuple[list[np.ndarray], np.ndarray]:
    views = [[_row(poses) for poses in (video.poses(), mirror(video.poses(), skeleton))] for video in videos]
    labels = np.array([video.label for video in videos])
    return [np.stack(rows) for rows in zip(*views, strict=True)], labels


def _row(poses: Poses) -> np.ndarray:
    person = int(poses.scores.sum((1, 2)).argmax())
    keypoints, seen = poses.keypoints[person].copy(), poses.scores[person] > 0
    if seen.any():
        low, high = keypoints[seen].min(0), keypoints[seen].max(0)
        keypoints = (keypoints - (low + high) / 2) / max((high - low).max(), 1)
    times = np.arange(poses.num_frames)
    evenly = np.linspace(0, poses.num_frames - 1, _NUM_POSES)
    points = np.zeros((_NUM_POSES, poses.num_keypoints, 2))
    for keypoint in range(poses.num_keypoints):
        known = seen[:, keypoint]
        for axis in (0, 1) if known.any() else ():
            points[:, keypoint, axis] = np.interp(evenly, times[known], keypoints[known, keypoint, axis])
    return np.concatenate([points.ravel(), np.diff(points, axis=0).ravel()])


if __name__ == "__main__":
    main()
