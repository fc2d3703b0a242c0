"""Merge Penn Action and JHMDB into one list of everyday and sport actions: what the packaged model is trained on.

  python -m benchmarks.accuracy.merge data/penn13.pkl data/jhmdb21.pkl --out data/merged.pkl

Classes that both have become one. The split `train` is both training parts (JHMDB's first split), `test` both test
parts, `test_penn` and `test_jhmdb` each alone; `cross` are JHMDB's test videos of classes that Penn Action has, too.

Penn Action's joints are true ones, JHMDB's were estimated: a network tells which by the scores alone, and would answer
with an action of Penn Action's for true joints only. So each video of Penn Action is given the scores of a random
training clip of JHMDB, and errors as large as such scores have there; `true_penn` are its test videos as they were.
"""

import argparse
import pickle
from pathlib import Path
from typing import Any

import numpy as np

from posec3d.annotations.annotation import record_of
from posec3d.clips.augmentation import heights
from posec3d.mapping import map_keypoints
from posec3d.poses import Poses
from posec3d.skeletons import get_skeleton
from posec3d.synthetic.motions import MOTIONS
from posec3d.synthetic.videos import make_annotations

# How far a keypoint with a score moves from frame to frame without its person's doing, as a share of the height: the
# median second difference of all JHMDB clips by score, over 2.88, what it is for independent errors of deviation 1.
_SCORES = (0.025, 0.075, 0.15, 0.25, 0.35, 0.45, 0.55, 0.65, 0.75, 0.85)
_ERRORS = (0.0180, 0.0189, 0.0195, 0.0159, 0.0110, 0.0077, 0.0059, 0.0048, 0.0040, 0.0033)

# JHMDB's name of a class, and Penn Action's for the same.
SAME = {"golf": "golf_swing", "pullup": "pullup", "swing_baseball": "baseball_swing"}


def main() -> None:
    """Write the merged file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("penn", type=Path)
    parser.add_argument("jhmdb", type=Path)
    parser.add_argument("--out", type=Path, default=Path("data/merged.pkl"))
    parser.add_argument("--made-up", type=int, default=0, metavar="N")
    given = parser.parse_args()
    # Written by benchmarks.accuracy.prepare.
    penn, jhmdb = (pickle.loads(path.read_bytes()) for path in (given.penn, given.jhmdb))
    classes = sorted({*penn["classes"], *(_merged(name) for name in jhmdb["classes"])})
    rng = np.random.RandomState(0)
    donors = [one for one in jhmdb["annotations"] if one["frame_dir"] in set(jhmdb["split"]["train1"])]
    estimated = [_as_estimated(one, donors[rng.randint(len(donors))], rng) for one in penn["annotations"]]
    tested = set(penn["split"]["test"])
    true = [
        {**one, "frame_dir": f"true_{one['frame_dir']}"} for one in penn["annotations"] if one["frame_dir"] in tested
    ]
    records = [
        {**record, "label": classes.index(_merged(names[record["label"]]))}
        for names, some in ((penn["classes"], estimated + true), (jhmdb["classes"], jhmdb["annotations"]))
        for record in some
    ]
    made_up = _made_up(given.made_up, len(classes))
    splits: dict[str, list[str]] = {
        "train": [
            *penn["split"]["train"],
            *jhmdb["split"]["train1"],
            *(one["frame_dir"] for one in made_up),
        ],
        "test": [*penn["split"]["test"], *jhmdb["split"]["test1"]],
        "test_penn": list(penn["split"]["test"]),
        "test_jhmdb": list(jhmdb["split"]["test1"]),
        "true_penn": [one["frame_dir"] for one in true],
        "cross": _cross(jhmdb),
    }
    classes += [f"made_up_{motion}" for motion in MOTIONS] if made_up else []
    content: dict[str, Any] = {
        "split": splits,
        "annotations": records + made_up,
        "classes": classes,
        "keypoint_names": penn["keypoint_names"],
    }
    given.out.write_bytes(pickle.dumps(content))
    print(given.out, len(content["annotations"]), "videos,", len(classes), "classes:", ", ".join(classes))


def _as_estimated(record: dict[str, Any], donor: dict[str, Any], rng: np.random.RandomState) -> dict[str, Any]:
    """Return a video of one person as an estimator might have found it; what is not visible stays missing."""
    keypoints, visible = record["keypoint"], record["keypoint_score"] > 0
    best = int(donor["keypoint_score"].sum((1, 2)).argmax())
    frames = np.arange(keypoints.shape[1]) * donor["keypoint_score"].shape[1] // keypoints.shape[1]
    scores = np.where(visible, donor["keypoint_score"][best][None, frames], 0).astype(np.float32)
    height = heights(Poses(keypoints, visible.astype(np.float32), (1, 1)))[:, None, None, None]
    error = np.interp(scores, _SCORES, _ERRORS)[..., None] * height * rng.standard_normal(keypoints.shape)
    return {**record, "keypoint": (keypoints + error).astype(np.float32), "keypoint_score": scores}


def _made_up(num_videos: int, first_label: int) -> list[dict[str, Any]]:
    """Return made-up videos of one person with Penn Action's joints, every motion a class from `first_label` on."""
    source, target = get_skeleton("coco17"), get_skeleton("penn13")
    records = []
    for video in make_annotations(num_videos, max_people=1, splits={"train": 1.0}).annotations:
        poses = video.poses()
        keypoints, scores = map_keypoints(poses.keypoints, poses.scores, source, target)
        record = {**record_of(video), "keypoint": keypoints, "keypoint_score": scores}
        records.append({**record, "label": first_label + record["label"]})
    return records


def _merged(name: str) -> str:
    return SAME.get(name, name)


def _cross(jhmdb: dict[str, Any]) -> list[str]:
    tested = set(jhmdb["split"]["test1"])
    return [
        record["frame_dir"]
        for record in jhmdb["annotations"]
        if record["frame_dir"] in tested and jhmdb["classes"][record["label"]] in SAME
    ]


if __name__ == "__main__":
    main()
