import numpy as np
import pytest

from posec3d.inference import decisions
from posec3d.inference.segments import Segment
from posec3d.people import PeopleInFrame
from posec3d.people import PosedVideo
from posec3d.serving.recognitions import Decision
from posec3d.serving.recognitions import Recognition
from posec3d.serving.recognitions import asked_by
from posec3d.serving.recognitions import stretch_of
from posec3d.skeletons import get_skeleton

RATE = 10.0


@pytest.fixture
def two_people():
    """Persons 4 and 7, at the left and at the right, in 30 frames of a second in all three."""
    rng = np.random.RandomState(0)
    body = np.stack([np.arange(17) % 4 * 20, np.arange(17) * 15], axis=1) + 100
    keypoints = np.float32([body + np.array([300 * place, 0]) for place in range(2)])
    frames = [
        PeopleInFrame(
            time / RATE,
            keypoints + np.float32(rng.normal(0, 2, keypoints.shape)),
            np.ones((2, 17), np.float32),
            np.array([4, 7]),
        )
        for time in range(30)
    ]
    return PosedVideo("two", (480, 640), get_skeleton("coco17"), RATE, frames)


@pytest.mark.parametrize(("people", "columns"), [(None, {0, 1}), ((4,), {0}), ((7,), {1}), ((4, 7), {0, 1})])
def test_a_stretch_has_the_time_and_the_people_of_its_answer(two_people, people, columns):
    segment = Segment("two", 1.2, 2.0, people, np.ones(1, np.float32), ("walk",))

    stretch, first = stretch_of(two_people, segment)

    assert first == 12
    assert [frame.seconds for frame in stretch.frames] == [time / RATE for time in range(12, 20)]
    for frame in stretch.frames:
        assert {int(one[:, 0].mean() > 300) for one in frame.keypoints} == columns


@pytest.mark.parametrize(
    ("start", "end", "expected"), [(1.2, 2.0, (12, 20)), (1.2, 1.4, (9, 17)), (0.0, 0.2, (0, 5)), (2.8, 3.0, (25, 30))]
)
def test_around_a_short_answer_a_window_is_looked_at(two_people, start, end, expected):
    segment = Segment("two", start, end, None, np.ones(1, np.float32), ("walk",))
    stretch, first = stretch_of(two_people, segment, at_least=0.8)
    assert (first, first + len(stretch.frames)) == expected


def test_a_decision_shows_the_pictures_of_its_time(two_people, model, tmp_path, monkeypatch):
    asked = []

    def read_pictures(source, frames):
        asked.extend(frames.tolist())
        return (np.zeros((480, 640, 3), np.uint8) for _ in frames)

    monkeypatch.setattr(decisions, "read_pictures", read_pictures)
    recognition = Recognition(tmp_path, tmp_path / "two.mp4", asked_by({}), model)
    recognition.video = two_people
    probabilities = np.float32(np.eye(33)[5])
    recognition.segments = [Segment("two", 1.2, 2.0, None, probabilities, model.recognizer.classes)]
    decision = Decision(tmp_path, recognition, 0)

    decision.work()

    assert set(asked) == set(range(12, 20))
    assert decision.files["film"].stat().st_size > 0
    assert decision.answer["said"].startswith(f"two: {model.recognizer.classes[5]} (")
