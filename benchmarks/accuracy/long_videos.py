"""Join JHMDB's clips to long videos, to see how well a timeline tells what happens in them and when.

  python -m benchmarks.accuracy.long_videos JHMDB/videos JHMDB/splits --out long

writes long/00.mp4 to long/11.mp4, of the 268 test clips of the first split in a random order, 320x240, and
long/segments.csv, with the names that the models of the package have for JHMDB's actions. Then

  posec3d recognize long/*.mp4 --window 1 --json answers.json
  posec3d timeline answers.json long/segments.csv --picture timeline.png

One action goes over to the next within a frame, and nothing happens between: an easier timeline than life's to tell
apart in time, and a harder one, as a clip lasts hardly more than a second.
"""

import argparse
import csv
from pathlib import Path

import cv2
import numpy as np

from benchmarks.accuracy.merge import SAME
from posec3d.video.frames import open_frames
from posec3d.video.writing import VideoWriter

_NUM_VIDEOS, _RATE = 12, 25.0
_SIZE = (240, 320)


def main() -> None:
    """Write the videos and the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", type=Path, help="JHMDB's clips, in a folder for each class")
    parser.add_argument("splits", type=Path, help="its lists, such as walk_test_split1.txt")
    parser.add_argument("--out", type=Path, default=Path("long"))
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    clips = np.random.default_rng(0).permutation(_test_clips(given.videos, given.splits)).tolist()
    rows = []
    for number, part in enumerate(np.array_split(clips, _NUM_VIDEOS)):
        path = given.out / f"{number:02}.mp4"
        rows += [(path.name, *segment) for segment in _write(path, [Path(clip) for clip in part.tolist()])]
    with (given.out / "segments.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("video", "start", "end", "label"), *rows])


def _test_clips(videos: Path, splits: Path) -> list[str]:
    clips = []
    for file in sorted(splits.glob("*_test_split1.txt")):
        folder = videos / file.name.removesuffix("_test_split1.txt")
        for line in file.read_text().splitlines():
            name, part = line.rsplit(maxsplit=1)
            if part == "2":
                clips += map(str, folder.glob(f"{Path(name).stem}.*"))
    return clips


def _write(path: Path, clips: list[Path]) -> list[tuple[float, float, str]]:
    """Write clips one after the other; return when each begins and ends, in seconds, and its class."""
    segments, num_frames = [], 0
    with VideoWriter(path, frames_per_second=_RATE) as film:
        for clip in clips:
            first = num_frames
            with open_frames(clip) as video:
                for frame in video:
                    film.write(cv2.resize(frame.picture, _SIZE[::-1]))
                    num_frames += 1
            label = clip.parent.name
            segments.append((first / _RATE, num_frames / _RATE, SAME.get(label, label)))
    return segments


if __name__ == "__main__":
    main()
