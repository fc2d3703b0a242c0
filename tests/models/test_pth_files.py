import collections
import os
import pickle
import zipfile

import pytest
import torch

from posec3d.models.pth_files import read_pth
from posec3d.models.pth_files import rebuild_tensor


class Stranger:
    """Stands for an object of a framework that is not installed."""


class Evil:
    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def weights():
    return collections.OrderedDict({"backbone.a": torch.arange(6.0).view(2, 3), "cls_head.b": torch.ones(2).half()})


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "before torch 1.6"])
@pytest.mark.parametrize("wrapped", [True, False], ids=["state_dict", "bare"])
def test_tensors_come_out_by_name(tmp_path, zipped, wrapped):
    path = tmp_path / "weights.pth"
    content = {"meta": {"epoch": 3, "time": None}, "state_dict": weights()} if wrapped else weights()
    torch.save(content, path, _use_new_zipfile_serialization=zipped)

    read = read_pth(path)

    assert list(read) == ["backbone.a", "cls_head.b"]
    for name, tensor in weights().items():
        torch.testing.assert_close(read[name], tensor, rtol=0, atol=0)


def test_the_prefix_of_data_parallel_is_cut_off(tmp_path):
    torch.save({"module.a": torch.ones(1)}, tmp_path / "weights.pth")

    assert list(read_pth(tmp_path / "weights.pth")) == ["a"]


def test_objects_of_other_frameworks_are_left_out(tmp_path):
    path = tmp_path / "weights.pth"
    stranger = Stranger()
    stranger.history = collections.deque([1, 2], maxlen=3)
    torch.save({"message_hub": stranger, "loops": [stranger], "state_dict": weights()}, path)

    assert list(read_pth(path)) == ["backbone.a", "cls_head.b"]


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "before torch 1.6"])
@pytest.mark.parametrize(
    "call",
    [
        (os.system, "touch {}"),
        (eval, "open('{}', 'w')"),
        (exec, "open('{}', 'w')"),
        (torch.hub.load, "{}", "x"),
        (os.mkdir, "{}"),
    ],
    ids=lambda call: f"{call[0].__module__}.{call[0].__name__}",
)
def test_nothing_in_the_file_runs(tmp_path, call, zipped):
    path, trace = tmp_path / "weights.pth", tmp_path / "trace"
    function, *arguments = call
    evil = Evil(function, *(argument.format(trace) for argument in arguments))
    torch.save({"evil": evil, "state_dict": weights()}, path, _use_new_zipfile_serialization=zipped)

    assert list(read_pth(path)) == ["backbone.a", "cls_head.b"]
    assert not trace.exists()


def test_a_constructor_cannot_be_changed(tmp_path):
    # BUILD with a dictionary sets attributes of whatever lies on the stack: here of the tensor constructor itself.
    path = tmp_path / "weights.pth"
    torch.save({"a": torch.ones(1)}, path)
    program = b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n}X\x01\x00\x00\x00xK\x01sb."
    with zipfile.ZipFile(path) as good:
        parts = {name: good.read(name) for name in good.namelist()}
    with zipfile.ZipFile(path, "w") as bad:
        for name, content in parts.items():
            bad.writestr(name, program if name.endswith("data.pkl") else content)

    with pytest.raises(ValueError, match="not a PyTorch checkpoint"):
        read_pth(path)
    assert not hasattr(torch._utils._rebuild_tensor_v2, "x")


@pytest.mark.parametrize("content", [b"", b"hello", pickle.dumps(3), b"PK\x03\x04 cut short"])
def test_what_is_no_checkpoint_is_said_to_be_none(tmp_path, content):
    path = tmp_path / "weights.pth"
    path.write_bytes(content)

    with pytest.raises(ValueError, match=r"weights\.pth: (not a PyTorch checkpoint|holds no weights)"):
        read_pth(path)


def test_annotations_are_told_from_a_damaged_checkpoint(tmp_path):
    path = tmp_path / "my.pkl"
    path.write_bytes(pickle.dumps([{"frame_dir": "a"}]))

    with pytest.raises(ValueError, match=r"my\.pkl: .*; give a model, such as a \.safetensors or \.pth file"):
        read_pth(path)


def test_a_file_without_weights_is_refused(tmp_path):
    torch.save({"state_dict": {}}, tmp_path / "weights.pth")

    with pytest.raises(ValueError, match=r"holds no weights.* last\.safetensors"):
        read_pth(tmp_path / "weights.pth")


@pytest.mark.parametrize(
    ("offset", "size", "stride", "fits"),
    [
        (0, (2, 3), (3, 1), True),
        (0, (3, 2), (1, 3), True),
        (5, (1,), (9,), True),
        (0, (0, 99), (99, 1), True),  # empty tensors need nothing
        (1, (2, 3), (3, 1), False),
        (0, (7,), (1,), False),
        (-1, (2,), (1,), False),
        (4, (2,), (-1,), False),
    ],
)
def test_a_tensor_stays_within_what_the_file_holds(offset, size, stride, fits):
    storage = torch.arange(6.0).untyped_storage()
    typed = torch.storage.TypedStorage(wrap_storage=storage, dtype=torch.float32, _internal=True)

    if fits:
        assert rebuild_tensor(typed, offset, size, stride).shape == size
    else:
        with pytest.raises(ValueError, match="does not fit into its 6 stored numbers"):
            rebuild_tensor(typed, offset, size, stride)
