"""What the body of an error says: the provider's own code, parameter, message and wait.

Providers write errors in many shapes, and some repeat the request in them. Only members that are
known to be the provider's own are read, and what the request itself held is taken out of every
sentence, so that neither the judged text nor a key can decide or reach anything. The words of
providers for filters, finish reasons and refused settings are in `provider_words.toml`.
"""

import html
import json
import re
import tomllib
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib.resources import files
from typing import cast

from judge.records import Rung

# The words of providers, read once from the table beside this file.

_BETWEEN = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterWord:
    """How one provider says that its content filter stopped a call; all given fields must hold."""

    provider: str
    source: str
    code: str = ""
    code_part: str = ""
    message: str = ""
    status: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderWords:
    """The whole table; every word is squashed, see `squash`."""

    filters: tuple[FilterWord, ...]
    words: Mapping[str, tuple[str, ...]]
    """By the class of an error."""
    rungs: Mapping[Rung, tuple[str, ...]]
    finish: Mapping[str, str]
    """From a squashed finish reason to one of ours."""
    thought_tags: tuple[tuple[str, str], ...]
    channels: tuple[str, ...]
    channel_start: tuple[str, ...]
    end_tokens: tuple[str, ...]


def squash(text: str) -> str:
    """Leave letters and digits only, in one width and without case, to compare words of providers.

    Examples
    --------
    >>> squash("Content_Filter "), squash("content-filter")
    ('contentfilter', 'contentfilter')
    """
    return _BETWEEN.sub("", unicodedata.normalize("NFKC", text).casefold())


@cache
def provider_words() -> ProviderWords:
    """Read the table, once."""
    source = files("judge.models").joinpath("provider_words.toml").read_text(encoding="utf-8")
    table = tomllib.loads(source)
    return ProviderWords(
        filters=tuple(_filter_word(entry) for entry in table["filter"]),
        words={name: _squashed(words) for name, words in table["words"].items()},
        rungs={name: _squashed(words) for name, words in table["rungs"].items()},
        finish={
            squash(word): meaning for meaning, words in table["finish"].items() for word in words
        },
        thought_tags=tuple((opening, closing) for opening, closing in table["thoughts"]["tags"]),
        channels=tuple(table["thoughts"]["channels"]),
        channel_start=tuple(table["thoughts"]["channel_start"]),
        end_tokens=tuple(table["thoughts"]["end_tokens"]),
    )


def _filter_word(entry: Mapping[str, str | int]) -> FilterWord:
    return FilterWord(
        provider=str(entry["provider"]),
        source=str(entry["source"]),
        code=squash(str(entry.get("code", ""))),
        code_part=squash(str(entry.get("code_part", ""))),
        message=squash(str(entry.get("message", ""))),
        status=int(entry.get("status", 0)),
    )


def _squashed(words: list[str]) -> tuple[str, ...]:
    return tuple(map(squash, words))


READ_AT_MOST = 4096
"""Characters of a message that are read."""

SHOWN_AT_MOST = 200
"""Characters of a message that are shown."""

MATERIAL_SPAN = 12
INSTRUCTION_SPAN = 24
"""Letters and digits in a row that a message shares with the user's message, or with the system
message, from which on they are an echo. The instructions are ours, and a provider's own words
("JSON schema") may stand in them."""

CODE_MEMBERS = ("code", "type", "reason", "error_code", "status_code", "status", "errcode", "Code")
MESSAGE_MEMBERS = (
    "message", "msg", "error_msg", "status_msg", "error_description", "detail", "Message", "errmsg",
    "faultstring",
)  # fmt: skip
INNER_MEMBERS = (
    "error", "errors", "detail", "innererror", "metadata", "base_resp", "Response", "Error",
    "ResponseMetadata", "header", "fault", "details", "err",
)  # fmt: skip
"""Members that hold an error within the error. Others (``input``, ``request``, ...) are echoes."""

MAX_DEPTH = 5

_ESCAPE = re.compile(r"\\+(?:u(?P<code>[0-9a-fA-F]{4})|[nrtbf\"'/])")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
_SECRET = re.compile(
    r"\b(?:sk|pk|rk|gsk|xai|hf|key|ak|AIza)[-_][\w*.\-]{6,}|(?<=Bearer )\S+|\bAIza\S{8,}"
    r"|(?=[\w\-]*\d)(?=[\w\-]*[A-Za-z])[\w\-]{24,}"
)
_WAIT = re.compile(
    r"(?:again|retry|wait|reset)\D{0,24}"
    r"(?:(?P<hours>\d+)h)?\s*(?:(?P<minutes>\d+)m(?!s)(?:in(?:ute)?s?)?)?\s*"
    r"(?:(?P<amount>\d+(?:\.\d+)?)\s*(?P<unit>ms|s))?",
    re.IGNORECASE,
)


@dataclass(frozen=True, kw_only=True)
class ProviderError:
    """The body of an error, read; all texts are without what the request held."""

    codes: tuple[str, ...] = ()
    """Codes, types and reasons as they came, outermost first."""
    param: str = ""
    """The parameter that the provider names."""
    message: str = ""
    wait: float | None = None
    """Seconds that the body asks to wait."""
    status: int | None = None
    """An HTTP status that the body itself names."""
    structured: bool = False
    """Whether the body was JSON of a known shape."""

    @property
    def words(self) -> str:
        """All that the provider said, squashed, for the comparison with the table of words."""
        return squash(" ".join((*self.codes, self.message)))

    def shown(self, secrets: Sequence[str] = ()) -> str:
        """Write code, parameter and message for a person: one short line without secrets."""
        code = next((code for code in self.codes if not code.isdigit()), "")
        parts = [code, self.param and f"param {self.param}", self.message]
        line = ": ".join(filter(None, (", ".join(filter(None, parts[:2])), parts[2])))
        for secret in secrets:
            line = line.replace(secret, "[key]")
        line = _SECRET.sub("[…]", " ".join(_CONTROL.sub(" ", line).split()))
        return line if len(line) <= SHOWN_AT_MOST else f"{line[:SHOWN_AT_MOST]}…"


@dataclass(frozen=True, kw_only=True)
class Sent:
    """The texts of a request, against which an echo is recognised."""

    material: str = ""
    """What a data set or a model wrote."""
    instructions: str = ""
    settings: tuple[str, ...] = ("max_tokens", "temperature", "seed")
    """Names of the settings that were sent and could be left out or renamed."""


@dataclass
class _Found:
    codes: list[str] = field(default_factory=list[str])
    messages: list[str] = field(default_factory=list[str])
    params: list[str] = field(default_factory=list[str])
    wait: float | None = None


def read_error(body: bytes | str, sent: Sent | None = None) -> ProviderError:
    """Read the body of an error.

    Parameters
    ----------
    body : bytes or str
        JSON of any provider's shape, or any text.
    sent : Sent or None
        What the request held.
    """
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else body
    decoded = _decoded(text)
    return error_in(decoded if decoded is not None else text, sent)


def error_in(value: object, sent: Sent | None = None) -> ProviderError:
    """Read an error that was decoded before, such as one within a reply of status 200."""
    sent = sent or Sent()
    if isinstance(value, str):
        message = without_echo(value[:READ_AT_MOST], sent)
        return ProviderError(message=message, wait=_wait_in(message))
    found = _Found()
    _collect(value, found, sent, depth=0)
    message = " ".join(dict.fromkeys(found.messages))[:READ_AT_MOST]
    return ProviderError(
        codes=tuple(dict.fromkeys(found.codes)),
        param=next(iter(found.params), ""),
        message=message,
        wait=found.wait if found.wait is not None else _wait_in(message),
        status=next((int(c) for c in found.codes if _is_status(c)), None),
        structured=bool(found.codes or found.messages),
    )


def _is_status(code: str) -> bool:
    return code.isascii() and code.isdigit() and len(code) == 3 and "400" <= code <= "599"


def _decoded(text: str) -> object | None:
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict | list) else None  # pyright: ignore[reportUnknownVariableType] - any JSON


def _collect(value: object, found: _Found, sent: Sent, *, depth: int) -> None:
    if isinstance(value, list) and depth <= MAX_DEPTH:
        for member in cast("list[object]", value)[:8]:
            _collect(member, found, sent, depth=depth + 1)
    elif isinstance(value, dict) and depth <= MAX_DEPTH:
        _collect_members(cast("Mapping[str, object]", value), found, sent, depth=depth)


def _collect_members(
    members: Mapping[str, object], found: _Found, sent: Sent, *, depth: int
) -> None:
    _read_codes(members, found)
    _read_details(members, found)
    # OpenRouter keeps the provider's own body as text, under ``raw``.
    for name in (*MESSAGE_MEMBERS, *INNER_MEMBERS, "raw"):
        value = members.get(name)
        if isinstance(value, str):
            _add_message(value, found, sent, depth=depth)
        elif name in INNER_MEMBERS:
            _collect(value, found, sent, depth=depth + 1)


def _read_codes(members: Mapping[str, object], found: _Found) -> None:
    for name in CODE_MEMBERS:
        code = members.get(name)
        if isinstance(code, str | int) and not isinstance(code, bool) and code not in ("", 0):
            found.codes.append(str(code)[:80])
    if isinstance(members.get("reasons"), list) or "flagged_input" in members:
        found.codes.append("moderation")
    param = members.get("param")
    if isinstance(param, str) and param:
        found.params.append(param[:80])
    where = members.get("loc")
    if isinstance(where, list):
        # FastAPI: ["body", "response_format"].
        found.params += [str(part)[:80] for part in cast("list[object]", where)[1:2]]


def _read_details(members: Mapping[str, object], found: _Found) -> None:
    """Read waits that have a member of their own: Google's RetryInfo, Hugging Face's estimate."""
    told = members.get("retryDelay", members.get("estimated_time", members.get("retry_after")))
    if isinstance(told, str) and re.fullmatch(r"\d+(\.\d+)?s?", told):
        told = float(told.rstrip("s"))
    if isinstance(told, int | float) and not isinstance(told, bool) and 0.0 <= told < 1e9:
        found.wait = float(told)


def _add_message(value: str, found: _Found, sent: Sent, *, depth: int) -> None:
    message = without_echo(value[:READ_AT_MOST], sent)
    inner = _decoded(message) if message.lstrip().startswith(("{", "[")) else None
    if inner is None and message.strip():
        found.messages.append(message)
    elif inner is not None:
        # Gateways pass a provider's body on as text.
        _collect(inner, found, sent, depth=depth + 1)


def _wait_in(message: str) -> float | None:
    for match in _WAIT.finditer(message):
        hours, minutes, amount, unit = match.group("hours", "minutes", "amount", "unit")
        if hours or minutes or amount:
            seconds = float(amount or 0.0) / (1000.0 if (unit or "").lower() == "ms" else 1.0)
            return int(hours or 0) * 3600.0 + int(minutes or 0) * 60.0 + seconds
    return None


def without_echo(message: str, sent: Sent) -> str:
    """Take what the request held out of a provider's sentence.

    Marks, blanks, width, case and escapes are not compared, since an echo is often quoted as JSON
    within JSON.
    """
    plain = _unescaped(message)
    places = [(place, part) for place, mark in enumerate(plain) for part in squash(mark)]
    squashed = "".join(part for _, part in places)
    cut = set[int]()
    for texts, span in ((sent.material, MATERIAL_SPAN), (sent.instructions, INSTRUCTION_SPAN)):
        for start, end in _shared(squashed, _squashed_request(texts), span):
            cut.update(range(places[start][0], places[end - 1][0] + 1))
    if not cut:
        return message
    kept = ("" if place in cut else mark for place, mark in enumerate(plain))
    return " ".join("".join(kept).split())


def _shared(text: str, other: str, span: int) -> Iterator[tuple[int, int]]:
    """Find the stretches of a text, at least ``span`` long, that stand in another."""
    start = 0
    while other and start + span <= len(text):
        if text[start : start + span] not in other:
            start += 1
            continue
        end = start + span
        while end < len(text) and text[start : end + 1] in other:
            end += 1
        yield start, end
        start = end


@lru_cache(maxsize=64)
def _squashed_request(text: str) -> str:
    return squash(_unescaped(text))


def _unescaped(text: str) -> str:
    plain = _ESCAPE.sub(_character, html.unescape(text))
    # Escapes of one character outside the first plane come as two halves.
    return plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _character(match: re.Match[str]) -> str:
    return chr(int(match["code"], 16)) if match["code"] else " "
