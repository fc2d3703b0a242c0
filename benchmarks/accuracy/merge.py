"""Merge Penn Action and JHMDB into one list of everyday and sport actions: what the packaged model is trained on.

  python -m benchmarks.accuracy.merge data/penn13.pkl data/jhmdb21.pkl --out data/merged.pkl

Classes that both have become one. The split `train` is both training parts (JHMDB's first split), `test` both test
parts, `test_penn` and `test_jhmdb` each alone; `cross` are JHMDB's test videos of classes that Penn Action has, too.
"""

import argparse
import pickle
from pathlib import Path
from typing import Any

# JHMDB's name of a class, and Penn Action's for the same.
_SAME = {"golf": "golf_swing", "pullup": "pullup", "swing_baseball": "baseball_swing"}


def main() -> None:
    """Write the merged file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("penn", type=Path)
    parser.add_argument("jhmdb", type=Path)
    parser.add_argument("--out", type=Path, default=Path("data/merged.pkl"))
    given = parser.parse_args()
    # Written by benchmarks.accuracy.prepare.
    penn, jhmdb = (pickle.loads(path.read_bytes()) for path in (given.penn, given.jhmdb))
    classes = sorted({*penn["classes"], *(_merged(name) for name in jhmdb["classes"])})
    records = [
        {**record, "label": classes.index(_merged(content["classes"][record["label"]]))}
        for content in (penn, jhmdb)
        for record in content["annotations"]
    ]
    splits: dict[str, list[str]] = {
        "train": [*penn["split"]["train"], *jhmdb["split"]["train1"]],
        "test": [*penn["split"]["test"], *jhmdb["split"]["test1"]],
        "test_penn": list(penn["split"]["test"]),
        "test_jhmdb": list(jhmdb["split"]["test1"]),
        "cross": _cross(jhmdb),
    }
    content: dict[str, Any] = {
        "split": splits,
        "annotations": records,
        "classes": classes,
        "keypoint_names": penn["keypoint_names"],
    }
    given.out.write_bytes(pickle.dumps(content))
    print(given.out, len(records), "videos,", len(classes), "classes:", ", ".join(classes))


def _merged(name: str) -> str:
    return _SAME.get(name, name)


def _cross(jhmdb: dict[str, Any]) -> list[str]:
    tested = set(jhmdb["split"]["test1"])
    return [
        record["frame_dir"]
        for record in jhmdb["annotations"]
        if record["frame_dir"] in tested and jhmdb["classes"][record["label"]] in _SAME
    ]


if __name__ == "__main__":
    main()
