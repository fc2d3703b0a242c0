"""MMPose: what its demos and its inferencer save, frames with a list of instances."""

from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from posec3d.pose_files.contents import FileVideo
from posec3d.pose_files.contents import Person
from posec3d.pose_files.contents import floats_of
from posec3d.pose_files.contents import identity_of
from posec3d.pose_files.contents import stem_of
from posec3d.pose_files.contents import whole_number_of


def is_content(content: Any) -> bool:
    """Tell whether this is `{meta_info, instance_info}`, or the list that stands in instance_info by itself."""
    if isinstance(content, dict):
        return isinstance(content.get("instance_info"), list)
    first = content[0] if isinstance(content, list) and content else None
    return isinstance(first, dict) and ("instances" in first or "keypoint_scores" in first)


def videos_of(content: Any, path: Path) -> Sequence[FileVideo]:
    """Return the one video there is: a list of frames, or the instances of a single picture."""
    meta = content.get("meta_info") if isinstance(content, dict) else None
    entries = content["instance_info"] if isinstance(content, dict) else content
    frames: dict[int, Sequence[Person]] = {}
    if all(isinstance(entry, dict) and "instances" in entry for entry in entries):
        for count, entry in enumerate(entries):
            number = whole_number_of(entry.get("frame_id", count), str(path), f"frame {count}", "frame_id")
            if number in frames:
                raise ValueError(f"{path}: frame_id {number} is there twice; give each frame a number of its own")
            frames[number] = _people(entry["instances"], str(path), f"frame_id {number}: ")
    else:
        frames[0] = _people(entries, str(path), "")
    first = min(frames, default=0)
    return [FileVideo(stem_of(path), frames, first, keypoints=_names(meta), skeletons=("coco17", "halpe26"))]


def _people(instances: Any, source: str, place: str) -> Sequence[Person]:
    if not isinstance(instances, list):
        raise ValueError(f"{source}: {place}instances is {instances!r:.40}; write a list of people")
    people = []
    for count, instance in enumerate(instances):
        where = f"{place}instance {count}"
        if not isinstance(instance, dict) or "keypoints" not in instance:
            raise ValueError(f"{source}: {where} has no keypoints; save the predictions again")
        keypoints = floats_of(instance["keypoints"], source, where)
        scores = floats_of(instance.get("keypoint_scores", np.ones(len(keypoints))), source, where)
        if keypoints.ndim != 2 or keypoints.shape[1] != 2 or scores.shape != keypoints.shape[:1]:
            raise ValueError(
                f"{source}: {where} has keypoints of shape {keypoints.shape} and keypoint_scores of shape "
                f"{scores.shape}; they must be (V, 2) and (V,), poses in 2-D"
            )
        identity = identity_of(instance.get("track_id", instance.get("instance_id")))
        people.append(Person(keypoints, scores, identity, where))
    return people


def _names(meta: Any) -> Sequence[str] | None:
    """Return the names of keypoints from `keypoint_id2name`, whose keys are numbers written as text."""
    names = meta.get("keypoint_id2name") if isinstance(meta, dict) else None
    if not isinstance(names, Mapping) or sorted(map(str, names)) != sorted(map(str, range(len(names)))):
        return None
    return [str(name) for _, name in sorted((int(place), name) for place, name in names.items())]
