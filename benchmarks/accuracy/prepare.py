"""Bring the real data sets into one skeleton, Penn Action's 13 joints, and cut folds out of their training parts.

  python -m benchmarks.accuracy.prepare --penn penn_action_2d.pkl.gz --jhmdb jhmdb.pkl --jhmdb14 jhmdb14_world2d.pkl.gz

writes data/penn13.pkl, data/jhmdb21.pkl and data/jhmdb14.pkl, each with the official splits and, for choosing anything,
the splits `fit1` to `fit3` and `held1` to `held3`: the (first) training part without one of its quarters, and that
quarter. Clips of JHMDB that come from one film or upload are in one quarter together. `rare1` to `rare3` are `fit1` to
`fit3` with one in four videos of every second class.
"""

import argparse
import gzip
import hashlib
import pickle
import re
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from posec3d.mapping import map_keypoints
from posec3d.skeletons import Skeleton
from posec3d.skeletons import get_skeleton

_PENN = get_skeleton("penn13")
_NUM_PARTS = 4
_KEPT_OF_RARE = 4
# HMDB51's names: title_action_visibleparts_cameramotion_people_view_quality_number.
_HMDB_TITLE = re.compile(r"_[ful]_(cm|nm)_np\d_(fr|le|ri|ba)_(goo|med|bad)_\d+$")


def main() -> None:
    """Write the three files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--penn", type=Path)
    parser.add_argument("--jhmdb", type=Path, help="what posec3d extract wrote of the 928 videos")
    parser.add_argument("--jhmdb14", type=Path)
    parser.add_argument("--out", type=Path, default=Path("data"))
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    if given.penn:
        content = _read(given.penn)
        _write(given.out / "penn13.pkl", content, content["annotations"], train="train")
    if given.jhmdb:
        content = _read(given.jhmdb)
        records = [_mapped(record, get_skeleton("coco17")) for record in content["annotations"]]
        _write(given.out / "jhmdb21.pkl", content, records, train="train1")
    if given.jhmdb14:
        content = _read(given.jhmdb14)
        records = [_mapped(_in_pixels(record), get_skeleton("jhmdb15")) for record in content["annotations"]]
        _write(given.out / "jhmdb14.pkl", content, records, train="train1")


def _read(path: Path) -> dict[str, Any]:
    # The data sets' own files, which hold arrays and plain containers.
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        content: dict[str, Any] = pickle.load(file)
    return content


def _in_pixels(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a clip of JHMDB-14, whose coordinates are about -2.8 to 1.8, on a canvas of 600 pixels."""
    keypoints = np.asarray(record["keypoint"], np.float32) * 100 + 300
    return {**record, "keypoint": keypoints, "img_shape": (600, 600), "original_shape": (600, 600)}


def _mapped(record: Mapping[str, Any], source: Skeleton) -> dict[str, Any]:
    keypoints = np.asarray(record["keypoint"], np.float32)
    scores = record.get("keypoint_score")
    scores = np.ones(keypoints.shape[:-1], np.float32) if scores is None else np.asarray(scores, np.float32)
    keypoints, scores = map_keypoints(keypoints, scores, source, _PENN)
    return {**record, "keypoint": keypoints, "keypoint_score": scores}


def _write(path: Path, content: Mapping[str, Any], records: Sequence[Mapping[str, Any]], *, train: str) -> None:
    splits = {**content["split"], **_folds(records, set(content["split"][train]))}
    names = list(_PENN.keypoints)
    whole = {"split": splits, "annotations": records, "classes": content["classes"], "keypoint_names": names}
    path.write_bytes(pickle.dumps(whole))
    print(path, len(records), {name: len(videos) for name, videos in splits.items()})


def _folds(records: Sequence[Mapping[str, Any]], train: set[str]) -> dict[str, list[str]]:
    """Return the splits to choose by: groups of each class in the order of their hashes, dealt out by size."""
    part_of: dict[str, int] = {}
    for label in {record["label"] for record in records}:
        groups: dict[str, list[str]] = {}
        for record in records:
            if record["label"] == label and record["frame_dir"] in train:
                groups.setdefault(_HMDB_TITLE.sub("", record["frame_dir"]), []).append(record["frame_dir"])
        filled = [0] * _NUM_PARTS
        for _, videos in sorted(groups.items(), key=lambda group: (-len(group[1]), _digest(group[0]))):
            part = int(np.argmin(filled))
            filled[part] += len(videos)
            part_of |= dict.fromkeys(videos, part)
    folds = {}
    for fold in (1, 2, 3):
        folds[f"fit{fold}"] = [video for video, part in part_of.items() if part != fold]
        folds[f"held{fold}"] = [video for video, part in part_of.items() if part == fold]
        folds[f"rare{fold}"] = _rarer(folds[f"fit{fold}"], {record["frame_dir"]: record["label"] for record in records})
    return folds


def _rarer(videos: Sequence[str], label_of: Mapping[str, int]) -> list[str]:
    """Return one in four videos of every second class, in the order of their hashes, and all of the others."""
    kept: list[str] = []
    for label in sorted({label_of[video] for video in videos}):
        of_class = [video for video in videos if label_of[video] == label]
        kept += sorted(of_class, key=_digest)[::_KEPT_OF_RARE] if label % 2 else of_class
    return kept


def _digest(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()


if __name__ == "__main__":
    main()
