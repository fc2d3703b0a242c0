"""Strong simple peers on resampled, normalised coordinates of the same poses: trees, and a 1-D convolution network.

  python -m benchmarks.accuracy.peers data/penn13.pkl --train train --test test --seeds 0 1 2
  python -m benchmarks.accuracy.peers data/penn13.pkl --train train --test test --seeds 0 1 2 --peer multirocket

Each video is 32 poses (`--poses`), evenly spaced over it; of the person who is seen best. Coordinates are relative to
the middle of the box around all that is seen in the video, and divided by its longer side; missing keypoints are filled
in over time.

"trees" are 500 extremely randomised trees (pip install scikit-learn) on the coordinates and on the differences between
one pose and the next. "multirocket" (arXiv 2102.00457; pip install aeon, 1.6.0 used) are about 50,000 features of
random convolutions over time, and a ridge classifier. Both learn each video and its mirror, and answer with the mean
over both. `--classes-of` leaves the videos of the classes that another file has: with data/jhmdb21.pkl and
data/jhmdb14.pkl, the same clips with estimated poses and with true ones. `--out scores/NAME` leaves the scores in
scores/NAME-SEED.npz, which `posec3d fuse` adds to those of a network.
"""

import argparse
import time
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from jaxtyping import Int64

from posec3d.annotations import Annotation
from posec3d.annotations import load_annotations
from posec3d.clips.geometry import mirror
from posec3d.clips.subjects import people_by_sight
from posec3d.evaluation.metrics import measure
from posec3d.evaluation.scores import Scores
from posec3d.evaluation.scores import save_scores
from posec3d.poses import Poses
from posec3d.skeletons import Skeleton
from posec3d.skeletons import skeleton_of_keypoints

# Videos as (N, T, V, 2), their labels, and the videos to answer for, to one score a class.
_Peer = Callable[[np.ndarray, Int64[np.ndarray, " N"], Sequence[np.ndarray], int], np.ndarray]


def main() -> None:
    """Train and test a peer on one split, once a seed, and print what it reaches."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("annotations", type=Path)
    parser.add_argument("--train", default="train")
    parser.add_argument("--test", default="test")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--peer", choices=_PEERS, default="trees")
    parser.add_argument("--classes-of", type=Path, metavar="FILE")
    parser.add_argument("--poses", type=int, default=32)
    parser.add_argument("--out", metavar="PREFIX")
    given = parser.parse_args()
    annotations = load_annotations(given.annotations)
    assert annotations.keypoint_names is not None
    skeleton = skeleton_of_keypoints(annotations.keypoint_names)
    assert skeleton is not None
    places = {video.label: video.label for video in annotations.annotations}
    kept = annotations.classes
    if given.classes_of is not None:
        kept = load_annotations(given.classes_of).classes or ()
        places = {label: kept.index(name) for label, name in enumerate(annotations.classes or ()) if name in kept}
    learnt, labels = _videos(annotations.split(given.train), skeleton, places, given.poses)
    chosen = [video for video in annotations.split(given.test) if video.label in places]
    tested, answers = _videos(chosen, skeleton, places, given.poses)
    for seed in given.seeds:
        started = time.perf_counter()
        scores = _PEERS[given.peer](np.concatenate(learnt), np.concatenate([labels, labels]), tested, seed)
        if given.out is not None:
            names = tuple(video.video for video in chosen)
            save_scores(Path(f"{given.out}-{seed}.npz"), Scores(scores, answers, names, kept))
        accuracy = measure(scores.astype(np.float32), answers)
        print(
            f"{given.annotations.name} {given.test} {given.peer} seed {seed}: top-1 {100 * accuracy.top1:.2f}, "
            f"mean class {100 * accuracy.mean_class:.2f}, {time.perf_counter() - started:.0f} s",
            flush=True,
        )


def _trees(videos: np.ndarray, labels: Int64[np.ndarray, " N"], tested: Sequence[np.ndarray], seed: int) -> np.ndarray:
    from sklearn.ensemble import ExtraTreesClassifier

    trees: Any = ExtraTreesClassifier(500, random_state=seed, n_jobs=1)
    trees.fit(_with_motion(videos), labels)
    return np.mean([trees.predict_proba(_with_motion(views)) for views in tested], axis=0)


def _multirocket(
    videos: np.ndarray, labels: Int64[np.ndarray, " N"], tested: Sequence[np.ndarray], seed: int
) -> np.ndarray:
    from aeon.transformations.collection.convolution_based import MultiRocket
    from sklearn.linear_model import RidgeClassifierCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model: Any = make_pipeline(
        MultiRocket(random_state=seed), StandardScaler(), RidgeClassifierCV(alphas=np.logspace(-3, 5, 9))
    )
    model.fit(_as_series(videos), labels)
    return np.mean([model.decision_function(_as_series(views)) for views in tested], axis=0)


_PEERS: dict[str, _Peer] = {"trees": _trees, "multirocket": _multirocket}


def _with_motion(videos: Float[np.ndarray, "N T V 2"]) -> Float[np.ndarray, "N F"]:
    return np.concatenate([videos.reshape(len(videos), -1), np.diff(videos, axis=1).reshape(len(videos), -1)], axis=1)


def _as_series(videos: Float[np.ndarray, "N T V 2"]) -> Float[np.ndarray, "N C T"]:
    return videos.reshape(*videos.shape[:2], -1).transpose(0, 2, 1)


def _videos(
    videos: Sequence[Annotation], skeleton: Skeleton, places: Mapping[int, int], length: int
) -> tuple[list[np.ndarray], Int64[np.ndarray, " N"]]:
    """Return all videos whose label has a place, all their mirrors, and these places."""
    chosen = [video for video in videos if video.label in places]
    views = [[_even(poses, length) for poses in (video.poses(), mirror(video.poses(), skeleton))] for video in chosen]
    return [np.stack(rows) for rows in zip(*views, strict=True)], np.array([places[video.label] for video in chosen])


def _even(poses: Poses, length: int) -> Float[np.ndarray, "T V 2"]:
    person = int(people_by_sight(poses.keypoints, poses.scores)[0])
    keypoints, seen = poses.keypoints[person].copy(), poses.scores[person] > 0
    if seen.any():
        low, high = keypoints[seen].min(0), keypoints[seen].max(0)
        keypoints = (keypoints - (low + high) / 2) / max((high - low).max(), 1)
    times = np.arange(poses.num_frames)
    evenly = np.linspace(0, poses.num_frames - 1, length)
    points = np.zeros((length, poses.num_keypoints, 2))
    for keypoint in range(poses.num_keypoints):
        known = seen[:, keypoint]
        for axis in (0, 1) if known.any() else ():
            points[:, keypoint, axis] = np.interp(evenly, times[known], keypoints[known, keypoint, axis])
    return points


if __name__ == "__main__":
    main()
