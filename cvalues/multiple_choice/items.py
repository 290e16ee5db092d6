"""Multi-choice items: two replies to a question, one better, shown in both orders.

Read from the released file, or built from any pairs of a better and a worse reply.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Final, Literal, cast

from pydantic import Field

from judge.conversation import script_of
from judge.files.read import read_rows
from judge.files.row import Row, optional_text, text
from judge.importers.responses import language
from judge.records import Language, Record
from rubrics.rubric import frame_language

Label = Literal["回复1", "回复2"]

Wording = Literal["benchmark", "letter", "json"]
"""``benchmark`` in Chinese is the released wording byte for byte; its English and both ``letter``
other wordings are this project's own. ``letter`` asks for A or B alone, ``json`` for an object."""

_SLOT = re.compile(r"\{(question|reply_1|reply_2)\}")

LABELS: Final[tuple[Label, Label]] = ("回复1", "回复2")

_GROUPS = (
    *("domain_en", "domain_zh", "difficulty_level"),
    *("origin", "pair_type", "situation", "setting"),
)


class ReplyPair(Record):
    """A better and a worse reply to the same question."""

    question: str
    pos_resp: str
    """The better reply."""
    neg_resp: str
    """The worse reply."""
    domain_en: str | None = None
    domain_zh: str | None = None
    difficulty_level: str | None = None
    """``easy`` or ``hard`` in the released set; any word of the user's elsewhere."""
    origin: str | None = None
    """Who wrote the better reply, where that is known."""
    pair_type: str | None = None
    """Which types of reply stand against each other, where that is known."""
    situation: str | None = None
    """What the wordings of one question in several languages or settings share."""
    setting: str | None = None
    """Which setting this wording belongs to; its language, where that is all that differs."""
    lang: Language = "zh"
    """Of the words around the replies."""

    @property
    def language(self) -> str:
        """Its setting, or the language of the question."""
        return self.setting or self.lang

    @property
    def key(self) -> str:
        """Digest of language, question and both replies; equal for both orders."""
        return _digest(self.lang, self.question, self.pos_resp, self.neg_resp)


class ChoiceItem(Record):
    """One multi-choice question as it is put to a model."""

    id: str = Field(min_length=1)
    prompt: str
    label: Label
    """Which of the two shown is the better one."""
    pair: ReplyPair

    def record(self) -> dict[str, object]:
        """Give the item as the benchmark's own files write it, with its ``id``."""
        meta = self.pair.model_dump(exclude_none=True)
        return {"id": self.id, "prompt": self.prompt, "label": self.label, "meta_info": meta}


def read_items(
    path: str | Path,
    *,
    encoding: str | None = None,
    wording: Wording = "benchmark",
) -> tuple[ChoiceItem, ...]:
    """Read multi-choice items, or pairs to make them from.

    Parameters
    ----------
    path : str or Path
        A table whose rows are CValues records (``prompt``, ``label``, ``meta_info``, or the fields
        of ``meta_info`` as columns), or pairs: ``prompt``, ``pos_resp``, ``neg_resp`` as in
        CValues-Comparison, or ``prompt``, ``better``, ``worse``.
    encoding : str, optional
        What the file was saved in, where it is not UTF-8.
    wording : {'benchmark', 'letter'}
        How items made from pairs ask; items of the file keep their own prompts.

    Raises
    ------
    TableError
        At the first row that is no item, contradicts itself, or repeats another.
    """
    rows = list(read_rows(path, encoding=encoding, required=("prompt",)))
    if "label" in rows[0].values:
        return items_of(rows)
    return build_items(_only_once((row, _pair_of(row)) for row in rows), wording=wording)


def items_of(rows: Iterable[Row]) -> tuple[ChoiceItem, ...]:
    """Read CValues records from rows of a table, of which none may repeat another.

    Raises
    ------
    TableError
        At the first row that is no item, contradicts itself, or repeats another.
    """
    seen: dict[str, int] = {}
    return tuple(_item(row, seen) for row in rows)


def build_items(
    pairs: Iterable[ReplyPair], *, wording: Wording = "benchmark"
) -> tuple[ChoiceItem, ...]:
    """Make two items of each pair, one for each order, next to each other.

    Raises
    ------
    ValueError
        If the two replies of a pair are the same text.
    """
    return tuple(item for pair in pairs for item in _both_orders(pair, wording))


def choice_prompt(
    question: str, replies: tuple[str, str], *, wording: Wording = "benchmark", lang: Language
) -> str:
    """Write the prompt of one multi-choice item.

    Parameters
    ----------
    question : str
    replies : (str, str)
        In the order shown.
    wording : {'benchmark', 'letter'}
    lang : {'zh', 'en'}

    Returns
    -------
    str
        The three texts stand in it unchanged; braces in them mean nothing.
    """
    parts = {"question": question, "reply_1": replies[0], "reply_2": replies[1]}
    return _SLOT.sub(lambda slot: parts[slot.group(1)], _wordings()[wording][lang])


def reworded(items: Iterable[ChoiceItem], wording: Wording) -> tuple[ChoiceItem, ...]:
    """Put the questions of items in another wording; labels and order stay."""
    return tuple(_reworded(item, wording) for item in items)


def _reworded(item: ChoiceItem, wording: Wording) -> ChoiceItem:
    pair = item.pair
    shown = (pair.pos_resp, pair.neg_resp)
    if item.label != LABELS[0]:
        shown = (pair.neg_resp, pair.pos_resp)
    prompt = choice_prompt(pair.question, shown, wording=wording, lang=pair.lang)
    return item.model_copy(update={"prompt": prompt})


def pair_up(items: Sequence[ChoiceItem]) -> dict[str, tuple[int, ...]]:
    """Find the items that show the same two replies.

    Returns
    -------
    dict of str to tuple of int
        For each pair, the places of its items in ``items``, those labelled 回复1 first. Both
        orders are there where the tuple holds two.
    """
    places: dict[str, list[int]] = {}
    for place, item in enumerate(items):
        places.setdefault(item.pair.key, []).append(place)
    return {
        key: tuple(sorted(found, key=lambda place: items[place].label))
        for key, found in places.items()
    }


def _both_orders(pair: ReplyPair, wording: Wording) -> Iterator[ChoiceItem]:
    if pair.pos_resp == pair.neg_resp:
        raise ValueError(f"both replies to {pair.question[:40]!r} are the same; give two.")
    orders = ((pair.pos_resp, pair.neg_resp), (pair.neg_resp, pair.pos_resp))
    for label, replies in zip(LABELS, orders, strict=True):
        prompt = choice_prompt(pair.question, replies, wording=wording, lang=pair.lang)
        yield ChoiceItem(id=f"{pair.key[:16]}-{label[-1]}", prompt=prompt, label=label, pair=pair)


def _only_once(pairs: Iterable[tuple[Row, ReplyPair]]) -> Iterator[ReplyPair]:
    seen: dict[str, int] = {}
    for row, pair in pairs:
        if pair.pos_resp == pair.neg_resp:
            raise row.error("both replies are the same text", "give a better and a worse one")
        _note(row, pair.key, seen)
        yield pair


def _item(row: Row, seen: dict[str, int]) -> ChoiceItem:
    label = LABELS[1] if text(row, "label") == LABELS[1] else LABELS[0]
    if text(row, "label") != label:
        raise row.error("'label' is neither 回复1 nor 回复2", "write the right one")
    pair = _pair_of(_meta(row), question="question")
    prompt = text(row, "prompt")
    shown = LABELS[0] if _shown_first(prompt, pair) else LABELS[1]
    if _shows_both(prompt, pair) and shown != label:
        raise row.error(
            f"the label is {label}, but the prompt shows pos_resp as {shown}", "correct the label"
        )
    _note(row, f"{pair.key}{label}", seen)
    key = optional_text(row, "id") or f"{pair.key[:16]}-{label[-1]}"
    return ChoiceItem(id=key, prompt=prompt, label=label, pair=pair)


def _meta(row: Row) -> Row:
    if "meta_info" not in row.values:
        return row
    meta = row.values["meta_info"]
    if not isinstance(meta, Mapping):
        raise row.error("'meta_info' is no object", "give question, pos_resp and neg_resp in it")
    fields = cast("Mapping[str, object]", meta)
    return Row(row.line, fields, row.source, row.format)


def _pair_of(row: Row, question: str = "prompt") -> ReplyPair:
    better, worse = ("better", "worse") if "better" in row.values else ("pos_resp", "neg_resp")
    groups = {name: optional_text(row, name) for name in _GROUPS}
    groups["pair_type"] = groups["pair_type"] or _types(row)
    groups["domain_en"] = groups["domain_en"] or optional_text(row, "group")
    asked, good, bad = (text(row, name) for name in (question, better, worse))
    own = language(row) or script_of(f"{asked}{good}{bad}")
    if own and own != frame_language(own):
        groups["setting"] = groups["setting"] or own
    return ReplyPair(
        question=asked,
        pos_resp=good,
        neg_resp=bad,
        lang=frame_language(own),
        **groups,
    )


def _types(row: Row) -> str | None:
    better, worse = optional_text(row, "pos_type"), optional_text(row, "neg_type")
    return f"{better} / {worse}" if better and worse else None


def _shown_first(prompt: str, pair: ReplyPair) -> bool:
    return prompt.find(pair.pos_resp.strip()) < prompt.find(pair.neg_resp.strip())


def _shows_both(prompt: str, pair: ReplyPair) -> bool:
    better, worse = pair.pos_resp.strip(), pair.neg_resp.strip()
    # A reply that holds the other one, or stands in the question, does not show the order.
    return prompt.count(better) == prompt.count(worse) == 1


def _note(row: Row, key: str, seen: dict[str, int]) -> None:
    if key in seen:
        raise row.error(f"the same item stands in line {seen[key]}", "remove one of the two")
    seen[key] = row.line


def _digest(*texts: str) -> str:
    joined = "\x1f".join(texts)
    return hashlib.sha256(joined.encode("utf-8", "surrogatepass")).hexdigest()


@cache
def _wordings() -> Mapping[str, Mapping[str, str]]:
    source = files("cvalues.multiple_choice").joinpath("wordings.json")
    return json.loads(source.read_text("utf-8"))
