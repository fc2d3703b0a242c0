"""Which skeleton the keypoints of a pose file are of, and in which order they stand in the file."""

import logging
from collections.abc import Sequence

from posec3d.pose_files.contents import FileVideo
from posec3d.pose_files.contents import Person
from posec3d.skeletons import SKELETONS
from posec3d.skeletons import Skeleton
from posec3d.skeletons import skeleton_meant
from posec3d.skeletons import skeletons_of_number
from posec3d.skeletons import spelt_out

_LOGGER = logging.getLogger(__name__)
# Whole bodies that begin with the keypoints of a body: COCO-WholeBody, and Halpe-FullBody.
_BODY_OF_WHOLE = {133: "coco17", 136: "halpe26"}


def choose_skeleton(
    video: FileVideo, people: Sequence[Person], source: str, given: Skeleton | None
) -> tuple[Skeleton, list[int]]:
    """Return the skeleton of a video, and for each of its keypoints the place in the file.

    `given` counts first; then the names in the file, which make a skeleton of their own if no known one has them; then
    the number of keypoints, among the skeletons that the format may mean. A keypoint of `given` that a file with names
    does not have is at place -1. Raises ValueError where they disagree or leave it open.
    """
    count, where = _number_of_keypoints(video, people, source, given)
    body = SKELETONS.get(_BODY_OF_WHOLE.get(count, ""))
    if body is not None and video.keypoints is None and (given is None or given.keypoints == body.keypoints):
        _LOGGER.info("%s: of %d keypoints, the first %d (%s) are used", source, count, body.num_keypoints, body.name)
        return given or body, list(range(body.num_keypoints))
    if video.keypoints is not None:
        names = [spelt_out(name) for name in video.keypoints]
        if len(names) != count or len(set(names)) != len(names):
            raise ValueError(
                f"{source}: {where} has {count} keypoints, but the file has {len(set(names))} different names for "
                "them; write one name a keypoint"
            )
        for known in [given] if given is not None else SKELETONS.values():
            spelt = [spelt_out(name) for name in known.keypoints]
            if set(spelt) == set(names) or (known is given and set(names) < set(spelt)):
                return known, [names.index(name) if name in names else -1 for name in spelt]
        if given is None:
            return Skeleton("own", tuple(names), tuple(video.limbs)), list(range(count))
    chosen = given or _by_number(count, video.skeletons or tuple(SKELETONS), source, where)
    if chosen.num_keypoints != count:
        raise ValueError(
            f"{source}: {where} has {count} keypoints, but skeleton {chosen.name!r} has {chosen.num_keypoints}; "
            "give the skeleton of the file"
        )
    return chosen, list(range(count))


def _number_of_keypoints(
    video: FileVideo, people: Sequence[Person], source: str, given: Skeleton | None
) -> tuple[int, str]:
    if people:
        first = people[0]
        for person in people:
            if len(person.scores) != len(first.scores):
                raise ValueError(
                    f"{source}: {person.place} has {len(person.scores)} keypoints, {first.place} has "
                    f"{len(first.scores)}; write the same for everybody"
                )
        return len(first.scores), first.place
    if video.keypoints is not None:
        return len(video.keypoints), "the file"
    if given is not None:
        return given.num_keypoints, "the file"
    raise ValueError(f"{source}: nobody is in it, not in a single frame; give a file with people")


def _by_number(count: int, among: Sequence[str], source: str, where: str) -> Skeleton:
    fitting = [skeleton for skeleton in skeletons_of_number(count) if skeleton.name in among]
    chosen = skeleton_meant(fitting)
    if chosen is not None:
        return chosen
    names = " and ".join(skeleton.name for skeleton in fitting)
    ambiguous = f"as {names} have" if fitting else f"unlike {', '.join(among)}"
    raise ValueError(
        f"{source}: {where} has {count} keypoints, {ambiguous}, and the file does not name them; say which skeleton "
        f"it is of, one of {', '.join(SKELETONS)} or one of your own"
    )
