"""`posec3d serve`: recognition over HTTP, with a page for people and addresses for programs."""

import asyncio
import logging
import signal
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Literal

from posec3d.commands.options import Models
from posec3d.commands.options import OptionalRuntime

if TYPE_CHECKING:
    from aiohttp import web

_LOGGER = logging.getLogger(__name__)


def serve(
    *,
    model: Models = (),
    host: str = "127.0.0.1",
    port: int = 8000,
    show: bool = False,
    largest: int = 500,
    estimator: str = "movenet",
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto",
    runtime: OptionalRuntime = None,
    precision: Literal["fp32", "bf16"] = "fp32",
) -> None:
    """Recognise what others send: a page to drop videos on, and an address for programs.

    A page for this computer alone:     posec3d serve --show

    For programs, while it runs:        curl -F file=@clip.mp4 -F window=1 http://127.0.0.1:8000/recognize

    For the local network:              posec3d serve --host 0.0.0.0

    Args:
        model: A checkpoint file, a work directory of posec3d train, a published name (posec3d download lists them), or
            a file that posec3d export wrote; without it the two of the package. Given several times, all are asked,
            and their probabilities averaged.
        host: The address to be reached at: 127.0.0.1 by this computer alone, 0.0.0.0 by all that can reach it, without
            a password.
        port: The number of the port; 0 takes any that is free.
        show: Open the page in the browser.
        largest: How many megabytes (1,000,000 bytes) a file may have.
        estimator: What finds the people: movenet, or rtmlib, ultralytics[:WEIGHTS] and mediapipe:TASK if installed.
        device: What the network computes on.
        runtime: What runs it: torch, or onnx or openvino, for which the model is exported, once; files that posec3d
            export wrote run on their own.
        precision: Arithmetic of the network; bf16 goes with openvino.
    """
    from posec3d.commands.answers import load_recognizer
    from posec3d.inference.model_choice import PACKAGED_MODELS
    from posec3d.serving.application import make_application
    from posec3d.serving.jobs import Jobs
    from posec3d.serving.recognitions import Model
    from posec3d.video.estimators import load_estimator

    if not 0 <= port < 65536:
        raise ValueError(f"--port {port}: give a number from 0 to 65535")
    if largest < 1:
        raise ValueError(f"--largest {largest}: take files of at least 1 megabyte")
    recognizer = load_recognizer(model, device, runtime, precision, people="scene")
    known = Model(recognizer, load_estimator(estimator), model or PACKAGED_MODELS)
    with tempfile.TemporaryDirectory(prefix="posec3d-") as folder:
        application = make_application(known, Jobs(Path(folder)), host=host, largest_bytes=largest * 1_000_000)
        asyncio.run(_serve(application, host, port, show=show))


async def _serve(application: "web.Application", host: str, port: int, *, show: bool) -> None:
    """Answer until Ctrl-C, or the signal to terminate."""
    from aiohttp import web

    from posec3d.video.live_view import open_in_browser

    # What is no HTTP is answered as such, and is nobody's defect.
    logging.getLogger("aiohttp.server").addFilter(lambda record: not _tells_of_no_http(record))
    # Whoever hangs up wants no answer any more.
    runner = web.AppRunner(application, access_log=None, handler_cancellation=True, shutdown_timeout=1.0)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            raise ValueError(
                f"--host {host} --port {port}: cannot be served at ({error.strerror or error}); give another port, "
                f"such as --port {port % 65535 + 1}, or a host that is an address of this computer"
            ) from error
        url = f"http://{_written(host)}:{runner.addresses[0][1]}"
        print(f"{url}  a page to drop videos on; Ctrl-C ends it", flush=True)
        _LOGGER.info("for programs: curl -F file=@clip.mp4 %s/recognize", url)
        if show:
            open_in_browser(url)
        stopped = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            # Windows has no such handlers; there Ctrl-C ends the loop by itself.
            with suppress(NotImplementedError):
                asyncio.get_running_loop().add_signal_handler(number, stopped.set)
        await stopped.wait()
    finally:
        await runner.cleanup()


def _tells_of_no_http(record: logging.LogRecord) -> bool:
    from aiohttp.http import HttpProcessingError

    return record.exc_info is not None and isinstance(record.exc_info[1], HttpProcessingError)


def _written(host: str) -> str:
    """Return a host as it stands in an address that can be opened on this computer."""
    if host in ("0.0.0.0", "::"):  # compared, not bound
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host
