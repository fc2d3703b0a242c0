import pickle
import threading
import time
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
import torch

from posec3d.checkpoints import build_model
from posec3d.experiment import Clips
from posec3d.experiment import Heatmaps
from posec3d.experiment import ModelCard
from posec3d.experiment import Network
from posec3d.inference.recognizer import ActionRecognizer
from posec3d.inference.segments import joined
from posec3d.inference.streaming import LiveRecognizer
from posec3d.inference.streaming import StreamingRecognizer
from posec3d.people import PeopleInFrame
from posec3d.people import PosedVideo
from posec3d.people import end_of
from posec3d.skeletons import SKELETONS
from posec3d.synthetic import make_annotations
from posec3d.video.tracking import PeopleTracker

CANVAS = (480, 640)


@pytest.fixture(scope="module")
def recognizer():
    card = ModelCard(
        heatmaps=Heatmaps(),
        network=Network(base_channels=4, stage_blocks=(1, 1)),
        clips=Clips(length=8, test_canvas=16, test_clips=2),
        num_classes=4,
        classes=("squat", "walk", "wave", "throw"),
    )
    torch.manual_seed(0)
    model = build_model(card)
    # Answers that differ from window to window, by some percent.
    model.cls_head.fc_cls.weight.data *= 200
    return ActionRecognizer(model, card)


def party(num_frames, *, seed=0, skeleton="coco17"):
    """People who come and go, one far from the others, at a rate that varies, with gaps of more than a window."""
    rng = np.random.default_rng(seed)
    source = make_annotations(3, seed=seed, max_people=1).annotations
    seconds = np.cumsum(rng.uniform(0.02, 0.06, num_frames))
    seconds[num_frames // 2 :] += 3.7
    seconds -= seconds[0]
    num_keypoints = SKELETONS[skeleton].num_keypoints
    frames = []
    for index, time_now in enumerate(seconds):
        present = [who for who in range(3) if (index // 25 + who) % 4 != 0]
        keypoints = np.zeros((len(present), num_keypoints, 2), np.float32)
        for place, who in enumerate(present):
            given = source[who].poses().keypoints[0]
            keypoints[place, :17] = given[index % len(given)] + (500 * (who == 2), 0)
        scores = np.full(keypoints.shape[:2], 0.9, np.float32)
        scores[:, 17:] = 0
        frames.append(PeopleInFrame(float(time_now), keypoints, scores, np.array(present, np.int64) + 1))
    return PosedVideo("party", CANVAS, SKELETONS[skeleton], 25.0, frames)


def streamed(recognizer, video, *, wrap=lambda streaming: streaming, pause=lambda live: None, **options):
    streaming = StreamingRecognizer(
        recognizer, canvas=video.canvas, skeleton=video.skeleton, name=video.name, **options
    )
    stream = wrap(streaming)
    segments = []
    for frame in video.frames:
        segments += stream.update(frame)
        pause(stream)
    return segments + stream.finish(video.frames[-1].seconds + 1 / video.frames_per_second)


def assert_same(found, expected):
    assert [(one.video, one.people, one.action) for one in found] == [
        (one.video, one.people, one.action) for one in expected
    ]
    for one, other in zip(found, expected, strict=True):
        assert one.start_seconds == pytest.approx(other.start_seconds, abs=1e-9)
        assert one.end_seconds == pytest.approx(other.end_seconds, abs=1e-9)
        # Windows are scored one by one here and several together there: not the same sums in floating point.
        np.testing.assert_allclose(one.probabilities, other.probabilities, atol=1e-5)


@pytest.mark.parametrize("people", ["scene", "each", "pairs"])
@pytest.mark.parametrize(("window", "stride"), [(1.0, None), (1.0, 0.3), (0.8, 0.8), (60.0, 15.0)])
def test_the_answers_are_those_of_the_recorded_video(recognizer, people, window, stride):
    video = party(150)
    span = {"people": people, "window": window, "stride": stride}
    # At half of the moments the network is surer than that, and at none just as sure.
    scores = sorted(one.score for one in streamed(recognizer, video, **span))
    threshold = (scores[len(scores) // 2 - 1] + scores[len(scores) // 2]) / 2

    segments = joined(streamed(recognizer, video, **span, threshold=threshold))

    assert_same(segments, recognizer.recognize(video, **span, threshold=threshold))
    # The longest window sees everything at once.
    assert len(segments) > 3 or window > 10


def test_keypoints_that_are_not_numbers_are_missing_here_as_well(recognizer):
    source = make_annotations(1, max_people=1).annotations[0].poses()
    keypoints = np.concatenate([source.keypoints, source.keypoints + np.float32(20)])[:, :40]
    scores = np.full(keypoints.shape[:3], 0.9, np.float32)
    keypoints[:, :, 3] = np.nan
    frames = [
        PeopleInFrame(time / 30, keypoints[:, time], scores[:, time], np.array([1, 2]))
        for time in range(len(scores[0]))
    ]
    video = PosedVideo("two", CANVAS, SKELETONS["coco17"], 30.0, frames)

    segments = joined(streamed(recognizer, video, window=1.0, people="pairs"))

    assert {segment.people for segment in segments} == {(1, 2)}
    assert_same(segments, recognizer.recognize(video, window=1.0, people="pairs"))


def test_another_skeleton_is_mapped(recognizer):
    video = party(60, skeleton="halpe26")

    assert_same(joined(streamed(recognizer, video, window=1.0)), recognizer.recognize(video, window=1.0))


def test_people_of_another_number_of_keypoints_are_refused(recognizer):
    streaming = StreamingRecognizer(recognizer, canvas=CANVAS)

    with pytest.raises(ValueError, match=r"people have 26 keypoints, but skeleton .* has 17; say theirs, such as"):
        streaming.update(party(1, skeleton="halpe26").frames[0])


def test_each_moment_is_told_one_window_after_it_began(recognizer):
    video = party(70)
    streaming = StreamingRecognizer(recognizer, canvas=CANVAS, window=1.0, stride=0.25)
    late = [frame.seconds - segment.start_seconds for frame in video.frames for segment in streaming.update(frame)]

    assert late
    # No frame is more than 0.06 s after the one before; the gap comes later.
    assert all(1.0 - 1e-6 <= delay <= 1.06 for delay in late[: late.index(max(late))])


def test_without_frames_there_is_nothing_to_tell(recognizer):
    assert StreamingRecognizer(recognizer, canvas=CANVAS).finish() == []


def go_on(recognizer, num_frames):
    """Stream a party in which everyone is taken for somebody new every six seconds; yield what holds the state."""
    video = party(300)
    streaming = StreamingRecognizer(recognizer, canvas=CANVAS, window=2.0, stride=2.0, people="each")
    tracker = PeopleTracker(video.skeleton)
    for index in range(num_frames):
        frame, seconds = video.frames[index % 300], 0.04 * index
        keypoints = frame.keypoints + np.float32(5000 * (index // 150 % 2))
        ids = tracker.update(keypoints, frame.scores, seconds)
        streaming.update(PeopleInFrame(seconds, keypoints, frame.scores, ids))
        yield streaming._cutter, streaming._averager, tracker
    assert ids.max() > num_frames / 150


def test_no_more_is_held_however_long_the_stream(recognizer):
    # The party repeats itself every 12 s, 300 frames, and so do windows.
    sizes = [len(pickle.dumps(state)) for index, state in enumerate(go_on(recognizer, 900)) if index % 300 == 290]

    # Numbers that grow take some bytes more.
    assert sizes[1] == pytest.approx(sizes[2], abs=50)
    # Of 50 frames with two people; 900 would be a megabyte.
    assert sizes[2] < 100_000


@pytest.mark.slow
def test_memory_does_not_grow_with_the_stream(recognizer):
    used = []
    tracemalloc.start()
    for index, _ in enumerate(go_on(recognizer, 20_000)):
        if index in (5_000, 19_999):
            used.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()

    # The poses of two people alone take 400 bytes a frame, 6 MB.
    assert used[1] - used[0] < 100_000


def test_a_thread_gives_the_same_answers_if_it_keeps_up(recognizer):
    video = party(90)

    def wait_for_thread(live):
        while any(future is not None and not future.done() for _, future in live._pending):
            time.sleep(0)

    # Without the gap, behind which many windows end at once.
    video = PosedVideo(video.name, video.canvas, video.skeleton, 25.0, video.frames[:45])
    segments = streamed(recognizer, video, wrap=LiveRecognizer, pause=wait_for_thread, people="each", window=0.5)

    assert_same(segments, streamed(recognizer, video, people="each", window=0.5))


def test_frames_go_on_while_the_network_is_busy(recognizer, monkeypatch, caplog):
    video = party(45)
    looked_at, may_answer = [], threading.Event()
    streaming = StreamingRecognizer(recognizer, canvas=CANVAS, window=0.5, stride=0.125)
    judge = streaming.judge

    def slow(window):
        looked_at.append(window.number)
        assert may_answer.wait(5)
        return judge(window)

    monkeypatch.setattr(streaming, "judge", slow)
    with LiveRecognizer(streaming) as live:
        before = [segment for frame in video.frames[:22] for segment in live.update(frame)]
        num_skipped = live.num_skipped
        may_answer.set()
        after = live.finish()

    assert before == []
    # The first window holds the others up; the last one is there for the end.
    assert looked_at == [0, 1 + num_skipped]
    assert num_skipped > 0
    assert caplog.messages[0].startswith(f"{num_skipped} windows are left out, as the network was still busy")
    # Moments without a window that sees them have no answer.
    starts = [segment.start_seconds for segment in after]
    assert starts == sorted(starts)
    assert starts[0] == 0.0


def test_a_mistake_of_the_network_comes_to_light(recognizer, monkeypatch):
    streaming = StreamingRecognizer(recognizer, canvas=CANVAS, window=0.5)

    judge = streaming.judge

    def broken(window):
        if window.number == 0:
            raise RuntimeError("out of memory")
        return judge(window)

    def whole_stream(live):
        return [segment for frame in party(45).frames for segment in live.update(frame)] + live.finish()

    monkeypatch.setattr(streaming, "judge", broken)
    with LiveRecognizer(streaming) as live, pytest.raises(RuntimeError, match="out of memory"):
        whole_stream(live)


@pytest.mark.parametrize("stride", [0.3, 1.0])
def test_the_timeline_ends_with_the_video(recognizer, stride):
    video = party(29)
    for segments in (
        recognizer.recognize(video, window=1.0, stride=stride),
        streamed(recognizer, video, window=1.0, stride=stride),
    ):
        assert max(segment.end_seconds for segment in segments) == pytest.approx(end_of(video))


@pytest.mark.parametrize("start", [1.7e9, 4000.0])
def test_the_clock_of_a_stream_may_begin_anywhere(recognizer, start):
    video = party(60)
    later = replace(video, frames=[replace(frame, seconds=frame.seconds + start) for frame in video.frames])

    expected, found = (joined(streamed(recognizer, one, window=1.0)) for one in (video, later))

    assert [segment.people for segment in found] == [segment.people for segment in expected]
    for one, other in zip(found, expected, strict=True):
        assert one.start_seconds - start == pytest.approx(other.start_seconds, abs=1e-5)
        np.testing.assert_allclose(one.probabilities, other.probabilities, atol=1e-6)


def test_what_a_stream_cannot_be_is_refused_before_it_begins(recognizer):
    with pytest.raises(ValueError, match=r"canvas=\(0, 640\): give \(height, width\) in pixels"):
        StreamingRecognizer(recognizer, canvas=(0, 640))
    assert StreamingRecognizer(recognizer, canvas=CANVAS, skeleton="coco17").update(party(1).frames[0]) == []


def test_frames_of_a_stream_come_in_order(recognizer):
    streaming = StreamingRecognizer(recognizer, canvas=CANVAS)
    first, second = party(2).frames
    streaming.update(second)
    with pytest.raises(ValueError, match=r"a frame at 0 s follows one at \d+\.\d+ s; give frames in order"):
        streaming.update(first)


def test_how_long_a_single_frame_lasts_is_not_known(recognizer):
    streaming = StreamingRecognizer(recognizer, canvas=CANVAS, window=1.0)
    assert streaming.finish() == []
    streaming = StreamingRecognizer(recognizer, canvas=CANVAS, window=1.0)
    streaming.update(replace(party(1).frames[0], seconds=1.7e9))
    (segment,) = streaming.finish()
    assert segment.end_seconds == 1.7e9 + 0.25


def test_a_stream_ends_once(recognizer):
    video = party(60)
    streaming = StreamingRecognizer(recognizer, canvas=video.canvas, window=1.0)
    for frame in video.frames[:50]:
        streaming.update(frame)

    assert streaming.finish()
    assert streaming.finish() == []
    with pytest.raises(ValueError, match="the stream has ended, as finish was called"):
        streaming.update(video.frames[50])
