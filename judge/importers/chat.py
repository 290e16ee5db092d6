"""Messages of a conversation in OpenAI's chat form, and in the near forms that tools write.

Text is kept as it stands. What is no text, such as a picture, is named by kind and digest, so that
a judge is told of it. Nothing is guessed: a speaker or a part that is not known is an error that
says where it stands.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, cast

from judge.conversation import asked_before, last_reply, part_digest
from judge.files.decoding import TableError, clipped
from judge.files.read import Node, parse_json
from judge.records import Role, ToolCall, Turn

ROLES: Final[Mapping[str, Role]] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "ai": "assistant",
    "model": "assistant",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "bot": "assistant",
    "tool": "tool",
    "function": "tool",
    "function_response": "tool",
    "observation": "tool",
}
"""How tools call who speaks, in small letters."""

_TEXT: Final = ("text", "input_text", "output_text", "refusal")
"""Kinds of parts that are text, each in a member of the same name, or in ``text``."""

NOT_SHOWN: Final = "not_shown"
"""Kind of a part that was named when it was read first, as our own exports write it."""

MAX_TURNS = 10_000


def read_messages(node: Node) -> tuple[Turn, ...]:
    """Read a conversation.

    Parameters
    ----------
    node : Node
        An array of messages.

    Returns
    -------
    tuple of Turn
        One for each message, in order, and one for each result of a tool that stands as a part
        among the user's words; with at least one reply of the assistant.

    Raises
    ------
    TableError
        If it is no conversation, or nobody replied in it.
    """
    turns = tuple(turn for each in node.items() for turn in message_turns(each))
    if len(turns) > MAX_TURNS:
        raise node.error(f"has {len(turns)} messages", f"judge at most {MAX_TURNS} at once")
    if last_reply(turns) is None:
        raise node.error("holds no reply of the assistant", "add the reply that is to be judged")
    return turns


def read_turn(node: Node) -> Turn:
    """Read one message; a TableError where it is none."""
    role = role_of(node.at("role"))
    content = node.get("content")
    texts, others = ([], []) if content is None else parts_of(content)
    refusal = node.get("refusal")
    if not texts and refusal is not None and isinstance(refusal.value, str):
        texts = [refusal.value]
    calls = tuple(_calls(node))
    call_id, name = node.get("tool_call_id"), node.get("name")
    if name is None and role == "tool":
        # inspect_ai names the tool by its function.
        name = node.get("function")
    thoughts = node.get("reasoning_content")
    if thoughts is not None and thoughts.value:
        others.append(_named("reasoning", thoughts))
    return Turn(
        role=role,
        content="\n".join(texts),
        tool_calls=calls,
        tool_call_id=None if call_id is None else call_id.text(),
        name=None if name is None else name.text(),
        not_shown=tuple(others),
    )


def role_of(node: Node) -> Role:
    """Read who speaks; a TableError for a speaker that is not known."""
    role = ROLES.get(node.text().lower())
    if role is None:
        raise node.error(f"is '{clipped(node.text(), 30)}'", "use system, user, assistant or tool")
    return role


def parts_of(content: Node) -> tuple[list[str], list[str]]:
    """Read a content: its texts, and the names of its other parts."""
    if isinstance(content.value, str):
        return [content.value], []
    if not isinstance(content.value, list):
        raise content.error("is no text", "write a text, or a list of parts")
    texts: list[str] = []
    others: list[str] = []
    for part in content.items():
        if isinstance(part.value, str):
            texts.append(part.value)
            continue
        kind = "text" if (known := part.get("type")) is None else known.text()
        text = _text_of(part, kind)
        if text is not None:
            texts.append(text.text())
        elif kind == NOT_SHOWN:
            others.append(part.at(NOT_SHOWN).text())
        else:
            others.append(_named(kind, part))
    return [text for text in texts if text], others


def _text_of(part: Node, kind: str) -> Node | None:
    if kind not in _TEXT:
        return None
    # OpenTelemetry calls the text of a part its content.
    text = part.get(kind) or part.get("text") or part.get("content")
    if text is None:
        raise part.error("holds no text", f"write its text in '{kind}'")
    return text


def _named(kind: str, part: Node) -> str:
    written = json.dumps(part.value, ensure_ascii=False, sort_keys=True)
    return f"{clipped(kind, 40)} {part_digest(written.encode())}"


def _calls(node: Node) -> Iterator[ToolCall]:
    for call in node.items_of("tool_calls"):
        yield tool_call(call)
    legacy = node.get("function_call")
    if legacy is not None:
        yield tool_call(legacy)


def tool_call(node: Node) -> ToolCall:
    """Read one call of a tool, with its function in a member of its own or not."""
    function = node.get("function") or node
    # Other tools write the name of the function where OpenAI has an object.
    if isinstance(function.value, str):
        return _call(node, function.text(), _given(node))
    return _call(node, function.at("name").text(), _given(function) or _given(node))


def _given(node: Node) -> Node | None:
    """Find the arguments of a call, under the names that tools give them."""
    names = ("arguments", "args", "input", "parameters")
    return next((found for name in names if (found := node.get(name)) is not None), None)


def _call(node: Node, name: str, arguments: Node | None) -> ToolCall:
    call_id = node.get("id")
    return ToolCall(
        id=str(call_id.value) if call_id is not None else "",
        name=name,
        arguments=arguments_text(None if arguments is None else arguments.value),
    )


def arguments_text(value: object) -> str:
    """Write the arguments of a call as text, where a tool keeps them as an object."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def short_form(turns: tuple[Turn, ...]) -> tuple[str, str]:
    """Give the last reply of a conversation after what it answers: ``prompt`` and ``response``."""
    reply = last_reply(turns)
    if reply is None:
        raise ValueError("turns: the conversation holds no reply of the assistant.")
    return asked_before(turns, reply), turns[reply].text


def chat_form(turns: tuple[Turn, ...]) -> list[dict[str, object]]:
    """Write a conversation in OpenAI's chat form, as `read_messages` reads it."""
    return [_message(turn) for turn in turns]


def _message(turn: Turn) -> dict[str, object]:
    message: dict[str, object] = {"role": turn.role, "content": turn.content}
    if turn.not_shown:
        texts = [{"type": "text", "text": turn.content}] if turn.content else []
        kept = [{"type": NOT_SHOWN, NOT_SHOWN: name} for name in turn.not_shown]
        message["content"] = [*texts, *kept]
    if turn.tool_calls:
        message["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in turn.tool_calls
        ]
    named = {"tool_call_id": turn.tool_call_id, "name": turn.name}
    return {**message, **{key: value for key, value in named.items() if value is not None}}


def is_messages(value: object) -> bool:
    """Tell whether a value looks like messages: an array whose first element has a speaker."""
    if not isinstance(value, list) or not value:
        return False
    first = cast("list[object]", value)[0]
    return isinstance(first, Mapping) and "role" in first


# What other tools write for messages: parts, results of tools among the user's words, objects with
# messages inside, or a text alone.


def parsed(node: Node) -> Node:
    """Read a value that stands as JSON in a text; what is no JSON is the text itself."""
    if not isinstance(node.value, str) or node.value[:1] not in {"{", "[", '"'}:
        return node
    try:
        value = parse_json(node.value, node.place, nan_is_null=True)
    except TableError:
        return node
    return Node(value, node.way, node.place)


def chat_turns(node: Node, role: Role) -> tuple[Turn, ...]:
    """Read what a tool recorded as given to a model, or as its reply.

    Parameters
    ----------
    node : Node
        Messages, an object that holds messages or choices, one message, or a text.
    role : Role
        Who speaks where the value does not say.

    Raises
    ------
    TableError
        If a message in it has no known speaker or part.
    """
    if isinstance(node.value, str):
        return (Turn(role=role, content=node.value),) if node.value.strip() else ()
    if isinstance(node.value, list):
        return tuple(_listed(node, role))
    if not isinstance(node.value, dict):
        return () if node.value is None else (Turn(role=role, content=json.dumps(node.value)),)
    return tuple(_object_turns(node, role))


def _listed(node: Node, role: Role) -> Iterator[Turn]:
    items = list(node.items())
    if items and all(isinstance(i.value, dict) and "role" in i.fields() for i in items):
        for item in items:
            yield from message_turns(item)
    elif items:
        # Parts without a message around them, as instructions of a system are.
        yield from message_turns(_like(node, {"role": role, "content": node.value}))


def _object_turns(node: Node, role: Role) -> Iterator[Turn]:
    fields = node.fields()
    if "messages" in fields:
        told = node.get("system")
        yield from () if told is None else chat_turns(told, "system")
        yield from chat_turns(fields["messages"], role)
    elif "choices" in fields:
        for choice in list(node.items_of("choices"))[:1]:
            yield from chat_turns(choice.at("message"), role)
    elif "role" in fields:
        yield from message_turns(node)
    elif "content" in fields or "parts" in fields:
        yield from message_turns(_like(node, {"role": role, **_members(node)}))
    else:
        texts = [member for member in fields.values() if isinstance(member.value, str)]
        alone = texts[0].text() if len(fields) == len(texts) == 1 else None
        content = json.dumps(node.value, ensure_ascii=False) if alone is None else alone
        yield Turn(role=role, content=content)


def message_turns(node: Node) -> Iterator[Turn]:
    """Read one message as one turn, or as several where results of tools stand in it.

    Raises
    ------
    TableError
        If it has no known speaker or part.
    """
    name = "parts" if "parts" in node.fields() else "content"
    content = node.get(name)
    parts = list(content.items()) if content is not None and isinstance(content.value, list) else []
    kinds = [_kind(part) for part in parts]
    if name == "content" and not set(kinds) & _APART:
        yield read_turn(node)
        return
    rest = [part.value for part, kind in zip(parts, kinds, strict=True) if kind not in _APART]
    calls = [part for part, kind in zip(parts, kinds, strict=True) if kind in _CALLS]
    for part, kind in zip(parts, kinds, strict=True):
        if kind in _RESULTS:
            yield _result(part)
    if rest or calls or not parts:
        members = {k: v for k, v in _members(node).items() if k not in {"parts", "content"}}
        spoken = {**members, "content": rest}
        turn = read_turn(_like(node, spoken))
        made = tuple(_part_call(call) for call in calls)
        yield turn.model_copy(update={"tool_calls": (*turn.tool_calls, *made)})


_CALLS: Final = frozenset({"tool_call", "tool_use", "function_call", "functionCall"})
_RESULTS: Final = frozenset(
    {"tool_call_response", "tool_result", "function_response", "functionResponse"}
)
_APART: Final = _CALLS | _RESULTS


def _kind(part: Node) -> str:
    if not isinstance(part.value, dict):
        return "text"
    kind = part.get("type")
    if kind is not None:
        return str(kind.value)
    # Gemini names the kind of a part by the member that holds it.
    return next((name for name in part.fields() if name in _APART), "text")


def _held(part: Node) -> Node:
    """Give what holds the members of a part: itself, or the object under the name of its kind."""
    within = part.get(_kind(part))
    return within if within is not None and isinstance(within.value, dict) else part


def _part_call(part: Node) -> ToolCall:
    node = _held(part)
    given = _given(node)
    return ToolCall(
        id=_id_of(node, "id", "call_id"),
        name=node.at("name").text(),
        arguments=arguments_text(None if given is None else given.value),
    )


def _result(part: Node) -> Turn:
    node = _held(part)
    names = ("response", "result", "content", "output")
    given = next((found for name in names if (found := node.get(name)) is not None), None)
    content = "" if given is None else result_text(given)
    name = node.get("name")
    return Turn(
        role="tool",
        content=content,
        tool_call_id=_id_of(node, "id", "tool_use_id", "call_id") or None,
        name=None if name is None else name.text(),
    )


def result_text(node: Node) -> str:
    """Read what a tool gave: a text, the text of parts, or JSON."""
    value: object = node.value
    if isinstance(value, str):
        return value
    parts = list(node.items()) if isinstance(value, list) else []
    if parts and all(_kind(part) == "text" for part in parts):
        return "\n".join(parts_of(node)[0])
    return json.dumps(value, ensure_ascii=False)


def _id_of(node: Node, *names: str) -> str:
    found = next((node.get(name) for name in names if node.get(name) is not None), None)
    return "" if found is None else str(found.value)


def _members(node: Node) -> dict[str, object]:
    return {name: member.value for name, member in node.fields().items()}


def _like(node: Node, value: object) -> Node:
    return Node(value, node.way, node.place)


def joined(conversations: Iterable[tuple[Turn, ...]]) -> tuple[Turn, ...]:
    """Join conversations in order of time; one that begins with all before it replaces that."""
    turns: tuple[Turn, ...] = ()
    for more in conversations:
        turns = more if more[: len(turns)] == turns else (*turns, *more)
    return turns
