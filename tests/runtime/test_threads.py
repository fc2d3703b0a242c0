import os
import signal
import threading

import pytest
import torch

from posec3d.runtime.threads import in_parallel


@pytest.fixture(autouse=True)
def three_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("num_items", [0, 1, 7, 24, 25, 1000])
def test_every_item_is_in_one_part(num_items):
    parts = []

    in_parallel(lambda first, last: parts.append((first, last)), num_items)

    assert sorted(item for first, last in parts for item in range(first, last)) == list(range(num_items))
    assert len(parts) == (3 if num_items >= 24 else 1)


def test_parts_run_at_the_same_time():
    together = threading.Barrier(3, timeout=20)

    in_parallel(lambda *_: together.wait(), 30)


def test_what_goes_wrong_in_a_thread_is_raised():
    def work(first, last):
        if first > 0:
            raise ValueError(f"{first}..{last}")

    with pytest.raises(ValueError, match=r"10\.\.20|20\.\.30"):
        in_parallel(work, 30)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
def test_a_forked_child_has_threads_of_its_own():
    in_parallel(lambda *_: None, 30)

    child = os.fork()
    if child == 0:
        signal.alarm(20)
        in_parallel(lambda *_: None, 30)
        os._exit(7)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
