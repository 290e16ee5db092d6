"""Experts' records in the manner of 100PoisonMpts: a question, replies, and what they said.

The published file holds the question and the answer that the expert wrote or approved. The
labelling screen held more: three sampled replies, which of them is best (or none), 1 to 10 for the
best, and the expert's own answer. A score under 5 means that the reply cannot be accepted. Only the
best of three was scored, so a score says what a model can do at best, not what it usually does.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, Literal

from pydantic import Field

from calibration.tables import Row, integer, optional_text, read_rows, text
from judge.exporters.files import write_rows
from judge.exporters.rows import generation_row
from judge.records import Generation, Item, Record

REPLIES: Final = ("reply_1", "reply_2", "reply_3")

Best = Literal[0, 1, 2, 3]
"""Which reply is best; 0 says that all three are bad."""

_BEST = re.compile("(?:回复)?([123])(?:最优)?")
_NONE_GOOD = frozenset({"0", "三个回复都不好"})


class ExpertRecord(Record):
    """What an expert said of one question."""

    id: str = Field(min_length=1)
    prompt: str
    answer: str | None = None
    """Written or approved by the expert."""
    replies: tuple[str, ...] = ()
    """None or three."""
    best: Best | None = None
    score: int | None = Field(default=None, ge=1, le=10)
    """Of the best reply."""
    expert: str | None = None
    group: str | None = None

    def item(self) -> Item:
        """Give the question as a prompt, with the expert's answer as its reference."""
        return Item(
            id=self.id, prompt=self.prompt, group=self.group, lang="zh", reference=self.answer
        )

    def generations(self, system: str) -> tuple[Generation, ...]:
        """Give the three replies as samples of a model, to be judged one by one."""
        return tuple(
            Generation(
                **self.item().model_dump(exclude={"extra"}),
                response=reply,
                system=system,
                sample=sample,
            )
            for sample, reply in enumerate(self.replies)
        )


def read_expert_records(path: str | Path, *, encoding: str | None = None) -> Iterator[ExpertRecord]:
    """Read experts' records, row by row.

    Parameters
    ----------
    path : str or Path
        A table with ``prompt`` and, where known, ``id``, ``answer``, ``reply_1`` to ``reply_3``,
        ``best`` (1, 2, 3, 0 for none, or the words of the labelling screen), ``score``, ``expert``
        and ``group`` or ``domain_en``.
    encoding : str, optional
        What the file was saved in, where it is not UTF-8.

    Raises
    ------
    TableError
        If a row has some of the three replies only, a best reply without replies, or a score
        outside 1 to 10 or of no reply.
    """
    seen: dict[str, int] = {}
    for row in read_rows(path, encoding=encoding, required=("prompt",)):
        record = _record(row)
        if record.id in seen:
            raise row.error(f"the id stands in line {seen[record.id]} too", "rename one")
        seen[record.id] = row.line
        yield record


def write_tables(
    folder: Path, records: Iterable[ExpertRecord], *, system: str = "default"
) -> dict[Path, int]:
    """Write records as this project's tables.

    Parameters
    ----------
    folder : Path
        Takes ``prompts.jsonl`` and, where there are replies and scores, ``responses.jsonl`` and
        ``labels.jsonl``.
    records : iterable of ExpertRecord
    system : str
        Name of the model whose replies they are.

    Returns
    -------
    dict of Path to int
        Rows of each file.
    """
    found = list(records)
    folder.mkdir(parents=True, exist_ok=True)
    prompts = [record.item().model_dump(exclude_none=True, exclude={"extra"}) for record in found]
    replies = [generation_row(each) for record in found for each in record.generations(system)]
    labels = [_label(record, system) for record in found if record.best and record.score]
    tables: dict[str, Sequence[Mapping[str, object]]] = {
        "prompts.jsonl": prompts,
        "responses.jsonl": replies,
        "labels.jsonl": labels,
    }
    return {
        folder / name: write_rows(folder / name, rows, form="jsonl")
        for name, rows in tables.items()
        if rows
    }


def _label(record: ExpertRecord, system: str) -> Mapping[str, object]:
    return {
        "id": record.id,
        "system": system,
        "sample": (record.best or 1) - 1,
        "rater": record.expert or "expert",
        "criterion": "overall",
        "score": record.score,
        "group": record.group,
    }


def _record(row: Row) -> ExpertRecord:
    replies = _replies(row)
    best = _best(row)
    if best is not None and not replies:
        raise row.error("'best' is given, but no replies are", "add reply_1, reply_2 and reply_3")
    return ExpertRecord(
        id=optional_text(row, "id") or f"line-{row.line}",
        prompt=text(row, "prompt"),
        answer=optional_text(row, "answer"),
        replies=replies,
        best=best,
        score=_score(row, best),
        expert=optional_text(row, "expert"),
        group=optional_text(row, "group") or optional_text(row, "domain_en"),
    )


def _replies(row: Row) -> tuple[str, ...]:
    given = [optional_text(row, name) for name in REPLIES]
    replies = tuple(reply for reply in given if reply is not None)
    if len(replies) not in {0, len(REPLIES)}:
        raise row.error(f"{len(replies)} of the three replies stand here", "give all or none")
    return replies


def _best(row: Row) -> Best | None:
    value = row.values.get("best")
    if value is None or value == "":
        return None
    word = text(row, "best") if isinstance(value, str) else str(integer(row, "best"))
    found = _BEST.fullmatch(word)
    if found is None and word not in _NONE_GOOD:
        raise row.error("'best' is none of 1, 2, 3 and 0", "write 0 where all are bad")
    places: dict[str, Best] = {"1": 1, "2": 2, "3": 3}
    return places[found.group(1)] if found else 0


def _score(row: Row, best: Best | None) -> int | None:
    if row.values.get("score") in {None, ""}:
        return None
    if not best:
        raise row.error("'score' is given, but no reply is the best", "say which in 'best'")
    return integer(row, "score", low=1, high=10)
