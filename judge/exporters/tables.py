"""Tidy rows of a run, one kind of thing each, with the columns that users script against."""

import csv
import io
import json
import math
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, Literal, cast

from judge.conversation import sessions
from judge.errors import ConfigError
from judge.files.atomic import replacing
from judge.files.decoding import inert
from judge.grading.aggregation import with_panel
from judge.grading.judgment_task import Task, single_questions
from judge.grading.remarks import marked
from judge.importers.chat import chat_form
from judge.records import Attempt, Generation, Judgment, Verdict
from judge.run.run import Cell, concluded, summarise, summarise_languages
from judge.store.records import Label, Run

if TYPE_CHECKING:
    from openpyxl.cell.cell import Cell as SheetCell

    from judge.store.store import Store


What = Literal["verdicts", "attempts", "labels", "summary", "generations"]
Row = Mapping[str, object]


COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "verdicts": (
        "run",
        "id",
        "system",
        "sample",
        "group",
        "judge",
        "rubric",
        "rubric_hash",
        "criterion",
        "repeat",
        "order",
        "score",
        "outcome",
        "rationale",
        "evidence",
        "flags",
        "provenance",
        "served_model",
        "prompt_tokens",
        "completion_tokens",
        "cost_usd",
        "latency_ms",
        "lang",
        "rung",
        "attempts",
        "key",
        "probabilities",
        "rule",
        "session",
        "turn",
        "windows",
        "rubric_lang",
    ),
    "labels": (
        "id",
        "system",
        "rater",
        "criterion",
        "score",
        "sample",
        "group",
        "turn",
        "rationale",
        "rubric",
        "rubric_hash",
        "text_sha256",
        "kind",
        "source",
    ),
    "generations": ("id", "prompt", "response", "system", "sample"),
}
"""Columns of tables that a run may have no row of yet; a response may have more."""


def rows(store: "Store", run: Run, what: What) -> Iterator[Row]:
    """Stream one kind of rows of a run.

    Parameters
    ----------
    store : Store
    run : Run
    what : {'verdicts', 'attempts', 'labels', 'summary', 'generations'}
        One row for each verdict (item, judge, rubric, criterion, repeat), HTTP call, expert
        label, criterion and group, or response.
    """
    if what == "attempts":
        return (_attempt(run, attempt) for attempt in store.attempts(run))
    if what == "labels":
        return (_label(label) for label in store.labels(run))
    if what == "generations":
        return (generation_row(generation) for generation in _generations(store, run))
    if what == "summary":
        whole = summarise(concluded(store.judgments(run), run.manifest))
        spoken = summarise_languages(concluded(store.judgments(run), run.manifest))
        return (_cell(run, cell) for cell in (*whole, *spoken))
    judgments = with_panel(marked(store, run), len(run.manifest.judges))
    languages = {(each.rubric, each.digest): each.language for each in run.manifest.rubrics}
    return (
        {
            **_verdict(run, judgment, verdict),
            "rubric_lang": languages.get((judgment.rubric, judgment.rubric_hash)),
        }
        for judgment in judgments
        for verdict in judgment.verdicts
    )


def _generations(store: "Store", run: Run) -> Iterator[Generation]:
    """Give what was judged, or what a model under test has answered so far, also in a room."""
    if run.manifest.kind != "generate":
        return sessions(store.generations(run))
    # The room's part of the store needs the database at once, which most that write tables do not.
    from judge.store.annotation_project import Desk
    from judge.store.collected_entries import conversations

    answers = (answer.generation() for answer in store.answers(run) if answer.outcome == "ok")
    return chain(answers, conversations(Desk(store=store, run=run)))


def generation_row(generation: Generation) -> Row:
    """Write a response in the format that `cvalues judge` reads."""
    written = generation.model_dump(exclude={"extra", "messages"})
    if generation.messages:
        written["messages"] = chat_form(generation.messages)
    return {
        **generation.extra,
        **{key: value for key, value in written.items() if value is not None},
    }


def _verdict(run: Run, judgment: Judgment, verdict: Verdict) -> Row:
    """Write one verdict; tokens, cost and latency are those of the judgment it is part of."""
    return {
        "run": run.name,
        "id": judgment.id,
        "system": judgment.system,
        "sample": judgment.sample,
        "group": judgment.group,
        "judge": judgment.judge,
        "rubric": judgment.rubric,
        "rubric_hash": judgment.rubric_hash,
        "criterion": verdict.criterion,
        "repeat": judgment.repeat,
        "order": judgment.order,
        "score": verdict.score if verdict.kind == "scored" else None,
        "outcome": verdict.outcome,
        "rationale": verdict.rationale,
        "evidence": verdict.evidence,
        "flags": " ".join(judgment.flags),
        "provenance": judgment.provenance,
        "served_model": judgment.served_model,
        "prompt_tokens": judgment.usage.prompt_tokens,
        "completion_tokens": judgment.usage.completion_tokens,
        "cost_usd": judgment.cost_usd,
        "latency_ms": judgment.latency_ms,
        "lang": judgment.lang,
        "rung": judgment.rung,
        "attempts": judgment.attempts,
        "key": judgment.key,
        "probabilities": _probabilities(verdict),
        "rule": verdict.rule if verdict.kind == "scored" else None,
        "session": judgment.cluster,
        "turn": judgment.turn if verdict.turn is None else verdict.turn,
        "windows": judgment.windows,
    }


def _probabilities(verdict: Verdict) -> Mapping[str, float] | None:
    """Give the probability of each level, by its name; None where the judge gave none."""
    given = verdict.probabilities if verdict.kind == "scored" else None
    return None if given is None else {str(level): share for level, share in given.items()}


def _attempt(run: Run, attempt: Attempt) -> Row:
    usage = attempt.usage.model_dump()
    return {"run": run.name, **attempt.model_dump(exclude={"usage"}), **usage}


def _label(label: Label) -> Row:
    return {
        "id": label.id,
        "system": label.system,
        "rater": label.rater,
        "criterion": label.criterion,
        "score": label.score,
        "sample": label.sample,
        "group": label.group,
        "turn": label.turn,
        "rationale": label.rationale,
        "rubric": label.rubric,
        "rubric_hash": label.rubric_hash,
        "text_sha256": label.text_sha256,
        "kind": label.kind,
        "source": label.source,
    }


def _cell(run: Run, cell: Cell) -> Row:
    return {
        "run": run.name,
        "rubric": cell.rubric,
        "criterion": cell.criterion,
        "judge": cell.judge,
        "system": cell.system,
        "group": cell.group,
        "mean_judge_only": cell.mean,
        **cell.counts.model_dump(),
        "provenance": cell.provenance,
        "lang": cell.lang,
    }


# Cells of spreadsheets that are never run: the one sink for text from data sets and models.

MAX_SHEET_TEXT = 32_767
"""Characters that a cell of a sheet holds; openpyxl cuts what is longer without a word."""

Value = str | int | float | bool | None

_ESCAPED = re.compile("_(?=x[0-9A-Fa-f]{4}_)")
_BLANK = re.compile("[ \t\n]")
_NOT_XML = re.compile("[\x00-\x08\x0b-\x1f\ufffe\uffff]")


def csv_cell(value: Value) -> str | int | float:
    """Prepare a value for `csv.writer` in a file that people may open in a spreadsheet program.

    Parameters
    ----------
    value : str, int, float, bool or None
        Texts that would run become inert, headers included; finite numbers stay numbers; None
        is an empty cell.

    Returns
    -------
    str, int or float
        `judge.files.decoding.restored` gives a text back unchanged.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return inert(value)
    return value if math.isfinite(value) else inert(str(value))


def sheet_text(text: str) -> str:
    """Write a text the way a sheet stores it, with what XML cannot hold as ``_xHHHH_``.

    Excel and `judge.files` read the text back unchanged, save the non-characters U+FFFE
    and U+FFFF, which calamine leaves written out.

    Raises
    ------
    ValueError
        If the cell could not hold it whole.
    """
    stored = _NOT_XML.sub(_code, _ESCAPED.sub("_x005F_", text))
    if not stored.strip():
        # openpyxl does not mark a text of blanks alone as one, and readers would drop them.
        stored = _BLANK.sub(_code, stored)
    if len(stored) > MAX_SHEET_TEXT:
        raise ValueError(
            f"a text of {len(stored)} characters does not fit a cell of {MAX_SHEET_TEXT}; "
            "export it as CSV or JSONL."
        )
    return stored


def set_cell(cell: "SheetCell", value: Value) -> None:
    """Put a value into a sheet so that no text of it is ever run.

    Parameters
    ----------
    cell : openpyxl cell
    value : str, int, float, bool or None
        Texts are stored as texts whatever they start with; numbers stay numbers.

    Raises
    ------
    ValueError
        If a text is longer than a cell can hold.
    """
    if isinstance(value, float) and not math.isfinite(value):
        value = str(value)
    if not isinstance(value, str):
        cell.value = value
        return
    cell.value = sheet_text(value)
    cell.data_type = "s"
    if reading_order(value) == RIGHT_TO_LEFT:
        from openpyxl.styles import Alignment

        cell.alignment = Alignment(readingOrder=RIGHT_TO_LEFT)


BY_CONTEXT: Final = 0
RIGHT_TO_LEFT: Final = 2
"""Reading orders of a cell (ECMA-376, part 1, 18.8.1, readingOrder)."""


def reading_order(text: object) -> int:
    """Give the reading order of a cell: from right to left where its first letter is.

    Some programs lay a text without one out from left to right, whatever it begins with.
    """
    for mark in text if isinstance(text, str) else "":
        kind = unicodedata.bidirectional(mark)
        if kind in {"L", "R", "AL"}:
            return BY_CONTEXT if kind == "L" else RIGHT_TO_LEFT
    return BY_CONTEXT


def _code(found: re.Match[str]) -> str:
    return f"_x{ord(found.group()):04X}_"


# Rows into a file, whole or not at all: JSONL, CSV or Parquet.

Format = Literal["jsonl", "csv", "parquet"]
FileRow = Mapping[str, object]


def write_rows(
    path: Path,
    rows: Iterable[FileRow],
    *,
    form: Format,
    raw: bool = False,
    columns: Sequence[str] = (),
) -> int:
    """Write rows that all have the same columns.

    Parameters
    ----------
    path : Path
        Replaced only when everything has been written.
    rows : iterable of mapping
        Streamed, but for Parquet.
    form : {'jsonl', 'csv', 'parquet'}
    raw : bool
        CSV for machines: text in cells as it is, and no mark before the first. Without it, text
        that a spreadsheet program would run is made inert.
    columns : sequence of str
        Of a table without a row, so that CSV and Parquet have their columns even so.

    Returns
    -------
    int
        Rows written.

    Raises
    ------
    ConfigError
        If rows for CSV differ in their columns, or Parquet is wanted without its extra.
    """
    with replacing(path) as file:
        if form == "jsonl":
            return _jsonl(file, rows)
        if form == "csv":
            return _csv(file, rows, raw=raw, expected=columns)
        return _parquet(file, list(rows), expected=columns)


def _plain(value: Value) -> object:
    return "" if value is None else value


def _jsonl(file: IO[bytes], rows: Iterable[FileRow]) -> int:
    count = 0
    for row in rows:
        file.write(json.dumps(row, ensure_ascii=False).encode() + b"\n")
        count += 1
    return count


def _csv(file: IO[bytes], rows: Iterable[FileRow], *, raw: bool, expected: Sequence[str]) -> int:
    cell = _plain if raw else csv_cell
    # Excel takes UTF-8 for what it is only with a mark; this project's readers take both.
    encoding = "utf-8" if raw else "utf-8-sig"
    text = io.TextIOWrapper(file, encoding=encoding, newline="", write_through=True)
    writer = csv.writer(text)
    columns: list[str] = []
    count = 0
    for row in rows:
        if not columns:
            columns = list(row)
            writer.writerow([cell(name) for name in columns])
        if list(row) != columns:
            raise ConfigError("the rows differ in their columns; write them as JSONL.")
        writer.writerow([cell(_flat(value)) for value in row.values()])
        count += 1
    if expected and not columns:
        writer.writerow(expected)
    text.detach()
    return count


def _flat(value: object) -> Value:
    """Write what has parts as JSON, since a cell holds one value."""
    if isinstance(value, Mapping | list | tuple):
        return json.dumps(value, ensure_ascii=False)
    return cast("Value", value)


def filled(read: Callable[[], Iterable[FileRow]]) -> Iterator[FileRow]:
    """Give rows that differ in their columns all columns of any, empty where a row had none.

    Parameters
    ----------
    read : callable
        Gives the rows anew with each call, so that none is held.
    """
    columns = dict.fromkeys(name for row in read() for name in row)
    return ({name: row.get(name) for name in columns} for row in read())


def _parquet(file: IO[bytes], rows: list[FileRow], *, expected: Sequence[str]) -> int:
    import pandas as pd

    try:
        table = pd.DataFrame.from_records(rows) if rows else pd.DataFrame(columns=list(expected))
        table.to_parquet(file, index=False)
    except ImportError:
        raise ConfigError("Parquet needs an extra: pip install 'cvalues[parquet]'.") from None
    return len(rows)


# What other tools read: a batch of questions for a provider, feedback for MLflow.

ENDPOINT = "/v1/chat/completions"


def requests(tasks: Iterator[Task]) -> Iterator[Mapping[str, object]]:
    """Write each task as one request of a batch.

    Parameters
    ----------
    tasks : iterator of Task

    Yields
    ------
    mapping
        ``custom_id`` is the content key of the task: order-free, and the same on every machine.
        The boundary code of the material is drawn from the key, since a batch is read later.
    """
    for task in single_questions(tasks):
        question = task.question(task.key[:16])
        if question.asked is not None:
            raise ConfigError("a batch file holds questions for chat models; use --api chat.")
        yield {
            "custom_id": task.key,
            "method": "POST",
            "url": ENDPOINT,
            "body": {
                "model": task.judge.model.partition("/")[2] or task.judge.model,
                "messages": [message.model_dump() for message in question.messages],
                "temperature": question.temperature,
                "max_tokens": question.max_tokens,
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {
                        "name": "verdict",
                        "strict": True,
                        "schema": question.reply_schema,
                    },
                },
            },
        }


def feedback(store: "Store", run: Run) -> Iterator[Mapping[str, object]]:
    """Write one record for each verdict with a score and each label with one.

    Yields
    ------
    mapping
        Arguments of ``mlflow.log_feedback``, with the unit under ``metadata``. What has no score
        is written with ``error`` instead of a value, never with a number.
    """
    for row in rows(store, run, "verdicts"):
        scored = row["outcome"] == "ok"
        yield {
            "name": row["criterion"],
            "value": row["score"],
            "error": None if scored else row["outcome"],
            "rationale": row["rationale"],
            "source": {"source_type": "LLM_JUDGE", "source_id": row["judge"]},
            "metadata": {**_unit(row), "provenance": row["provenance"]},
        }
    for row in rows(store, run, "labels"):
        yield {
            "name": row["criterion"],
            "value": row["score"],
            "error": None if row["score"] is not None else "cannot_assess",
            "rationale": row["rationale"],
            "source": {"source_type": "HUMAN", "source_id": row["rater"]},
            "metadata": _unit(row),
        }


def _unit(row: Mapping[str, object]) -> dict[str, object]:
    return {name: row[name] for name in ("id", "system", "sample", "group")}
