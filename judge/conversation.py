"""What is judged of a conversation: its units, each an item with an index; and an item's language.

A turn is one message, named by its index: its place in ``messages``, counted from 0. A rubric says
of which roles the turns are judged, and whether a unit is the last of them, each of them, or the
whole session. A unit that is one turn of a session has the id ``session#turn``, so that labels,
samples, sheets and gates know it as they know any other item; its session is its cluster.
"""

import hashlib
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from judge.records import Generation, Language, Turn, digest, replaced
from rubrics.rubric import frame_language

if TYPE_CHECKING:
    from rubrics.rubric import JudgedUnit, Rubric


def units(generations: Iterable[Generation], rubrics: "Collection[Rubric]") -> Iterator[Generation]:
    """Give what some rubrics judge of generations, in the order of the file.

    A conversation gives one unit for all rubrics that judge its last reply or the whole of it, and
    one more for each turn where a rubric judges each. What is no conversation is its own unit, and
    so is a unit that was made before.

    Parameters
    ----------
    generations : iterable of Generation
    rubrics : collection of Rubric
        One edition of each.

    Yields
    ------
    Generation
        All units of a conversation share its messages; nothing is copied.
    """
    whole = any(rubric.unit != "each_reply" for rubric in rubrics)
    roles = {role for rubric in rubrics if rubric.unit == "each_reply" for role in rubric.roles}
    for generation in generations:
        if not generation.messages or generation.turn is not None:
            yield generation
            continue
        if whole:
            yield generation
        for turn in judged_turns(generation, roles):
            yield unit_of(generation, turn)


def sessions(units: Iterable[Generation]) -> Iterator[Generation]:
    """Give each conversation of some units once and whole, and what is no conversation as it is.

    Parameters
    ----------
    units : iterable of Generation
        Those of one conversation next to each other, as `units` and a store give them.
    """
    last: tuple[str, str, int] | None = None
    for unit in units:
        place = (unit.cluster, unit.system, unit.sample)
        if unit.messages and place == last:
            continue
        last = place
        yield unit if unit.turn is None else _whole(unit)


def _whole(unit: Generation) -> Generation:
    messages = unit.messages
    turn = last_reply(messages)
    at = len(messages) - 1 if turn is None else turn
    return replaced(
        unit,
        id=unit.cluster,
        prompt=asked_before(messages, at),
        response=messages[at].text,
        session=None,
        turn=None,
    )


def together(units: Iterable[Generation], held: Generation | None = None) -> Iterator[Generation]:
    """Give each unit the messages that a store keeps with the first of its conversation.

    Parameters
    ----------
    units : iterable of Generation
    held : Generation, optional
        The unit before the first that has messages, where the first is not the beginning.
    """
    for unit in units:
        if unit.messages or unit.session is None:
            held = unit
            yield unit
        elif held is None or held.cluster != unit.session:
            raise ValueError(f"units: {unit.id!r} stands without its conversation.")
        else:
            yield replaced(unit, messages=held.messages)


def unit_of(generation: Generation, turn: int) -> Generation:
    """Make the unit of one turn: what it says, and what it answers."""
    messages = generation.messages
    return replaced(
        generation,
        id=f"{generation.id}#{turn}",
        prompt=asked_before(messages, turn),
        response=messages[turn].text,
        session=generation.id,
        turn=turn,
    )


def judged_turns(generation: Generation, roles: Collection[str]) -> list[int]:
    """Give the indexes of the turns whose speaker has one of the roles, and that say anything."""
    return [
        index
        for index, message in enumerate(turns_of(generation))
        if message.role in roles and (message.content or message.tool_calls or message.not_shown)
    ]


def turns_of(generation: Generation) -> tuple[Turn, ...]:
    """Give the turns of a conversation; of a prompt and a response alone, these two."""
    if generation.messages:
        return generation.messages
    return (
        Turn(role="user", content=generation.prompt),
        Turn(role="assistant", content=generation.response),
    )


def last_reply(messages: Sequence[Turn]) -> int | None:
    """Give the index of the assistant's last turn that says or does anything."""
    spoken = (
        index
        for index in range(len(messages) - 1, -1, -1)
        if messages[index].role == "assistant"
        and (messages[index].content or messages[index].tool_calls)
    )
    return next(spoken, None)


def asked_before(messages: Sequence[Turn], turn: int) -> str:
    """Give the words of the user that a turn follows; empty where nobody asked."""
    for message in reversed(messages[:turn]):
        if message.role == "user":
            return message.content
    return ""


def is_judged(generation: Generation, unit: "JudgedUnit", roles: Collection[str]) -> bool:
    """Tell whether a unit is one that a rubric with this unit and these roles judges."""
    if not generation.messages:
        return True
    if generation.turn is None:
        return unit != "each_reply"
    return unit == "each_reply" and generation.messages[generation.turn].role in roles


def unasked(
    generations: Iterable[Generation], rubrics: "Collection[Rubric]"
) -> dict[str, frozenset[tuple[str, str, int]]]:
    """List by rubric the units that only another rubric judges: single turns, or whole sessions.

    Parameters
    ----------
    generations : iterable of Generation
        Units of a run.
    rubrics : collection of Rubric
        Those of the run; editions of one rubric have one unit.
    """
    left_out = without(rubrics)
    found: dict[str, set[tuple[str, str, int]]] = {rubric.id: set() for rubric in rubrics}
    if left_out is not None:
        for each in generations:
            for name in left_out(each):
                found[name].add(each.unit)
    return {name: frozenset(units) for name, units in found.items()}


def without(rubrics: "Collection[Rubric]") -> Callable[[Generation], Sequence[str]] | None:
    """Say how to tell which rubrics do not judge a unit that another judges.

    Returns
    -------
    callable or None
        From a unit to the ids of these rubrics; None where all rubrics judge the same units.
    """
    asked = {rubric.id: rubric for rubric in rubrics}
    if len({(each.unit, each.roles) for each in asked.values()}) < 2:
        return None

    def left_out(unit: Generation) -> Sequence[str]:
        names = [name for name, r in asked.items() if not is_judged(unit, r.unit, r.roles)]
        return names if len(names) < len(asked) else ()

    return left_out


def is_plain(generation: Generation) -> bool:
    """Tell whether a unit is a prompt and a response alone, however it was written."""
    if not generation.messages:
        return True
    return is_exchange(
        generation.messages[: None if generation.turn is None else generation.turn + 1]
    )


def is_exchange(turns: Sequence[Turn]) -> bool:
    """Tell whether turns are a user's words and a reply, both text alone."""
    if [turn.role for turn in turns] != ["user", "assistant"]:
        return False
    return all(turn == Turn(role=turn.role, content=turn.content) for turn in turns)


def exchange(generation: Generation, reference: str | None) -> dict[str, str]:
    """Give what a judge is shown of a plain unit: prompt and response, and a reference if any."""
    asked, replied = turns_of(generation)[:2]
    fields = {"prompt": asked.content, "response": replied.content}
    return fields if reference is None else {**fields, "reference": reference}


def content_digest(generation: Generation) -> str | None:
    """Give the SHA-256 of a conversation up to the judged turn; None where there is none."""
    if not generation.messages:
        return None
    shown = generation.messages[: None if generation.turn is None else generation.turn + 1]
    return digest([[message.model_dump(mode="json") for message in shown], generation.turn])


def part_digest(content: bytes) -> str:
    """Name a part that is no text by its content."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


# The language of an item, which chooses the edition of a rubric in which it is judged.
#
# A rubric is used in the item's language where it has that edition, else in the language that the
# run names. Where an item names none, its script tells; Latin letters alone tell nothing.

SCRIPTS: tuple[tuple[str, str], ...] = (
    ("ko", "\uac00-\ud7af\u1100-\u11ff\u3130-\u318f"),
    ("ar", "\u0600-\u06ff\u0750-\u077f\u08a0-\u08ff\ufb50-\ufdff\ufe70-\ufeff"),
    ("he", "\u0590-\u05ff"),
    ("hi", "\u0900-\u097f"),
    ("bn", "\u0980-\u09ff"),
    ("ta", "\u0b80-\u0bff"),
    ("th", "\u0e00-\u0e7f"),
    ("el", "\u0370-\u03ff"),
    ("ru", "\u0400-\u04ff"),
)
"""The most spoken language of scripts that do not name theirs, and the script's characters."""

UNKNOWN_LANGUAGE = "en"
"""What a passport calls the language of an item in Latin letters that says none."""

KANA_SHARE = 0.2
"""Share of kana among kana and Han characters from which a text is Japanese, not Chinese."""

SCRIPT_SHARE = 0.5
"""Share of the letters of a text that a script needs to tell its language."""

_HAN = re.compile("[\u4e00-\u9fff]")
_KANA = re.compile("[\u3040-\u30ff]")
_LETTER = re.compile(r"[^\W\d_]")
_OF_SCRIPT = tuple((tag, re.compile(f"[{characters}]")) for tag, characters in SCRIPTS)


@lru_cache(maxsize=1024)
def script_tag(text: str) -> str | None:
    """Tell a text's language by its script.

    Parameters
    ----------
    text : str

    Returns
    -------
    str or None
        A language tag: ``zh`` where any character is Chinese and the text is not Japanese; None
        where only Latin letters, or none, are found.

    Examples
    --------
    >>> script_tag("这样安全吗"), script_tag("安全ですか"), script_tag("Est-ce sûr ?")
    ('zh', 'ja', None)
    """
    if text.isascii():
        return None
    han, kana = len(_HAN.findall(text)), len(_KANA.findall(text))
    if kana > KANA_SHARE * (kana + han):
        return "ja"
    if han:
        return "zh"
    letters = len(_LETTER.findall(text))
    for tag, script in _OF_SCRIPT:
        found = len(script.findall(text))
        if found and found >= SCRIPT_SHARE * letters:
            return tag
    return None


def tag_of(generation: Generation) -> str | None:
    """Give the language of an item: as it says, else by its script; None where nobody knows."""
    return generation.lang or script_tag(generation.prompt or generation.response)


def language_of(generation: Generation) -> Language:
    """Tell which of the product's own languages goes with an item: Chinese, or English."""
    return frame_language(tag_of(generation) or "en")


def script_of(text: str) -> Language:
    """Tell which of the product's own languages goes with a text."""
    return frame_language(script_tag(text) or "en")
