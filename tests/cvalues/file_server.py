"""A small HTTP server on the loopback: bytes in whole, or with the faults of a network."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


@dataclass
class Served:
    """What the server has, how it behaves, and what it was asked."""

    files: dict[str, bytes]
    cut_after: int = 0
    """Bytes of a body after which the connection is cut; 0 for never."""
    ranges: bool = True
    etag: str = '"1"'
    redirect: dict[str, str] = field(default_factory=dict[str, str])
    packed: bool = False
    length: bool = True
    asked: list[str] = field(default_factory=list[str])
    """The Range of each request, "" where it had none."""
    address: str = ""


@contextmanager
def serving(files: dict[str, bytes], **behaviour: object) -> Generator[Served]:
    """Serve files by path until the block ends."""
    served = Served(files, **behaviour)  # pyright: ignore[reportArgumentType] - by name

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            _answer(self, served)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's
            del format, args

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _answer(handler: BaseHTTPRequestHandler, served: Served) -> None:
    served.asked.append(handler.headers.get("Range", ""))
    if handler.path in served.redirect:
        handler.send_response(302)
        handler.send_header("Location", served.redirect[handler.path])
        handler.end_headers()
        return
    content = served.files.get(handler.path)
    if content is None:
        handler.send_error(404)
        return
    _send(handler, served, content)


def _send(handler: BaseHTTPRequestHandler, served: Served, content: bytes) -> None:
    start = _start(handler, served)
    if start and start >= len(content):
        handler.send_response(416)
        handler.send_header("Content-Range", f"bytes */{len(content)}")
        handler.end_headers()
        return
    body = content[start:]
    handler.send_response(206 if start else 200)
    if start:
        handler.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
    if served.etag:
        handler.send_header("ETag", served.etag)
    if served.packed:
        handler.send_header("Content-Encoding", "gzip")
    if served.length:
        handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body[: served.cut_after] if served.cut_after else body)


def _start(handler: BaseHTTPRequestHandler, served: Served) -> int:
    asked = handler.headers.get("Range", "")
    stale = handler.headers.get("If-Range", served.etag) != served.etag
    if not asked or not served.ranges or stale:
        return 0
    return int(asked.removeprefix("bytes=").rstrip("-"))
