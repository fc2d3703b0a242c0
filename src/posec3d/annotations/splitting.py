"""Which videos are for training and which for evaluation: by shares, or as lists of others say."""

import hashlib
import logging
import re
from collections import defaultdict
from collections.abc import Collection
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path

from posec3d.annotations.video_lists import ListedVideo
from posec3d.annotations.video_lists import NamedVideo
from posec3d.annotations.video_lists import folders_named
from posec3d.annotations.video_lists import match_videos
from posec3d.annotations.video_lists import read_lines
from posec3d.annotations.video_lists import read_table
from posec3d.annotations.video_lists import some

_LOGGER = logging.getLogger(__name__)
# HMDB51 and JHMDB have a file for each class and split, with lines such as "video.avi 1".
_HMDB_NAME = re.compile(r"(?P<folder>.+)_test_split(?P<number>\d+)")
_HMDB_PARTS = {"1": "train", "2": "test", "0": None}
_USAGE = "write shares such as train=0.8 val=0.2, a folder of lists, .txt files, or a .csv with columns video and split"

Splits = dict[str, tuple[str, ...]]


def make_splits(
    given: Sequence[str], videos: Sequence[NamedVideo], labels: Mapping[str, int], *, seed: int = 0
) -> Splits:
    """Return the splits that a user asks for: by shares ("train=0.8"), a folder of lists, .txt files, or a .csv file.

    Raises ValueError, and FileNotFoundError for a file that is not there.
    """
    if all(re.fullmatch(r"[^=/\\]+=[0-9.eE+-]+", part) for part in given):
        shares = dict(part.split("=") for part in given)
        if len(shares) < len(given):
            raise ValueError(f"--splits {' '.join(given)}: a split is there twice; name each once")
        return split_by_shares({name: _number(share, given) for name, share in shares.items()}, videos, labels, seed)
    paths = [Path(part) for part in given]
    for path in paths:
        if not path.exists():
            raise FileNotFoundError(f"--splits {path}: no such file or folder; {_USAGE}")
    if len(paths) == 1 and paths[0].suffix.lower() in (".csv", ".tsv"):
        return splits_of_table(paths[0], videos)
    return splits_of_lists(paths, videos)


def untrained_classes(
    of_labels: Mapping[int, Collection[str]], splits: Mapping[str, Collection[str]]
) -> Iterator[tuple[int, str]]:
    """Yield each label, and words for it, that a training split has none of the videos of.

    `of_labels` are the videos of each class that can be trained on; splits without any of all these are passed over.
    """
    usable = {video for videos in of_labels.values() for video in videos}
    for split, listed in splits.items():
        trained = usable & set(listed)
        if trained and "train" in split.lower():
            for label, videos in sorted(of_labels.items()):
                if trained.isdisjoint(videos):
                    yield label, f"none of its {len(videos):,} videos is in split {split!r}"


def split_by_shares(
    shares: Mapping[str, float], videos: Sequence[NamedVideo], labels: Mapping[str, int], seed: int = 0
) -> Splits:
    """Divide the videos of each class by shares that sum to 1, always alike for the same names and seed.

    Every split gets a video of each class that has enough of them. A video hardly ever changes its split when
    others come or go: their order is drawn from their names.
    """
    if any(share <= 0 for share in shares.values()) or abs(sum(shares.values()) - 1) > 1e-6:
        told = " ".join(f"{name}={share:g}" for name, share in shares.items())
        raise ValueError(f"--splits {told}: shares must be above 0 and sum to 1, not to {sum(shares.values()):g}")
    split_of: dict[str, str] = {}
    for label in {labels.get(video.name) for video in videos}:
        members = sorted(
            (video.name for video in videos if labels.get(video.name) == label), key=lambda name: _digest(seed, name)
        )
        begin = 0
        for split, count in zip(shares, _counts(list(shares.values()), len(members)), strict=True):
            split_of |= dict.fromkeys(members[begin : begin + count], split)
            begin += count
    return {split: tuple(v.name for v in videos if split_of[v.name] == split) for split in shares}


def splits_of_table(path: Path, videos: Sequence[NamedVideo]) -> Splits:
    """Return the splits of a table with columns video and split; a video may be in several."""
    listed: defaultdict[str, list[ListedVideo]] = defaultdict(list)
    for line in read_table(path, "split", also=("subset", "set")):
        listed[line.value].append(line)
    return _matched(listed, videos, str(path))


def splits_of_lists(paths: Sequence[Path], videos: Sequence[NamedVideo]) -> Splits:
    """Return a split for each .txt file of a folder, or of those given, by its stem, with a video a line.

    A number after a video, as in UCF101's lists, says nothing. Files called CLASS_test_split1.txt are those of HMDB51
    and JHMDB: there 1 is for training, 2 for testing, and 0 for neither, which makes splits train1, test1, train2 ...
    Lines of videos that are not there, and files that name none, are passed over with a warning.
    """
    files = [file for path in paths for file in (sorted(path.glob("*.txt")) if path.is_dir() else [path])]
    wrong = [path for path in files if path.suffix.lower() != ".txt"]
    if wrong or not files:
        raise ValueError(f"--splits {wrong[0] if wrong else paths[0]}: holds no lists of videos; {_USAGE}")
    listed: defaultdict[str, list[ListedVideo]] = defaultdict(list)
    for file in files:
        hmdb = _HMDB_NAME.fullmatch(file.stem)
        for number, line in read_lines(file):
            place = f"{file}, line {number}"
            if hmdb is None:
                listed[file.stem].append(ListedVideo(line, file.stem, place))
                continue
            video, _, part = line.rpartition(" ")
            if part not in _HMDB_PARTS:
                raise ValueError(f"{place}: ends in {part!r}; write 1 for training, 2 for testing, 0 for neither")
            if split := _HMDB_PARTS[part]:
                name = split + hmdb["number"]
                listed[name].append(ListedVideo(f"{hmdb['folder']}/{video.strip()}", name, place))
    ordered = {name: listed[name] for name in sorted(listed, key=_training_first)}
    return _matched(ordered, videos, ", ".join(map(str, paths)))


def _matched(listed: Mapping[str, Sequence[ListedVideo]], videos: Sequence[NamedVideo], source: str) -> Splits:
    splits: Splits = {}
    absent: dict[str, None] = {}
    folders = folders_named(line for lines in listed.values() for line in lines)
    for split, lines in listed.items():
        found, missing = match_videos(lines, videos, folders=folders)
        if found:
            splits[split] = tuple(video.name for video in videos if video.name in found)
            absent |= dict.fromkeys(line.video for line in missing)
        else:
            _LOGGER.warning("%s: split %r names none of the videos and is left out", source, split)
    if not splits:
        raise ValueError(f"{source}: names none of the videos, such as {videos[0].name!r}; give the lists of these")
    if absent:
        _LOGGER.warning("%s: %d listed videos are not there: %s", source, len(absent), some(list(absent)))
    unlisted = {video.name for video in videos}.difference(*splits.values())
    if unlisted:
        _LOGGER.warning("%s: %d videos are in no split: %s", source, len(unlisted), some(sorted(unlisted)))
    return splits


def _counts(shares: Sequence[float], number: int) -> list[int]:
    """Divide a number of videos by shares: rounded so that they sum to it, and none without one if it suffices."""
    counts = [int(share * number + 1e-9) for share in shares]
    by_rest = sorted(range(len(shares)), key=lambda place: counts[place] - shares[place] * number)
    for place in by_rest[: number - sum(counts)]:
        counts[place] += 1
    while number >= len(shares) and 0 in counts:
        counts[counts.index(max(counts))] -= 1
        counts[counts.index(0)] += 1
    return counts


def _training_first(split: str) -> tuple[str, int, str]:
    """Return a key that sorts train1, test1, train2, test2."""
    number = re.search(r"\d*$", split)
    return (number.group().rjust(9) if number else "", int("train" not in split.lower()), split)


def _number(share: str, given: Sequence[str]) -> float:
    try:
        return float(share)
    except ValueError:
        raise ValueError(f"--splits {' '.join(given)}: {share!r} is no number; {_USAGE}") from None


def _digest(seed: int, name: str) -> bytes:
    return hashlib.sha256(f"{seed} {name}".encode("utf-8", "surrogatepass")).digest()
