"""The application: which page answers which address, and what every answer carries."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from typing import cast

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from judge.store.annotation_base import Role
from judge.web import collecting, coordinator, entering, label
from judge.web.gate import EVERYBODY, Handler, guarded, language_of, note_stranger
from judge.web.pages import STATIC, edition, plain_page
from judge.web.room import Room

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
        Route("/enter/{token}", entering.show_door),
        Route("/enter/{token}", entering.enter, methods=["POST"]),
        _page("/", entering.go_home, before_consent=True),
        _page("/consent", entering.show_consent, before_consent=True),
        _form("/consent", entering.consent, before_consent=True),
        _form("/language", entering.choose_language, before_consent=True),
        _form("/leave", entering.leave, before_consent=True),
        _form("/elsewhere", entering.elsewhere),
    ]


def _labelling() -> list[Route]:
    return [
        _page("/label", label.show_next, LABELLERS),
        _page("/own", label.show_own, LABELLERS),
        _form("/label/{task}", label.act, LABELLERS),
        _form("/label/{task}/save", label.save, LABELLERS),
        _form("/label/{task}/reopen", label.take_back, LABELLERS),
    ]


def _collecting() -> list[Route]:
    return [
        _page("/attack", collecting.show_attack, LABELLERS),
        _form("/attack/turn", collecting.take_turn, LABELLERS),
        _form("/attack/mark", collecting.mark, LABELLERS),
        _page("/expert", collecting.show_expert, LABELLERS),
        _form("/expert/ask", collecting.ask, LABELLERS),
        _form("/expert/keep", collecting.keep, LABELLERS),
        _page("/review", collecting.show_review, REVIEWERS),
        _form("/review/{entry}", collecting.decide, REVIEWERS),
    ]


def _coordinating() -> list[Route]:
    return [
        _page("/progress", coordinator.show_progress, COORDINATORS),
        _page("/log", coordinator.show_log, COORDINATORS),
        _form("/people", coordinator.add_person, COORDINATORS),
        _form("/people/link", coordinator.renew_link, COORDINATORS),
        _form("/people/revoke", coordinator.revoke, COORDINATORS),
        _form("/people/release", coordinator.release, COORDINATORS),
    ]
