"""The gate before every page: right host, known person, allowed role, own form, small body."""

import hmac
import inspect
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import cast, get_args
from urllib.parse import parse_qsl, urlsplit

from itsdangerous import BadData, URLSafeTimedSerializer
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from judge.records import Language, Record
from judge.store import raters
from judge.store.annotation_project import Rater, Role
from judge.store.claims import StaleForm
from judge.web.annotation_room import Form, Room, Visit
from judge.web.pages import page, plain_page, see, trouble

Handler = Callable[[Visit], Response] | Callable[[Visit], Awaitable[Response]]
Endpoint = Callable[[Request], Awaitable[Response]]

LONGEST_FORM = 400_000
"""Bytes; an expert's own answer is a few thousand."""

MOST_FIELDS = 200

BAD_LINKS = 30
"""Links that let nobody in, a minute from one address, before it is told to wait."""

COOKIE = "cvalues_room"

LASTS = 12 * 3600
"""Seconds after which a session has to be begun anew by a link."""

EVERYBODY: frozenset[Role] = frozenset({"rater", "coordinator", "reviewer"})


class Session(Record):
    """What the cookie says; nothing in it is secret, and nothing in it can be changed."""

    run: str
    rater: str
    epoch: int
    csrf: str


class FormTooLarge(Exception):  # noqa: N818 - a signal to the endpoint, not an error of ours
    """The body of a request is larger than any form of ours."""


def guarded(
    handler: Handler, *, roles: frozenset[Role] = EVERYBODY, before_consent: bool = False
) -> Endpoint:
    """Put the gate before a page.

    Parameters
    ----------
    handler : callable
        Makes the page from a visit; a plain function runs in a thread, so it may use the store.
    roles : frozenset of Role
        Who may see it.
    before_consent : bool
        Whether it may be seen by somebody who has not read the warning yet.
    """

    async def endpoint(request: Request) -> Response:
        room = cast("Room", request.app.state.room)
        visit = await _visit(request, room)
        if isinstance(visit, Response):
            return visit
        if visit.person.role not in roles:
            return await refused(visit, "role", request.url.path)
        if not before_consent and visit.person.consented_at is None:
            return see("/consent")
        try:
            return await _answered(handler, visit)
        except StaleForm:
            return await refused(visit, "stale", request.url.path)

    return endpoint


def begin_session(secret: str, run: str, rater: Rater) -> str:
    """Write the signed cookie of a new session: who speaks, and the token of their forms."""
    session = Session(run=run, rater=rater.rater, epoch=rater.epoch, csrf=secrets.token_urlsafe(24))
    return str(_signer(secret).dumps(session.model_dump()))


async def read_form(request: Request) -> Form:
    """Read a form; where a field comes twice, the last one counts.

    Raises
    ------
    FormTooLarge
    """
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LONGEST_FORM:
            raise FormTooLarge
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError as error:
        raise FormTooLarge from error
    return {name: text.replace("\r\n", "\n") for name, text in pairs}


async def refused(visit: Visit, why: str, subject: str) -> Response:
    """Refuse a known person, and note it."""
    desk, who = visit.room.desk, visit.person.rater
    await run_in_threadpool(raters.log, desk, who, f"refused.{why}", subject=subject[:200])
    return trouble(visit, why, status=409 if why == "stale" else 403)


async def turned_away(room: Room, why: str, subject: str, *, lang: Language) -> Response:
    """Refuse somebody unknown, and note it."""
    await note_stranger(room, why, subject)
    return plain_page("refused.html", lang, status=403, why=why)


async def note_stranger(room: Room, why: str, subject: str) -> None:
    """Write into the log that somebody unknown was refused; it takes only so many a minute."""
    if room.pace.allows("", "refusals", a_minute=60):
        await run_in_threadpool(
            raters.log, room.desk, "somebody", f"refused.{why}", subject=subject[:200]
        )


def language_of(request: Request) -> Language:
    """Guess the language of somebody unknown from what their browser asks for."""
    return "zh" if request.headers.get("accept-language", "").lower().startswith("zh") else "en"


def same_origin(request: Request) -> bool:
    """Tell whether a form was sent from one of our own pages, as far as the browser says."""
    origin = request.headers.get("origin")
    if origin is None:
        return request.headers.get("sec-fetch-site", "same-origin") == "same-origin"
    return urlsplit(origin).netloc == request.headers.get("host")


def _session(room: Room, cookie: str | None) -> Session | None:
    """Read a cookie; None where it is missing, forged, too old, or for another run."""
    if not cookie:
        return None
    try:
        session = Session.model_validate(_signer(room.secret).loads(cookie, max_age=LASTS))
    except (BadData, ValueError):
        return None
    return session if session.run == room.desk.run.name else None


def _signer(secret: str) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(secret, salt="cvalues.room")


async def _visit(request: Request, room: Room) -> Visit | Response:
    lang, place = language_of(request), request.url.path
    session = _session(room, request.cookies.get(COOKIE))
    if session is None:
        why = "session" if COOKIE in request.cookies else "unknown"
        return await turned_away(room, why, place, lang=lang)
    person = await run_in_threadpool(raters.find_rater, room.desk, session.rater)
    if person is None or person.epoch != session.epoch:
        return await turned_away(room, "session", place, lang=lang)
    visit = Visit(
        room=room,
        person=person,
        csrf=session.csrf,
        place=place,
        path=request.path_params,
        form={},
    )
    form: Form = {}
    if request.method == "POST":
        try:
            form = await read_form(request)
        except FormTooLarge:
            return await refused(visit, "size", place)
        told = form.get("csrf", "").encode()
        if not same_origin(request) or not hmac.compare_digest(told, session.csrf.encode()):
            return await refused(visit, "form", place)
    return replace(visit, form=form)


async def _answered(handler: Handler, visit: Visit) -> Response:
    if inspect.iscoroutinefunction(handler):
        return await cast("Callable[[Visit], Awaitable[Response]]", handler)(visit)
    return await run_in_threadpool(cast("Callable[[Visit], Response]", handler), visit)


# Coming in by a one-time link, agreeing to what is to be read, choosing a language, leaving.


async def show_door(request: Request) -> Response:
    """Show a button: a program that only looks at the link does not use it up."""
    return plain_page("door.html", language_of(request))


async def enter(request: Request) -> Response:
    """Use the link and begin a session."""
    room, lang = cast("Room", request.app.state.room), language_of(request)
    try:
        await read_form(request)
    except FormTooLarge:
        return await turned_away(room, "size", "/enter", lang=lang)
    if not same_origin(request):
        return await turned_away(room, "form", "/enter", lang=lang)
    # A good link lets in whatever others try; bad ones are counted by the address they come from.
    address = request.client.host if request.client else ""
    patient = room.pace.has_room(address, "bad links", a_minute=BAD_LINKS)
    use = partial(raters.use_link, note_refusal=patient)
    person = await run_in_threadpool(use, room.desk, request.path_params["token"])
    if person is None:
        if room.pace.allows(address, "bad links", a_minute=BAD_LINKS):
            return plain_page("refused.html", lang, status=403, why="link")
        refusal = plain_page("refused.html", lang, status=429, why="links")
        refusal.headers["Retry-After"] = "60"
        return refusal
    response = see("/")
    response.set_cookie(
        COOKIE,
        begin_session(room.secret, room.desk.run.name, person),
        max_age=LASTS,
        httponly=True,
        secure=room.tls,
        samesite="strict",
    )
    return response


def go_home(visit: Visit) -> Response:
    """Send each person to the page where they begin."""
    return see(f"/{next(iter(visit.pages), 'consent')}")


def show_consent(visit: Visit) -> Response:
    """Say what is to be read here, and ask."""
    return page(visit, "consent.html")


def consent(visit: Visit) -> Response:
    """Keep that the person agreed."""
    if visit.form.get("agree") == "yes":
        raters.keep_consent(visit.room.desk, visit.person.rater)
    return see("/")


def choose_language(visit: Visit) -> Response:
    """Keep the language of the screens and go back to where the form was."""
    for lang in get_args(Language):
        if visit.form.get("lang") == lang:
            raters.set_language(visit.room.desk, visit.person.rater, lang)
    back = visit.form.get("back", "").removeprefix("/")
    return see(f"/{back}" if back in visit.pages else "/")


def elsewhere(visit: Visit) -> Response:
    """Make a one-time link with which to go on at another machine."""
    token = raters.new_link(visit.room.desk, visit.person.rater, actor=visit.person.rater)
    return page(visit, "link.html", who=visit.person.rater, path=f"/enter/{token}")


def leave(visit: Visit) -> Response:
    """End this session and every other of the person."""
    raters.end_sessions(visit.room.desk, visit.person.rater, actor=visit.person.rater)
    response = plain_page("left.html", visit.lang)
    response.delete_cookie(COOKIE)
    return response
