import asyncio
import threading
import time
from contextlib import contextmanager

import numpy as np
import pytest
from aiohttp import web

from posec3d.annotations import Annotation
from posec3d.inference.recognizer import ActionRecognizer
from posec3d.serving.application import make_application
from posec3d.serving.jobs import Jobs
from posec3d.serving.recognitions import Model
from posec3d.synthetic import make_annotations
from posec3d.video.movenet import MoveNet
from posec3d.video.scene import film
from posec3d.video.writing import VideoWriter

NUM_FRAMES, RATE = 36, 15.0


@pytest.fixture(scope="session")
def model():
    return Model(ActionRecognizer.load(), MoveNet(), ("mine",))


@pytest.fixture(scope="session")
def video(tmp_path_factory):
    """A film of somebody who squats, whom MoveNet finds."""
    path = tmp_path_factory.mktemp("video") / "squat.mp4"
    pictures, _ = film(
        "squat", rng=np.random.RandomState(0), num_frames=NUM_FRAMES, frames_per_second=RATE, size=(240, 320)
    )
    with VideoWriter(path, frames_per_second=RATE) as writer:
        for picture in pictures:
            writer.write(picture)
    return path


@pytest.fixture(scope="session")
def poses(tmp_path_factory):
    """Two people, 40 frames, as a pose file."""
    annotation = make_annotations(1, seed=0, motions=("walk",), max_people=1).annotations[0]
    path = tmp_path_factory.mktemp("poses") / "two.npz"
    save_poses(path, annotation)
    return path


def save_poses(path, annotation: Annotation):
    keypoints = np.concatenate([annotation.keypoints, annotation.keypoints + 40])[:, :40]
    scores = np.concatenate([annotation.scores, annotation.scores])[:, :40]
    np.savez(path, keypoints=keypoints, scores=scores, canvas=annotation.canvas, fps=RATE)


@contextmanager
def served(model, folder, *, host="127.0.0.1", largest_bytes=50_000_000, **limits):
    """Yield the address of a server in a thread of its own, and its jobs."""
    jobs = Jobs(folder, **limits)
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()

    async def start():
        application = make_application(model, jobs, host=host, largest_bytes=largest_bytes)
        runner = web.AppRunner(application, access_log=None, handler_cancellation=True, shutdown_timeout=1.0)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return runner

    runner = asyncio.run_coroutine_threadsafe(start(), loop).result()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}", jobs
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result()
        loop.call_soon_threadsafe(loop.stop)


@pytest.fixture
def endless(monkeypatch):
    """Have recognitions, or decisions, go on until they are stopped."""

    def work(job):
        while True:
            job.hear("working", 1, None)
            time.sleep(0.01)

    return lambda kind: monkeypatch.setattr(kind, "work", work)


@pytest.fixture
def server(model, tmp_path):
    with served(model, tmp_path) as (url, _):
        yield url
