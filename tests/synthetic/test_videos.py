import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from posec3d.skeletons import get_skeleton
from posec3d.synthetic import MOTIONS
from posec3d.synthetic import make_annotations

_PAGE = Path(__file__).parents[2] / "docs" / "synthetic.md"


def _bits(annotation):
    return (
        annotation.video,
        annotation.label,
        annotation.canvas,
        annotation.keypoints.tobytes(),
        annotation.scores.tobytes(),
    )


@pytest.fixture(scope="module")
def sixty():
    return make_annotations(60)


def test_a_set_names_its_classes_keypoints_and_videos(sixty):
    assert sixty.classes == MOTIONS
    assert sixty.keypoint_names == get_skeleton("coco17").keypoints
    assert [video.label for video in sixty.annotations] == [i % 15 for i in range(60)]
    assert sixty.annotations[16].video == "squat_000016"


def test_the_same_seed_gives_the_same_bits_and_another_seed_others(sixty):
    again, other = make_annotations(60), make_annotations(60, seed=1)

    assert [_bits(video) for video in again.annotations] == [_bits(video) for video in sixty.annotations]
    assert all(_bits(one) != _bits(two) for one, two in zip(other.annotations, sixty.annotations, strict=True))


def test_a_video_does_not_depend_on_how_many_there_are(sixty):
    few = make_annotations(7)

    assert [_bits(video) for video in few.annotations] == [_bits(video) for video in sixty.annotations[:7]]


def test_the_global_stream_is_left_alone():
    np.random.seed(0)
    expected = np.random.RandomState(0).rand()

    make_annotations(2)

    assert np.random.rand() == expected


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    max_people=st.integers(1, 4),
    noise=st.floats(0, 3),
    missing=st.floats(0, 0.9),
)
def test_every_video_is_well_formed(seed, max_people, noise, missing):
    for video in make_annotations(3, seed=seed, max_people=max_people, noise=noise, missing=missing).annotations:
        num_people, num_frames = video.keypoints.shape[:2]
        height, width = video.canvas
        absent = video.scores == 0

        assert 1 <= num_people <= max_people
        assert 45 <= num_frames <= 120
        assert video.keypoints.shape == (num_people, num_frames, 17, 2)
        assert video.scores.shape == (num_people, num_frames, 17)
        assert video.keypoints.dtype == video.scores.dtype == np.float32
        assert np.isfinite(video.keypoints).all()
        assert ((video.scores >= 0) & (video.scores <= 1)).all()
        assert (video.keypoints[absent] == 0).all()
        assert (video.keypoints[~absent] <= [width - 1, height - 1]).all()
        assert (video.keypoints >= 0).all()


def test_most_keypoints_are_seen_and_some_are_not(sixty):
    seen = np.array([(video.scores[0] > 0).mean() for video in sixty.annotations])

    assert 0.9 < seen.mean() < 0.99
    assert seen.min() > 0.4


def test_several_people_are_there_now_and_then(sixty):
    counts = np.bincount([len(video.keypoints) for video in sixty.annotations], minlength=3)

    assert counts[1] > counts[2] > 5
    assert {len(video.keypoints) for video in make_annotations(30, max_people=1).annotations} == {1}


@pytest.mark.parametrize("num_videos", [30, 31, 75, 100])
def test_every_class_is_in_every_split(num_videos):
    made = make_annotations(num_videos, noise=0.0)
    train, val = made.split("train"), made.split("val")

    assert {video.label for video in train} == {video.label for video in val} == set(range(15))
    assert len(train) + len(val) == num_videos
    assert set(made.splits["train"]).isdisjoint(made.splits["val"])


def test_splits_keep_their_shares_in_each_class():
    made = make_annotations(40, motions=["squat", "fall"], splits={"fit": 0.5, "tune": 0.25, "judge": 0.25})

    for name, count in {"fit": 10, "tune": 5, "judge": 5}.items():
        assert np.bincount([video.label for video in made.split(name)]).tolist() == [count, count]


def test_chosen_motions_are_the_classes():
    made = make_annotations(4, motions=("fall", "walk"))

    assert made.classes == ("fall", "walk")
    assert [video.video for video in made.annotations] == ["fall_000000", "walk_000001", "fall_000002", "walk_000003"]


def test_no_videos_make_an_empty_set():
    made = make_annotations(0)

    assert made.annotations == ()
    assert made.split("train") == ()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_videos": -1}, "num_videos is -1"),
        ({"motions": ()}, "name at least one"),
        ({"motions": ("squat", "squat")}, "each once"),
        ({"max_people": 0}, "max_people is 0"),
        ({"noise": -1.0}, "noise is -1.0"),
        ({"missing": 1.0}, "missing 1.0"),
        ({"splits": {"train": 0.8}}, "add up to 1"),
        ({"splits": {"train": 1.0, "val": 0.0}}, "above 0"),
    ],
)
def test_a_number_outside_its_range_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        make_annotations(**{"num_videos": 2, **options})


def test_an_unknown_motion_is_refused():
    with pytest.raises(KeyError, match="did you mean 'squat'"):
        make_annotations(2, motions=("walk", "squats"))


def test_motions_are_told_apart_by_a_nearest_neighbour():
    made = make_annotations(300)

    def described(video):
        keypoints = np.where(video.scores[0, ..., None] > 0, video.keypoints[0], np.nan)
        hips = np.nanmedian(keypoints[:, 11:13], axis=(0, 1))
        trunk = np.linalg.norm(np.nanmedian(keypoints[:, 5:7], axis=(0, 1)) - hips)
        frames = np.linspace(0, video.num_frames - 1, 24).round().astype(int)
        placed = np.nan_to_num((keypoints[frames] - hips) / trunk)
        speed = np.abs(np.diff(placed, axis=0)).mean(axis=0)
        turned = placed[-6:].mean(axis=0) - placed[:6].mean(axis=0)
        return np.concatenate([placed.mean(axis=0)[:, 1], placed.std(axis=0).ravel(), speed.ravel(), turned[:, 1]])

    train = np.stack([described(video) for video in made.split("train")])
    val = np.stack([described(video) for video in made.split("val")])
    spread = train.std(axis=0)
    nearest = np.linalg.norm((val[:, None] - train) / spread, axis=-1).argmin(axis=1)
    hits = [
        made.split("train")[near].label == video.label for near, video in zip(nearest, made.split("val"), strict=True)
    ]

    assert np.mean(hits) > 0.6  # by chance 1 in 15


def test_the_page_runs_as_written():
    snippets = re.findall(r"```python\n(.*?)```", _PAGE.read_text(encoding="utf-8"), re.DOTALL)

    assert snippets
    exec(compile("\n".join(snippets), str(_PAGE), "exec"), {})
    assert all(f"`{name}`" in _PAGE.read_text(encoding="utf-8") for name in MOTIONS)


def test_making_videos_needs_no_torch():
    code = "import sys, posec3d.synthetic as made; made.make_annotations(1); sys.exit('torch' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
