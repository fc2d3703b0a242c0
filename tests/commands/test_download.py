"""The command, run as users run it, against a mirror on this machine."""

import functools
import os
import signal
import subprocess
import sys
import threading
from http.server import SimpleHTTPRequestHandler
from http.server import ThreadingHTTPServer

import pytest

COMMAND = "import sys; from posec3d.cli import run; sys.exit(run(['download', *sys.argv[1:]]))"
FILES = {
    "mmaction/posec3d/gym_train.pkl": b"train",
    "mmaction/posec3d/gym_val.pkl": b"val",
    "mmaction/v1.0/skeleton/data/k400_2d.pkl": b"contents",
    "mmaction/pyskl/ckpt/posec3d/slowonly_r50_gym/joint.pth": b"weights without a hash",
    "mmaction/skeleton/posec3d/k400_posec3d-041f49c6.pth": b"not what was published",
}


class Handler(SimpleHTTPRequestHandler):
    def do_GET(self):
        if self.path != "/mmaction/posec3d/ucf101.pkl":
            super().do_GET()
            return
        # A file that begins and never ends, until the test is over.
        self.send_response(200)
        self.send_header("Content-Length", "1000000")
        self.end_headers()
        self.wfile.write(bytes(500_000))
        self.wfile.flush()
        self.server.over.wait(20)

    def log_message(self, *args):
        pass


@pytest.fixture
def run(tmp_path):
    """Start the command in an empty folder with the mirror; a function of its arguments."""
    mirror, here = tmp_path / "mirror", tmp_path / "here"
    here.mkdir()
    for name, content in FILES.items():
        (mirror / name).parent.mkdir(parents=True, exist_ok=True)
        (mirror / name).write_bytes(content)
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(mirror)))
    server.over = threading.Event()
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"

    def start(*arguments: str) -> subprocess.Popen:
        return subprocess.Popen(
            [sys.executable, "-c", COMMAND, *arguments],
            cwd=here,
            env=os.environ | {"POSEC3D_MIRROR": url, "NO_PROXY": "127.0.0.1", "COLUMNS": "200"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # Shells have jobs in the background ignore Ctrl-C.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    yield start
    server.over.set()
    server.shutdown()
    server.server_close()


def finish(process: subprocess.Popen) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def test_data_set_goes_where_the_configs_look_for_it(run, tmp_path):
    status, out, err = finish(run("gym"))

    assert (status, out) == (0, "data/posec3d/gym_train.pkl\ndata/posec3d/gym_val.pkl\n")
    assert "gym_train.pkl: 100%" in err
    assert (tmp_path / "here/data/posec3d/gym_train.pkl").read_bytes() == b"train"
    assert (tmp_path / "here/data/posec3d/gym_val.pkl").read_bytes() == b"val"


def test_several_names_in_one_folder_each_file_once(run, tmp_path):
    status, out, _ = finish(run("gym_val", "gym-keypoint-pyskl", "gym", "--folder", "all"))

    assert status == 0
    assert out.splitlines() == ["all/gym_val.pkl", "all/pyskl_slowonly_r50_gym_joint.pth", "all/gym_train.pkl"]
    assert all((tmp_path / "here" / line).is_file() for line in out.splitlines())


def test_kinetics_says_that_it_has_no_keypoints(run):
    status, out, err = finish(run("k400"))

    assert (status, out) == (0, "data/posec3d/k400_2d.pkl\n")
    assert "table of contents only" in err
    assert "https://openxlab.org.cn/datasets/OpenMMLab/Kinetics400-skeleton" in err


def test_wrong_weights_are_not_kept(run, tmp_path):
    status, out, err = finish(run("k400-keypoint"))

    assert status != 0
    assert out == ""
    assert "its sha256 should begin with 041f49c6 but is " in err
    assert list((tmp_path / "here/checkpoints").iterdir()) == []


def test_misspelt_name_is_found_before_anything_is_fetched(run, tmp_path):
    status, out, err = finish(run("gym", "gym-keypoin"))

    assert status != 0
    assert out == ""
    assert "did you mean 'gym-keypoint'?" in err
    assert list((tmp_path / "here").iterdir()) == []


def test_file_that_the_mirror_lacks_is_said_with_its_url(run):
    status, _, err = finish(run("hmdb51"))

    assert status != 0
    assert "/mmaction/posec3d/hmdb51.pkl (404 File not found)" in err


def test_without_names_the_table_is_listed(run, tmp_path):
    status, out, err = finish(run())

    lines = [line.split() for line in out.splitlines()]
    assert (status, err) == (0, "")
    assert ["gym-limb", "FineGYM,", "limbs", "94.0", "mean", "class"] in lines
    assert any(line[:1] == ["ntu120_2d"] and line[-2:] == ["1.24", "GB"] for line in lines)
    assert list((tmp_path / "here").iterdir()) == []


def test_help_tells_of_the_mirror_and_the_folders(run):
    status, out, _ = finish(run("--help"))

    assert status == 0
    assert "POSEC3D_MIRROR=" in out
    assert "data/posec3d and checkpoints" in out


def test_ctrl_c_keeps_the_part_and_says_how_to_go_on(run, tmp_path):
    process = run("ucf101")
    part = tmp_path / "here/data/posec3d/ucf101.pkl.part"
    pause = threading.Event()
    while not (part.exists() and part.stat().st_size) and process.poll() is None:
        pause.wait(0.01)
    process.send_signal(signal.SIGINT)
    status, out, err = finish(process)

    assert (status, out) == (130, "")
    assert (
        "posec3d: stopped; data/posec3d/ucf101.pkl.part is kept; run the same command again to go on from there" in err
    )
    assert "Traceback" not in err
    assert not part.with_name("ucf101.pkl").exists()
