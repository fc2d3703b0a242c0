import multiprocessing
import pickle
import re
import sys
import weakref
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from types import MappingProxyType

import jaxtyping
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from posec3d.annotations import Annotation
from posec3d.annotations import AnnotationSet
from posec3d.annotations import load_annotations
from posec3d.annotations import save_annotations
from posec3d.annotations import store_writing
from posec3d.annotations.annotation import record_of
from posec3d.annotations.checks import check_annotations
from posec3d.annotations.columns import keypoint_counts
from posec3d.annotations.columns import labels_of
from posec3d.annotations.columns import names_of
from posec3d.annotations.columns import somebody_seen
from posec3d.annotations.schema import VideoStream
from posec3d.annotations.schema import stream_of
from posec3d.annotations.selection import hold_out
from posec3d.annotations.selection import usable_videos
from posec3d.annotations.store import StoredVideos
from posec3d.annotations.store_layout import arrow_schema
from posec3d.annotations.store_layout import import_pyarrow
from posec3d.annotations.store_writing import write_store
from posec3d.skeletons import get_skeleton
from posec3d.synthetic import make_annotations

MADE_UP = make_annotations(20, motions=("squat", "walk"), splits={"train": 0.6, "val": 0.4})


def video(name="a", label=0, *, shape=(1, 3, 17), value=5, dtype=np.float32, scored=True):
    scores = np.full(shape, 0.5, dtype) if scored else None
    return Annotation(name, label, (240, 320), np.full((*shape, 2), value, dtype), scores)


def bits(video):
    arrays = (video.keypoints, video.scores)
    kept = tuple(None if array is None else (array.dtype.str, array.shape, array.tobytes()) for array in arrays)
    return video.video, video.label, video.canvas, kept


@pytest.fixture
def store(tmp_path):
    def store(*videos, **fields):
        path = tmp_path / "my.arrow"
        save_annotations(path, AnnotationSet(videos, **fields))
        return load_annotations(path)

    return store


@st.composite
def any_videos(draw):
    floats = st.sampled_from([np.float16, np.float32, np.float64])
    shape = (draw(st.integers(0, 2)), draw(st.integers(1, 3)), draw(st.integers(1, 4)))
    size = int(np.prod(shape))

    def array(dtype, shape):
        # From bytes: every number there is, NaNs with their payload among them.
        num_bytes = int(np.prod(shape)) * np.dtype(dtype).itemsize
        content = draw(st.binary(min_size=num_bytes, max_size=num_bytes))
        return np.frombuffer(content, dtype).reshape(shape) if size else np.zeros(shape, dtype)

    return Annotation(
        draw(st.text(st.characters(codec="utf-8"), max_size=5)),
        draw(st.none() | st.integers(0, 2**40)),
        (draw(st.integers(1, 5000)), draw(st.integers(1, 5000))),
        array(draw(floats), (*shape, 2)),
        array(draw(floats), shape) if draw(st.booleans()) else None,
    )


@pytest.mark.filterwarnings("ignore:.*encountered in cast")
@settings(max_examples=60, deadline=None)
@given(st.lists(any_videos(), max_size=5))
def test_every_video_comes_back_bit_for_bit(tmp_path_factory, videos):
    path = tmp_path_factory.mktemp("store") / "any.arrow"

    save_annotations(path, AnnotationSet(videos))

    assert [bits(read) for read in load_annotations(path).annotations] == [bits(video) for video in videos]


def test_byte_order_and_memory_order_are_made_the_usual_ones(store):
    keypoints = np.arange(12.0).reshape(1, 2, 3, 2)
    stored = Annotation("a", 0, (9, 9), np.asfortranarray(keypoints).astype(">f8"), None)

    (read,) = store(stored).annotations

    assert read.keypoints.dtype == "<f8"
    np.testing.assert_array_equal(read.keypoints, keypoints)


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.int64, np.uint8, np.longdouble])
def test_numbers_that_no_store_holds_are_those_that_a_pickle_is_read_as(tmp_path, monkeypatch, dtype):
    # Annotations promise floats, which only tests check: here they are what careless callers make.
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    keypoints, scores = np.arange(2, 14).reshape(1, 2, 3, 2), np.ones((1, 2, 3))
    careless = AnnotationSet((Annotation("a", 0, (99, 99), keypoints.astype(dtype), scores.astype(dtype)),))

    for name in ("my.arrow", "my.pkl"):
        save_annotations(tmp_path / name, careless)
    (stored,), (pickled,) = (load_annotations(tmp_path / name).annotations for name in ("my.arrow", "my.pkl"))

    np.testing.assert_array_equal(stored.keypoints, keypoints)
    assert bits(stored) == bits(pickled)


def test_the_set_comes_back_with_splits_in_the_order_of_the_file(store):
    splits = {"val": ("b", "nowhere"), "train": ("c", "a"), "none": ()}

    read = store(video("a"), video("b"), video("c"), splits=splits, classes=("fall",), keypoint_names=("x", "ü"))

    assert list(read.splits.items()) == [("val", ("b", "nowhere")), ("train", ("a", "c")), ("none", ())]
    assert (read.classes, read.keypoint_names) == (("fall",), ("x", "ü"))
    assert read.source.endswith("my.arrow")


def test_an_empty_set_is_read_back(store):
    read = store(splits={"train": ()})

    assert (list(read.annotations), dict(read.splits)) == ([], {"train": ()})


@pytest.mark.parametrize("name", ["my.arrow", "annotations"])
def test_a_store_is_recognised_by_content(tmp_path, name):
    save_annotations(tmp_path / "my.arrow", MADE_UP)
    (tmp_path / "my.arrow").rename(tmp_path / name)

    assert len(load_annotations(tmp_path / name).annotations) == 20


def test_arrays_are_read_only_views_of_the_file(store):
    read = store(video("a"), video("b")).annotations[1]

    for array in (read.keypoints, read.scores):
        assert not array.flags.owndata
        with pytest.raises(ValueError, match="read-only"):
            array[:] = 0


def test_slices_and_splits_stay_lazy(store):
    annotations = store(*MADE_UP.annotations, splits=MADE_UP.splits)

    train = annotations.split("train")

    assert isinstance(train, StoredVideos)
    assert isinstance(train[1:5:2], StoredVideos)
    assert names_of(train[1:5:2]) == list(MADE_UP.splits["train"][1:5:2])
    assert [one.video for one in train] == list(MADE_UP.splits["train"])
    assert train[-1].video == MADE_UP.splits["train"][-1]
    with pytest.raises(IndexError):
        train[len(train)]
    with pytest.raises(KeyError, match="no split 'test'; splits in the file: train, val"):
        annotations.split("test")


def test_a_split_and_its_columns_go_through_no_videos(store, monkeypatch):
    annotations = store(*MADE_UP.annotations, splits=MADE_UP.splits)
    monkeypatch.setattr(StoredVideos, "__iter__", None)

    usable = usable_videos(annotations, "train", num_classes=2, skeleton=get_skeleton("coco17"))
    rest, held = hold_out(usable, 0.25)

    assert (len(usable), len(rest), len(held)) == (12, 8, 4)


@pytest.mark.parametrize("split", [None, "train"])
def test_columns_are_those_of_the_videos(store, split):
    videos = (
        video("a", None, shape=(1, 2, 3)),
        video("b", 7, value=0),  # at (0, 0): missing
        replace(video("c", 2), scores=np.zeros((1, 3, 17), np.float32)),
        video("d", 0, value=np.nan, scored=False),
        video("e", 0, shape=(0, 3, 17)),
        video("f", 4, scored=False),
    )
    plain = AnnotationSet(videos, {"train": ("f", "a", "b")})

    stored = store(*videos, splits=plain.splits).split(split)

    for column in (labels_of, keypoint_counts, names_of, lambda some: list(somebody_seen(some))):
        np.testing.assert_array_equal(column(stored), column(plain.split(split)))


def test_held_out_videos_are_those_of_a_pickle(store):
    stored = store(*MADE_UP.annotations).annotations

    for ours, theirs in zip(hold_out(stored, 0.3), hold_out(MADE_UP.annotations, 0.3), strict=True):
        assert names_of(ours) == names_of(theirs)


def test_batches_of_any_size_hold_the_same(store, monkeypatch):
    monkeypatch.setattr(store_writing, "_MOST_VIDEOS", 3)
    monkeypatch.setattr(store_writing, "_MOST_BYTES", 20_000)

    read = store(*MADE_UP.annotations, splits=MADE_UP.splits)

    assert [bits(one) for one in read.annotations] == [bits(one) for one in MADE_UP.annotations]
    assert dict(read.splits) == dict(MADE_UP.splits)
    assert [one.video for one in read.split("val")] == list(MADE_UP.splits["val"])


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_another_process_reads_the_same(tmp_path, monkeypatch, method):
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"this system cannot {method}")
    monkeypatch.chdir(tmp_path)
    save_annotations("my.arrow", MADE_UP)
    train = load_annotations("my.arrow").split("train")
    monkeypatch.chdir("/")

    # Of the two pools the one that tells when a copy cannot be made; the other waits for ever.
    with ProcessPoolExecutor(1, multiprocessing.get_context(method)) as pool:
        numbers = pool.submit(_sums, train).result()

    assert numbers == _sums(train)
    assert len(pickle.dumps(train)) < 2_000


def _sums(videos):
    return [(video.video, float(video.keypoints.sum())) for video in videos]


def test_writing_takes_videos_one_at_a_time_and_gives_the_same_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr(store_writing, "_MOST_VIDEOS", 4)
    alive, most = [], []

    def made():
        for number in range(10):
            one = video(f"v{number}")
            alive.append(weakref.ref(one))
            most.append(sum(earlier() is not None for earlier in alive))
            yield one

    for name in ("a.arrow", "b.arrow"):
        write_store(tmp_path / name, [VideoStream(made(), 10, {"train": ("v1",)}, None, None, "made")])

    assert (tmp_path / "a.arrow").read_bytes() == (tmp_path / "b.arrow").read_bytes()
    assert len(load_annotations(tmp_path / "a.arrow").annotations) == 10
    assert max(most) <= 2  # the one that is made, and the one before it


def test_several_sets_become_one(tmp_path):
    first = AnnotationSet((video("a"), video("b")), {"train": ("a", "b")}, classes=("fall",), source="1.pkl")
    second = AnnotationSet((video("c"),), {"val": ("c",), "train": ("x",)}, source="2.pkl")

    summary = write_store(tmp_path / "my.arrow", [stream_of(first), stream_of(second)])

    read = load_annotations(tmp_path / "my.arrow")
    assert (summary.videos, summary.nobody_seen) == (3, 0)
    assert dict(read.splits) == {"train": ("a", "b", "x"), "val": ("c",)}
    assert read.classes == ("fall",)


@pytest.mark.parametrize(
    ("second", "message"),
    [
        (AnnotationSet((video("a"),), source="2.pkl"), "2.pkl: video 'a' is also in 1.pkl; give each video once"),
        (AnnotationSet((), classes=("b",), source="2.pkl"), "2.pkl: has other classes than 1.pkl"),
        (AnnotationSet((), keypoint_names=("x",), source="2.pkl"), "2.pkl: has other keypoint_names than 1.pkl"),
    ],
)
def test_sets_that_contradict_each_other_leave_no_file(tmp_path, second, message):
    first = AnnotationSet((video("a"),), classes=("a",), keypoint_names=("nose",), source="1.pkl")

    with pytest.raises(ValueError, match=message):
        write_store(tmp_path / "my.arrow", [stream_of(first), stream_of(second)])

    assert list(tmp_path.iterdir()) == []


def test_a_store_that_is_cut_short_is_refused_wherever_it_ends(tmp_path):
    path = tmp_path / "my.arrow"
    save_annotations(path, AnnotationSet((video("a"), video("b")), {"train": ("a",)}))
    whole = path.read_bytes()

    for length in range(0, len(whole), 50):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=re.escape(f"{path}: not an annotation store, or damaged, or cut short")):
            load_annotations(path)


def test_damage_is_refused_or_changes_values_alone(tmp_path):
    path = tmp_path / "my.arrow"
    save_annotations(path, AnnotationSet((video("a"), video("b")), {"train": ("a",)}))
    whole = path.read_bytes()
    rng = np.random.RandomState(0)
    refused = 0

    for place in rng.randint(0, len(whole), 400):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        try:
            read = load_annotations(path)
            list(somebody_seen(tuple(read.annotations)))
            dict(read.splits)
        except (ValueError, KeyError) as error:
            assert str(path) in str(error)  # noqa: PT017 - some of many damages are refused, not each
            refused += 1

    assert refused > 20


@pytest.mark.parametrize(
    "schema",
    [
        arrow_schema().with_metadata({"posec3d store": "99"}),  # of a later version
        arrow_schema().with_metadata(None),
        arrow_schema().remove(0),
    ],
)
def test_another_arrow_file_is_refused(tmp_path, schema):
    with import_pyarrow().ipc.new_file(str(tmp_path / "my.arrow"), schema):
        pass

    with pytest.raises(ValueError, match=r"my.arrow: an Arrow file, but no annotation store .*posec3d pack"):
        load_annotations(tmp_path / "my.arrow")


def write_unseen(path, annotations):
    """Write a file as other programs do: whatever is in it."""
    if path.suffix == ".arrow":
        write_store(path, [stream_of(annotations)])
    else:
        records = [record_of(annotation) for annotation in annotations.annotations]
        content = {"split": dict(annotations.splits), "annotations": records, "classes": annotations.classes}
        path.write_bytes(pickle.dumps(content))


def test_a_label_outside_the_classes_is_refused_as_in_a_pickle(tmp_path):
    wrong = AnnotationSet((video("a"), video("b", 3)), classes=("one", "two", "three"))

    for name in ("my.pkl", "my.arrow"):
        write_unseen(tmp_path / name, wrong)
        with pytest.raises(ValueError, match=rf"{name}: video 'b': label outside the classes: label is 3, .*0..2"):
            load_annotations(tmp_path / name)


def test_a_label_that_another_file_has_no_class_for_leaves_no_store(tmp_path):
    unnamed = AnnotationSet((video("a"), video("b", 3)), source="1.pkl")
    named = AnnotationSet((video("c"),), classes=("one", "two", "three"), source="2.pkl")

    with pytest.raises(ValueError, match=r"1.pkl: video 'b' has label 3, and there are 3 classes, of labels 0..2"):
        write_store(tmp_path / "my.arrow", [stream_of(unnamed), stream_of(named)], check_labels=True)

    assert list(tmp_path.iterdir()) == []


def test_checking_a_store_says_what_checking_a_pickle_says(tmp_path):
    far = replace(video("far", 1), keypoints=np.full((1, 3, 17, 2), 900, np.float32))
    some = (video("a"), far, video("a", None), video("nobody", value=0), video("three", 9, shape=(1, 3, 3)))
    wrong = AnnotationSet(some, MappingProxyType({"train": ("a", "x"), "val": ("a",)}), classes=("one", "two"))

    reports = []
    for name in ("my.pkl", "my.arrow"):
        write_unseen(tmp_path / name, wrong)
        reports.append(check_annotations(tmp_path / name).text().replace(name, ""))

    assert reports[0] == reports[1]
    assert "7 kinds of error" not in reports[0]
    assert "Not ready" in reports[0]


def test_without_pyarrow_the_way_to_it_is_told(tmp_path, monkeypatch):
    save_annotations(tmp_path / "my.arrow", MADE_UP)
    monkeypatch.setitem(sys.modules, "pyarrow.ipc", None)

    with pytest.raises(ImportError, match=r"annotation stores \(.arrow\) need pyarrow: pip install posec3d\[store\]"):
        load_annotations(tmp_path / "my.arrow")


def test_nothing_else_needs_pyarrow(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    save_annotations(tmp_path / "my.pkl", MADE_UP)

    assert len(load_annotations(tmp_path / "my.pkl").annotations) == 20
