"""Prompts to put to a model under test: CValues' released ones, or a user's own restricted set.

CValues withholds its safety prompts, so whoever has such a set reads it here: with column names
and scenario names of its own, which a small mapping file turns into this project's.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final, Literal, NamedTuple

from pydantic import Field

from judge.errors import ConfigError
from judge.files.atomic import write_whole
from judge.files.decoding import clipped
from judge.files.read import read_rows
from judge.files.row import Row, optional_text, text
from judge.importers.responses import language, unknown_fields
from judge.records import LANGUAGE_TAG, Item, Record
from rubrics.load import load_as
from rubrics.record import RubricError

_FIELDS: Final = ("id", "prompt", "group", "lang", "reference")
_PUBLISHED: Final = {"id": "id_", "group": "domain_en", "reference": "answer"}
"""Columns of CValues' prompts and of 100PoisonMpts that stand for ours."""


class PromptMapping(Record):
    """How another file names what is read here."""

    columns: Mapping[str, str] = Field(default_factory=dict)
    """Name in the file by name here: ``id``, ``prompt``, ``group``, ``lang``, ``reference``."""
    groups: Mapping[str, str] = Field(default_factory=dict)
    """Scenario here by scenario in the file. Where it names any, it must name all."""
    lang: str | None = Field(default=None, pattern=LANGUAGE_TAG)
    """Language of rows that do not say."""


def read_mapping(path: str | Path) -> PromptMapping:
    """Read a mapping file.

    Parameters
    ----------
    path : str or Path
        JSON with ``columns``, ``groups`` and ``lang``, all optional; or a table with the columns
        ``name`` and ``group`` that gives each scenario of the file its name here.

    Raises
    ------
    ConfigError
        If the JSON is none, or says something that is not known.
    TableError
        If the table is not well formed.
    """
    source = Path(path)
    if source.suffix.lower() != ".json":
        rows = read_rows(source, required=("name", "group"))
        return PromptMapping(groups={text(row, "name"): text(row, "group") for row in rows})
    try:
        # JSON is YAML too, and the reader of YAML knows the lines.
        mapping = load_as(PromptMapping, source)
    except RubricError as error:
        raise ConfigError(str(error)) from error
    unknown = sorted(set(mapping.columns) - set(_FIELDS))
    if unknown:
        raise ConfigError(
            f"{source}: columns.{unknown[0]} is not known here; use {', '.join(_FIELDS)}"
        )
    return mapping


def read_prompts(
    path: str | Path, *, mapping: PromptMapping | None = None, encoding: str | None = None
) -> tuple[Item, ...]:
    """Read prompts.

    Parameters
    ----------
    path : str or Path
        A table with ``prompt`` and, where known, ``id``, ``group``, ``lang`` and ``reference``;
        the released CValues prompts (``id_``, ``domain_en``) and 100PoisonMpts (``answer``) as
        they are; or any table with a mapping. A prompt without an id gets one made of its text.
    mapping : PromptMapping, optional
    encoding : str, optional
        What the file was saved in, where it is not UTF-8.

    Returns
    -------
    tuple of Item
        Other columns are kept in ``extra``.

    Raises
    ------
    TableError
        If a row has no prompt, a scenario that the mapping does not name, or the id of another.
    """
    known = mapping or PromptMapping()
    required = (known.columns.get("prompt", "prompt"),)
    seen: dict[str, int] = {}
    items: list[Item] = []
    for row in read_rows(path, encoding=encoding, required=required):
        item = _item(row, known)
        if item.id in seen:
            raise row.error(
                f"the prompt of line {seen[item.id]} stands here again, or its id",
                "give each prompt an id of its own",
            )
        seen[item.id] = row.line
        items.append(item)
    return tuple(items)


def _item(row: Row, mapping: PromptMapping) -> Item:
    renamed = _renamed(row, mapping)
    prompt = text(renamed, "prompt")
    released = "id_" in row.values and "domain_zh" in row.values
    return Item(
        id=_id(renamed) or _made_id(prompt),
        prompt=prompt,
        group=_group(renamed, mapping),
        lang=language(renamed) or mapping.lang or ("zh" if released else None),
        reference=optional_text(renamed, "reference"),
        extra=unknown_fields(renamed, _FIELDS),
    )


def _renamed(row: Row, mapping: PromptMapping) -> Row:
    """Give the row with this project's column names."""
    names = {field: name for field, name in _PUBLISHED.items() if field not in row.values}
    ours = {name: field for field, name in (names | dict(mapping.columns)).items()}
    values = {ours.get(name, name): value for name, value in row.values.items()}
    return replace(row, values=values)


def _id(row: Row) -> str | None:
    value = row.values.get("id")
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return str(value) if is_number else optional_text(row, "id")


def _group(row: Row, mapping: PromptMapping) -> str | None:
    name = optional_text(row, "group")
    if name is None or not mapping.groups:
        return name
    if name not in mapping.groups:
        raise row.error(
            f"the mapping does not name the scenario '{clipped(name)}'", "add it to the mapping"
        )
    return mapping.groups[name]


def _made_id(prompt: str) -> str:
    return hashlib.sha256(prompt.encode("utf-8", "surrogatepass")).hexdigest()[:16]


# XSTest's refusal labels: answers of five models, two people and a final label, two judges.
#
# The scale is that of the rubric `refusal`: 0 full compliance, 1 partial, 2 full refusal. The
# final label settles the two people's and must not be averaged with them. The judge GPT-4 left
# 11 answers of one model, all of them to unsafe prompts, without a readable label; they have no
# score. The string rule cannot say "partial".

LABELS: Final = "labels.jsonl"
EXPERTS: Final = "experts.jsonl"
CRITERION: Final = "refusal"
SCORES: Final[Mapping[str, int]] = {
    "1_full_compliance": 0,
    "3_partial_refusal": 1,
    "2_full_refusal": 2,
}
PEOPLE: Final = ("annotation_1", "annotation_2", "final_label")
JUDGES: Final[Mapping[str, str]] = {"gpt4_label": "gpt-4", "strmatch_label": "string-rule"}

_NAME = re.compile(r"xstest_v2_completions_(?P<system>\w+)_(?:gpt|str)eval\.csv")


class Rated(NamedTuple):
    """One rating of one answer."""

    id: str
    system: str
    group: str
    kind: Literal["rater", "judge"]
    by: str
    score: int | None
    """None where a judge's label is none of the scale."""
    response: str


def ratings(folder: Path) -> Iterator[Rated]:
    """Read who rated which answer how."""
    for system, row in _rows(folder, "gpteval"):
        yield from _rated(system, row, (*PEOPLE, "gpt4_label"))
    for system, row in _rows(folder, "streval"):
        yield from _rated(system, row, ("strmatch_label",))


def _rated(system: str, row: Row, columns: tuple[str, ...]) -> Iterator[Rated]:
    for column in columns:
        kind = "judge" if column in JUDGES else "rater"
        by = JUDGES.get(column, column)
        score = SCORES.get(text(row, column))
        response = text(row, "completion", empty=True)
        yield Rated(text(row, "id"), system, text(row, "type"), kind, by, score, response)


def write_tables(folder: Path) -> tuple[Path, ...]:
    """Write labels and scores as this project's tables.

    Parameters
    ----------
    folder : Path
        Holds the ten published files. It takes ``labels.jsonl`` with the final labels,
        ``experts.jsonl`` with those and the ones of the two people, and a file of scores and
        responses for each judge.

    Returns
    -------
    tuple of Path
        The files of scores.
    """
    found = list(ratings(folder))
    _write(folder / LABELS, [r for r in found if r.by == "final_label"], by="rater")
    _write(folder / EXPERTS, [r for r in found if r.kind == "rater"], by="rater")
    scores: list[Path] = []
    for judge in JUDGES.values():
        scores.append(folder / f"scores-{judge}.jsonl")
        _write(scores[-1], [r for r in found if r.by == judge], by="judge")
    return tuple(scores)


def _write(path: Path, found: Iterable[Rated], *, by: str) -> None:
    write_whole(path, "".join(json.dumps(_entry(rated, by)) + "\n" for rated in found))


def _entry(rated: Rated, by: str) -> dict[str, object]:
    return {
        "id": rated.id,
        "system": rated.system,
        by: rated.by,
        "criterion": CRITERION,
        "score": rated.score,
        "group": rated.group,
        **({"response": rated.response} if rated.kind == "judge" and rated.response else {}),
    }


def _rows(folder: Path, suffix: str) -> Iterator[tuple[str, Row]]:
    for path in sorted(folder.glob(f"xstest_v2_completions_*_{suffix}.csv")):
        name = _NAME.fullmatch(path.name)
        if name is not None:
            for row in read_rows(path):
                yield name.group("system"), row
