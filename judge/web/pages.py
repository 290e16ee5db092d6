"""Pages from templates: the template engine escapes every text, nothing is passed as markup.

The room's own words stand in a file for each language; no sentence stands in the code.
"""

import hashlib
import tomllib
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.responses import HTMLResponse, RedirectResponse

from judge.records import Language
from judge.report import quoting
from judge.web.room import Visit

if TYPE_CHECKING:
    from jinja2 import Environment

_FOLDER = Path(__file__).parent
STATIC = _FOLDER / "static"

LONGEST = 60_000
"""Characters of one text that a page shows."""


def page(visit: Visit, name: str, *, status: int = 200, **values: object) -> HTMLResponse:
    """Render a page for a person who is known."""
    shown = {
        "person": visit.person,
        "csrf": visit.csrf,
        "tired": visit.room.pace.minutes_on_end(visit.person.rater),
        "pages": visit.pages,
        "place": visit.place,
        **values,
    }
    return _rendered(name, visit.lang, status=status, values=shown)


def plain_page(name: str, lang: Language, *, status: int = 200, **values: object) -> HTMLResponse:
    """Render a page for somebody who is not known, or not let in."""
    return _rendered(
        name,
        lang,
        status=status,
        values={"person": None, "csrf": "", "tired": None, "place": "", **values},
    )


def trouble(visit: Visit, why: str, *, status: int) -> HTMLResponse:
    """Say to a person who is known what is wrong."""
    return page(visit, "refused.html", status=status, why=why)


def see(place: str) -> RedirectResponse:
    """Send the browser on after a form, so that reloading sends nothing twice."""
    return RedirectResponse(place, status_code=303)


def speaker(lang: Language) -> Callable[..., str]:
    """Give the function that says a text in one language: ``t("label.save")``."""
    return partial(_said, lang)


@lru_cache(maxsize=2)
def strings(lang: Language) -> Mapping[str, Mapping[str, str]]:
    """Read the texts of one language: by section, by name."""
    return tomllib.loads((_FOLDER / f"strings.{lang}.toml").read_text(encoding="utf-8"))


def _said(lang: Language, key: str, **values: object) -> str:
    section, _, name = key.partition(".")
    return strings(lang)[section][name].format_map(values)


def _rendered(name: str, lang: Language, *, status: int, values: dict[str, object]) -> HTMLResponse:
    template = _environment().get_template(name)
    text = template.render(lang=lang, t=speaker(lang), edition=edition(), **values)
    return HTMLResponse(text.encode("utf-8", "backslashreplace"), status_code=status)


@lru_cache(maxsize=1)
def edition() -> str:
    """Name the state of script and style, so that a browser may keep them until they change."""
    told = b"".join((STATIC / name).read_bytes() for name in ("room.css", "room.js"))
    return hashlib.sha256(told).hexdigest()[:12]


@lru_cache(maxsize=1)
def _environment() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["parts"] = quoting.parts  # pyright: ignore[reportArgumentType] - any value may be a global
    environment.globals["folded"] = partial(quoting.folded, longest=LONGEST, lines=40)  # pyright: ignore[reportArgumentType] - as above
    return environment
