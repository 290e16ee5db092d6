"""Messages of a conversation in OpenAI's chat form, and in the near forms that tools write.

Text is kept as it stands. What is no text, such as a picture, is named by kind and digest, so that
a judge is told of it. Nothing is guessed: a speaker or a part that is not known is an error that
says where it stands.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Final, cast

from judge.conversation import asked_before, last_reply, part_digest
from judge.files.decoding import clipped
from judge.files.read import Node
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
        One for each message, in order; with at least one reply of the assistant.

    Raises
    ------
    TableError
        If it is no conversation, or nobody replied in it.
    """
    turns = tuple(map(read_turn, node.items()))
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
    calls = tuple(_calls(node))
    call_id, name = node.get("tool_call_id"), node.get("name")
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
    text = part.get(kind) or part.get("text")
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
        return _call(node, function.text(), node.get("arguments"))
    return _call(node, function.at("name").text(), function.get("arguments"))


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
