"""COCO keypoints: whole datasets, {images, annotations, categories}, of videos cut into pictures."""

import math
from collections import defaultdict
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from pathlib import PurePosixPath
from typing import Any

from posec3d.pose_files.contents import FileVideo
from posec3d.pose_files.contents import Person
from posec3d.pose_files.contents import last_number
from posec3d.pose_files.contents import natural_key
from posec3d.pose_files.contents import person_of
from posec3d.pose_files.contents import stem_of
from posec3d.pose_files.contents import whole_number_of

_VIDEO_KEYS = ("video_id", "vid_id")
_FRAME_KEYS = ("frame_id", "frame_index", "frame_number")


def is_content(content: Any) -> bool:
    """Tell whether this is a dictionary with the lists `images` and `annotations`."""
    return isinstance(content, dict) and all(isinstance(content.get(key), list) for key in ("images", "annotations"))


def videos_of(content: Any, path: Path) -> Sequence[FileVideo]:
    """Return the videos: images of one `video_id`, else of one folder, ordered by `frame_id`, else by file name.

    Images that are not listed are no frames: datasets often annotate every fifth or so. Annotations without a keypoint
    (boxes, crowds) and of categories other than people are left out.
    """
    source = str(path)
    for key in ("images", "annotations"):
        if not all(isinstance(entry, dict) for entry in content[key]):
            raise ValueError(f"{source}: {key} holds something else than dictionaries; write the file again")
    category = _category(content, source)
    people = _people_by_image(content, category, source)
    unknown = people.keys() - {image.get("id") for image in content["images"]}
    if unknown:
        image = min(unknown, key=str)
        raise ValueError(
            f"{source}: {people[image][0].place} is of image {image!r}, which is not among images; list it there"
        )
    known = {video.get("id"): video for video in content.get("videos") or () if isinstance(video, dict)}
    groups: dict[Any, list[Mapping[str, Any]]] = defaultdict(list)
    for image in content["images"]:
        groups[_video_of(image, path)].append(image)
    return [_video(key, images, known.get(key, {}), category, people, source) for key, images in groups.items()]


def _category(content: Mapping[str, Any], source: str) -> Mapping[str, Any]:
    """Return the one category with keypoints, or the one called person among several; {} for a file without any."""
    categories = [
        entry for entry in content.get("categories") or () if isinstance(entry, dict) and entry.get("keypoints")
    ]
    people = [entry for entry in categories if entry.get("name") == "person"] or categories
    if len(people) > 1:
        names = ", ".join(str(entry.get("name")) for entry in people)
        raise ValueError(f"{source}: several categories have keypoints ({names}); keep one, or call it person")
    return people[0] if people else {}


def _people_by_image(
    content: Mapping[str, Any], category: Mapping[str, Any], source: str
) -> Mapping[Any, Sequence[Person]]:
    people: dict[Any, list[Person]] = defaultdict(list)
    for count, entry in enumerate(content["annotations"]):
        of_people = not category or entry.get("category_id", category.get("id")) == category.get("id")
        if not of_people or not entry.get("keypoints") or entry.get("num_keypoints") == 0:
            continue
        place = f"annotation {entry.get('id', count)}"
        if "image_id" not in entry:
            raise ValueError(f"{source}: {place} has no image_id; write the id of its image")
        people[entry["image_id"]].append(
            person_of(entry["keypoints"], source, place, entry.get("track_id", entry.get("tracking_id")))
        )
    return people


def _video_of(image: Mapping[str, Any], path: Path) -> Any:
    for key in _VIDEO_KEYS:
        if image.get(key) is not None:
            return image[key]
    folder = str(PurePosixPath(_file_name(image)).parent)
    return stem_of(path) if folder in (".", "/") else folder


def _file_name(image: Mapping[str, Any]) -> str:
    return str(image.get("file_name", "")).replace("\\", "/")


def _video(
    key: Any,
    images: Sequence[Mapping[str, Any]],
    known: Mapping[str, Any],
    category: Mapping[str, Any],
    people: Mapping[Any, Sequence[Person]],
    source: str,
) -> FileVideo:
    name = str(known.get("name", known.get("file_name", key)))
    images = sorted(images, key=lambda image: natural_key(_file_name(image)))
    numbers = _frame_numbers(images, source)
    if len(set(numbers)) < len(images):
        raise ValueError(
            f"{source}: video {name!r} has two images of one frame number; give each image a frame_id of its own, and "
            "each video a video_id"
        )
    sizes = {(image.get("height"), image.get("width")) for image in images}
    if len(sizes) > 1:
        shown = " and ".join(f"{height} x {width}" for height, width in sorted(sizes, key=str)[:2])
        raise ValueError(
            f"{source}: video {name!r} has images of {shown} (height x width), so they are not of one video; give "
            "each video a video_id"
        )
    (size,) = sizes
    return FileVideo(
        name,
        {number: people.get(image.get("id"), ()) for number, image in zip(numbers, images, strict=True)},
        min(numbers),
        canvas=_canvas(size, source, f"video {name!r}"),
        frames_per_second=_rate(known.get("fps"), source, name),
        keypoints=category.get("keypoints"),
        limbs=[(int(a) - 1, int(b) - 1) for a, b in category.get("skeleton") or ()],
        skeletons=("coco17",),
    )


def _rate(given: Any, source: str, name: str) -> float | None:
    """Return the frames a second; None where the file has none, or writes 0 for it."""
    if not given:
        return None
    if isinstance(given, int | float) and 0 < given < math.inf:
        return float(given)
    raise ValueError(f"{source}: video {name!r}: fps is {given!r}, which is no number of frames a second; correct it")


def _canvas(size: tuple[Any, Any], source: str, place: str) -> tuple[int, int] | None:
    """Return (height, width) of images; None where the file has none, or writes 0 for it."""
    height, width = size
    if not height or not width:
        return None
    sides = whole_number_of(height, source, place, "height"), whole_number_of(width, source, place, "width")
    if min(sides) < 1:
        raise ValueError(f"{source}: {place}: its images are {height} x {width} (height x width); correct it")
    return sides


def _frame_numbers(images: Sequence[Mapping[str, Any]], source: str) -> list[int]:
    """Return numbers of images from a field, else from file names that differ in their last number, else 0, 1, ..."""
    for key in _FRAME_KEYS:
        if all(image.get(key) is not None for image in images):
            return [whole_number_of(image[key], source, f"image {image.get('id')}", key) for image in images]
    numbers = [last_number(_file_name(image)) for image in images]
    found = [number for number in numbers if number is not None]
    return found if len(set(found)) == len(images) else list(range(len(images)))
