import os

import numpy as np
import pytest

from posec3d.people import PeopleInFrame
from posec3d.people import PosedVideo
from posec3d.people import posed_videos
from posec3d.skeletons import Skeleton
from posec3d.video.extraction_parts import load_part
from posec3d.video.extraction_parts import part_path
from posec3d.video.extraction_parts import parts_folder
from posec3d.video.extraction_parts import remove_parts
from posec3d.video.extraction_parts import save_part


@pytest.fixture
def clip(tmp_path):
    path = tmp_path / "clip (1)@2.mp4"
    path.write_bytes(b"some frames")
    os.utime(path, ns=(10**18, 10**18))
    return path


def part():
    """Two videos: of nobody, then two people, then one; and of one person."""
    skeleton = Skeleton("own", ("hand", "foot"), ())

    def frame(number, *ids):
        keypoints = np.full((len(ids), 2, 2), number, np.float32)
        return PeopleInFrame(number / 4, keypoints, keypoints[..., 0] / 10, np.array(ids, np.int64))

    videos = {"a": [frame(0), frame(1, 7, 3), frame(2, 3)], "b/\udc80.mp4": [frame(3, 1)]}
    return posed_videos(
        [PosedVideo(name, (48, 64), skeleton, 4.0, frames) for name, frames in videos.items()], rate_is_known=False
    )


def test_the_same_source_has_the_same_part(clip, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert part_path(tmp_path, clip, "movenet") == part_path(tmp_path, clip.relative_to(tmp_path), "movenet")


def test_another_file_or_setting_has_another_part(clip, tmp_path):
    before = part_path(tmp_path, clip, "movenet")
    other = clip.with_name("other.mp4")
    other.write_bytes(b"some frames")
    os.utime(other, ns=(10**18, 10**18))
    parts = [before, part_path(tmp_path, clip, "rtmlib"), part_path(tmp_path, other, "movenet")]

    os.utime(clip, ns=(10**18, 2 * 10**18))
    parts.append(part_path(tmp_path, clip, "movenet"))
    clip.write_bytes(b"some more frames")
    os.utime(clip, ns=(10**18, 10**18))
    parts.append(part_path(tmp_path, clip, "movenet"))

    assert len(set(parts)) == 5


@pytest.mark.parametrize("pattern", ["", "*.png"])
def test_the_part_of_a_folder_or_pattern_hangs_on_its_files(tmp_path, pattern):
    folder = tmp_path / "frames"
    folder.mkdir()
    (folder / "1.png").write_bytes(b"one")
    source = str(folder / pattern) if pattern else folder
    before = part_path(tmp_path, source, "movenet")

    (folder / "2.png").write_bytes(b"two")

    assert part_path(tmp_path, source, "movenet") != before


def test_an_address_has_a_part_as_well(tmp_path):
    one, other = (part_path(tmp_path, f"https://host/{name}.mp4", "movenet") for name in "ab")

    assert one != other


def test_parts_come_back_and_go_with_their_folder(tmp_path, clip):
    folder = parts_folder(tmp_path / "my.pkl")
    path = part_path(folder, clip, "movenet")

    save_part(path, part())
    read = load_part(path)
    remove_parts(folder)

    assert folder == tmp_path / "my.pkl.parts"
    assert read.skeleton == part()[0].skeleton
    assert not read.videos.rate_is_known
    for found, video in zip(read.videos, part(), strict=True):
        assert (found.name, found.canvas, found.frames_per_second) == (video.name, video.canvas, 4.0)
        for one, other in zip(found.frames, video.frames, strict=True):
            assert one.seconds == other.seconds
            for array in ("keypoints", "scores", "ids"):
                assert np.array_equal(getattr(one, array), getattr(other, array))
                assert getattr(one, array).dtype == getattr(other, array).dtype
    assert not folder.exists()
    remove_parts(folder)  # nothing there: nothing to do


def test_files_of_others_stay(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    save_part(tmp_path / "1.part", part())

    remove_parts(tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_damaged_part_is_told_with_its_mend(tmp_path):
    (tmp_path / "1.part").write_bytes(b"\x80\x04half")

    with pytest.raises(ValueError, match=r"1\.part: is damaged .* delete it, and give the same command again"):
        load_part(tmp_path / "1.part")
