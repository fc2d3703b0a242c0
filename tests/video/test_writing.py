import logging
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest
from PIL import Image

from posec3d.video import writing
from posec3d.video.frames import open_frames
from posec3d.video.writing import VideoWriter
from posec3d.video.writing import save_gif


def smooth(count, height=96, width=128):
    """Soft colours that move: what a camera sees, more or less."""
    y, x = np.mgrid[:height, :width]
    waves = [[np.sin((x + 3 * step) / 17), np.cos((y - 2 * step) / 13), np.sin((x + y) / 29)] for step in range(count)]
    pictures = [(127 + 110 * np.moveaxis(wave, 0, -1)).astype(np.uint8) for wave in np.array(waves)]
    for picture in pictures:
        picture.flags.writeable = False
    return pictures


def write(path, pictures, times=None, *, rate=25.0, **options):
    with VideoWriter(path, frames_per_second=rate, **options) as writer:
        for index, picture in enumerate(pictures):
            writer.write(picture, None if times is None else times[index])
    return path


def read(path):
    with open_frames(path) as frames:
        return list(frames)


def gif_frames(path):
    """Pictures and milliseconds of a .gif, read with Pillow."""
    with Image.open(path) as image:
        frames = []
        for index in range(image.n_frames):
            image.seek(index)
            frames.append((np.asarray(image.convert("RGB")), image.info["duration"]))
        return frames


def test_what_is_written_is_read_back(tmp_path):
    pictures = smooth(30)

    frames = read(write(tmp_path / "moves.mp4", pictures))

    assert [frame.seconds for frame in frames] == pytest.approx(np.arange(30) / 25)
    difference = np.abs(np.array([frame.picture for frame in frames], float) - pictures)
    # Of 255: half the colours are thrown away, and the rest is coded with loss.
    assert difference.mean() < 4
    assert [path.name for path in tmp_path.iterdir()] == ["moves.mp4"]


@pytest.mark.parametrize("colour", [(255, 0, 0), (0, 255, 0), (0, 0, 255), (86, 180, 233), (255, 255, 255), (0, 0, 0)])
@pytest.mark.parametrize("size", [(96, 128), (720, 1280)])
def test_colours_stay(tmp_path, colour, size):
    path = write(tmp_path / "colour.mp4", [np.full((*size, 3), colour, np.uint8)] * 2)

    np.testing.assert_allclose(read(path)[0].picture[40, 40], colour, atol=3)


def test_the_file_is_one_that_browsers_and_quicktime_play(tmp_path):
    path = write(tmp_path / "moves.mp4", smooth(5))

    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.pix_fmt, stream.profile) == ("h264", "yuv420p", "High")
        # 1 is BT.709 in the numbering of H.264.
        assert (stream.colorspace, stream.color_primaries, stream.color_trc) == (1, 1, 1)
        assert (stream.frames, stream.average_rate) == (5, 25)
    content = path.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")


def test_pictures_keep_their_times(tmp_path):
    times = [7.0, 7.033, 7.2, 7.201, 9.5]

    frames = read(write(tmp_path / "phone.mp4", smooth(5), times))

    np.testing.assert_allclose([frame.seconds for frame in frames], np.array(times) - 7, atol=1e-4)
    with av.open(str(tmp_path / "phone.mp4")) as container:
        assert container.streams.video[0].start_time == 0
        # The last picture stays for a period.
        assert container.duration / av.time_base == pytest.approx(2.54, abs=2e-3)


def test_pictures_without_times_follow_the_last(tmp_path):
    frames = read(write(tmp_path / "some.mp4", smooth(4), [0.0, None, 1.0, None], rate=10.0))

    assert [frame.seconds for frame in frames] == pytest.approx([0, 0.1, 1, 1.1], abs=1e-4)


def test_times_that_run_back_do_no_harm(tmp_path):
    frames = read(write(tmp_path / "back.mp4", smooth(4), [0.0, 1.0, 0.5, 2.0]))

    assert [frame.seconds for frame in frames] == pytest.approx([0, 1, 1, 2], abs=1e-4)


@pytest.mark.parametrize(("height", "width"), [(95, 128), (96, 127), (1, 3)])
def test_odd_sizes_repeat_their_edge(tmp_path, height, width):
    picture = smooth(1, height, width)[0]

    frame = read(write(tmp_path / "odd.mp4", [picture]))[0]

    assert frame.picture.shape == (height + height % 2, width + width % 2, 3)
    assert np.abs(frame.picture[:height, :width].astype(float) - picture).mean() < 5


@pytest.mark.parametrize("ending", ["mp4", "gif"])
def test_pictures_are_scaled_to_one_size(tmp_path, ending):
    first, given = tmp_path / f"first.{ending}", tmp_path / f"given.{ending}"
    pictures = [smooth(1)[0], smooth(2, 192, 256)[1]]

    write(first, pictures)
    write(given, pictures, size=(48, 64))

    assert {frame.picture.shape for frame in read(first)} == {(96, 128, 3)}
    assert {frame.picture.shape for frame in read(given)} == {(48, 64, 3)}
    assert np.abs(read(given)[1].picture - cv2.resize(pictures[1], (64, 48)).astype(float)).mean() < 12


def test_a_gif_is_read_back(tmp_path):
    pictures = smooth(12)

    frames = read(write(tmp_path / "moves.gif", pictures, rate=10.0))

    np.testing.assert_allclose([frame.seconds for frame in frames], np.arange(12) / 10, atol=1e-9)
    # 256 colours for all pictures.
    assert np.abs(np.array([frame.picture for frame in frames], float) - pictures).mean() < 12


@pytest.mark.parametrize(
    ("times", "milliseconds"),
    [
        ([0, 1 / 30, 2 / 30, 3 / 30], [30, 40, 30, 30]),  # hundredths that add up
        ([5, 5.2, 5.9], [200, 700, 30]),
        ([0, 0.005, 0.011, 0.02, 0.5], [20, 480, 30]),  # too soon to be shown
    ],
)
def test_a_gif_keeps_times_as_far_as_it_can(tmp_path, times, milliseconds):
    pictures = [np.full((8, 8, 3), 40 * index, np.uint8) for index in range(len(times))]

    path = write(tmp_path / "times.gif", pictures, [float(time) for time in times], rate=30.0)

    assert [duration for _, duration in gif_frames(path)] == milliseconds


def test_thin_coloured_lines_stay_coloured_in_a_gif(tmp_path):
    # A grey wall with slow shades and a little noise, as cameras see it, and the colours of left and right limbs.
    wall = np.linspace(120, 240, 270 * 480).reshape(270, 480, 1)
    picture = np.clip(wall + np.random.default_rng(0).normal(0, 3, (270, 480, 3)), 0, 255).astype(np.uint8)
    limbs = {(86, 180, 233): (100, 102), (230, 159, 0): (200, 202)}
    for colour, (begin, end) in limbs.items():
        picture[100:140, begin:end] = colour

    written = gif_frames(write(tmp_path / "limbs.gif", [picture] * 2))[0][0]

    for colour, (begin, end) in limbs.items():
        np.testing.assert_allclose(written[100:140, begin:end].mean((0, 1)), colour, atol=20)


def test_large_gifs_are_shrunk(tmp_path):
    assert read(write(tmp_path / "large.gif", smooth(1, 360, 1280)))[0].picture.shape == (135, 480, 3)


def test_long_gifs_drop_pictures_with_a_warning(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(writing, "_GIF_PICTURES", 10)
    pictures = [np.full((8, 8, 3), 6 * index, np.uint8) for index in range(40)]

    with caplog.at_level(logging.WARNING):
        frames = gif_frames(write(tmp_path / "long.gif", pictures, rate=10.0))

    assert [picture[0, 0, 0] for picture, _ in frames] == [24 * index for index in range(10)]
    assert [duration for _, duration in frames] == [400] * 9 + [100]
    assert caplog.messages == ["a .gif holds 10 pictures; this one leaves some out, an .mp4 would not"]


def test_no_half_written_file_stays(tmp_path):
    def broken():
        yield smooth(1)[0]
        raise ValueError("no array")

    old = write(tmp_path / "moves.mp4", smooth(3)).read_bytes()

    for name in ("moves.mp4", "moves.gif"):
        with pytest.raises(ValueError, match="no array"):
            write(tmp_path / name, broken())

    assert [path.name for path in tmp_path.iterdir()] == ["moves.mp4"]
    assert (tmp_path / "moves.mp4").read_bytes() == old


def test_endings_that_cannot_be_written(tmp_path):
    for name in ("moves.avi", "moves"):
        with pytest.raises(ValueError, match=rf"{name}: cannot write videos that end in .*; use .mp4 or .gif"):
            VideoWriter(tmp_path / name, frames_per_second=25.0)


def test_a_video_without_pictures_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"none.mp4: there is no picture to write"):
        write(tmp_path / "none.mp4", [])
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(OSError, match="file"):
        write(tmp_path / "file" / "moves.mp4", smooth(1))


def test_usual_rates_are_kept(tmp_path):
    for rate, exact in [(30.0, Fraction(30)), (29.97, Fraction(30000, 1001)), (12.5, Fraction(25, 2))]:
        with av.open(str(write(tmp_path / "rate.mp4", smooth(30), rate=rate))) as container:
            assert float(container.streams.video[0].average_rate) == pytest.approx(float(exact), rel=1e-3)


def test_a_saved_gif_has_all_pictures_as_they_are(tmp_path):
    # Every frame differs: Pillow keeps equal neighbours as one longer frame.
    pictures = [np.full((20, 600, 3), 40 * index, np.uint8) for index in range(5)]

    save_gif(tmp_path / "moves.gif", pictures, frames_per_second=10.0)

    with Image.open(tmp_path / "moves.gif") as image:
        assert (image.format, image.size, image.n_frames, image.info["loop"]) == ("GIF", (600, 20), 5, 0)
    for (picture, milliseconds), written in zip(gif_frames(tmp_path / "moves.gif"), pictures, strict=True):
        assert milliseconds == 100
        np.testing.assert_allclose(picture, written, atol=1)
    assert [path.name for path in tmp_path.iterdir()] == ["moves.gif"]


def test_standing_still_takes_time_too(tmp_path):
    pictures = [np.full((20, 30, 3), value, np.uint8) for value in (0, 0, 0, 200)]

    save_gif(tmp_path / "still.gif", pictures, frames_per_second=10.0)

    assert sum(duration for _, duration in gif_frames(tmp_path / "still.gif")) == 400


def test_a_gif_can_stand_still_for_longer_than_its_format_has_room_for(tmp_path):
    black, white = np.zeros((32, 32, 3), np.uint8), np.full((32, 32, 3), 255, np.uint8)
    write(tmp_path / "long.gif", [white, black, black, white], [0.0, 1.0, 500.0, 1000.0])
    with Image.open(tmp_path / "long.gif") as gif:
        assert gif.n_frames == 3
        durations = [gif.seek(frame) or gif.info["duration"] for frame in range(3)]
    assert durations[:2] == [1000, 655_350]


def test_a_picture_that_no_mp4_has_room_for_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"16 x 16386 \(height x width\) is too large for .mp4"):
        write(tmp_path / "wide.mp4", [np.zeros((16, 16386, 3), np.uint8)])
    assert not [*tmp_path.iterdir()]
