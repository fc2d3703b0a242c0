import tracemalloc
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from PIL import Image

from posec3d.video import frames as module
from posec3d.video.frames import open_frames

RED, GREEN, BLUE, BLACK = (255, 0, 0), (0, 255, 0), (0, 0, 255), (0, 0, 0)


def corners():
    """A picture of 48 rows and 64 columns with red, green and blue corners: top left, top right, bottom left."""
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[:16, :16], picture[:16, -16:], picture[-16:, :16] = RED, GREEN, BLUE
    return picture


def shades(count, size=(48, 64)):
    return [np.full((*size, 3), 20 + 200 * index // max(count - 1, 1), np.uint8) for index in range(count)]


def write(path, pictures, *, codec="libx264", pixels="yuv420p", times=None, prepare=lambda stream: None):
    """Write with PyAV itself; `times` are milliseconds."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.height, stream.width, stream.pix_fmt = *pictures[0].shape[:2], pixels
        if times is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        prepare(stream)
        for index, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture)
            if times is not None:
                frame.pts, frame.time_base = times[index], Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def seconds_of(source, **options):
    with open_frames(source, **options) as frames:
        return [frame.seconds for frame in frames]


@pytest.mark.parametrize(
    ("ending", "codec", "pixels"),
    [
        ("mp4", "libx264", "yuv420p"),
        ("mp4", "libx265", "yuv420p10le"),
        ("mov", "prores_ks", "yuv422p10le"),
        ("mkv", "ffv1", "yuv420p"),
        ("webm", "libvpx-vp9", "yuv420p"),
        ("avi", "mpeg4", "yuv420p"),
        ("avi", "libx264", "yuv420p"),  # with frames out of order, for which an .avi has no times
        ("avi", "mjpeg", "yuvj420p"),
        ("mpg", "mpeg2video", "yuv420p"),
        ("ts", "libx264", "yuv420p"),  # begins at 1.4 s
        ("wmv", "wmv2", "yuv420p"),
        ("flv", "flv", "yuv420p"),
        ("gif", "gif", "rgb8"),
    ],
)
def test_any_container_and_codec(tmp_path, ending, codec, pixels):
    path = write(tmp_path / f"clip.{ending}", shades(12), codec=codec, pixels=pixels)

    with open_frames(path) as frames:
        assert (frames.name, frames.size, frames.frames_per_second, frames.live) == (path.name, (48, 64), 25.0, False)
        # The duration of a short .mpg cannot be guessed.
        assert frames.num_frames == pytest.approx(12, abs=12 if ending == "mpg" else 1)
        read = list(frames)
    # An .flv and an .asf count milliseconds.
    np.testing.assert_allclose([frame.seconds for frame in read], np.arange(12) / 25, atol=1e-3)
    for frame, written in zip(read, shades(12), strict=True):
        assert (frame.picture.shape, frame.picture.dtype) == ((48, 64, 3), np.uint8)
        assert frame.picture.flags["C_CONTIGUOUS"]
        # The palette of this .gif has just eight shades of red and green and four of blue, put side by side.
        np.testing.assert_allclose(frame.picture.mean((0, 1)), written[0, 0], atol=15 if ending == "gif" else 6)


@pytest.mark.parametrize(
    ("degrees", "mirrored", "expected"),  # expected: top left, top right, bottom left, bottom right
    [
        (0, False, (RED, GREEN, BLUE, BLACK)),
        (90, False, (GREEN, BLACK, RED, BLUE)),  # counter-clockwise
        (180, False, (BLACK, BLUE, GREEN, RED)),
        (270, False, (BLUE, RED, BLACK, GREEN)),
        (0, True, (GREEN, RED, BLACK, BLUE)),  # as cameras do that look at their owner
    ],
)
def test_pictures_stand_upright(tmp_path, degrees, mirrored, expected):
    path = write(
        tmp_path / "turned.mp4", [corners()] * 3, prepare=lambda stream: stream.set_display_rotation(degrees, mirrored)
    )

    with open_frames(path) as frames:
        size, picture = frames.size, next(iter(frames)).picture

    assert size == picture.shape[:2] == ((64, 48) if degrees in (90, 270) else (48, 64))
    assert picture.flags["C_CONTIGUOUS"]
    for place, colour in zip([(5, 5), (5, -5), (-5, 5), (-5, -5)], expected, strict=True):
        np.testing.assert_allclose(picture[place], colour, atol=12)
    if not mirrored:
        # OpenCV turns as well.
        other = cv2.VideoCapture(str(path)).read()[1][..., ::-1]
        np.testing.assert_allclose(picture, other.astype(int), atol=12)


def test_frames_keep_their_own_times(tmp_path):
    times = [500, 533, 700, 710, 1500]

    seconds = seconds_of(write(tmp_path / "phone.mkv", shades(5), times=times))

    np.testing.assert_allclose(seconds, (np.array(times) - 500) / 1000, atol=1e-9)


def test_times_that_stand_still_or_run_back_are_mended(tmp_path):
    # In milliseconds, of a clock that twice stands or goes back a little and then begins again.
    times = [3000, 3040, 3040, 3030, 3160, 10, 50]
    path = tmp_path / "odd.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=25)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuvj420p"
        packets = [packet for picture in shades(7) for packet in stream.encode(av.VideoFrame.from_ndarray(picture))]
        for index, packet in enumerate(packets):
            packet.time_base, packet.pts, packet.dts = Fraction(1, 1000), times[index], index
            container.mux(packet)

    seconds = seconds_of(path)

    # A period is 40 ms: a tenth of it is added where the time stands, a whole one where the clock begins again.
    np.testing.assert_allclose(seconds, [0, 0.04, 0.044, 0.048, 0.16, 0.2, 0.24], atol=1e-9)


def test_frames_without_times_follow_the_rate(tmp_path):
    path = write(tmp_path / "bare.h264", shades(4))

    assert seconds_of(path) == pytest.approx([0, 0.04, 0.08, 0.12])
    with open_frames(path) as frames:
        assert (frames.num_frames, frames.live) == (None, False)


def test_frames_are_decoded_when_they_are_asked_for(tmp_path, monkeypatch):
    decoded = []

    def counting(*arguments):
        for frame in decode(*arguments):
            decoded.append(frame[0])
            yield frame

    decode = module.decode
    monkeypatch.setattr(module, "decode", counting)
    with open_frames(write(tmp_path / "long.mp4", shades(100))) as frames:
        iterator = iter(frames)
        assert [next(iterator).seconds for _ in range(3)] == pytest.approx([0, 0.04, 0.08])

    assert len(decoded) == 3


def test_a_long_video_takes_no_memory(tmp_path):
    path = write(tmp_path / "long.mp4", [np.zeros((240, 320, 3), np.uint8)] * 300)

    tracemalloc.start()
    with open_frames(path) as frames:
        assert sum(1 for _ in frames) == 300
    # 300 pictures are 69 MB.
    assert tracemalloc.get_traced_memory()[1] < 3e6
    tracemalloc.stop()


def test_pictures_keep_the_first_size_when_the_video_changes_its_own(tmp_path):
    parts = [write(tmp_path / "a.ts", shades(5)), write(tmp_path / "b.ts", shades(5, (96, 80)))]
    both = tmp_path / "both.ts"
    both.write_bytes(b"".join(part.read_bytes() for part in parts))

    with open_frames(both) as frames:
        read = list(frames)

    assert [frame.picture.shape for frame in read] == [(48, 64, 3)] * 10
    assert (np.diff([frame.seconds for frame in read]) > 0).all()


def test_a_closed_source_gives_no_more(tmp_path):
    with open_frames(write(tmp_path / "clip.mp4", shades(5))) as frames:
        next(iter(frames))

    assert list(frames) == []


@pytest.mark.parametrize("pattern", ["", "*.png"])
def test_pictures_are_a_video(tmp_path, pattern):
    for index, picture in enumerate(shades(11)):
        Image.fromarray(picture).save(tmp_path / f"{index}.png")

    with open_frames(str(tmp_path / pattern), frames_per_second=10.0) as frames:
        assert (frames.name, frames.live, frames.num_frames) == (pattern or tmp_path.name, False, 11)
        read = list(frames)

    np.testing.assert_allclose([frame.seconds for frame in read], np.arange(11) / 10)
    np.testing.assert_array_equal([frame.picture for frame in read], shades(11))


def test_letters_colours_and_turns_of_pictures(tmp_path):
    turned = Image.Exif()
    turned[0x0112] = 6  # "Orientation": to be turned clockwise by 90 degrees
    Image.fromarray(corners()).save(tmp_path / "größe.jpg", exif=turned, quality=95)

    with open_frames(tmp_path / "größe.jpg") as frames:
        picture = next(iter(frames)).picture

    assert picture.shape == (64, 48, 3)
    for place, colour in zip([(5, 5), (5, -5), (-5, 5), (-5, -5)], (BLUE, RED, BLACK, GREEN), strict=True):
        np.testing.assert_allclose(picture[place], colour, atol=12)


def test_pictures_that_differ_are_scaled_and_unreadable_ones_skipped(tmp_path, caplog):
    Image.fromarray(shades(1)[0]).save(tmp_path / "1.png")
    (tmp_path / "2.png").write_bytes(b"")
    (tmp_path / "3.png").write_text("no picture")
    Image.fromarray(np.full((10, 10, 4), 255, np.uint8)).save(tmp_path / "4.webp")

    with open_frames(tmp_path) as frames:
        read = list(frames)

    assert [frame.seconds for frame in read] == pytest.approx([0, 0.12])
    assert [frame.picture.shape for frame in read] == [(48, 64, 3)] * 2
    assert [record.message for record in caplog.records] == [
        f"{tmp_path / name}: skips a picture that cannot be read" for name in ("2.png", "3.png")
    ]


def test_not_one_readable_picture(tmp_path):
    (tmp_path / "1.png").touch()

    with pytest.raises(ValueError, match=r"none of 1 pictures can be read; save them again"):
        open_frames(tmp_path)


@pytest.mark.parametrize(("name", "count"), [("S001C001P001R001A001_rgb.avi", 103), ("ntu_sample.avi", 72)])
def test_real_recordings(shared: Path, name, count):
    with open_frames(shared / "videos" / name) as frames:
        assert (frames.size, frames.frames_per_second, frames.num_frames) == ((1080, 1920), 30.0, count)
        seconds = [frame.seconds for frame in frames]

    np.testing.assert_allclose(seconds, np.arange(count) / 30, atol=1e-9)


@pytest.mark.parametrize(("shape", "size"), [((2, 1), (48, 128)), ((3, 4), (64, 64)), ((1, 1), (48, 64))])
def test_pixels_become_square(tmp_path, shape, size):
    def prepare(stream):
        stream.codec_context.sample_aspect_ratio = Fraction(*shape)

    with open_frames(write(tmp_path / "dvd.mp4", [corners()] * 3, prepare=prepare)) as frames:
        pictures = [frame.picture for frame in frames]

    assert frames.size == size
    assert {picture.shape[:2] for picture in pictures} == {size}
    # The corner is where it was, as a share of the picture.
    assert pictures[0][size[0] // 6, size[1] // 8].argmax() == 0
    assert pictures[0][size[0] // 6, size[1] // 8].max() > 150


def test_a_film_of_a_high_speed_camera_keeps_its_rate(tmp_path):
    with av.open(str(tmp_path / "fast.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=2000)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
        for picture in shades(20):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture)))
        container.mux(stream.encode())

    with open_frames(tmp_path / "fast.mp4") as frames:
        assert frames.frames_per_second == pytest.approx(2000)
        assert [frame.seconds for frame in frames] == pytest.approx([index / 2000 for index in range(20)])
