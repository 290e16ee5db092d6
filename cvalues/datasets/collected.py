"""From accepted material to prompts and pairs: what each piece of it says, and who wrote it."""

from collections.abc import Iterable, Mapping, Sequence

from pydantic import Field

from cvalues.multiple_choice.items import ReplyPair
from judge.errors import ConfigError
from judge.keys import digest
from judge.records import Language, Record
from judge.store.annotation_base import Entry, Material


class CollectedPrompt(Record):
    """A prompt that people found to be worth asking."""

    id: str = Field(min_length=1)
    prompt: str
    group: str | None
    lang: Language
    kind: str
    """attack, expert or comparison."""
    author: str
    """Pseudonym of the annotator, stable within the set."""
    turns: tuple[str, ...] = ()
    """Of an attack: all the person's turns up to the unsafe one."""


class CollectedPair(Record):
    """A better and a worse reply to one prompt, and who wrote them."""

    prompt_id: str
    pair: ReplyPair
    better_origin: str
    """person; model, where an expert chose it; model-unreviewed, where nobody has."""
    worse_origin: str


def prompts_of(entries: Iterable[Entry]) -> tuple[CollectedPrompt, ...]:
    """Make prompts of accepted pieces, each text once, in the order in which they came."""
    found: dict[str, CollectedPrompt] = {}
    for entry in entries:
        material = entry.material
        turns = tuple(turn.prompt for turn in material.turns[: material.unsafe_turn])
        text = turns[0] if turns else material.prompt
        if text.strip() and text not in found:
            found[text] = CollectedPrompt(
                id=prompt_id(text),
                prompt=text,
                group=material.group or None,
                lang=material.lang,
                kind=entry.kind,
                author=pseudonym(entry.author),
                turns=turns if len(turns) > 1 else (),
            )
    return tuple(found.values())


def pairs_of(entries: Iterable[Entry]) -> tuple[CollectedPair, ...]:
    """Make better and worse replies of what experts chose and rewrote.

    An expert's own answer is better than every reply it was written to replace; without one, the
    chosen reply is better than the other replies. The same pair is kept once.
    """
    found: dict[str, CollectedPair] = {}
    for entry in entries:
        for pair in _pairs(entry.material):
            found.setdefault(pair.pair.key, pair)
    return tuple(found.values())


def one_sided(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """Give attacks whose first reply is unsafe and to which nobody has written a better one yet.

    An attack that succeeds in a later turn makes no pair: a pair holds one question.
    """
    return tuple(
        entry
        for entry in entries
        if entry.material.unsafe_turn == 1 and not entry.material.answer.strip()
    )


def completed(entries: Sequence[Entry], replies: Mapping[str, str]) -> tuple[Entry, ...]:
    """Put models' replies where a person's is missing, marked as a model's.

    Parameters
    ----------
    entries : sequence of Entry
    replies : mapping of str to str
        By id of the prompt.

    Raises
    ------
    ConfigError
        If none of the replies belongs to a prompt whose better side is missing.
    """
    lacking = {
        entry.entry: prompt_id(entry.material.turns[0].prompt) for entry in one_sided(entries)
    }
    if not replies.keys() & set(lacking.values()):
        raise ConfigError("no reply is to a prompt of missing.jsonl; ask a model for those.")
    return tuple(
        _completed(entry, replies.get(lacking.get(entry.entry, ""), "")) for entry in entries
    )


def _completed(entry: Entry, reply: str) -> Entry:
    if not reply.strip():
        return entry
    change = {"answer": reply, "answer_origin": "model"}
    return entry.model_copy(update={"material": entry.material.model_copy(update=change)})


def prompt_id(text: str) -> str:
    """Name a prompt by its text."""
    return digest(text)[:16]


def pseudonym(author: str) -> str:
    """Name an annotator without naming the person."""
    return f"annotator-{digest(['annotator', author])[:8]}"


def _pairs(material: Material) -> Iterable[CollectedPair]:
    written = "model-unreviewed" if material.answer_origin == "model" else "person"
    if material.unsafe_turn == 1 and material.answer not in {"", material.turns[0].response}:
        worse = material.turns[0].response
        yield _pair(material, better=material.answer, worse=worse, origin=written)
    if material.turns or material.best is None:
        return
    chosen = material.replies[material.best].response
    for place, reply in enumerate(material.replies):
        if material.answer and material.answer != reply.response:
            yield _pair(material, better=material.answer, worse=reply.response, origin=written)
        elif not material.answer and place != material.best and chosen != reply.response:
            yield _pair(material, better=chosen, worse=reply.response, origin="model")


def _pair(material: Material, *, better: str, worse: str, origin: str) -> CollectedPair:
    prompt = material.turns[0].prompt if material.turns else material.prompt
    return CollectedPair(
        prompt_id=prompt_id(prompt),
        pair=ReplyPair(
            question=prompt,
            pos_resp=better,
            neg_resp=worse,
            domain_en=material.group or None,
            origin=origin,
            lang=material.lang,
        ),
        better_origin=origin,
        worse_origin="model",
    )
