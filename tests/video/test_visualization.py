from dataclasses import replace

import av
import numpy as np
import pytest
from PIL import Image

from posec3d.clips.sampling import fixed_frames
from posec3d.people import PeopleInFrame
from posec3d.people import PosedVideo
from posec3d.skeletons import get_skeleton
from posec3d.video import visualization
from posec3d.video.moments import read_pictures
from posec3d.video.scene import film
from posec3d.video.visualization import write_figures
from posec3d.video.writing import VideoWriter

NUM_FRAMES = 12
BLUE = (86, 180, 233)


@pytest.fixture(scope="module")
def filmed():
    """Pictures of a generated figure, and its keypoints."""
    pictures, keypoints = film("wave", rng=np.random.RandomState(0), num_frames=NUM_FRAMES, size=(120, 160))
    return list(pictures), keypoints


@pytest.fixture
def clip(filmed, tmp_path):
    with VideoWriter(tmp_path / "clip.mp4", frames_per_second=10.0) as writer:
        for picture in filmed[0]:
            writer.write(picture)
    return tmp_path / "clip.mp4"


@pytest.fixture
def video(filmed):
    sure = np.full((1, 17), 0.8, np.float32)
    frames = [PeopleInFrame(time / 10, filmed[1][:, time], sure, np.zeros(1, np.int64)) for time in range(NUM_FRAMES)]
    return PosedVideo("clip.mp4", (120, 160), get_skeleton("coco17"), 10.0, frames)


def frames_of(path):
    if path.suffix == ".gif":
        image = Image.open(path)
        for number in range(image.n_frames):
            image.seek(number)
            yield np.array(image.convert("RGB"))
        return
    with av.open(str(path)) as container:
        yield from (frame.to_ndarray(format="rgb24") for frame in container.decode(video=0))


def times_of(path):
    with av.open(str(path)) as container:
        return [float(frame.time) for frame in container.decode(video=0)]


@pytest.mark.parametrize("suffix", [".mp4", ".gif"])
@pytest.mark.parametrize(
    ("what", "size"),
    [
        # Title 36, captions 30, gaps 8; panels of 56 times a whole number.
        ("all", {".mp4": (36 + 30 + 392 + 8, 8 + 3 * 400), ".gif": (36 + 30 + 280 + 8, 8 + 3 * 288)}),
        ("keypoints", {".mp4": (36 + 30 + 616 + 8, 16 + 616), ".gif": (36 + 30 + 504 + 8, 16 + 504)}),
        ("limbs", {".mp4": (36 + 30 + 616 + 8, 16 + 616), ".gif": (36 + 30 + 504 + 8, 16 + 504)}),
        ("motion", {".mp4": (36 + 30 + 616 + 8, 16 + 616), ".gif": (36 + 30 + 504 + 8, 16 + 504)}),
        ("pose", {".mp4": (36 + 30 + 480 + 8, 16 + 640), ".gif": (36 + 30 + 360 + 8, 16 + 480)}),
    ],
)
def test_a_film_has_every_frame_in_panels_under_a_title(clip, video, tmp_path, what, size, suffix):
    write_figures(tmp_path / f"drawn{suffix}", video, what, source=clip)

    drawn = list(frames_of(tmp_path / f"drawn{suffix}"))
    assert len(drawn) == NUM_FRAMES
    assert {picture.shape for picture in drawn} == {(*size[suffix], 3)}
    assert drawn[0][:30].max() > 200


def test_every_frame_has_its_time(clip, video, tmp_path):
    write_figures(tmp_path / "drawn.mp4", video, "pose", source=clip)

    assert times_of(tmp_path / "drawn.mp4") == pytest.approx([number / 10 for number in range(NUM_FRAMES)], abs=1e-4)


def test_poses_keypoints_and_limbs_lie_in_the_same_places(clip, video, tmp_path):
    write_figures(tmp_path / "drawn.mp4", video, "all", source=clip)

    picture = next(frames_of(tmp_path / "drawn.mp4")).astype(int)[66:458]
    pose, keypoints, limbs = (picture[:, 8 + 400 * panel : 400 + 400 * panel] for panel in range(3))
    skeleton = np.abs(pose - BLUE).sum(-1) < 60
    assert skeleton.sum() > 100
    # Left limbs and their heatmaps, with patience for a heatmap's pixel.
    assert (limbs[skeleton].sum(-1) > 100).mean() > 0.9
    assert (limbs.sum(-1) > 100).mean() < 0.25
    assert 0 < (keypoints.sum(-1) > 200).sum() < (limbs.sum(-1) > 200).sum()


def test_on_black_there_is_nothing_of_the_frames(clip, video, tmp_path):
    write_figures(tmp_path / "seen.png", video, "pose", source=clip)
    write_figures(tmp_path / "black.png", video, "pose")

    seen, black = (np.array(Image.open(tmp_path / f"{name}.png")) for name in ("seen", "black"))
    assert seen.shape == black.shape
    assert (black[66:460, 8:-8].max(-1) < 20).mean() > 0.7
    assert (seen[66:460, 8:-8].max(-1) < 20).mean() < 0.3


def test_limbs_are_thinner_on_small_people(video, tmp_path):
    small = [replace(frame, keypoints=frame.keypoints / 4) for frame in video.frames]
    write_figures(tmp_path / "large.mp4", video, "pose")
    write_figures(tmp_path / "small.mp4", replace(video, frames=small), "pose")

    large, small = (next(frames_of(tmp_path / f"{name}.mp4"))[66:, 8:-8] for name in ("large", "small"))
    # A quarter as long and less than half as wide.
    assert 0 < (small.max(-1) > 100).sum() < (large.max(-1) > 100).sum() / 8


@pytest.mark.parametrize(("what", "num_panels"), [("all", 18), ("pose", 6), ("keypoints", 6), ("limbs", 6)])
def test_a_sheet_shows_six_moments(clip, video, tmp_path, monkeypatch, what, num_panels):
    rows = []
    monkeypatch.setattr(
        visualization, "sheet", lambda given, title: rows.extend(given) or np.zeros((10, 10, 3), np.uint8)
    )

    write_figures(tmp_path / "sheet.png", video, what, source=clip)

    assert sum(len(row.panels) for row in rows) == num_panels
    # The middles of six parts of twelve frames at ten a second.
    assert [note for row in rows for note in row.notes] == ["0.10 s", "0.30 s", "0.50 s", "0.70 s", "0.90 s", "1.10 s"]
    assert Image.open(tmp_path / "sheet.png").size == (10, 10)


@pytest.mark.parametrize("num_frames", [4, 20])  # 20 are more than there are: looped
def test_frames_are_sampled_as_for_the_network(clip, video, tmp_path, monkeypatch, num_frames):
    asked = []
    monkeypatch.setattr(
        visualization, "read_pictures", lambda source, frames: asked.append(frames) or read_pictures(source, frames)
    )

    write_figures(tmp_path / "drawn.mp4", video, "all", source=clip, clip_length=num_frames)

    (frames,) = asked
    assert frames.tolist() == fixed_frames(NUM_FRAMES, num_frames)[0].tolist()
    assert len(list(frames_of(tmp_path / "drawn.mp4"))) == num_frames


def test_a_gif_of_a_long_video_leaves_frames_out(clip, video, tmp_path, monkeypatch):
    monkeypatch.setattr(visualization, "MOST_GIF_FRAMES", 5)

    write_figures(tmp_path / "drawn.gif", video, "pose", source=clip)

    assert len(list(frames_of(tmp_path / "drawn.gif"))) == 4
    assert Image.open(tmp_path / "drawn.gif").info["duration"] == 300


@pytest.mark.parametrize("size", [28, 64, 500])
def test_a_pixel_of_a_heatmap_is_a_square(video, tmp_path, size):
    write_figures(tmp_path / "drawn.png", video, "keypoints", size=size, sigma=1.0)

    drawn = np.array(Image.open(tmp_path / "drawn.png"))
    scale = max(1, round(600 / size))
    panel = drawn[66 : 66 + scale * size, 8 : 8 + scale * size]
    np.testing.assert_array_equal(panel, np.kron(panel[::scale, ::scale], np.ones((scale, scale, 1), np.uint8)))
    assert panel.max() > 100
