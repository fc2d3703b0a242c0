import io
import json
import os
import pickle

import numpy as np
import pytest
import torch

from posec3d.annotations import save_annotations
from posec3d.evaluation.scores import Scores
from posec3d.evaluation.scores import check_scores_path
from posec3d.evaluation.scores import load_labels
from posec3d.evaluation.scores import load_scores
from posec3d.evaluation.scores import save_scores
from posec3d.synthetic import make_annotations

VALUES = np.array([[0.75, 0.25], [0.125, 0.875], [0.5, 0.5]], np.float32)
LABELS = np.array([0, 1, 1])


class Calls:
    """Pickles as a call of any function."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


@pytest.fixture
def scores():
    return Scores(VALUES, LABELS, ("a", "b", "c"), ("walk", "run"))


@pytest.fixture
def read(tmp_path):
    def read(content, suffix=".pkl"):
        path = tmp_path / f"scores{suffix}"
        path.write_bytes(content)
        return load_scores(path)

    return read


@pytest.mark.parametrize("suffix", [".json", ".npz"])
def test_all_that_scores_hold_comes_back(tmp_path, scores, suffix):
    save_scores(tmp_path / f"scores{suffix}", scores)
    loaded = load_scores(tmp_path / f"scores{suffix}")

    np.testing.assert_array_equal(loaded.values, VALUES)
    np.testing.assert_array_equal(loaded.labels, LABELS)
    assert loaded.videos == ("a", "b", "c")
    assert loaded.classes == ("walk", "run")


@pytest.mark.parametrize("suffix", [".pkl", ".json", ".npz"])
def test_scores_alone_are_enough(tmp_path, suffix):
    save_scores(tmp_path / f"scores{suffix}", Scores(VALUES))
    loaded = load_scores(tmp_path / f"scores{suffix}")

    np.testing.assert_array_equal(loaded.values, VALUES)
    assert loaded.labels is None
    assert loaded.classes is None


def test_a_pickle_is_a_plain_list_of_arrays_as_mmaction2_writes(tmp_path, scores):
    save_scores(tmp_path / "scores.pkl", scores)

    content = pickle.loads((tmp_path / "scores.pkl").read_bytes())

    assert type(content) is list
    assert all(type(row) is np.ndarray and row.shape == (2,) and row.dtype == np.float32 for row in content)
    np.testing.assert_array_equal(content, VALUES)
    np.testing.assert_array_equal(load_scores(tmp_path / "scores.pkl").values, VALUES)


def test_json_says_what_was_predicted(tmp_path, scores):
    save_scores(tmp_path / "scores.json", scores)

    content = json.loads((tmp_path / "scores.json").read_text())

    assert content["classes"] == ["walk", "run"]
    assert content["videos"][1] == {"video": "b", "label": 1, "predicted": 1, "scores": [0.125, 0.875]}


@pytest.mark.parametrize("shape", [(2,), (1, 2)])
def test_rows_of_mmaction2_may_have_an_axis_of_one(read, shape):
    loaded = read(pickle.dumps([row.reshape(shape) for row in VALUES]))

    np.testing.assert_array_equal(loaded.values, VALUES)


@pytest.mark.parametrize(
    "layout",
    [
        lambda value, label: {"pred_score": torch.tensor(value), "gt_label": torch.tensor([label])},
        lambda value, label: {"pred_scores": {"item": torch.tensor(value)}, "gt_labels": {"item": torch.tensor(label)}},
        lambda value, label: {"pred_score": value, "gt_label": label},
    ],
    ids=["1.x", "1.x rc", "1.x as arrays"],
)
def test_dictionaries_of_mmaction2_1x_are_read(read, layout):
    rows = [layout(value, int(label)) for value, label in zip(VALUES, LABELS, strict=True)]

    loaded = read(pickle.dumps(rows))

    np.testing.assert_array_equal(loaded.values, VALUES)
    np.testing.assert_array_equal(loaded.labels, LABELS)


def test_a_hostile_pickle_is_refused_unrun(tmp_path, read):
    witness = tmp_path / "witness"

    with pytest.raises(ValueError, match=r"mkdir, which was not run"):
        read(pickle.dumps([Calls(os.mkdir, str(witness))]))

    assert not witness.exists()


def test_a_hostile_pickle_within_a_tensor_is_refused_unrun(tmp_path, read):
    witness, inner = tmp_path / "witness", io.BytesIO()
    torch.save(Calls(os.mkdir, str(witness)), inner, _use_new_zipfile_serialization=False)

    with pytest.raises(ValueError, match=r"scores\.pkl: not a"):
        read(pickle.dumps([Calls(torch.storage._load_from_bytes, inner.getvalue())]))

    assert not witness.exists()


def test_a_tensor_larger_than_any_memory_is_refused(read):
    rebuild, (storage, offset, _, *rest) = torch.ones(2).__reduce_ex__(2)
    too_large = Calls(rebuild, storage, offset, (10**15,), *rest)

    with pytest.raises(ValueError, match=r"scores\.pkl: not a pickle, or damaged"):
        read(pickle.dumps([{"pred_score": too_large, "gt_label": 0}]))


@pytest.mark.parametrize(
    ("suffix", "content"),
    [
        (".pkl", b"no pickle"),
        (".pkl", pickle.dumps([])),
        (".pkl", pickle.dumps({"a": 1})),
        (".pkl", pickle.dumps([{"frame_dir": "a", "keypoint": 1}])),  # an annotation file
        (".pkl", pickle.dumps([np.ones(2), np.ones(3)])),  # rows of different lengths
        (".pkl", pickle.dumps(["a", "b"])),
        (".pkl", pickle.dumps(list(VALUES))[:-20]),
        (".json", b"{"),
        (".json", b"\xff\xfe"),
        (".json", b"[1, 2]"),
        (".json", b'{"classes": null, "videos": []}'),
        (".json", b'{"classes": null, "videos": [{"video": "a", "scores": [1]}, {"video": "b", "scores": [0, 1]}]}'),
        (".json", b'{"classes": null, "videos": [{"video": "a", "scores": ["high"]}]}'),
        (".npz", b"PK\x03\x04 cut short"),
        (".npz", b""),
    ],
)
def test_what_is_no_scores_file_is_named(read, suffix, content):
    with pytest.raises(ValueError, match=rf"scores\{suffix}: .*(not a|empty)"):
        read(content, suffix)


def test_an_npz_of_something_else_is_named(tmp_path):
    np.savez(tmp_path / "other.npz", weights=VALUES)

    with pytest.raises(ValueError, match=r"other\.npz: not a scores file \(it has no 'scores'\)"):
        load_scores(tmp_path / "other.npz")


def test_a_missing_file_gets_the_command_that_writes_it(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no such scores file; `posec3d test CONFIG CHECKPOINT --out s\.npz`"):
        load_scores(tmp_path / "s.npz")


@pytest.mark.parametrize(("name", "given"), [("s.csv", r"\.csv"), ("s", "a file without suffix")])
def test_another_suffix_is_refused_before_anything_is_written(tmp_path, scores, name, given):
    with pytest.raises(ValueError, match=rf"written as \.pkl, \.json or \.npz, not as {given}"):
        check_scores_path(tmp_path / name)
    with pytest.raises(ValueError, match=given):
        save_scores(tmp_path / name, scores)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", [".json", ".npz"])
def test_labels_come_from_a_scores_file(tmp_path, scores, suffix):
    save_scores(tmp_path / f"scores{suffix}", scores)

    np.testing.assert_array_equal(load_labels(tmp_path / f"scores{suffix}", scores), LABELS)


def test_labels_come_from_an_annotation_file(tmp_path):
    made_up = make_annotations(4, motions=("squat", "walk"))
    save_annotations(tmp_path / "annotations.pkl", made_up)

    assert load_labels(tmp_path / "annotations.pkl", Scores(np.eye(4, dtype=np.float32))).tolist() == [0, 1, 0, 1]


def test_labels_follow_the_ids_of_videos(tmp_path):
    made_up = make_annotations(4, motions=("squat", "walk"))
    save_annotations(tmp_path / "annotations.pkl", made_up)
    some = tuple(made_up.annotations[place].video for place in (3, 0))

    assert load_labels(tmp_path / "annotations.pkl", Scores(VALUES[:2], videos=some)).tolist() == [1, 0]


@pytest.mark.parametrize(
    ("videos", "wanted", "expected"),
    [
        (("v", "v", "w"), ("v", "v", "w"), [0, 1, 2]),  # in the same order: as they stand
        (("x", "y", "z"), ("a", "b", "c"), [0, 1, 2]),  # other names for the same
        (("a", "b", "c"), ("c", "a"), [2, 0]),
        (("v", "v", "w"), ("w", "v", "v"), "has video 'v' twice, with labels 0 and 1; correct one"),
        (("a", "b", "c"), ("b", "a", "x"), "lacks scored video 'x'; give the file of the same test split"),
    ],
)
def test_ids_that_leave_labels_open_are_refused(tmp_path, videos, wanted, expected):
    save_scores(tmp_path / "truth.npz", Scores(np.eye(3, dtype=np.float32), np.array([0, 1, 2]), videos))
    scores = Scores(np.zeros((len(wanted), 3), np.float32), videos=wanted)

    if isinstance(expected, str):
        with pytest.raises(ValueError, match=expected):
            load_labels(tmp_path / "truth.npz", scores)
    else:
        assert load_labels(tmp_path / "truth.npz", scores).tolist() == expected


def test_small_probabilities_keep_their_order_in_json(tmp_path):
    values = np.array([[1 - 3e-12, 1e-12, 2e-12]], np.float32)
    save_scores(tmp_path / "scores.json", Scores(values))

    np.testing.assert_array_equal(load_scores(tmp_path / "scores.json").values, values)


@pytest.mark.parametrize(("labels", "found"), [(None, "no labels"), (LABELS, "3 labels")])
def test_labels_must_be_as_many_as_videos(tmp_path, labels, found):
    save_scores(tmp_path / "scores.npz", Scores(VALUES, labels))

    with pytest.raises(ValueError, match=f"has {found} for 5 scored videos"):
        load_labels(tmp_path / "scores.npz", Scores(np.eye(5, dtype=np.float32)))
