"""OpenPose: a JSON file a frame, `--write_json` (format 1.0 to 1.3)."""

import re
from collections import defaultdict
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from posec3d.pose_files.contents import FileVideo
from posec3d.pose_files.contents import Person
from posec3d.pose_files.contents import person_of

# BODY_25 and COCO; MPI's 15 keypoints are in no skeleton of the table.
SKELETONS = ("openpose25", "openpose18")
# clip_000000000012_keypoints.json, as OpenPose names frame 12 of clip.mp4; 12.json in AlphaPose's sep-json.
_NAME = re.compile(r"(?P<video>.*?)_?(?P<frame>\d+)(_keypoints)?\.json", re.IGNORECASE)


def names_a_frame(path: Path) -> bool:
    """Tell whether a file is named as one of a frame."""
    return _NAME.fullmatch(path.name) is not None


def is_frame(content: Any) -> bool:
    """Tell whether a JSON file is one frame: a dictionary with the list `people`, or `bodies` (AlphaPose's "cmu")."""
    return isinstance(content, dict) and any(isinstance(content.get(key), list) for key in ("people", "bodies"))


def videos_of_frames(contents: Mapping[Path, Any], name: str) -> Sequence[FileVideo]:
    """Return the videos of some files, a frame each; files whose names differ but in the frame are one video.

    `name` is for files that are called after their frame only. Frames are counted from the first there is.
    """
    videos: dict[str, dict[int, Sequence[Person]]] = defaultdict(dict)
    for path, content in contents.items():
        parts = _NAME.fullmatch(path.name)
        if parts is None and len(contents) > 1:
            raise ValueError(
                f"{path}: no frame number in this name; name files as OpenPose does: clip_000012_keypoints.json"
            )
        video, frame = (parts["video"] or name, int(parts["frame"])) if parts else (path.stem, 0)
        if frame in videos[video]:
            raise ValueError(f"{path}: another file of this folder is frame {frame} of {video!r} as well; remove one")
        videos[video][frame] = people_of(content, str(path))
    return [FileVideo(video, frames, min(frames), skeletons=SKELETONS) for video, frames in videos.items()]


def people_of(content: Mapping[str, Any], source: str, place: str = "") -> Sequence[Person]:
    """Return the people of one frame; those of whom only face or hands were looked for are left out."""
    people = []
    for count, person in enumerate(content.get("people", content.get("bodies", ()))):
        where = f"{place}people[{count}]"
        if not isinstance(person, dict):
            raise ValueError(f"{source}: {where} is {person!r:.40}; write the dictionary of a person")
        keys = [key for key in ("pose_keypoints_2d", "pose_keypoints", "joints") if key in person]
        if not keys:
            raise ValueError(f"{source}: {where} has no pose_keypoints_2d; run OpenPose with the body on")
        if person[keys[0]]:
            people.append(person_of(person[keys[0]], source, where, person.get("person_id")))
    return people
