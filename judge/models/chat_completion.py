"""Read a chat completion: only what the verdict needs is asked for, all else counts as not told.

Servers differ in every member of the envelope. A reply that holds the model's words is read
whatever surrounds them; what could be two verdicts is marked, and nothing is taken from thoughts.
A body that was cut or empty may come right next time; one that arrived whole and is something else,
such as a login page, comes again as it is, and costs one call.
"""

import json
import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Final, NamedTuple, TypedDict, cast

from pydantic_core import from_json

from judge.errors import (
    AddressRejected,
    ConnectionFailed,
    ModelError,
    ReplyMalformed,
    ReplyTooLarge,
    RequestRejected,
)
from judge.models.base import Question, Reply, Thoughts, Token, provenance_of
from judge.models.http_errors import fault_within, name_statement
from judge.models.provider_error import Sent, error_in, provider_words, squash
from judge.records import Provenance, Usage, replaced

MOST_TOKENS = 10**9
"""A count above this is none; a database takes no more than 64 bits."""

TEXT_PARTS = frozenset({"text", "output_text"})
"""Types of the parts of a message that are its text; others are thoughts, images and the like."""

THOUGHT_MEMBERS = ("reasoning_content", "reasoning", "thinking", "reasoning_details")
"""Members of a message in which servers keep thoughts apart; no verdict is read from them."""

GATEWAY_MODEL = "x-litellm-model-name"
"""Header in which a gateway names the model behind an alias."""

GATEWAY_PROVENANCE = "llm_provider-x-provenance"
"""Header in which a gateway passes on the stamp of this project's simulator."""

ERROR_MEMBERS = ("error", "errors", "detail", "base_resp", "error_code", "code", "Response")
"""Members of a body without choices that may hold an error."""

CUT = "the reply was empty, or was cut"

WEB_PAGE = (
    "a web page is served at the address, no chat completions: a login or proxy page, or the base "
    "URL is not the API's root, like http://host:port/v1"
)

UNPACKED_CAP = 2 * 1024 * 1024
"""Bytes to which a compressed reply may unpack."""

Members = Mapping[str, object]


class Words(NamedTuple):
    """What a message says."""

    text: str | None
    """The content, or the arguments of the one tool call that was asked for."""
    tool_calls: int = 0
    contradiction: bool = False
    """Whether something else could be the verdict too: a tool call that nobody asked for."""
    thoughts: Thoughts = None


def read_completion(
    content: bytes,
    asked: Question | None = None,
    *,
    headers: Mapping[str, str] | None = None,
    sent: Callable[[], Sent] | None = None,
    secrets: tuple[str, ...] = (),
) -> Reply:
    """Read the body of a chat completion.

    Parameters
    ----------
    content : bytes
        JSON, perhaps with blanks or a byte order mark before it; or the events of a stream; each
        perhaps compressed, whatever the headers say.
    asked : Question or None
        What was asked, which says whether a tool was offered; None for free text.
    headers : mapping of str to str, or None
        Headers of the reply.
    sent : callable, or None
        Gives what the request held, for an error within the reply.
    secrets : tuple of str
        Keys. A reply that repeats one has leaked it, and its text is dropped.

    Raises
    ------
    ConnectionFailed
        If nothing came, or not all of it: it may come right next time.
    AddressRejected
        If it arrived whole and is something else, such as a web page.
    ReplyMalformed
        If it is a completion whose content is neither a text nor parts of one.
    ModelError
        If it holds an error in place of a reply.
    """
    rung = asked.rung if asked else "prompt"
    decoded = _decoded(_unpacked(content))
    body = _unwrapped(_members(decoded))
    choices = _choices(body)
    error = error_in_place(body, choices)
    if error is not None:
        said = sent() if sent else None
        raise fault_within(error_in(error, said), rung=rung, sent=said, secrets=secrets)
    if choices is None:
        page = _web_page(decoded, headers or {})
        said = sent() if sent and page is None else None
        raise page or name_statement(error_in(decoded, said), rung=rung, sent=said, secrets=secrets)
    served = _served_model(body, headers or {}, secrets)
    around = _Around(
        served_model=served,
        usage=usage_of(_members(body.get("usage"))),
        provenance=_provenance(body, served, headers or {}),
    )
    if choices:
        return _read_choices(choices, asked, secrets=secrets, around=around)
    finish = "content_filter" if _prompt_was_filtered(body) else None
    return Reply(text=None, finish_reason=finish, **around)


_WRAPPERS: Final = ("data", "result", "output", "response")
"""Members that hold the completion in a gateway's frame, such as `{"code": 0, "data": ...}`."""


def _unwrapped(body: Members) -> Members:
    """Give the completion within a gateway's frame, where that reports no error."""
    if "choices" in body or error_in_place(body) is not None:
        return body
    inner = [_members(body.get(name)) for name in _WRAPPERS]
    return next((each for each in inner if _list(each.get("choices"))), body)


def _choices(body: Members) -> list[object] | None:
    """List the choices; None for a body that is no completion in any protocol's form."""
    found = body.get("choices")
    if isinstance(found, list):
        return cast("list[object]", found)
    if isinstance(found, dict):
        one = cast("Members", found)
        return [one] if {"message", "text", "delta"} & set(one) else list(one.values())
    if found is None and error_in_place(body) is None:
        choice = _foreign_choice(body)
        named = str(body.get("object")).startswith("chat.completion")
        return [choice] if choice else ([] if "choices" in body or named else None)
    return None


def _foreign_choice(body: Members) -> Members | None:
    """Give the reply of another protocol as a choice: a gateway may pass it on as it came.

    Ollama and Cohere have a message, Anthropic and llama.cpp a content, Google candidates, OpenAI's
    Responses an output, text generation servers a text.
    """
    candidate = _members((_list(body.get("candidates")) or [None])[0])
    output = [_members(item) for item in _list(body.get("output")) or []]
    said = [item for item in output if item.get("type") == "message"]
    message = next(
        (
            each
            for each in (_members(body.get("message")), body, *said[-1:])
            if isinstance(each.get("content"), str | list)
        ),
        None,
    )
    parts = _list(_members(candidate.get("content")).get("parts"))
    texts = (body.get(name) for name in ("generated_text", "output_text", "response", "text"))
    text = next((each for each in texts if isinstance(each, str)), None)
    if message is None and parts is None and text is None:
        return None
    reason = candidate.get("finishReason") or body.get("stop_reason") or body.get("done_reason")
    return {"message": message or {"content": parts or text}, "finish_reason": reason}


def _web_page(decoded: object, headers: Mapping[str, str]) -> ModelError | None:
    """Name a body of a good status that no server of models writes."""
    text = decoded.lstrip()[:1000].lower() if isinstance(decoded, str) else ""
    if "<html" in text or text.startswith("<!doctype"):
        return AddressRejected(WEB_PAGE)
    packing = headers.get("Content-Encoding", "identity")
    if packing != "identity" and not text.isprintable():
        return RequestRejected(f"the reply is packed as {packing[:20]!r}, though asked for plain")
    return None


NO_USAGE = Usage()
NO_REPLY = Reply(text=None)


class _Around(TypedDict):
    """What is read beside the choices."""

    served_model: str | None
    usage: Usage
    provenance: Provenance


def _read_choices(
    choices: Sequence[object],
    asked: Question | None,
    *,
    secrets: tuple[str, ...],
    around: _Around,
) -> Reply:
    """Read the first choice, and whether another says something else."""
    first = choices[0]
    choice = _members({"message": first} if isinstance(first, str) else first)
    message = _message(choice)
    if message is None:
        raise ConnectionFailed(CUT)
    words = read_message(message, asked)
    leaked = holds_secret(words.text, secrets)
    # Every value was checked as it was read; a validation would cost as much as the reading.
    return replaced(
        NO_REPLY,
        text=None if leaked else words.text,
        tokens=read_tokens(choice.get("logprobs")) if asked and asked.logprobs else None,
        tool_calls=words.tool_calls,
        contradiction=words.contradiction or _differ(choices, asked),
        thoughts=words.thoughts,
        leaked=leaked,
        finish_reason=finish_of(choice.get("finish_reason")),
        refusal=_text(message.get("refusal")) or None,
        **around,
    )


def _message(choice: Members) -> Members | None:
    """Give the message of a choice, also where it is plain text or the end of a stream.

    None for a part of a stream, whose rest is missing. A choice that says nothing is an empty one.
    """
    message, text = choice.get("message"), choice.get("text")
    if isinstance(message, dict):
        return cast("Members", message)
    if isinstance(choice.get("delta"), dict):
        return _members(choice["delta"]) if choice.get("finish_reason") else None
    return {"content": next((each for each in (message, text) if isinstance(each, str)), None)}


def read_message(message: Members, asked: Question | None) -> Words:
    """Read one message.

    A tool call counts only where the question offered that tool: a server that finds calls in
    text would else let a quotation answer in the judge's place.
    """
    content, parts_of_thought = _content(message.get("content"))
    calls = _tool_calls(message)
    if not calls or asked is None or asked.reply_schema is None:
        text, thoughts = without_thoughts(content)
        apart = parts_of_thought or any(message.get(name) for name in THOUGHT_MEMBERS)
        return Words(text, len(calls), thoughts=thoughts or ("apart" if apart else None))
    offered = str(asked.reply_schema.get("title", "Reply")) if asked.rung == "tools" else None
    name, arguments = calls[0]
    if len(calls) > 1 or offered is None or name not in (None, offered):
        return Words(None, len(calls), contradiction=True)
    return Words(arguments or content, 1)


def _content(content: object) -> tuple[str | None, bool]:
    """Read the content: a text, its parts, or an object; and whether some parts were thoughts."""
    if content is None or isinstance(content, str):
        return _text(content), False
    if isinstance(content, dict) and "text" not in content:
        return json.dumps(content, ensure_ascii=False), False
    whole = cast("object", content)
    parts = _list(whole) or [whole]
    if not all(isinstance(part, dict | str) for part in parts):
        raise ReplyMalformed("the content of the reply is neither a text nor parts of one")
    said = [part for part in parts if isinstance(part, str) or _is_text(_members(part))]
    texts = [_text(part if isinstance(part, str) else _members(part).get("text")) for part in said]
    return "".join(filter(None, texts)) if said else None, len(said) < len(parts)


def _is_text(part: Members) -> bool:
    is_text = part.get("type", "text") in TEXT_PARTS and isinstance(part.get("text"), str)
    return is_text and part.get("thought") is not True  # Google's mark of a thought


def _tool_calls(message: Members) -> list[tuple[str | None, str | None]]:
    """List the names and arguments of the calls."""
    found = message.get("tool_calls") or message.get("function_call")
    calls = [_members(call) for call in (_list(found) or [found])]
    functions = [_members(call.get("function", call)) for call in calls if call]
    return [(_text(each.get("name")) or None, _arguments(each)) for each in functions]


def _arguments(function: Members) -> str | None:
    arguments = function.get("arguments")
    if isinstance(arguments, dict):
        return json.dumps(arguments, ensure_ascii=False)
    return _text(arguments)


def read_tokens(logprobs: object) -> tuple[Token, ...] | None:
    """Read the tokens of a choice with their alternatives; None where a part is malformed.

    Parameters
    ----------
    logprobs : object
        The choice's member of that name, as it came.
    """
    listed = _list(_members(logprobs).get("content"))
    tokens = [_token(_members(each)) for each in listed or ()]
    whole = tuple(token for token in tokens if token is not None)
    return whole if whole and len(whole) == len(tokens) else None


def _token(given: Members) -> Token | None:
    text, own = given.get("token"), given.get("logprob")
    if not isinstance(text, str) or not isinstance(own, int | float):
        return None
    others = [_members(each) for each in _list(given.get("top_logprobs")) or ()]
    listed = {each.get("token"): each.get("logprob") for each in others}
    alternatives = {
        name: float(value)
        for name, value in {text: own, **listed}.items()
        if isinstance(name, str) and isinstance(value, int | float)
    }
    return Token(_token_bytes(text, given.get("bytes")), alternatives)


def _token_bytes(text: str, given: object) -> bytes:
    """Give what a token stands for: a part of a character has no text of its own."""
    try:
        return bytes(cast("list[int]", given)) if isinstance(given, list) else text.encode()
    except (TypeError, ValueError):
        return text.encode("utf-8", "replace")


def _differ(choices: Sequence[object], asked: Question | None) -> bool:
    """Tell whether the choices, of which one was asked for, say different things."""
    if len(choices) < 2:
        return False
    messages = [_message(_members(choice)) for choice in choices]
    said = [read_message(message, asked).text for message in messages if message]
    return any(text != said[0] for text in said)


def without_thoughts(text: str | None) -> tuple[str | None, Thoughts]:
    """Take away the thoughts with which a reasoning model opens its reply.

    Only a block at the very start is the model's own form; one further on may be a quotation. A
    template may open the block itself, so that the text holds the closing mark alone: then all
    before the one closing mark is thoughts.

    Returns
    -------
    str or None
    'inline', 'unopened' or None
        How the thoughts stood in the text; None where there were none.

    Examples
    --------
    >>> without_thoughts('<think>Is it safe?</think>{"score": 1}')
    ('{"score": 1}', 'inline')
    >>> without_thoughts('Is it safe?</think>{"score": 1}')
    ('{"score": 1}', 'unopened')
    """
    opening = (text or "").lstrip()
    if not opening or opening[0] == "{":
        return text, None
    words = provider_words()
    if opening.startswith(words.channel_start):
        before, final, rest = opening.rpartition(words.channels[0])
        # Twice: one of them may be a quotation.
        return (rest, "inline") if final and words.channels[0] not in before else (text, None)
    for opened, closed in words.thought_tags:
        if opening.startswith(opened):
            _, end, rest = opening.partition(closed)
            return (rest.lstrip(), "inline") if end else (text, None)
    for opened, closed in words.thought_tags:
        before, end, rest = opening.partition(closed)
        if end and opened not in before and closed not in rest:
            return rest.lstrip(), "unopened"
    return text, None


def finish_of(reason: object) -> str | None:
    """Name a finish reason as OpenAI does; a spelling that nobody knows stays as it is."""
    if not isinstance(reason, str) or not reason:
        return None
    if reason in ("stop", "length", "content_filter"):
        return reason
    # Google's library writes FinishReason.MAX_TOKENS.
    meaning = provider_words().finish.get(squash(reason.rsplit(".", 1)[-1]))
    return reason[:80] if meaning in (None, "stop") else meaning


def usage_of(counted: Members) -> Usage:
    """Read a provider's token counts, by OpenAI's names or Anthropic's."""
    details = _members(counted.get("prompt_tokens_details"))
    return counted_usage(
        counted.get("prompt_tokens", counted.get("input_tokens")),
        counted.get("completion_tokens", counted.get("output_tokens")),
        details.get("cached_tokens", counted.get("cache_read_input_tokens")),
    )


def counted_usage(prompt: object, completion: object, cached: object) -> Usage:
    """Read a provider's token counts, where what makes no sense counts as not told.

    Parameters
    ----------
    prompt, completion, cached : object
        As they came. A prompt of no tokens is no count, and then none of the others is.
    """
    if not _count(prompt):
        return Usage()
    return replaced(
        NO_USAGE,
        prompt_tokens=_count(prompt),
        completion_tokens=_count(completion),
        cached_tokens=_count(cached),
    )


def _count(tokens: object) -> int | None:
    if not isinstance(tokens, int) or isinstance(tokens, bool):
        return None
    return tokens if 0 <= tokens <= MOST_TOKENS else None


def holds_secret(text: str | None, secrets: tuple[str, ...]) -> bool:
    """Tell whether a text repeats a key, also with the escapes of JSON in it."""
    if not text or not secrets:
        return False
    plain = _ESCAPE.sub(lambda match: chr(int(match[1], 16)), text) if "\\u" in text else text
    return any(secret in plain or secret in text for secret in secrets)


_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")


def model_name(name: object) -> str | None:
    """Read the name of a model: short, printable, and without the path of a server's disk.

    Examples
    --------
    >>> model_name("/srv/models/gemma-3-270m.gguf"), model_name("Qwen/Qwen3-8B")
    ('gemma-3-270m.gguf', 'Qwen/Qwen3-8B')
    """
    return _clean_name(name) if isinstance(name, str) else None


@lru_cache(maxsize=64)
def _clean_name(name: str) -> str | None:
    """As `model_name`; a server sends the same name with every reply."""
    if not name.strip():
        return None
    if _ON_DISK.match(name):
        name = re.split(r"[\\/]", name.rstrip("\\/"))[-1]
    return "".join(mark if mark.isprintable() else " " for mark in _text(name) or "")[:200] or None


_ON_DISK = re.compile(r"(?:[/~]|\.{1,2}[/\\]|[A-Za-z]:[/\\]|\\\\|file:)")


def _served_model(
    body: Members, headers: Mapping[str, str], secrets: tuple[str, ...]
) -> str | None:
    gateway = headers.get(GATEWAY_MODEL)
    name = (model_name(gateway) if gateway else None) or model_name(body.get("model"))
    return None if holds_secret(name, secrets) else name


def _provenance(body: Members, served: str | None, headers: Mapping[str, str]) -> Provenance:
    """Tell this project's simulator from a live provider, also behind a gateway."""
    marked = "SIMULATED" in headers.get(GATEWAY_PROVENANCE, "").upper()
    return "SIMULATED" if marked else provenance_of(served, body.get("system_fingerprint"))


def error_in_place(body: Members, choices: list[object] | None = None) -> object | None:
    """Find an error that stands in place of a reply, in a body of any kind of model."""
    if choices is None:
        return body if any(_is_error(name, body.get(name)) for name in ERROR_MEMBERS) else None
    first = _members(choices[0] if choices else None)
    error = first.get("error") or body.get("error")
    if first.get("message"):
        # Beside a message only what is clearly an error counts as one.
        return error if {"code", "message"} & set(_members(error)) else None
    return error if isinstance(error, dict | str) else None  # pyright: ignore[reportUnknownVariableType] - any JSON


def _is_error(name: str, value: object) -> bool:
    if name == "base_resp":
        return _members(value).get("status_code") not in (None, 0)
    return value not in (None, "", 0, [], {}, False)


def _prompt_was_filtered(body: Members) -> bool:
    """Tell whether a reply without choices says that the prompt was filtered (Azure, Google)."""
    results = _list(body.get("prompt_filter_results")) or []
    verdicts = [_members(_members(each).get("content_filter_results")) for each in results]
    return any(
        _members(verdict).get("filtered") is True for each in verdicts for verdict in each.values()
    ) or bool(_members(body.get("promptFeedback")).get("blockReason"))


def _unpacked(content: bytes) -> bytes:
    """Unpack what is compressed by its first bytes: headers name what is not, and the reverse."""
    if not content.startswith((b"\x1f\x8b", b"\x78\x01", b"\x78\x9c", b"\x78\xda")):
        return content
    unpacking = zlib.decompressobj(wbits=47)
    try:
        plain = unpacking.decompress(content, UNPACKED_CAP)
    except zlib.error:
        raise RequestRejected("the reply is compressed, and its compression is broken") from None
    if unpacking.unconsumed_tail:
        raise ReplyTooLarge(f"the reply is longer than {UNPACKED_CAP} bytes")
    if not unpacking.eof:
        raise ConnectionFailed(CUT)
    return plain


def _decoded(content: bytes) -> object:
    """Give the JSON or the events of a body; else its text, which must be whole."""
    content = content.removeprefix(b"\xef\xbb\xbf").strip()
    if not content:
        raise ConnectionFailed(CUT)
    try:
        value: object = from_json(content)
    except ValueError:
        return _decoded_oddly(content)
    if isinstance(value, str) and value.lstrip().startswith("{"):
        return _decoded(value.encode("utf-8", "replace"))  # JSON that was encoded twice
    listed = _list(value) or ()
    return listed[0] if len(listed) == 1 else value


def _decoded_oddly(content: bytes) -> object:
    try:
        # Some gateways cut a character in two; only Python's own reader takes such a half.
        return json.loads(content)
    except UnicodeDecodeError:
        # A byte that is no UTF-8 spoils a character of the words, and no score.
        return _decoded(content.decode("utf-8", "replace").encode())
    except (ValueError, RecursionError):
        pass
    found = _from_events(content) or _first_object(content)
    if found is None and content[:1] in (b"{", b"[", b"d", b'"', b":"):
        raise ConnectionFailed(CUT)
    return content.decode("utf-8", "replace") if found is None else found


def _first_object(content: bytes) -> object | None:
    """Give the whole object that begins a line, where other text or objects stand around it."""
    text = content.decode("utf-8", "replace")
    for found in _LINE_OF_JSON.finditer(text):
        try:
            value, _ = _DECODER.raw_decode(text, found.start())
        except (ValueError, RecursionError):
            return None
        if "choices" in value or "error" in value:
            return value
    return None


_DECODER = json.JSONDecoder()
_LINE_OF_JSON = re.compile(r"^\{", re.MULTILINE)


def _from_events(content: bytes) -> object:
    """Put together the events of a stream that was sent whole although none was asked for.

    None where the stream has no end: then something may be missing.
    """
    lines = [line[5:].strip() for line in content.splitlines() if line.startswith(b"data:")]
    try:
        events = [_members(json.loads(line)) for line in lines if line not in (b"", b"[DONE]")]
    except (ValueError, RecursionError):
        return None
    choices = [
        _members(choice) for event in events for choice in (_list(event.get("choices")) or [])
    ]
    finish = next((c.get("finish_reason") for c in choices if c.get("finish_reason")), None)
    if any("error" in event for event in events):
        return next(event for event in events if "error" in event)
    if not choices or (finish is None and b"[DONE]" not in lines):
        return None
    deltas = [_members(choice.get("delta")) for choice in choices if choice.get("index", 0) == 0]
    if any(delta.get("tool_calls") for delta in deltas):
        return None
    content_text = "".join(_text(delta.get("content")) or "" for delta in deltas)
    message = {"content": content_text}
    usage = next((event["usage"] for event in reversed(events) if event.get("usage")), None)
    return {
        **events[-1],
        "choices": [{"message": message, "finish_reason": finish}],
        "usage": usage,
    }


def _members(value: object) -> Members:
    """Take an object as it is, and anything else for one without members."""
    return cast("Members", value) if isinstance(value, dict) else {}


def _list(value: object) -> list[object] | None:
    return cast("list[object]", value) if isinstance(value, list) else None


def _text(value: object) -> str | None:
    """Take a text as it is, with a question mark for each half of a character."""
    if not isinstance(value, str):
        return None
    return value if value.isascii() else value.encode("utf-8", "replace").decode()
