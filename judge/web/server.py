"""The application: the pages of the coordinator, and what every answer carries."""

import ipaddress
import socket
from collections import Counter
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
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

from judge.errors import ConfigError, StoreError
from judge.records import Language
from judge.store import claims, collected_entries, raters
from judge.store.annotation_project import (
    Entry,
    EntryState,
    Event,
    Rater,
    Role,
    Study,
    release,
    task_states,
)
from judge.web import auth, task_pages
from judge.web.annotation_room import Room, Topic, Visit
from judge.web.auth import EVERYBODY, Handler, guarded, language_of, note_stranger
from judge.web.labels import agreement
from judge.web.pages import STATIC, edition, page, plain_page, see, titles, trouble
from judge.web.texts import speaker, strings

if TYPE_CHECKING:
    from uvicorn import Server

# The coordinator's pages: how far everybody is, how far they agree, who may enter, the log.

STATES: tuple[EntryState, ...] = ("draft", "submitted", "accepted", "rejected")

Counts = Mapping[EntryState, int]
"""Pieces of collected material by where they stand."""


@dataclass(frozen=True, kw_only=True)
class Collected:
    """How far a collection is: all of it, by person, and by scenario or field."""

    all: Counts
    people: Mapping[str, Counts]
    topics: tuple[tuple[Topic, Counts], ...]
    """Those of which there is something, in the order of the room."""


def show_progress(visit: Visit) -> Response:
    """Show counts, agreement and people."""
    room, desk = visit.room, visit.room.desk
    found = collected_entries.entries(desk)
    return page(
        visit,
        "progress.html",
        people=raters.progress(desk),
        labels=bool(room.rubrics),
        tasks=task_states(desk, per_item=room.study.per_item),
        collected=_collected(found, room.topics) if found or room.asker else None,
        states=STATES,
        study=room.study,
        agreed=agreement(claims.submitted(desk), room.rubrics.values()),
        titles=titles(room, visit.lang),
        run=desk.run.name,
    )


def _collected(entries: tuple[Entry, ...], topics: tuple[Topic, ...]) -> Collected:
    people = {each.author: _counts(entries, author=each.author) for each in entries}
    by_topic = ((topic, _counts(entries, group=topic.key)) for topic in topics)
    return Collected(
        all=_counts(entries),
        people=people,
        topics=tuple((topic, counts) for topic, counts in by_topic if any(counts.values())),
    )


def _counts(
    entries: tuple[Entry, ...], *, author: str | None = None, group: str | None = None
) -> Counts:
    counted = Counter(
        each.state
        for each in entries
        if author in {None, each.author} and group in {None, each.material.group}
    )
    return {state: counted[state] for state in STATES}


def add_person(visit: Visit) -> Response:
    """Make an account, and show its link once."""
    name = visit.form.get("name", "").strip()
    role = _role(visit.form.get("role"))
    if not name.isprintable() or not 1 <= len(name) <= 40:
        return trouble(visit, "name", status=422)
    lang = "en" if visit.form.get("lang") == "en" else "zh"
    try:
        raters.add_rater(
            visit.room.desk, Rater(rater=name, role=role, lang=lang), actor=visit.person.rater
        )
    except StoreError:
        return trouble(visit, "name", status=422)
    return _new_link(visit, name)


def renew_link(visit: Visit) -> Response:
    """Make a further one-time link for a person."""
    return _new_link(visit, visit.form.get("name", ""))


def revoke(visit: Visit) -> Response:
    """End all sessions of a person and void their links."""
    raters.end_sessions(visit.room.desk, visit.form.get("name", ""), actor=visit.person.rater)
    return see("/progress")


def release_open(visit: Visit) -> Response:
    """Hand the open tasks of a person to others."""
    release(visit.room.desk, visit.form.get("name", ""), actor=visit.person.rater)
    return see("/progress")


def _role(said: str | None) -> Role:
    return "coordinator" if said == "coordinator" else "reviewer" if said == "reviewer" else "rater"


def _new_link(visit: Visit, name: str) -> Response:
    try:
        token = raters.new_link(visit.room.desk, name, actor=visit.person.rater)
    except StoreError:
        return trouble(visit, "name", status=422)
    return page(visit, "link.html", who=name, path=f"/enter/{token}")


# The audit log in words: the store keeps the names of events, the page says what happened.


@dataclass(frozen=True, kw_only=True)
class Line:
    """One event as a person reads it."""

    at: str
    """ISO 8601 with its offset; the browser writes it in its own time zone."""
    shown: str
    """The same in UTC, for a page without script."""
    who: str
    what: str
    on: str
    detail: str


def show_log(visit: Visit) -> Response:
    """Show the newest lines of the audit log."""
    desk = visit.room.desk
    events = raters.events(desk)
    places = {
        (claim.rater, claim.task.task): claim.place
        for rater in {event.actor for event in events if event.action.startswith("task.")}
        for claim in claims.own_claims(desk, rater)
    }
    lines = [_line(event, places, visit.lang, labels=bool(visit.room.rubrics)) for event in events]
    return page(visit, "log.html", lines=lines)


def _line(
    event: Event, places: Mapping[tuple[str, str], int], lang: Language, *, labels: bool
) -> Line:
    say, known = speaker(lang), strings(lang)["event"]
    at = datetime.fromisoformat(event.at)
    place = places.get((event.actor, event.subject))
    actor = f"actor_{event.actor}"
    return Line(
        at=event.at,
        shown=f"{at:%Y-%m-%d %H:%M} UTC",
        who=known.get(actor, event.actor),
        what=known.get(event.action, event.action),
        on=event.subject if place is None else say("event.task", place=place),
        detail=_detail(event, lang, labels=labels),
    )


def _detail(event: Event, lang: Language, *, labels: bool) -> str:
    """Write the detail of an event; roles, counts and the set-up of a study in words."""
    say = speaker(lang)
    if event.action == "rater.added":
        return strings(lang)["progress"].get(event.detail, event.detail)
    if event.action in {"tasks.drawn", "tasks.released"}:
        return say("event.tasks", count=event.detail)
    if event.action == "study.begun":
        if not labels:
            return ""
        study = Study.model_validate_json(event.detail)
        drawn = strings(lang)["progress"].get(f"design_{study.design}", study.design)
        return say("event.study", per_item=study.per_item, drawn=drawn)
    return strings(lang)["event"].get(f"detail_{event.detail}", event.detail)


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
        _page("/progress", show_progress, COORDINATORS),
        _page("/log", show_log, COORDINATORS),
        _form("/people", add_person, COORDINATORS),
        _form("/people/link", renew_link, COORDINATORS),
        _form("/people/revoke", revoke, COORDINATORS),
        _form("/people/release", release_open, COORDINATORS),
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
