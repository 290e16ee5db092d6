"""The application: which page answers which address, and what every answer carries."""

import ipaddress
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from judge.errors import ConfigError
from judge.store.annotation_project import Role
from judge.web import auth, coordinator_pages, task_pages
from judge.web.annotation_room import Room
from judge.web.auth import EVERYBODY, Handler, guarded, language_of, note_stranger
from judge.web.pages import STATIC, edition, plain_page

if TYPE_CHECKING:
    from uvicorn import Server


LABELLERS: frozenset[Role] = frozenset({"rater", "reviewer"})
REVIEWERS: frozenset[Role] = frozenset({"reviewer", "coordinator"})
COORDINATORS: frozenset[Role] = frozenset({"coordinator"})

HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'self'; script-src 'self'; "
    "connect-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cache-control": "no-store",
}

KEPT = "private, max-age=31536000, immutable"
"""For script and style: a page whose server dies while it loads is a whole page even so."""


def room_app(room: Room) -> Starlette:
    """Make the application of one room."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None]:
        yield
        if room.asker is not None:
            await room.asker.close()

    app = Starlette(
        routes=[
            *_entering(),
            *_labelling(),
            *_coordinating(),
            *_collecting(),
            Mount("/static", StaticFiles(directory=STATIC)),
        ],
        middleware=[Middleware(Doorkeeper, room=room)],
        exception_handlers={404: _nowhere, 405: _nowhere, 500: _broken},
        lifespan=lifespan,
    )
    app.state.room = room
    return app


def _nowhere(request: Request, _: Exception) -> Response:
    return plain_page("refused.html", language_of(request), status=404, why="nowhere")


def _broken(request: Request, _: Exception) -> Response:
    return plain_page("refused.html", language_of(request), status=500, why="broken")


class Doorkeeper:
    """Answers only to the room's own names, and adds the headers that keep browsers careful."""

    def __init__(self, app: ASGIApp, room: Room) -> None:
        self._app = app
        self._room = room

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def careful(message: Message) -> None:
            if message["type"] == "http.response.start":
                kept = {"cache-control": KEPT} if _is_kept(scope) else {}
                own = [(k.encode(), v.encode()) for k, v in {**HEADERS, **kept}.items()]
                message["headers"] = [*message["headers"], *own]
            await send(message)

        if _host(scope) in self._room.hosts:
            await self._app(scope, receive, careful)
            return
        # A page of another site whose name was made to point here ends at this line.
        await note_stranger(self._room, "host", _host(scope))
        await careful({"type": "http.response.start", "status": 421, "headers": []})
        await careful({"type": "http.response.body", "body": b"unknown host"})


def _is_kept(scope: Scope) -> bool:
    """Tell whether script or style is asked for in the edition that the pages name."""
    return scope["path"].startswith("/static/") and scope["query_string"] == edition().encode()


def _host(scope: Scope) -> str:
    headers = cast("list[tuple[bytes, bytes]]", scope["headers"])
    named = next((value.decode("latin-1") for name, value in headers if name == b"host"), "")
    return named.rpartition(":")[0] if named.rpartition(":")[2].isdigit() else named


def _page(
    path: str,
    handler: Handler,
    roles: frozenset[Role] = EVERYBODY,
    *,
    before_consent: bool = False,
    method: str = "GET",
) -> Route:
    asked = guarded(handler, roles=roles, before_consent=before_consent)
    return Route(path, asked, methods=[method])


_form = partial(_page, method="POST")


def _entering() -> list[Route]:
    return [
        Route("/enter/{token}", auth.show_door),
        Route("/enter/{token}", auth.enter, methods=["POST"]),
        _page("/", auth.go_home, before_consent=True),
        _page("/consent", auth.show_consent, before_consent=True),
        _form("/consent", auth.consent, before_consent=True),
        _form("/language", auth.choose_language, before_consent=True),
        _form("/leave", auth.leave, before_consent=True),
        _form("/elsewhere", auth.elsewhere),
    ]


def _labelling() -> list[Route]:
    return [
        _page("/label", task_pages.show_next, LABELLERS),
        _page("/own", task_pages.show_own, LABELLERS),
        _form("/label/{task}", task_pages.act, LABELLERS),
        _form("/label/{task}/save", task_pages.save, LABELLERS),
        _form("/label/{task}/reopen", task_pages.take_back, LABELLERS),
    ]


def _collecting() -> list[Route]:
    return [
        _page("/attack", task_pages.show_attack, LABELLERS),
        _form("/attack/turn", task_pages.take_turn, LABELLERS),
        _form("/attack/mark", task_pages.mark, LABELLERS),
        _page("/expert", task_pages.show_expert, LABELLERS),
        _form("/expert/ask", task_pages.ask, LABELLERS),
        _form("/expert/keep", task_pages.keep, LABELLERS),
        _page("/review", task_pages.show_review, REVIEWERS),
        _form("/review/{entry}", task_pages.decide, REVIEWERS),
    ]


def _coordinating() -> list[Route]:
    return [
        _page("/progress", coordinator_pages.show_progress, COORDINATORS),
        _page("/log", coordinator_pages.show_log, COORDINATORS),
        _form("/people", coordinator_pages.add_person, COORDINATORS),
        _form("/people/link", coordinator_pages.renew_link, COORDINATORS),
        _form("/people/revoke", coordinator_pages.revoke, COORDINATORS),
        _form("/people/release", coordinator_pages.release_open, COORDINATORS),
    ]


# Serve the room: on the loopback, and beyond it only with TLS or at the user's plain word.


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where the room is served."""

    host: str = "127.0.0.1"
    port: int = 0
    """0 for any free one."""
    certificate: Path | None = None
    key: Path | None = None
    insecure: bool = False
    """Whether the user accepts that others on the network can read along."""

    @property
    def tls(self) -> bool:
        """Whether the room speaks TLS."""
        return self.certificate is not None

    @property
    def names(self) -> frozenset[str]:
        """Names under which browsers may address the room."""
        own = {"127.0.0.1", "localhost", "[::1]"} if _is_loopback(self.host) else set[str]()
        return frozenset({*own, f"[{self.host}]" if ":" in self.host else self.host})

    def url(self, port: int) -> str:
        """Give the address for a browser."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.tls else 'http'}://{host}:{port}"


def checked(address: Address) -> Address:
    """Refuse an address beyond this machine that has neither TLS nor the user's explicit word.

    Raises
    ------
    ConfigError
    """
    if (address.certificate is None) != (address.key is None):
        raise ConfigError("--tls-cert and --tls-key belong together; give both.")
    for path in (address.certificate, address.key):
        if path is not None and not path.is_file():
            raise ConfigError(f"{path}: no such file; name the PEM file.")
    if address.host in {"0.0.0.0", "::", ""}:  # noqa: S104 - refused, not bound
        raise ConfigError(
            f"--host {address.host!r} is no name for a browser; give the one it uses."
        )
    if not (_is_loopback(address.host) or address.tls or address.insecure):
        raise ConfigError(
            f"--host {address.host} is reachable by others: give --tls-cert and --tls-key, "
            "or say --insecure if the network itself is trusted."
        )
    return address


def bound(address: Address) -> socket.socket:
    """Take the port, so that links can be printed before anybody is served.

    Raises
    ------
    ConfigError
        If it cannot be had.
    """
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((address.host, address.port))
        # From here on browsers wait in line instead of being turned away.
        listener.listen(1024)
    except OSError as error:
        listener.close()
        raise ConfigError(
            f"{address.host}:{address.port} cannot be used ({error.strerror}); "
            "choose another with --port."
        ) from error
    return listener


def room_server(room: "Room", address: Address) -> "Server":
    """Make the server of a room; run it with the socket from `bound`."""
    from uvicorn import Config, Server

    return Server(
        Config(
            room_app(room),
            log_level="warning",
            access_log=False,
            server_header=False,
            ssl_certfile=address.certificate,
            ssl_keyfile=address.key,
            timeout_graceful_shutdown=5,
            # The forms are small; nothing here speaks WebSocket.
            ws="none",
        )
    )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
