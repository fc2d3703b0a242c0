"""What spoke for an answer, as a film or a sheet around the people."""

from pathlib import Path

from posec3d.inference.recognizer import ActionRecognizer
from posec3d.people import PosedVideo
from posec3d.poses import Poses
from posec3d.runtime.progress import Progress
from posec3d.video.crops import people_crop
from posec3d.video.importance import importance_pictures
from posec3d.video.importance import importance_sheet
from posec3d.video.importance import strongest_keypoints
from posec3d.video.moments import rate_of
from posec3d.video.moments import read_pictures
from posec3d.video.sources import Source
from posec3d.video.visualization import write_film
from posec3d.video.visualization import write_picture

# Of the frames on which a decision is drawn, in pixels.
_SIDE = 480


def write_decision(
    path: Path,
    recognizer: ActionRecognizer,
    video: PosedVideo,
    *,
    label: int | None = None,
    source: Source | None = None,
    first_frame: int = 0,
) -> str:
    """Draw what spoke for a class, the likeliest one without `label`, to .mp4, .gif or .png, and return it in words.

    `source` has the pictures, and `video` begins with its frame `first_frame`; without it poses are drawn on black.
    """
    skeleton = recognizer.card.heatmaps.skeleton
    annotation = recognizer.judged(video)
    explained = recognizer.explain(annotation, label)
    action = recognizer.classes[explained.label] if recognizer.card.classes else f"class {explained.label}"
    said = f"{action} ({explained.probability:.0%})"
    strongest = ", ".join(
        f"{name.replace('_', ' ')} {share:.0%}" for name, share in strongest_keypoints(explained.importance, skeleton)
    )
    by_whom = f", as {explained.network} sees it" if explained.network else ""

    poses = annotation.poses(explained.frames)
    pictures = []
    if source is not None:
        crop = people_crop(poses)
        with Progress(len(explained.frames), "frame", what=f"drawing {path.name}") as progress:
            for picture in read_pictures(source, explained.frames + first_frame):
                pictures.append(crop.cut(picture, (_SIDE, _SIDE)))
                progress.advance()
        poses = Poses(crop.place(poses.keypoints, crop.size), poses.scores, crop.size)
    # The class first, as long names lose their end.
    title = f"why {said}{by_whom}: {video.name}"
    if path.suffix.lower() == ".png":
        numbers = (explained.frames + first_frame).tolist()
        drawn = importance_sheet(poses, explained.importance, skeleton, frames=numbers, pictures=pictures, title=title)
        write_picture(path, drawn)
    else:
        film = importance_pictures(poses, explained.importance, skeleton, pictures=pictures, title=title)
        times = [video.frames[frame].seconds for frame in explained.frames.tolist()]
        write_film(path, film, times, rate_of(times, video.frames_per_second))
    return f"{video.name}: {said}, for which spoke {strongest or 'nothing'}{by_whom}"
