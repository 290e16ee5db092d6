"""Files of chats: one object a line with messages, and the ShareGPT form of training sets."""

from collections.abc import Iterator
from pathlib import Path

from judge.conversation import last_reply
from judge.files.read import Node
from judge.importers.base import Collected, Imported, name_of
from judge.importers.chat import chat_turns, parsed, short_form
from judge.importers.traces import entries
from judge.records import Generation, Turn


def read_chat(path: str | Path, *, system: str | None = None) -> Imported:
    """Read chats with ``messages``, as fine-tuning files have them; ids are as they stand.

    An entry without an id is named by its number, from 1.

    Raises
    ------
    TableError
        If the file is no JSON, or an entry holds no messages.
    """
    found = Collected()
    for number, entry in enumerate(entries(path, "data"), 1):
        turns = tuple(chat_turns(entry.at("messages"), "user"))
        _keep(found, entry, turns, number=number, system=system)
    return found.all()


def read_sharegpt(path: str | Path, *, system: str | None = None) -> Imported:
    """Read chats in the form of ShareGPT: ``conversations`` of ``from`` and ``value``.

    ``function_call`` is a call of the assistant, ``observation`` the output of its tool.
    """
    found = Collected()
    for number, entry in enumerate(entries(path, "data"), 1):
        _keep(found, entry, tuple(_shared(entry)), number=number, system=system)
    return found.all()


def _keep(
    found: Collected, entry: Node, turns: tuple[Turn, ...], *, number: int, system: str | None
) -> None:
    if last_reply(turns) is None:
        found.leave_out(entry, "no reply of the assistant")
        return
    prompt, response = short_form(turns)
    given = entry.get("id")
    model = entry.get("model") or entry.get("system_name")
    found.keep(
        entry,
        Generation(
            id=str(number) if given is None else name_of(given),
            prompt=prompt,
            response=response,
            messages=turns,
            system=system or ("default" if model is None else model.text()),
        ),
    )


def _shared(entry: Node) -> Iterator[Turn]:
    told = entry.get("system")
    if told is not None and told.value:
        yield Turn(role="system", content=told.text())
    for node in entry.at("conversations").items():
        speaker = node.get("from") or node.at("role")
        value = node.get("value") or node.at("content")
        if speaker.value == "function_call":
            call = parsed(value)
            calls = call.items() if isinstance(call.value, list) else [call]
            asked = {"role": "assistant", "tool_calls": [each.value for each in calls]}
            yield from chat_turns(Node([asked], node.way, node.place), "assistant")
            continue
        spoken = {"role": speaker.value, "content": value.value}
        yield from chat_turns(Node([spoken], node.way, node.place), "user")
