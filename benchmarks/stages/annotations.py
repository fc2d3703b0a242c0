"""An annotation store of Kinetics' size: how long it takes to open, what it costs in memory, how fast it is read."""

import gc
import re
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from torch.utils.data import DataLoader
from torch.utils.data import Dataset

from benchmarks.timing import Row
from posec3d.annotations import Annotation
from posec3d.annotations import load_annotations
from posec3d.annotations.schema import VideoStream
from posec3d.annotations.store_writing import write_store
from posec3d.clips.pipeline import train_clip
from posec3d.skeletons import get_skeleton

NUM_VIDEOS = 240_000
_SKELETON = get_skeleton("coco17")


class _Samples(Dataset[int]):
    """Makes a training clip of a random video, and tells how much memory its process has for itself."""

    def __init__(self, videos: object) -> None:
        self.videos = videos

    def __len__(self) -> int:
        return 8_000

    def __getitem__(self, place: int) -> int:
        rng = np.random.RandomState(place)
        train_clip(self.videos[rng.randint(len(self.videos))], rng, skeleton=_SKELETON)  # type: ignore[index,arg-type]
        return private_bytes() if place % 100 == 0 else 0


def measure_annotations(_: int, num_videos: int = NUM_VIDEOS) -> list[Row]:
    """Make up a store, open it, and read training clips from it at random, alone and with eight workers."""
    with tempfile.TemporaryDirectory() as folder:
        path = made_up_store(Path(folder) / "kinetics.arrow", num_videos)
        gigabytes = path.stat().st_size / 2**30
        case = f"{num_videos:,} videos, {gigabytes:.1f} GiB"
        gc.collect()
        before, started = private_bytes(), time.perf_counter()
        videos = load_annotations(path).split("train")
        opened = time.perf_counter() - started
        grown = (private_bytes() - before) / 2**20
        rng = np.random.RandomState(0)
        started = time.perf_counter()
        for place in rng.randint(len(videos), size=5_000):
            train_clip(videos[int(place)], rng, skeleton=_SKELETON)
        clip = (time.perf_counter() - started) / 5_000
        loader = DataLoader(_Samples(videos), batch_size=None, num_workers=8)
        most = max(loader) / 2**20
    note = f"{grown:.0f} MiB of memory more; at most {most:.0f} MiB of its own in each of 8 workers, Python and all"
    return [
        Row(stage="annotation store", case=case, way="opened", milliseconds=opened * 1e3, note=note),
        Row(
            stage="annotation store",
            case=case,
            way="a random training clip",
            milliseconds=clip * 1e3,
            note=f"{1 / clip:,.0f} a second in one process",
        ),
    ]


def made_up_store(path: Path, num_videos: int) -> Path:
    """Write a store of so many random videos of 400 classes, all of split "train", and return its path."""
    names = [f"video{number}" for number in range(num_videos)]
    write_store(path, [VideoStream(_made_up(names), num_videos, {"train": tuple(names)}, None, None, "made up")])
    return path


def private_bytes() -> int:
    """Return how much memory this process shares with no other, in bytes."""
    text = Path("/proc/self/smaps_rollup").read_text()
    return sum(int(kilobytes) for kilobytes in re.findall(r"^Private_\w+:\s+(\d+) kB", text, re.MULTILINE)) * 1024


def _made_up(names: list[str]) -> Iterator[Annotation]:
    rng = np.random.RandomState(0)
    keypoints = (rng.rand(3, 300, 17, 2) * [340, 256]).astype(np.float16)
    scores = rng.rand(3, 300, 17).astype(np.float16)
    for number, name in enumerate(names):
        num_people, num_frames = 1 + number % 2, rng.randint(150, 300)
        yield Annotation(
            name,
            number % 400,
            (256, 340),
            keypoints[:num_people, :num_frames],
            scores[:num_people, :num_frames],
        )
