"""Responses of models under test, one a row: JSONL, CSV or XLSX with the same column names."""

import datetime
import unicodedata
from collections import defaultdict
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from judge.files.decoding import Place, clipped, printable
from judge.files.mapping import TableMapping
from judge.files.read import Node, parse_json, read_rows
from judge.files.row import Row, optional_integer, optional_text, text
from judge.importers.chat import read_messages, read_turn, short_form
from judge.manifest import Sample, SampledItem
from judge.records import Generation, Turn
from judge.store.records import Label
from rubrics.library import fitting, in_language
from rubrics.reply_schema import rubric_digest
from rubrics.rubric import Criterion, Rubric, Scale, language_tag, tag_advice

REQUIRED = ("id", "prompt", "response")
OPTIONAL = ("system", "sample", "group", "lang", "reference", "messages")
INSTEAD = {"messages": ("prompt", "response")}


def read_generations(path: str | Path, *, encoding: str | None = None) -> Iterator[Generation]:
    """Read responses row by row, in memory that grows by some 70 bytes a row.

    Parameters
    ----------
    path : str or Path
        A table as `judge.files.read.read_rows` takes it, with the columns ``id``, ``prompt``,
        ``response`` and, where known, ``system``, ``sample``, ``group``, ``lang``, ``reference``.
        A column ``messages`` may stand instead of, or beside, prompt and response: the whole
        conversation in OpenAI's chat form, as JSON text where the table holds text alone.
    encoding : str, optional
        What the file was saved in, where it is not UTF-8.

    Yields
    ------
    Generation
        Columns that this project does not know are kept in ``extra``. A missing ``system`` is
        ``"default"``, a missing ``sample`` 0.

    Raises
    ------
    TableError
        At the first bad row, the second row of an (id, system, sample), or an id that differs
        from an earlier one in its Unicode form alone.
    """
    seen = _Seen()
    for row in _rows(path, encoding):
        generation = generation_of(row)
        if seen.before(generation):
            _refuse_twin(row, generation, encoding)
        yield generation


def language(row: Row) -> str | None:
    """Read the column ``lang``: a BCP 47 tag in its usual form, or nothing."""
    word = optional_text(row, "lang")
    tag = None if word is None else language_tag(word)
    if word is not None and tag is None:
        raise row.error(f"'lang' is '{clipped(word)}'", tag_advice(word))
    return tag


def unknown_fields(row: Row, known: Container[str]) -> dict[str, object]:
    """Keep the columns that this project does not read; dates of a sheet as text."""
    return {name: _kept(value) for name, value in row.values.items() if name not in known}


def _kept(value: object) -> object:
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    return str(value) if isinstance(value, datetime.timedelta) else value


def _rows(path: str | Path, encoding: str | None) -> Iterator[Row]:
    return read_rows(path, encoding=encoding, required=REQUIRED, optional=OPTIONAL, instead=INSTEAD)


def generation_of(row: Row) -> Generation:
    """Read a response from a row of a file, or from one that a program made.

    Raises
    ------
    TableError
        If a column is missing or holds a wrong value.
    """
    messages = messages_of(row)
    if messages:
        prompt, response = short_form(messages)
    else:
        prompt, response = text(row, "prompt"), text(row, "response", empty=True)
    return Generation(
        id=text(row, "id"),
        prompt=prompt,
        response=response,
        messages=messages,
        system=optional_text(row, "system") or "default",
        sample=optional_integer(row, "sample", low=0) or 0,
        group=optional_text(row, "group"),
        lang=language(row),
        reference=optional_text(row, "reference"),
        extra=unknown_fields(row, _KNOWN),
    )


def messages_of(row: Row) -> tuple[Turn, ...]:
    """Read the conversation of a row, with its prompt and response where they stand beside it."""
    value = row.values.get("messages")
    if value is None or value == "":
        return ()
    place = Place(row.source, row.line)
    if isinstance(value, str):
        value = parse_json(value, place)
    node = Node(value, "messages", place)
    turns = tuple(map(read_turn, node.items()))
    prompt, response = optional_text(row, "prompt"), optional_text(row, "response")
    if response is not None and not (turns and turns[-1].role == "assistant"):
        asked = [turn.content for turn in turns if turn.role == "user"]
        if prompt is not None and asked[-1:] != [prompt]:
            turns = (*turns, Turn(role="user", content=prompt))
        return (*turns, Turn(role="assistant", content=response))
    if response is not None and turns[-1].content != response:
        raise row.error(
            "'messages' end with another reply than 'response'",
            "leave out 'response', or let 'messages' end with what it answers",
        )
    return read_messages(node)


@dataclass(frozen=True, slots=True)
class _Seen:
    """The units and ids read so far, as 64-bit hashes: a file may hold millions."""

    units: set[int] = field(default_factory=set)
    forms: dict[int, str] = field(default_factory=dict)

    def before(self, generation: Generation) -> bool:
        """Take note of a generation; whether its unit, or its id in another form, may be known."""
        name = unicodedata.normalize("NFC", generation.id)
        unit = hash((name, generation.system, generation.sample))
        clash = unit in self.units
        self.units.add(unit)
        if not name.isascii():
            clash |= self.forms.setdefault(hash(name), generation.id) != generation.id
        return clash


def _refuse_twin(row: Row, generation: Generation, encoding: str | None) -> None:
    """Name the earlier row; hashes may meet by chance, and then there is none."""
    name = unicodedata.normalize("NFC", generation.id)
    for earlier in _rows(row.source, encoding):
        if earlier.line >= row.line:
            return
        twin = generation_of(earlier)
        if twin.unit == generation.unit:
            raise row.error(
                f"id '{printable(twin.id[:40])}' of the same system and sample stands in line "
                f"{earlier.line} already",
                "give each (id, system, sample) one row",
            )
        if twin.id != generation.id and unicodedata.normalize("NFC", twin.id) == name:
            raise row.error(
                f"id '{printable(twin.id[:40])}' looks like the id of line {earlier.line} but has "
                "other code points",
                "write both in the same Unicode form, such as NFC",
            )


_KNOWN = frozenset((*REQUIRED, *OPTIONAL))


# What the labels of a run may be about, whatever form they come in.

Unit = tuple[str, str, int]


class Home(NamedTuple):
    """What the run knows of a unit."""

    group: str | None
    lang: str | None
    """Its language, a tag; None where nobody knows it."""
    text_sha256: str | None = None
    """Digest of what an expert is shown; None where it is not known."""
    turns: int = 0
    """Messages of the conversation, where the unit is a whole one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What labels may be about.

    Attributes
    ----------
    units : mapping of unit to Home
        The units of the run.
    rubrics : tuple of Rubric
        Those of the run; their criteria and scales are what a label may name.
    draws : tuple of Sample
        The draws on record, whose sheets and tasks are known by opaque names.
    rater : str or None
        Who labelled, where the file does not say.
    mapping : TableMapping
        Which columns and words of a table of another tool are which of ours.
    """

    units: Mapping[Unit, Home]
    rubrics: tuple[Rubric, ...]
    draws: tuple[Sample, ...] = ()
    rater: str | None = None
    language: str = "en"
    """The run's language for items whose own a rubric lacks."""
    mapping: TableMapping = field(default_factory=TableMapping)

    @property
    def tasks(self) -> dict[str, SampledItem]:
        """Items of all draws by the opaque names of their tasks."""
        return {item.task: item for sample in self.draws for item in sample.items}

    @property
    def scales(self) -> dict[str, Scale]:
        """Scales by criterion."""
        return {
            criterion.id: criterion.scale
            for rubric in self.rubrics
            for criterion in rubric.criteria
        }

    @property
    def level_words(self) -> dict[str, dict[str, int]]:
        """By criterion, the score that a level's name means, alone or after its number.

        A name that two rubrics give to different levels is left out.
        """
        found = defaultdict[str, dict[str, set[int]]](lambda: defaultdict(set))
        twins = (in_language(each, lang) for each in self.rubrics for lang in ("zh", "en"))
        for rubric in (*self.rubrics, *twins):
            for criterion in rubric.criteria:
                for score, name in criterion.scale.names().items():
                    for word in (name, f"{score} {name}"):
                        found[criterion.id][written_word(word)].add(score)
        return {
            criterion: {word: min(scores) for word, scores in words.items() if len(scores) == 1}
            for criterion, words in found.items()
        }

    def rubric_of(self, unit: Unit, criterion: str) -> Rubric | None:
        """Give the edition that a unit was judged by; None where several have the criterion."""
        asking = [
            rubric
            for rubric in self.rubrics
            if any(each.id == criterion for each in rubric.criteria)
        ]
        if len({rubric.id for rubric in asking}) != 1:
            return None
        editions = {rubric.language: rubric for rubric in asking}
        return fitting(editions, self.units[unit].lang, default=self.language)

    def is_fault(self, rubric: str | None, criterion: str, score: float | None) -> bool:
        """Tell whether a score is other than the best, so that a turn may be at fault."""
        known = (c for r in self.rubrics if r.id == rubric for c in r.criteria if c.id == criterion)
        found = next(known, None)
        return found is None or (score is not None and is_fault(found, score))

    def shown_label(
        self, item: SampledItem, *, rater: str, criterion: str, score: float | None, source: str
    ) -> Label:
        """Make the label of an item that was drawn, as the experts' room would have made it."""
        rubric = self.rubric_of(item.unit, criterion)
        return Label(
            id=item.id,
            system=item.system,
            sample=item.sample,
            rater=rater,
            criterion=criterion,
            score=score,
            group=self.units[item.unit].group,
            text_sha256=item.text_sha256,
            rubric=rubric.id if rubric else None,
            rubric_hash=rubric_digest(rubric) if rubric else None,
            source=source,
        )


def written_word(text: str) -> str:
    """Write the name of a level as names are compared: whatever its case, width and spaces."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def is_fault(criterion: Criterion, score: float) -> bool:
    """Tell whether a score is other than the best; every score of a description may have a turn."""
    scale = criterion.scale
    best = {"higher_is_better": scale.max, "lower_is_better": scale.min}.get(criterion.direction)
    return score != best


def rater_of(row: Row, asked: Asked) -> str:
    """Read who rated; a rater whom the caller named must not be contradicted."""
    if asked.rater is None:
        return text(row, "rater")
    written = optional_text(row, "rater")
    if written not in {None, asked.rater}:
        raise row.error(f"'rater' is '{(written or '')[:40]}'", f"leave out --rater {asked.rater}")
    return asked.rater
