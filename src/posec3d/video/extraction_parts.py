"""What a long extraction has finished: a file for each source, in a folder beside the output, from which it goes on."""

import hashlib
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from posec3d.people import PeopleInFrame
from posec3d.people import PosedVideo
from posec3d.people import PosedVideos
from posec3d.runtime.files import replacing
from posec3d.skeletons import Skeleton
from posec3d.skeletons import skeleton_of_keypoints
from posec3d.video.sources import Source
from posec3d.video.sources import is_url
from posec3d.video.sources import pictures_of

# No ending of ours, so that nobody takes one for a pose file.
_SUFFIX = ".part"
# Parts that are laid out otherwise are made anew.
_LAYOUT = 2


@dataclass(frozen=True)
class Part:
    """The videos of a source, their people told apart."""

    skeleton: Skeleton
    videos: PosedVideos


def parts_folder(out: Path) -> Path:
    """Return the folder in which the parts of an output are kept while it is not there yet."""
    return out.with_name(f"{out.name}.parts")


def part_path(folder: Path, source: Source, settings: str) -> Path:
    """Return where the part of a source is kept: another place once its files, or the settings, are others."""
    digest = hashlib.sha256(f"{_LAYOUT} {settings}".encode())
    for path in [source] if is_url(source) else _files(source):
        digest.update(f"\n{path}".encode(errors="surrogateescape"))
        if isinstance(path, Path) and path.exists():
            status = path.stat()
            digest.update(f" {status.st_size} {status.st_mtime_ns}".encode())
    return folder / f"{digest.hexdigest()[:32]}{_SUFFIX}"


def save_part(path: Path, videos: PosedVideos) -> None:
    """Write the videos of a source, of one skeleton, whole or not at all.

    Who is not there takes no room: of an hour in which a hundred people come and go, a row for each would not fit.
    """
    frames = [frame for video in videos for frame in video.frames]
    with replacing(path) as unfinished, unfinished.open("wb") as file:
        np.savez(
            file,
            keypoint_names=np.array(videos[0].skeleton.keypoints),
            rate_is_known=np.array(videos.rate_is_known),
            names=np.array(videos.names),
            canvases=np.array([video.canvas for video in videos]),
            rates=np.array([video.frames_per_second for video in videos]),
            num_frames=np.array([len(video.frames) for video in videos]),
            seconds=np.array([frame.seconds for frame in frames]),
            num_people=np.array([frame.num_people for frame in frames]),
            keypoints=np.concatenate([frame.keypoints for frame in frames]),
            scores=np.concatenate([frame.scores for frame in frames]),
            ids=np.concatenate([frame.ids for frame in frames]),
        )


def load_part(path: Path) -> Part:
    """Read a part; ValueError for one that is damaged, with what to do about it."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            content = dict(stored)
        names = tuple(content["keypoint_names"].tolist())
        skeleton = skeleton_of_keypoints(names) or Skeleton("own", names, ())
        return Part(skeleton, _videos(content, skeleton))
    except FileNotFoundError:
        raise ValueError(
            f"{path}: is gone; one `posec3d extract` at a time can write the same --out, so give the command again"
        ) from None
    except (ValueError, KeyError, EOFError, BadZipFile) as error:
        raise ValueError(f"{path}: is damaged ({error}); delete it, and give the same command again") from None


def _videos(content: Mapping[str, np.ndarray], skeleton: Skeleton) -> PosedVideos:
    first_frames = np.concatenate([[0], np.cumsum(content["num_frames"])]).tolist()
    first_people = np.concatenate([[0], np.cumsum(content["num_people"])]).tolist()

    def frame(place: int) -> PeopleInFrame:
        people = slice(*first_people[place : place + 2])
        return PeopleInFrame(
            float(content["seconds"][place]),
            content["keypoints"][people],
            content["scores"][people],
            content["ids"][people],
        )

    def video(place: int) -> PosedVideo:
        height, width = content["canvases"][place].tolist()
        frames = [frame(number) for number in range(*first_frames[place : place + 2])]
        return PosedVideo(names[place], (height, width), skeleton, float(content["rates"][place]), frames)

    names = content["names"].tolist()
    return PosedVideos(names, video, rate_is_known=bool(content["rate_is_known"]))


def remove_parts(folder: Path) -> None:
    """Delete all parts, and the folder unless somebody has put other files there."""
    if not folder.is_dir():
        return
    for path in folder.iterdir():
        if path.suffix == _SUFFIX:
            path.unlink()
    if not any(folder.iterdir()):
        folder.rmdir()


def _files(source: Source) -> Iterator[Path]:
    """Yield the files that a source is made of, by their whole paths."""
    path = Path(source).absolute()
    if path.is_dir():
        yield from sorted(entry for entry in path.iterdir() if entry.is_file())
    else:
        files: Sequence[Path] = [path] if path.exists() else pictures_of(source) or [path]
        yield from (file.absolute() for file in files)
