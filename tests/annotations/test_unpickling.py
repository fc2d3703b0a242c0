import gzip
import io
import os
import pickle
import struct
from collections import OrderedDict
from collections import defaultdict
from pathlib import PurePosixPath

import numpy as np
import pytest

from posec3d.annotations.unpickling import load_pickle


class Calls:
    """Pickles as a call of any function."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


def short_text(text):
    return b"\x8c" + bytes([len(text)]) + text.encode()


def named(module, name):
    """The opcodes that put a global on the stack (protocol 4)."""
    return short_text(module) + short_text(name) + b"\x93"


@pytest.fixture
def read(tmp_path):
    def read(content: bytes):
        path = tmp_path / "file.pkl"
        path.write_bytes(content)
        return load_pickle(path)

    return read


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype=np.float16).reshape(1, 3, 2),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.arange(3, dtype=">i4"),
        np.array([True, False]),
        np.array(["left", "right"]),
        np.array([b"a", b"bc"]),
        np.array(1.5, np.float32),  # no axis
        np.zeros((0, 5, 17, 2), np.float32),  # nobody
        np.array([1j]),
    ],
    ids=lambda array: f"{array.dtype}{array.shape}",
)
def test_arrays_of_every_protocol_come_back(read, array, protocol):
    loaded = read(pickle.dumps({"keypoint": array}, protocol=protocol))["keypoint"]

    assert type(loaded) is np.ndarray
    assert loaded.dtype == array.dtype
    assert loaded.shape == array.shape
    np.testing.assert_array_equal(loaded, array)


@pytest.mark.parametrize("protocol", range(6))
def test_plain_values_of_every_protocol_come_back(read, protocol):
    value = {
        "scalar": np.float32(0.5),
        "dtype": np.dtype("<f2"),
        "ordered": OrderedDict(a=[1, (2.5, None)]),
        "default": defaultdict(list, a=[1]),
        "sets": ({1, 2}, frozenset({"a"})),
        "bytes": (b"", b"\xff\x00", bytearray(b"\xfe")),
        "number": 2**70,
        "complex": 1j,
    }

    loaded = read(pickle.dumps(value, protocol=protocol))

    assert loaded == value
    assert type(loaded["scalar"]) is np.float32
    assert type(loaded["ordered"]) is OrderedDict
    assert loaded["default"]["absent"] == []


def test_numpy_1_and_numpy_2_spellings_are_one(read):
    content = pickle.dumps(np.arange(3), protocol=2)

    np.testing.assert_array_equal(read(content.replace(b"numpy._core", b"numpy.core")), np.arange(3))
    np.testing.assert_array_equal(read(content.replace(b"numpy.core", b"numpy._core")), np.arange(3))


def test_python_2_bytes_are_read_as_latin_1(read):
    # What Python 2 and NumPy 1.16 write for {'label': np.array([1, 255], 'u1')}: names and bytes are byte strings.
    content = (
        b"\x80\x02}U\x05labelcnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
        b"(K\x01K\x02\x85cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        b"\x89U\x02\x01\xfftbs."
    )

    np.testing.assert_array_equal(read(content)["label"], np.array([1, 255], np.uint8))


def test_object_arrays_hold_only_what_may_be_read(read):
    inner = np.arange(2)
    value = np.empty((1, 2), object)
    value[0, 0], value[0, 1] = inner, {"again": inner}

    loaded = read(pickle.dumps(value))

    assert loaded.shape == (1, 2)
    np.testing.assert_array_equal(loaded[0, 0], inner)
    assert loaded[0, 1]["again"] is loaded[0, 0]


def test_shared_and_cyclic_containers_keep_their_shape(read):
    row = [np.arange(2)]
    value = {"a": row, "b": row, "pair": (row, np.arange(3))}
    value["self"] = value

    loaded = read(pickle.dumps(value))

    assert loaded["a"] is loaded["b"] is loaded["pair"][0]
    assert loaded["self"] is loaded
    assert type(loaded["pair"][1]) is np.ndarray


def test_arrays_are_read_only(read):
    with pytest.raises(ValueError, match="read-only"):
        read(pickle.dumps(np.zeros(2)))[0] = 1


def test_gzip_is_recognised_by_content(read):
    assert read(gzip.compress(pickle.dumps([1]))) == [1]


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (Calls(os.system, "touch ran"), rf"{os.name}\.system|posix\.system"),
        (Calls(eval, "open('ran', 'w')"), r"eval"),
        (Calls(exec, "open('ran', 'w')"), r"exec"),
        (Calls(getattr, "", "join"), r"getattr"),
        (Calls(open, "ran", "w"), r"io\.open|_io\.open"),
        (Calls(np.load, "ran", None, True), r"numpy\.load"),
        (Calls(np.save, "ran", 1), r"numpy\.save"),
        (Calls(np.fromfile, "ran"), r"numpy.*fromfile"),
        (Calls(np.frompyfunc, len, 1, 1), r"numpy.*frompyfunc"),
        (Calls(np.memmap, "ran", "u1", "w+", 0, 4), r"numpy\.memmap"),
        (Calls(str, "a"), r"str|unicode"),
        (np.array([Calls(os.system, "touch ran")], dtype=object), r"system"),  # behind an array
        ({"annotations": [{"keypoint": (Calls(os.system, "touch ran"),)}]}, r"system"),  # deep inside
        (OrderedDict(a=Calls(os.system, "touch ran")), r"system"),
        (np.zeros(1, [("a", "f4")]), r"dtype 'V4'"),  # fields of a record could overlap
        (np.array(["2020"], "M8[Y]"), r"dtype 'M8'"),
        (np.ma.masked_array([1, 2]), r"numpy\.ma"),
        (PurePosixPath("a"), r"pathlib(?:\._local)?\.PurePosixPath"),
        (Calls, r"Calls"),
    ],
)
@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_anything_else_is_named_and_does_not_run(read, tmp_path, monkeypatch, value, name, protocol):
    monkeypatch.chdir(tmp_path)
    content = pickle.dumps(value, protocol=protocol)

    with pytest.raises(ValueError, match=rf"file\.pkl: contains .*({name}).*which was not run"):
        read(content)

    assert not (tmp_path / "ran").exists()


class _WithPersistentIds(pickle.Pickler):
    def persistent_id(self, obj):
        return "somewhere" if obj == "elsewhere" else None


def test_persistent_ids_are_refused(read):
    stream = io.BytesIO()
    _WithPersistentIds(stream).dump(["elsewhere"])

    with pytest.raises(ValueError, match="persistent id"):
        read(stream.getvalue())


FORGED = {
    # An attribute of a constructor, for all later files.
    "constructor set": named("numpy", "dtype") + b"N}" + short_text("_build") + b"K\x01s\x86b.",
    "constructor dict": named("numpy", "dtype") + b"}" + short_text("_build") + b"K\x01sb.",
    "built-in set": named("builtins", "list") + b"N}" + short_text("append") + b"K\x01s\x86b.",
    "ordered set": named("collections", "OrderedDict") + b"N}" + short_text("pop") + b"K\x01s\x86b.",
    # A dotted way from something that is known.
    "dotted": named("numpy", "ndarray.tofile") + b".",
    "dunder": named("builtins", "list.__class__") + b".",
    # A dtype that says it has objects in its bytes.
    "object dtype": named("numpy", "ndarray") + b"(K\x01\x85" + named("numpy", "dtype") + short_text("O8")
    + b"\x85RC\x08AAAAAAAAtR.",
    "object scalar": named("numpy._core.multiarray", "scalar") + b"(" + named("numpy", "dtype") + short_text("O8")
    + b"\x85RC\x08AAAAAAAAtR.",
    "forged fields": named("numpy", "dtype") + short_text("f8") + b"\x85R(K\x03" + short_text("<") + b"N"
    + short_text("a") + b"\x85}NNNtb.",
    # More array than bytes, and less.
    "too large": named("numpy", "ndarray") + b"(J\xff\xff\xff\x7f\x85" + named("numpy", "dtype") + short_text("f8")
    + b"\x85RC\x08AAAAAAAAtR.",
    "negative": named("numpy", "ndarray") + b"(J\xff\xff\xff\xff\x85" + named("numpy", "dtype") + short_text("f8")
    + b"\x85RC\x08AAAAAAAAtR.",
    # Memory for the asking.
    "bytearray": named("builtins", "bytearray") + b"J\xff\xff\xff\x7f\x85R.",
    "other codec": named("_codecs", "encode") + short_text("a") + short_text("zip") + b"\x86R.",
}  # fmt: skip


@pytest.mark.parametrize("content", FORGED.values(), ids=FORGED.keys())
def test_forged_instructions_are_refused_and_leave_nothing_behind(read, content):
    with pytest.raises(ValueError, match=r"file\.pkl: "):
        read(b"\x80\x04" + content)

    np.testing.assert_array_equal(read(pickle.dumps(np.arange(2))), np.arange(2))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b'{"annotations": []}', "JSON"),
        (b"[1, 2]", "JSON"),
        (b"PK\x03\x04rest", "zip archive"),
        (b"\x93NUMPY\x01\x00", r"\.npy"),
        (b"BZh91AY", "bzip2"),
        (gzip.compress(b'{"a": 1}', mtime=0), "JSON"),
        (gzip.compress(b"", mtime=0), "empty"),
        (b"frame,x,y\n1,2,3\n", "not a pickle"),
        (pickle.dumps([np.zeros(100)])[:-20], "cut short"),
        (gzip.compress(pickle.dumps([np.random.default_rng(0).random(100)]))[:-30], "cut short"),
        (b"\x1f\x8b\x08\x00garbage of all kinds", "damaged"),
        (b"\x80\x09K\x01.", "protocol"),
        (b"\x80\x04" + b"]" * 100_000 + b"a" * 99_999 + b".", "damaged"),  # lists in lists without end
        (b"\x80\x04\x8e" + struct.pack("<Q", 2**60) + b"a.", "damaged"),  # bytes that are not there
    ],
)
def test_what_is_no_pickle_is_told_in_a_sentence(read, content, message):
    with pytest.raises(ValueError, match=message) as error:
        read(content)

    assert "file.pkl: " in str(error.value)
    assert "\n" not in str(error.value)


def test_no_damage_raises_anything_but_value_error(read):
    content = pickle.dumps([{"keypoint": np.zeros((1, 2, 3, 2), np.float16), "label": 3, "frame_dir": "a"}], protocol=4)
    rng = np.random.default_rng(0)
    for _ in range(500):
        damaged = bytearray(content)
        damaged[rng.integers(len(content))] = rng.integers(256)

        try:
            read(bytes(damaged))
        except ValueError:
            continue


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.pkl"):
        load_pickle(tmp_path / "none.pkl")
