"""Chat completions as OpenAI writes them: what a request asks for, and the envelope of a reply.

What a reply must fill in is read from the JSON schema of the request, whatever the rubric: an
object with a `score` or a `preference` among its properties is a criterion, named by the key it
stands under. Chance hangs on what is asked alone, so that order, time and concurrency cannot move
it.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from hashlib import blake2b, sha256
from importlib.resources import files
from typing import cast

from judge.records import Language, Rung
from judge.simulated.profile import Profile

MAX_LEVELS = 101
"""A range in a schema wider than 0 to 100 is no scale of a rubric."""


@dataclass(frozen=True, slots=True)
class Criterion:
    """One criterion to be judged."""

    id: str
    levels: tuple[int, ...]
    """Allowed levels in rising order; empty when a preference is asked for."""
    choices: tuple[str, ...]
    """Allowed words: `cannot_assess`, or preferences."""
    members: tuple[str, ...]
    """Keys of the reply object in the order of the schema."""

    @property
    def pairwise(self) -> bool:
        """Whether a preference between two responses is asked for."""
        return "preference" in self.members


@dataclass(frozen=True, slots=True)
class Text:
    """A string that is not part of a verdict, such as an echoed item id."""

    name: str
    allowed: tuple[str, ...]


Form = Mapping[str, "Criterion | Text | Form"]
"""Property to what goes there; nested objects are nested forms."""


def form_of(schema: Mapping[str, object]) -> Form:
    """Read a JSON schema.

    Parameters
    ----------
    schema : mapping
        As it came with a request; local `$ref` are followed.

    Examples
    --------
    >>> score = {"enum": [0, 1, "cannot_assess"]}
    >>> safe = {"properties": {"reasoning": {"type": "string"}, "score": score}}
    >>> form_of({"properties": {"safe": safe}})["safe"].levels
    (0, 1)
    """
    return _form(json.dumps(schema, sort_keys=False))


def criteria_of(form: Form) -> Iterator[Criterion]:
    """Give every criterion of a form, nested ones too."""
    for part in form.values():
        if isinstance(part, Criterion):
            yield part
        elif not isinstance(part, Text):
            yield from criteria_of(part)


@lru_cache(maxsize=64)
def printed_schema(instructions: str) -> Mapping[str, object] | None:
    """Find the JSON schema that a system message prints, or None.

    It is the first JSON object in the text that has "properties".
    """
    decoder, start = json.JSONDecoder(), instructions.find("{")
    while start >= 0:
        try:
            schema = as_object(decoder.raw_decode(instructions, start)[0])
        except (ValueError, RecursionError):
            schema = as_object(None)
        if "properties" in schema:
            return schema
        start = instructions.find("{", start + 1)
    return None


@lru_cache(maxsize=64)
def _form(text: str) -> Form:
    schema = as_object(json.loads(text))
    return _object_form(schema, schema)


def _object_form(node: Mapping[str, object], root: Mapping[str, object]) -> Form:
    properties = as_object(node.get("properties"))
    return {name: _part(name, _resolve(node, root), root) for name, node in properties.items()}


def _part(
    name: str, node: Mapping[str, object], root: Mapping[str, object]
) -> "Criterion | Text | Form":
    properties = as_object(node.get("properties"))
    verdict = properties.get("score", properties.get("preference"))
    if verdict is not None:
        levels, choices = _allowed(_resolve(verdict, root), root)
        return Criterion(name, tuple(sorted(levels)), tuple(choices), tuple(properties))
    if properties:
        return _object_form(node, root)
    return Text(name, tuple(_allowed(node, root)[1]))


def _resolve(node: object, root: Mapping[str, object]) -> Mapping[str, object]:
    """Follow a local reference such as `#/$defs/Verdict`, one step."""
    schema = as_object(node)
    target: object = root
    for step in as_text(schema.get("$ref")).split("/")[1:]:
        target = as_object(target).get(step)
    return schema if target is root else as_object(target)


def _allowed(node: Mapping[str, object], root: Mapping[str, object]) -> tuple[set[int], list[str]]:
    """Collect the integers and the words that a schema allows."""
    values = [*as_list(node.get("enum")), node.get("const")]
    levels = {value for value in values if isinstance(value, int) and not isinstance(value, bool)}
    words = [value for value in values if isinstance(value, str)]
    low, high = node.get("minimum"), node.get("maximum")
    if isinstance(low, int) and isinstance(high, int) and high - low < MAX_LEVELS:
        levels |= set(range(low, high + 1))
    for keyword in ("anyOf", "oneOf", "allOf"):
        for part in as_list(node.get(keyword)):
            more_levels, more_words = _allowed(_resolve(part, root), root)
            levels |= more_levels
            words += more_words
    return levels, words


def as_object(value: object) -> Mapping[str, object]:
    """Give a JSON object, or an empty one.

    Examples
    --------
    >>> as_object([1])
    {}
    """
    return cast("Mapping[str, object]", value) if isinstance(value, dict) else {}


def as_list(value: object) -> Sequence[object]:
    """Give a JSON array, or an empty one."""
    return cast("list[object]", value) if isinstance(value, list) else []


def as_text(value: object) -> str:
    """Give a JSON string, or an empty one."""
    return value if isinstance(value, str) else ""


Draw = Callable[[str], float]
"""From the name of a decision to a number in [0, 1), always the same for the same name."""


def draws(*identity: object) -> Draw:
    """Make the draws that belong to one identity.

    Parameters
    ----------
    identity : object
        What the draws hang on: the seed, the model, the digests of the texts. Compared as text.

    Returns
    -------
    Draw
        Uniform on [0, 1); different names give independent numbers.

    Examples
    --------
    >>> draws(0, "a")("safe") == draws(0, "a")("safe")
    True
    >>> draws(0, "a")("safe") == draws(1, "a")("safe")
    False
    """
    # The length before each part keeps ("ab", "c") and ("a", "bc") apart.
    text = "".join(f"{len(part)}:{part}" for part in map(str, identity))
    stem = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8)

    def draw(name: str) -> float:
        leaf = stem.copy()
        leaf.update(name.encode("utf-8", "surrogatepass"))
        # 53 bits: a division of 64 could round up to 1.
        return (int.from_bytes(leaf.digest()) >> 11) / 2**53

    return draw


@lru_cache(maxsize=256)
def text_digest(text: str) -> str:
    """Give the SHA-256 of a text in hexadecimal, by which profiles name texts.

    Examples
    --------
    >>> text_digest("")[:8]
    'e3b0c442'
    """
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def phrase(language: Language, kind: str, draw: Draw) -> str:
    """Choose one wording of a kind, with its placeholders still in it."""
    return pick(_wordings(language, kind), draw(f"phrase {kind}"))


def pick(options: Sequence[str], share: float) -> str:
    """Give the option that stands at a share in [0, 1) of the way through."""
    return options[int(share * len(options))]


def mentions(text: str, section: str, kind: str) -> bool:
    """Tell whether a text contains one of the wordings of a kind, in any case."""
    lowered = text.lower()
    return any(wording in lowered for wording in _wordings(section, kind))


@cache
def _wordings(section: str, kind: str) -> tuple[str, ...]:
    return tuple(as_text(wording) for wording in as_list(_phrases()[section].get(kind)))


@cache
def _phrases() -> Mapping[str, Mapping[str, object]]:
    text = files("judge.simulated").joinpath("phrases.json").read_text(encoding="utf-8")
    return {name: as_object(section) for name, section in json.loads(text).items()}


_MATERIAL = re.compile(
    r"<<<MATERIAL (?P<nonce>[0-9a-f]{16}) BEGIN>>>\n(?P<body>[^\n]*)\n<<<MATERIAL (?P=nonce) END>>>"
)


class BadRequest(ValueError):  # noqa: N818 - the name that HTTP has for it
    """The body is not a chat completion request; the message says why."""


@dataclass(frozen=True, slots=True)
class ShownTurn:
    """A turn of a conversation as the material shows it, or a part of a long one."""

    index: int
    role: str
    text: str
    """Content, then the name and the arguments of each call."""


def _index(turn: Mapping[str, object]) -> int:
    at = turn.get("turn")
    return at if isinstance(at, int) else -1


def _words(turn: Mapping[str, object]) -> str:
    calls = map(as_object, as_list(turn.get("tool_calls")))
    words = [(as_text(call.get("name")), as_text(call.get("arguments"))) for call in calls]
    said = (as_text(turn.get("content")), *(word for pair in words for word in pair))
    return "\n".join(word for word in said if word)


@dataclass(frozen=True)
class ChatRequest:
    """One request, read."""

    model: str
    """The model asked for, without the forced modes after `+`."""
    forced: Mapping[str, str]
    """What the model name forces: `fault` a mode, `as` a behaviour."""
    instructions: str
    """All system messages."""
    user: str
    """The last user message."""
    form: Form
    """Empty when free text is wanted."""
    rung: Rung
    tool: str | None
    """The function that the reply must call, or None for a plain message."""
    seed: str
    """The request's own seed as text; it tells repeats apart."""
    top_logprobs: int = 0
    """How many tokens are wanted at each place; 0 for no log-probabilities."""

    @cached_property
    def language(self) -> Language:
        """Language of the instructions."""
        return _language(self.instructions or self.user)

    @cached_property
    def material(self) -> Mapping[str, str]:
        """Fields of the block of untrusted text; the whole message where there is no block."""
        texts = {f"turn {turn.index} {turn.role}": turn.text for turn in self.turns}
        texts |= {name: text for name, text in self._fields.items() if isinstance(text, str)}
        return texts or {"response": self.user}

    @cached_property
    def _fields(self) -> Mapping[str, object]:
        match = _MATERIAL.search(self.user)
        try:
            return as_object(json.loads(match["body"] if match else "{}"))
        except ValueError:
            return as_object(None)

    @cached_property
    def turns(self) -> tuple["ShownTurn", ...]:
        """The turns of a conversation; empty for a prompt and a response alone."""
        shown = map(as_object, as_list(self._fields.get("conversation")))
        return tuple(
            ShownTurn(_index(turn), as_text(turn.get("role")), _words(turn)) for turn in shown
        )

    @cached_property
    def judged_turn(self) -> int | None:
        """The one turn to judge; None where it is the whole conversation, or there is none."""
        at = self._fields.get("judged_turn")
        return at if isinstance(at, int) else None

    @cached_property
    def nonce(self) -> str:
        """Code of the block's boundary lines, empty without a block."""
        match = _MATERIAL.search(self.user)
        return match["nonce"] if match else ""

    @cached_property
    def identity(self) -> tuple[str, ...]:
        """What makes two requests the same question, boundary codes and order aside."""
        asked = ",".join(criterion.id for criterion in criteria_of(self.form))
        texts = self.material if self.form else {"user": self.user}
        return (self.model, self.seed, asked, *sorted(map(text_digest, texts.values())))

    @property
    def responses(self) -> tuple[str, ...]:
        """The response to judge, or the two to compare; of a conversation what is judged of it."""
        if self.judged_turn is not None:
            return ("\n".join(t.text for t in self.turns if t.index == self.judged_turn),)
        if self.turns:
            return ("\n".join(turn.text for turn in self.turns),)
        if "response_1" in self.material:
            return self.material["response_1"], self.material.get("response_2", "")
        return (self.material.get("response", ""),)


@dataclass(frozen=True, slots=True)
class Spoken:
    """What the model says, before it is put into an envelope."""

    text: str | None
    """The verdict or the free text; with a tool, the arguments of the call."""
    aside: str | None = None
    """With a tool, what is said beside the call."""
    refusal: str | None = None
    finish_reason: str | None = None
    """None for the usual one."""


def read_request(body: bytes) -> ChatRequest:
    """Read the body of a chat completion request.

    Parameters
    ----------
    body : bytes
        JSON as OpenAI defines it; unknown members are ignored.

    Raises
    ------
    BadRequest
        If the body is not JSON, or has no model or no messages.
    """
    try:
        request = as_object(json.loads(body))
    except (ValueError, RecursionError) as error:
        raise BadRequest("We could not parse the JSON body of your request.") from error
    messages = [as_object(message) for message in as_list(request.get("messages"))]
    if not messages or not isinstance(request.get("model"), str):
        raise BadRequest("you must provide a model and messages.")
    if request.get("stream") is True:
        raise BadRequest("the simulated judge does not stream.")
    model, forced = _split_model(as_text(request["model"]))
    instructions = "\n".join(_contents(messages, ("system", "developer")))
    schema, rung, tool = _wanted(request, instructions)
    return ChatRequest(
        model=model,
        forced=forced,
        instructions=instructions,
        user=(_contents(messages, ("user",)) or [""])[-1],
        form=form_of(schema) if schema else {},
        rung=rung,
        tool=tool,
        seed=str(request.get("seed", "")),
        top_logprobs=_top_logprobs(request),
    )


def _top_logprobs(request: Mapping[str, object]) -> int:
    most = request.get("top_logprobs", 0)
    return most if request.get("logprobs") is True and isinstance(most, int) else 0


def best_effort_model(request: Mapping[str, object]) -> tuple[str, Mapping[str, str]]:
    """Split the model of a request from the modes that it forces; empty where there is none."""
    return _split_model(as_text(request.get("model")))


def completion(
    profile: Profile,
    request: ChatRequest,
    spoken: Spoken,
    *,
    logprobs: Mapping[str, object] | None = None,
) -> dict[str, object]:
    """Put what is said into a chat completion.

    Usage is counted in characters, about two and a half to a token: plausible, and the same each
    time.
    """
    prompt_tokens = tokens(request.instructions) + tokens(request.user)
    completion_tokens = tokens(spoken.text or "")
    return {
        "id": "chatcmpl-simulated",
        "object": "chat.completion",
        "created": 1700000000,
        "model": profile.served_model if request.form else f"simulated-{request.model}",
        "system_fingerprint": "fp_simulated",
        "choices": [
            {
                "index": 0,
                "message": _message(request, spoken),
                "logprobs": logprobs,
                "finish_reason": spoken.finish_reason or ("tool_calls" if request.tool else "stop"),
            }
        ],
        "usage": {
            "prompt_tokens": prompt_tokens,
            "completion_tokens": completion_tokens,
            "total_tokens": prompt_tokens + completion_tokens,
        },
    }


def tokens(text: str) -> int:
    """Estimate tokens from characters."""
    return -(-len(text) * 2 // 5)


def as_json(value: Mapping[str, object]) -> bytes:
    """Write JSON as providers do: UTF-8, lone surrogates escaped."""
    try:
        return json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return json.dumps(value).encode()


def _split_model(name: str) -> tuple[str, dict[str, str]]:
    """Split `sim+fault.hang+as.gullible` into the model and what is forced."""
    model, *suffixes = name.split("+")
    return model, {key: value for key, _, value in (part.partition(".") for part in suffixes)}


def _contents(messages: list[Mapping[str, object]], roles: tuple[str, ...]) -> list[str]:
    return [_content(message) for message in messages if message.get("role") in roles]


def _content(message: Mapping[str, object]) -> str:
    content = message.get("content")
    if isinstance(content, str):
        return content
    return "\n".join(as_text(as_object(part).get("text")) for part in as_list(content))


def _wanted(
    request: Mapping[str, object], instructions: str
) -> tuple[Mapping[str, object] | None, Rung, str | None]:
    """Find the schema of the reply, how it was asked for, and the function to call."""
    tools = [as_object(as_object(tool).get("function")) for tool in as_list(request.get("tools"))]
    if tools and request.get("tool_choice") != "none":
        return as_object(tools[0].get("parameters")), "tools", as_text(tools[0].get("name"))
    wanted = as_object(request.get("response_format"))
    if wanted.get("type") == "json_schema":
        return as_object(as_object(wanted.get("json_schema")).get("schema")), "json_schema", None
    rung: Rung = "json_object" if wanted.get("type") == "json_object" else "prompt"
    return printed_schema(instructions), rung, None


@lru_cache(maxsize=64)
def _language(text: str) -> Language:
    """Chinese where a fifth of the opening is; names and codes in Latin letters do not count."""
    opening = text[:400]
    chinese = sum("\u4e00" <= character <= "\u9fff" for character in opening)
    return "zh" if chinese * 5 >= max(len(opening), 1) else "en"


def _message(request: ChatRequest, spoken: Spoken) -> dict[str, object]:
    message: dict[str, object] = {"role": "assistant", "content": spoken.text, "refusal": None}
    if spoken.refusal is not None:
        message["refusal"] = spoken.refusal
    if request.tool and spoken.text is not None:
        message["content"] = spoken.aside
        function = {"name": request.tool, "arguments": spoken.text}
        message["tool_calls"] = [{"id": "call_simulated", "type": "function", "function": function}]
    return message
