"""The addresses: a page, recognition in one request, and jobs for whoever wants to see how far it is."""

import asyncio
import re
from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Mapping
from errno import ENOSPC
from functools import partial
from importlib.resources import files
from ipaddress import ip_address
from pathlib import Path

from aiohttp import BodyPartReader
from aiohttp import web
from aiohttp.http import HttpProcessingError

from posec3d.serving.jobs import FullError
from posec3d.serving.jobs import Job
from posec3d.serving.jobs import Jobs
from posec3d.serving.recognitions import Decision
from posec3d.serving.recognitions import Model
from posec3d.serving.recognitions import Recognition
from posec3d.serving.recognitions import asked_by

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_PAGE = {"": "page.html", "page.css": "page.css", "page.js": "page.js"}
_KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".mp4": "video/mp4"}
_LONGEST_FIELD = 1_000
_LONGEST_NAME = 100
_LONGEST_NUMBER = 9
_MOST_FIELDS = 50
# An upload of which nothing comes for so long is given up.
PATIENCE_SECONDS = 30.0
# The page runs nothing but its own script, and nobody puts it into a page of theirs.
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "media-src 'self' blob:; form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_MODEL = web.AppKey("model", Model)
_JOBS = web.AppKey("jobs", Jobs)
_LARGEST = web.AppKey("largest", int)


def make_application(model: Model, jobs: Jobs, *, host: str, largest_bytes: int) -> web.Application:
    """Return what answers requests that come to `host`, and closes `jobs` in the end.

    Files up to `largest_bytes` are taken.

    Where only this computer is served, requests under another name are refused: they are those of web pages whose
    names were made to lead here (DNS rebinding).
    """
    guard = partial(_guarded, only_here=is_loopback(host))
    application = web.Application(middlewares=[web.middleware(guard)])
    # Those who wait for an answer are told before their connections are closed.
    application.on_shutdown.append(lambda _: asyncio.to_thread(jobs.close))
    application[_MODEL], application[_JOBS], application[_LARGEST] = model, jobs, largest_bytes
    application.add_routes(
        [
            *(web.get(f"/{path}", partial(_send_page, file=file)) for path, file in _PAGE.items()),
            web.get("/model", _tell_model),
            web.post("/recognize", _recognize),
            web.post("/jobs", _begin),
            web.get("/jobs/{id}", _tell_job),
            web.delete("/jobs/{id}", _cancel),
            web.get("/jobs/{id}/answer.json", _send_answer),
            web.get("/jobs/{id}/{file}.mp4", _send_film),
            web.post("/jobs/{id}/decisions/{place}", _explain),
        ]
    )
    return application


def is_loopback(host: str) -> bool:
    """Return whether a host is this computer for itself alone."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


async def _guarded(request: web.Request, handler: _Handler, *, only_here: bool) -> web.StreamResponse:
    try:
        if only_here and not is_loopback(request.url.host or ""):
            raise _RefusedError(403, f"{request.url.host}: not served under this name; use 127.0.0.1 or localhost")
        if request.method != "GET" and request.headers.get("Sec-Fetch-Site") in ("cross-site", "same-site"):
            raise _RefusedError(403, "another web page may not ask here")
        # Browsers say this of all pages, the other of those of this computer and of https alone.
        origin = request.headers.get("Origin")
        if request.method != "GET" and origin is not None and origin.partition("://")[2] != request.host:
            raise _RefusedError(403, f"a web page of {origin} may not ask here")
        response = await handler(request)
    except _RefusedError as refused:
        response = web.json_response({"error": refused.sentence}, status=refused.status)
        # What is left of an upload is not waited for.
        response.force_close()
    except web.HTTPException as error:
        response = web.json_response({"error": f"{request.method} {request.path}: {error.reason}"}, status=error.status)
    if not response.prepared:
        response.headers.update(_HEADERS)
    return response


class _RefusedError(Exception):
    """A request that is not done, with the status and the sentence of its answer."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status, self.sentence = status, sentence


async def _send_page(request: web.Request, *, file: str) -> web.Response:
    content = (files("posec3d.serving") / "page" / file).read_bytes()
    return web.Response(body=content, content_type=_KINDS[Path(file).suffix], charset="utf-8")


async def _tell_model(request: web.Request) -> web.Response:
    return web.json_response({**request.app[_MODEL].described(), "largest_bytes": request.app[_LARGEST]})


async def _recognize(request: web.Request) -> web.Response:
    """Answer when all is done; whoever hangs up before is not worked for any longer."""
    job = await _submitted(request)
    try:
        await asyncio.shield(asyncio.wrap_future(job.finished))
    except asyncio.CancelledError:
        request.app[_JOBS].cancel(job)
        raise
    if job.state == "cancelled":
        raise _RefusedError(503, "the server ends")
    if job.error is not None:
        raise _RefusedError(400, job.error)
    return web.json_response({**(job.answer or {}), "files": job.status()["files"]})


async def _begin(request: web.Request) -> web.Response:
    job = await _submitted(request)
    return web.json_response(_status(request, job), status=202)


async def _tell_job(request: web.Request) -> web.Response:
    return web.json_response(_status(request, _job_of(request)))


async def _cancel(request: web.Request) -> web.Response:
    job = _job_of(request)
    request.app[_JOBS].cancel(job)
    return web.json_response(_status(request, job))


async def _send_answer(request: web.Request) -> web.Response:
    job = _job_of(request)
    if job.answer is None:
        raise _RefusedError(404, "there is no answer yet")
    name = Path(safe_name(str(job.answer.get("video", "answer")))).stem
    kept = {"Content-Disposition": f'attachment; filename="{re.sub(r"[^ -~]", "_", name)}.json"'}
    return web.json_response(job.answer, headers=kept)


async def _send_film(request: web.Request) -> web.FileResponse:
    job = _job_of(request)
    path = next((path for path in job.files.values() if path.stem == request.match_info["file"]), None)
    if path is None:
        raise _RefusedError(404, "there is no such film, or not yet")
    return web.FileResponse(path, headers={**_HEADERS, "Content-Type": _KINDS[path.suffix]})


async def _explain(request: web.Request) -> web.Response:
    recognition, place = _job_of(request), request.match_info["place"]
    if not isinstance(recognition, Recognition):
        raise _RefusedError(404, "only answers of a recognition are explained")
    if not place.isdecimal() or len(place) > _LONGEST_NUMBER or int(place) >= len(recognition.segments):
        raise _RefusedError(404, f"{place}: there are {len(recognition.segments)} answers, counted from 0")
    job = Decision(_new_folder(request), recognition, int(place))
    request.app[_JOBS].submit(job)
    return web.json_response(_status(request, job), status=202)


async def _submitted(request: web.Request) -> Recognition:
    """Take in an upload, and have it recognised."""
    folder = _new_folder(request)
    try:
        async with asyncio.timeout(PATIENCE_SECONDS) as patience:
            upload, fields = await _read_form(request, folder, patience)
        asked = asked_by(fields)
    except BaseException as error:
        request.app[_JOBS].give_up(folder)
        if isinstance(error, TimeoutError):
            raise _RefusedError(408, f"nothing came for {PATIENCE_SECONDS:g} seconds; send the file again") from error
        if isinstance(error, HttpProcessingError):
            raise _RefusedError(400, f"the form cannot be read: {' '.join(error.message.split())}") from error
        if isinstance(error, ValueError):
            raise _RefusedError(400, str(error)) from error
        if isinstance(error, OSError) and error.errno == ENOSPC:
            raise _RefusedError(507, "the disk of the server is full; try a smaller file") from error
        raise
    job = Recognition(folder, upload, asked, request.app[_MODEL])
    request.app[_JOBS].submit(job)
    return job


async def _read_form(request: web.Request, folder: Path, patience: asyncio.Timeout) -> tuple[Path, Mapping[str, str]]:
    """Return the file, in the folder, and the other fields; each piece of the file renews the patience."""
    if not request.content_type.startswith("multipart/"):
        raise _RefusedError(415, "send a form with the file, such as curl -F file=@clip.mp4 does")
    largest = request.app[_LARGEST]
    too_large = _RefusedError(413, f"the file is larger than the {largest / 1e6:,.0f} MB that are taken here")
    if (request.content_length or 0) > largest + 10_000:
        raise too_large
    upload, fields = None, {}
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader) or part.name is None:
            raise _RefusedError(400, "the form has a part without a name; send file=, and options if any")
        if part.name != "file":
            if part.name in fields:
                raise _RefusedError(400, f"{part.name}: stands in the form twice; send it once")
            fields[part.name] = await _text_of(part)
            if len(fields) > _MOST_FIELDS:
                raise _RefusedError(400, f"the form has more than {_MOST_FIELDS} fields; send those of docs/serve.md")
            continue
        if upload is not None:
            raise _RefusedError(400, "two files; send one at a time")
        # In a folder of its own: nothing that is made of it has its name.
        (folder / "upload").mkdir()
        upload = folder / "upload" / safe_name(part.filename or "")
        size = 0
        with upload.open("wb") as file:
            while chunk := await part.read_chunk(1 << 20):
                patience.reschedule(asyncio.get_running_loop().time() + PATIENCE_SECONDS)
                size += len(chunk)
                if size > largest:
                    raise too_large
                await asyncio.to_thread(file.write, chunk)
    if upload is None:
        raise _RefusedError(400, "the form has no file; send one as file, such as curl -F file=@clip.mp4 does")
    return upload, fields


async def _text_of(part: BodyPartReader) -> str:
    content = b""
    while chunk := await part.read_chunk():
        content += chunk
        if len(content) > _LONGEST_FIELD:
            raise _RefusedError(400, f"{part.name}: longer than {_LONGEST_FIELD} characters; send the file as file")
    return content.decode("utf-8", errors="replace")


def safe_name(given: str) -> str:
    """Return a name of a file as it may lie in a folder of ours: its last part, without what means more than itself."""
    name = re.sub(r"[^\w. ()+-]", "_", re.split(r"[/\\]", given)[-1]).strip(". ")
    return name[-_LONGEST_NAME:].lstrip(". ") or "upload"


def _new_folder(request: web.Request) -> Path:
    try:
        return request.app[_JOBS].new_folder()
    except FullError:
        raise _RefusedError(503, "too much waits already; come back in a minute") from None


def _job_of(request: web.Request) -> Job:
    job = request.app[_JOBS].get(request.match_info["id"])
    if job is None:
        raise _RefusedError(404, "no such job, or it was forgotten; send the file again")
    return job


def _status(request: web.Request, job: Job) -> dict[str, object]:
    return {**job.status(), "jobs_before": request.app[_JOBS].num_before(job)}
