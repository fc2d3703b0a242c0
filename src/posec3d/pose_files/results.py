"""Results, an entry a person and frame: COCO's list, which AlphaPose writes as well, and AlphaPose's other forms."""

import re
from collections import defaultdict
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from posec3d.pose_files.contents import FileVideo
from posec3d.pose_files.contents import Person
from posec3d.pose_files.contents import last_number
from posec3d.pose_files.contents import natural_key
from posec3d.pose_files.contents import person_of
from posec3d.pose_files.contents import stem_of
from posec3d.pose_files.contents import without_gaps
from posec3d.pose_files.openpose import SKELETONS as OPENPOSE_SKELETONS
from posec3d.pose_files.openpose import is_frame
from posec3d.pose_files.openpose import people_of

_SKELETONS = ("coco17", "halpe26")
# As AlphaPose calls the frames of a video, counted from 0. Pictures of a folder keep their own names.
_FRAME_OF_VIDEO = re.compile(r"(0|[1-9]\d*)\.\w+")


def is_content(content: Any) -> bool:
    """Tell whether this is a list of people with `image_id`, or frames by name (AlphaPose's "cmu" and "open")."""
    if isinstance(content, list):
        return bool(content) and isinstance(content[0], dict) and "image_id" in content[0]
    return isinstance(content, dict) and bool(content) and all(is_frame(frame) for frame in content.values())


def videos_of(content: Any, path: Path) -> Sequence[FileVideo]:
    """Return the videos, one for each folder that images are in; numbers passed over are frames without people.

    Who is who: `idx` in AlphaPose's lists, `track_id` or `tracking_id` in others.
    """
    if isinstance(content, dict):
        frames = {name: people_of(frame, str(path), f"{name}: ") for name, frame in content.items()}
        return [FileVideo(stem_of(path), *_numbered_frames(frames, str(path)), skeletons=OPENPOSE_SKELETONS)]
    videos: dict[str, dict[str, list[Person]]] = defaultdict(lambda: defaultdict(list))
    for count, entry in enumerate(content):
        place = f"entry {count}"
        if not isinstance(entry, dict) or "keypoints" not in entry or "image_id" not in entry:
            raise ValueError(f"{path}: {place} has no image_id or no keypoints; write both for each person")
        image = entry["image_id"]
        if not isinstance(image, str | int) or image == "":
            raise ValueError(f"{path}: {place}: image_id is {image!r}; write the number or the name of its frame")
        folder, _, name = str(image).replace("\\", "/").rpartition("/")
        identity = entry.get("idx", entry.get("track_id", entry.get("tracking_id")))
        person = person_of(entry["keypoints"], str(path), f"{place} (image_id {image!r})", identity)
        videos[folder or stem_of(path)][name].append(person)
    return [
        FileVideo(video, *_numbered_frames(by_image, f"{path}: video {video!r}"), skeletons=_SKELETONS)
        for video, by_image in videos.items()
    ]


def _numbered_frames(
    by_image: Mapping[str, Sequence[Person]], source: str
) -> tuple[Mapping[int, Sequence[Person]], int]:
    """Return frames by number, without gaps, and the first number; images without numbers count in natural order."""
    numbers = {image: last_number(image) for image in by_image}
    found = {number: image for image, number in numbers.items() if number is not None}
    if len(found) < len(by_image):
        return {number: by_image[image] for number, image in enumerate(sorted(by_image, key=natural_key))}, 0
    first = 0 if all(_FRAME_OF_VIDEO.fullmatch(image) for image in by_image) else min(found)
    return without_gaps({number: by_image[image] for number, image in found.items()}, first, source), first
