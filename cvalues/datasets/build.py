"""Build a data set from what people collected: prompts, pairs, both-order items, a data card.

Splits do not overlap: prompts that are nearly the same always land on the same side.
"""

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field

from cvalues.multiple_choice.items import ReplyPair, build_items
from judge.errors import ConfigError
from judge.exporters.tables import write_rows
from judge.files.atomic import make_folder, write_whole
from judge.records import Language, Record, digest
from judge.store.annotation_project import Entry, Material
from judge.web.labels import ALIKE, likeness
from rubrics.rubric import frame_language

# From accepted material to prompts and pairs: what each piece of it says, and who wrote it.


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
                lang=frame_language(material.lang),
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
            lang=frame_language(material.lang),
        ),
        better_origin=origin,
        worse_origin="model",
    )


Split = Literal["train", "dev", "test"]

SHARES: Mapping[Split, float] = {"train": 0.8, "dev": 0.1, "test": 0.1}

_WRITERS = (
    "Better sides are by: a person, who wrote it; a model, where an expert chose it; "
    "model-unreviewed, where a model was asked for it and nobody has read it"
)

Row = Mapping[str, object]


@dataclass(frozen=True, kw_only=True)
class Built:
    """A data set before it is written."""

    name: str
    licence: str
    entries: tuple[Entry, ...]
    """Accepted pieces it was made of."""
    prompts: tuple[CollectedPrompt, ...]
    pairs: tuple[CollectedPair, ...]
    splits: Mapping[str, Split]
    """By text of a prompt."""
    agreement: tuple[str, ...]
    """A sentence for each criterion on which experts' agreement is known."""

    @property
    def tables(self) -> dict[str, list[Row]]:
        """Give the rows of each file."""
        return {
            "prompts": list(self._prompt_rows()),
            "pairs": list(self._pair_rows()),
            "choices": list(self._choice_rows()),
        }

    @property
    def missing(self) -> list[Row]:
        """Give the prompts whose better side nobody has written yet, for a model to be asked."""
        lacking = {
            prompt_id(entry.material.turns[0].prompt): entry.material
            for entry in one_sided(self.entries)
        }
        return [
            {
                "id": name,
                "prompt": material.turns[0].prompt,
                "group": material.group or None,
                "lang": material.lang,
            }
            for name, material in lacking.items()
        ]

    def _prompt_rows(self) -> Iterator[Row]:
        for each in self.prompts:
            row = each.model_dump(mode="json")
            yield {**row, "split": self.splits[each.prompt]}

    def _pair_rows(self) -> Iterator[Row]:
        for each in self.pairs:
            yield {
                "id": each.prompt_id,
                "prompt": each.pair.question,
                "better": each.pair.pos_resp,
                "worse": each.pair.neg_resp,
                "better_origin": each.better_origin,
                "worse_origin": each.worse_origin,
                "group": each.pair.domain_en,
                "lang": each.pair.lang,
                "split": self.splits[each.pair.question],
            }

    def _choice_rows(self) -> Iterator[Row]:
        for item in build_items(each.pair for each in self.pairs):
            yield {**item.record(), "split": self.splits[item.pair.question]}


def build(
    entries: Sequence[Entry],
    *,
    name: str,
    licence: str,
    shares: Mapping[Split, float] = SHARES,
    seed: int = 0,
    agreement: Sequence[str] = (),
    replies: Mapping[str, str] | None = None,
) -> Built:
    """Make a data set of what reviewers accepted.

    Parameters
    ----------
    entries : sequence of Entry
        All that was collected; only accepted pieces are used.
    name : str
    licence : str
        Under which the set is given on, such as ``CC-BY-4.0``.
    shares : mapping of str to float
        Fractions of prompts in train, dev and test.
    seed : int
    agreement : sequence of str
        Sentences for the data card.
    replies : mapping of str to str, optional
        What a model answered to the prompts that were missing a better side, by id.

    Raises
    ------
    ConfigError
        If nothing was accepted, no licence is named, or no reply is to a missing one.
    """
    if not _plain(licence).strip():
        raise ConfigError("--licence is empty; name the one under which the set is given on.")
    accepted = tuple(entry for entry in entries if entry.state == "accepted")
    prompts = prompts_of(accepted)
    if not prompts:
        raise ConfigError("nothing was accepted yet; review it first in the experts' room.")
    if replies is not None:
        accepted = completed(accepted, replies)
    return Built(
        name=name,
        licence=licence,
        entries=accepted,
        prompts=prompts,
        pairs=pairs_of(accepted),
        splits=split_prompts([each.prompt for each in prompts], shares=shares, seed=seed),
        agreement=tuple(agreement),
    )


def write_set(folder: Path, built: Built, *, parquet: bool = True) -> tuple[Path, ...]:
    """Write the set as JSONL, as Parquet where wanted, and its data card.

    Prompts without a better reply stand in ``missing.jsonl``, which is no part of the set.

    Raises
    ------
    ConfigError
        If the folder cannot be made, or Parquet is wanted and its extra is not installed.
    """
    make_folder(folder)
    written: list[Path] = []
    for name, rows in built.tables.items():
        if not rows:
            continue
        path = folder / f"{name}.jsonl"
        write_rows(path, rows, form="jsonl")
        written.append(path)
        if parquet:
            write_rows(path.with_suffix(".parquet"), rows, form="parquet")
            written.append(path.with_suffix(".parquet"))
    missing = folder / "missing.jsonl"
    missing.unlink(missing_ok=True)
    if built.missing:
        write_rows(missing, built.missing, form="jsonl")
        written.append(missing)
    card = folder / "README.md"
    write_whole(card, data_card(built))
    return (*written, card)


def data_card(built: Built) -> str:
    """Write what a reader has to know before using the set."""
    kinds = Counter(entry.kind for entry in built.entries)
    models = sorted({entry.material.system for entry in built.entries if entry.material.system})
    origins = Counter(pair.better_origin for pair in built.pairs)
    splits = Counter(built.splits[prompt.prompt] for prompt in built.prompts)
    provenance = Counter(
        turn.provenance
        for entry in built.entries
        for turn in (*entry.material.turns, *entry.material.replies)
    )
    dates = sorted(entry.created_at[:10] for entry in built.entries)
    lines = [
        f"# {_plain(built.name)}",
        "",
        "Contains harmful text, collected to test language models.",
        "",
        f"- Licence: {_plain(built.licence)}",
        f"- Collected: {dates[0]} to {dates[-1]}, reviewed by somebody other than the author",
        f"- Annotators: {len({entry.author for entry in built.entries})}, under pseudonyms",
        f"- Pieces: {_counts(kinds)}",
        f"- Prompts: {len(built.prompts)} ({_counts(splits)}); near-duplicates share a split",
        f"- Groups: {_counts(Counter(prompt.group or 'none' for prompt in built.prompts))}",
        f"- Languages: {_counts(Counter(prompt.lang for prompt in built.prompts))}",
        f"- Pairs: {len(built.pairs)}; better side written by: {_counts(origins)}",
        f"- {_WRITERS}",
        f"- Attacks without a better reply yet: {len(built.missing)}",
        f"- Provenance of replies: {_counts(provenance)}",
        f"- Models that replied: {_plain(', '.join(models)) or 'none'}",
        *(f"- Agreement: {_plain(sentence)}" for sentence in built.agreement),
    ]
    if not built.agreement:
        lines.append("- Agreement: not measured on this material")
    return "\n".join(lines) + "\n"


def _counts(counted: Mapping[str, int]) -> str:
    return ", ".join(f"{_plain(name)} {count}" for name, count in sorted(counted.items())) or "none"


def _plain(text: str) -> str:
    """Keep a text from becoming markup or another line of the card."""
    return "".join(each if each.isalnum() or each in " .,-_:/+()%[]" else " " for each in text)


def split_prompts(
    prompts: Sequence[str], *, shares: Mapping[Split, float], seed: int
) -> dict[str, Split]:
    """Put each prompt into a split, near-duplicates together.

    Parameters
    ----------
    prompts : sequence of str
    shares : mapping of str to float
        Wanted fraction of prompts for each split; they sum to 1. A family of near-duplicates is
        never parted, so the shares are met as nearly as the families allow.
    seed : int
        Same seed, same splits.

    Raises
    ------
    ConfigError
        If the shares do not sum to 1.
    """
    if abs(sum(shares.values()) - 1) > 1e-9 or min(shares.values()) < 0:
        raise ConfigError(f"the shares sum to {sum(shares.values()):g}; make them sum to 1.")
    families = _families(sorted(set(prompts)))
    random.Random(seed).shuffle(families)
    total = sum(len(family) for family in families)
    filled: dict[Split, int] = dict.fromkeys(shares, 0)
    placed: dict[str, Split] = {}
    for family in families:
        split = max(filled, key=lambda name: shares[name] * total - filled[name])
        filled[split] += len(family)
        placed.update(dict.fromkeys(family, split))
    return placed


def _families(prompts: Sequence[str]) -> list[tuple[str, ...]]:
    """Join prompts that are alike, directly or through others."""
    leader = {prompt: prompt for prompt in prompts}

    def head(prompt: str) -> str:
        while leader[prompt] != prompt:
            prompt = leader[prompt]
        return prompt

    for place, one in enumerate(prompts):
        for other in prompts[place + 1 :]:
            if likeness(one, other) >= ALIKE:
                leader[head(other)] = head(one)
    grouped: dict[str, list[str]] = {}
    for prompt in prompts:
        grouped.setdefault(head(prompt), []).append(prompt)
    return [tuple(family) for family in grouped.values()]
