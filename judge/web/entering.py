"""Coming in by a one-time link, agreeing to what is to be read, choosing a language, leaving."""

from typing import cast, get_args

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from judge.records import Language
from judge.store import people
from judge.web.gate import (
    COOKIE,
    LASTS,
    FormTooLarge,
    begin_session,
    language_of,
    read_form,
    same_origin,
    turned_away,
)
from judge.web.pages import page, plain_page, see
from judge.web.room import Room, Visit


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
    if not same_origin(request) or not room.pace.allows("", "links", a_minute=120):
        return await turned_away(room, "form", "/enter", lang=lang)
    person = await run_in_threadpool(people.use_link, room.desk, request.path_params["token"])
    if person is None:
        return plain_page("refused.html", lang, status=403, why="link")
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
        people.keep_consent(visit.room.desk, visit.person.rater)
    return see("/")


def choose_language(visit: Visit) -> Response:
    """Keep the language of the screens and go back to where the form was."""
    for lang in get_args(Language):
        if visit.form.get("lang") == lang:
            people.set_language(visit.room.desk, visit.person.rater, lang)
    back = visit.form.get("back", "").removeprefix("/")
    return see(f"/{back}" if back in visit.pages else "/")


def elsewhere(visit: Visit) -> Response:
    """Make a one-time link with which to go on at another machine."""
    token = people.new_link(visit.room.desk, visit.person.rater, actor=visit.person.rater)
    return page(visit, "link.html", who=visit.person.rater, path=f"/enter/{token}")


def leave(visit: Visit) -> Response:
    """End this session and every other of the person."""
    people.end_sessions(visit.room.desk, visit.person.rater, actor=visit.person.rater)
    response = plain_page("left.html", visit.lang)
    response.delete_cookie(COOKIE)
    return response
