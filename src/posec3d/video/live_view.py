"""A window on what is seen and recognised: a page in the browser, served on this computer alone."""

import json
import secrets
import threading
import webbrowser
from collections.abc import Sequence
from contextlib import suppress
from html import escape
from http.server import BaseHTTPRequestHandler
from http.server import ThreadingHTTPServer
from types import TracebackType

import cv2
import numpy as np
from jaxtyping import UInt8

# Who does what, and how sure that is, 0 to 1.
Answer = tuple[str, str, float]

_JPEG_QUALITY = 85
_BOUNDARY = "picture"
# A browser that takes nothing for so long has gone.
_PATIENCE_SECONDS = 10.0
_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>%(title)s</title>
<style>
  body { margin: 0; background: #16181b; color: #eee; font: 16px/1.4 system-ui, sans-serif; display: flex;
         flex-wrap: wrap; min-height: 100vh; }
  #picture { flex: 3 1 640px; min-width: 0; max-height: 100vh; object-fit: contain; background: #000; }
  main { flex: 1 1 280px; padding: 1rem 1.5rem; box-sizing: border-box; }
  h1 { font-size: 1rem; font-weight: 600; margin: 0 0 .25rem; overflow-wrap: anywhere; }
  #status { color: #a8adb4; margin: 0 0 1rem; font-variant-numeric: tabular-nums; }
  .who { color: #a8adb4; font-size: .85rem; }
  .action { display: flex; justify-content: space-between; font-size: 1.25rem; }
  .bar { height: 6px; background: #33373d; border-radius: 3px; margin: .25rem 0 1rem; }
  .bar div { height: 100%%; background: #4aa8e0; border-radius: 3px; }
</style>
<img id="picture" src="pictures" alt="what the camera sees">
<main><h1>%(title)s</h1><p id="status"></p><div id="answers" aria-live="polite"></div></main>
<script>
  function row(parent, kind, text) {
    const element = parent.appendChild(document.createElement("div"));
    element.className = kind;
    if (text !== undefined) element.textContent = text;
    return element;
  }
  async function refresh() {
    try {
      const known = await (await fetch("answers", {cache: "no-store"})).json();
      document.getElementById("status").textContent = known.status;
      const answers = document.getElementById("answers");
      answers.replaceChildren();
      for (const [who, action, score] of known.answers) {
        row(answers, "who", who);
        const line = row(answers, "action");
        row(line, "", action);
        row(line, "", Math.round(100 * score) + " %%");
        row(row(answers, "bar"), "").style.width = 100 * score + "%%";
      }
      setTimeout(refresh, 300);
    } catch {
      document.getElementById("status").textContent = "ended";
    }
  }
  refresh();
</script>
</html>
"""


class LiveView:
    """A page that shows the latest picture and answers to whoever opens `url`, until it is closed.

    Each browser is served by a thread of its own, and gets the newest picture when it has taken the one before: slow
    ones see fewer. The address is secret, as other people and web pages on this computer might look at the camera.
    """

    def __init__(self, title: str) -> None:
        self._page = (_PAGE % {"title": escape(title)}).encode()
        self._changed = threading.Condition()
        self._picture: UInt8[np.ndarray, "H W 3"] | None = None
        self._jpeg: bytes | None = None
        self._number = 0
        self._known: dict[str, object] = {"status": "", "answers": []}
        self._num_watching = 0
        self._closed = False
        self._root = f"/{secrets.token_urlsafe(12)}/"
        view = self

        class Handler(BaseHTTPRequestHandler):
            timeout = _PATIENCE_SECONDS

            def do_GET(self) -> None:
                with suppress(OSError):  # the browser has gone
                    view._answer(self, self.path)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}{self._root}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), name="live view", daemon=True)
        self._thread.start()

    @property
    def is_watched(self) -> bool:
        """Whether any browser shows the pictures."""
        return self._num_watching > 0

    def __enter__(self) -> "LiveView":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def show(self, picture: UInt8[np.ndarray, "H W 3"]) -> None:
        """Make this the latest picture (RGB). It is encoded by the threads of browsers, thus must not change."""
        with self._changed:
            self._picture, self._jpeg = picture, None
            self._number += 1
            self._changed.notify_all()

    def tell(self, answers: Sequence[Answer], status: str = "") -> None:
        """Make these the current answers, and `status` a line about how it goes."""
        self._known = {"status": status, "answers": list(answers)}

    def close(self) -> None:
        """End the page: browsers keep the last picture."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _answer(self, request: BaseHTTPRequestHandler, path: str) -> None:
        if path == self._root:
            _send(request, "text/html; charset=utf-8", self._page)
        elif path == f"{self._root}answers":
            _send(request, "application/json", json.dumps(self._known).encode())
        elif path == f"{self._root}pictures":
            self._send_pictures(request)
        else:
            request.send_error(404)

    def _send_pictures(self, request: BaseHTTPRequestHandler) -> None:
        _send_head(request, f"multipart/x-mixed-replace; boundary={_BOUNDARY}")
        request.wfile.write(f"--{_BOUNDARY}\r\n".encode())
        with self._changed:
            self._num_watching += 1
        try:
            number = 0
            while (latest := self._wait_for_another(number)) is not None:
                number, jpeg = latest
                head = f"Content-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                # The boundary at once: only then browsers know that the picture is whole.
                request.wfile.write(head.encode() + jpeg + f"\r\n--{_BOUNDARY}\r\n".encode())
        finally:
            with self._changed:
                self._num_watching -= 1

    def _wait_for_another(self, number: int) -> tuple[int, bytes] | None:
        """Return number and JPEG of the first picture after that `number`; None when the view is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._number > number or self._closed)
            picture, jpeg, number = self._picture, self._jpeg, self._number
            if self._closed or picture is None:
                return None
        if jpeg is None:
            jpeg = _encoded(picture)
            with self._changed:
                if self._number == number:
                    self._jpeg = jpeg
        return number, jpeg


def open_in_browser(url: str) -> None:
    """Open the address in a browser with windows, if there is one; one that fills the terminal is left alone."""
    with suppress(webbrowser.Error):
        browser = webbrowser.get()
        in_terminal = isinstance(browser, webbrowser.GenericBrowser) and not isinstance(
            browser, webbrowser.BackgroundBrowser
        )
        if not in_terminal:
            # Some wait until the browser is closed again.
            threading.Thread(target=browser.open, args=(url,), name="browser", daemon=True).start()


def _encoded(picture: UInt8[np.ndarray, "H W 3"]) -> bytes:
    blue_first = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    return bytes(cv2.imencode(".jpg", blue_first, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])[1])


def _send(request: BaseHTTPRequestHandler, kind: str, content: bytes) -> None:
    _send_head(request, kind, len(content))
    request.wfile.write(content)


def _send_head(request: BaseHTTPRequestHandler, kind: str, length: int | None = None) -> None:
    request.send_response(200)
    request.send_header("Content-Type", kind)
    request.send_header("Cache-Control", "no-store")
    if length is not None:
        request.send_header("Content-Length", str(length))
    request.end_headers()
