"""Expert labels in whatever form they come home, checked against the run that they belong to."""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

from judge.files.decoding import TableError, restored
from judge.files.mapping import mapped_rows, require_columns, score_of
from judge.files.near import cause, known_as
from judge.files.read import Node, read_document, read_rows
from judge.files.row import (
    Row,
    optional_choice,
    optional_integer,
    optional_number,
    optional_text,
    text,
)
from judge.importers.responses import Asked, Unit, rater_of, written_word
from judge.manifest import SampledItem
from judge.records import Generation, Turn
from judge.store.records import Label
from rubrics.reply_schema import rubric_digest

# Sheets that were drawn from a run, filled in by experts: one row a task, one column a
# criterion.
#
# The sheet knows items by opaque names alone. What its hidden cells said when it was written is
# on record with the run, so that a row which was moved, cut or overwritten is refused by its
# cell.

TASK = "task"
DIGEST = "text_sha256"
RATER = "rater"
NOTE = "note"
TURN = "turn"
"""Index of the first turn at fault, in sheets of whole conversations."""
SHOWN = ("prompt", "response")
UNKNOWN = "?"
"""In the place of a level: the expert cannot assess the response by this criterion."""
_UNKNOWN = frozenset({UNKNOWN, "？"})
SHEET = "labels"
"""Name of the sheet in a workbook."""


def shown(generation: Generation) -> tuple[str, str]:
    """Give what a sheet shows of an item: of a conversation, its turns up to the judged one.

    Each turn stands under its index and speaker; its own lines are indented, so that no text can
    pass for a turn.
    """
    if not generation.messages:
        return generation.prompt, generation.response
    end = None if generation.turn is None else generation.turn
    turns = (
        f"[{index}] {turn.role}\n" + "\n".join(f"  {line}" for line in _lines(turn))
        for index, turn in enumerate(generation.messages[:end])
    )
    return "\n".join(turns), generation.response


def _lines(turn: Turn) -> Iterator[str]:
    yield from turn.content.splitlines()
    for call in turn.tool_calls:
        yield from f"→ {call.name}({call.arguments})".splitlines()
    yield from (f"({name})" for name in turn.not_shown)


def shown_digest(generation: Generation) -> str:
    """Give the SHA-256 of what an expert is shown of an item."""
    return text_digest(*shown(generation))


def text_digest(prompt: str, response: str) -> str:
    """Give the SHA-256 of what an expert is shown, whatever its ends of lines.

    Spreadsheet programs write them in their own way, and no expert can tell them apart.
    """
    return _digest(*(re.sub("\r\n?", "\n", shown) for shown in (prompt, response)))


def _digest(prompt: str, response: str) -> str:
    return hashlib.sha256(f"{prompt}\0{response}".encode()).hexdigest()


def _is_drawn(item: SampledItem, prompt: str, response: str) -> bool:
    # Runs that were drawn before hold the digest of the text with its own ends of lines.
    return item.text_sha256 in {text_digest(prompt, response), _digest(prompt, response)}


def read_sheet(source: Path, asked: Asked, *, encoding: str | None = None) -> tuple[Label, ...]:
    """Read a filled-in sheet, all or none; criteria left empty are not labelled.

    A question mark in the place of a level says that the expert cannot assess.

    Parameters
    ----------
    source : Path
        CSV, JSONL or XLSX as `judge.exporters.workbook` wrote it, with scores filled in.
    asked : Asked
        With the draw on record.
    encoding : str, optional

    Raises
    ------
    TableError
        If no draw is on record, a task is unknown or stands twice, its text was changed, or a
        score is no level of its scale.
    """
    if not asked.draws:
        raise TableError(
            "this is a sheet of tasks, but the run has no draw on record",
            "name the run that the sheet was drawn from",
            source=source,
        )
    known, words = asked.tasks, asked.level_words
    lines: dict[tuple[str, str], int] = {}
    labels: list[Label] = []
    for row in read_rows(source, encoding=encoding, required=(TASK, DIGEST), optional=(NOTE, TURN)):
        item = _item(row, known)
        given = tuple(_labels(row, item, asked, words=words))
        for label in given[:1]:
            if (item.task, label.rater) in lines:
                raise row.error(
                    f"task {item.task} of '{label.rater}' stands in line "
                    f"{lines[item.task, label.rater]} already",
                    "keep one of the two",
                )
            lines[item.task, label.rater] = row.line
        labels.extend(given)
    if not labels:
        raise TableError("no score is filled in", "fill the sheet in first", source=source)
    return tuple(labels)


def cell_name(row: Row, column: str) -> str:
    """Name a cell as spreadsheet programs do, such as C7; the column's name in other files."""
    if row.format != "xlsx":
        return f"'{column}'"
    number, letters = list(row.values).index(column) + 1, ""
    while number:
        number, place = divmod(number - 1, 26)
        letters = chr(ord("A") + place) + letters
    return f"cell {letters}{row.line}"


def _item(row: Row, known: Mapping[str, SampledItem]) -> SampledItem:
    task = text(row, TASK)
    item = known.get(task)
    if item is None:
        raise row.error(
            f"{cell_name(row, TASK)} holds no task of the run's draw", "restore it from the sheet"
        )
    if optional_text(row, DIGEST) != item.text_sha256:
        raise row.error(
            f"{cell_name(row, DIGEST)}, a hidden one, was edited", "restore it from the sheet"
        )
    if set(SHOWN) <= row.values.keys() and not _is_drawn(item, *_shown(row)):
        raise row.error(
            f"the text beside {cell_name(row, TASK)} is not the one that was drawn",
            "restore prompt and response from the sheet",
        )
    return item


def _shown(row: Row) -> tuple[str, str]:
    prompt, response = (text(row, name, empty=True) for name in SHOWN)
    return (restored(prompt), restored(response)) if row.format == "csv" else (prompt, response)


def _level(row: Row, criterion: str, words: Mapping[str, int]) -> float | None:
    """Read a level by its number, its name or both; None where the expert cannot assess."""
    written = str(row.values[criterion])
    if written.strip() in _UNKNOWN:
        return None
    named = words.get(written_word(written))
    if named is None and any(each.isalpha() for each in written):
        levels = [word for word in words if word[:1].isdigit()]
        raise row.error(
            f"{cell_name(row, criterion)} holds '{written[:40]}', no level of {criterion}",
            f"use {', '.join(levels) or 'a level of its scale'}, or {UNKNOWN}",
        )
    return optional_number(row, criterion) if named is None else float(named)


def _labels(
    row: Row, item: SampledItem, asked: Asked, *, words: Mapping[str, Mapping[str, int]]
) -> Iterator[Label]:
    for criterion, scale in asked.scales.items():
        if criterion not in row.values or row.values[criterion] in {"", None}:
            continue
        score = _level(row, criterion, words.get(criterion, {}))
        if score is not None and score not in scale.levels:
            raise row.error(
                f"{cell_name(row, criterion)} holds {score:g}, no level of {criterion}",
                f"use a level of its scale, or {UNKNOWN}",
            )
        label = asked.shown_label(
            item,
            rater=rater_of(row, asked),
            criterion=criterion,
            score=score,
            source=f"sheet-{row.format}",
        )
        worst = asked.is_fault(label.rubric, criterion, score)
        turn = marked_turn(row, asked, item.unit) if worst else None
        yield label.model_copy(update={"rationale": optional_text(row, NOTE) or "", "turn": turn})


def marked_turn(row: Row, asked: Asked, unit: Unit) -> int | None:
    """Read which turn is at fault, an index of the conversation's messages.

    Raises
    ------
    TableError
        If the conversation has no such turn.
    """
    turn, turns = optional_integer(row, TURN, low=0), asked.units[unit].turns
    if turn is not None and turn >= turns:
        raise row.error(
            f"turn {turn} is none of the conversation",
            f"use an index from 0 to {turns - 1}" if turns else "leave it empty",
        )
    return turn


# Label Studio's JSON export of tasks that were drawn from a run.
#
# Each task carries its opaque name and the digest of its text; each annotation is one rater.
# Scores come from the controls that are named after criteria: Rating, Number or Choices; a
# remark from the one named note: TextArea.
#
# References ---------- Label Studio documentation, "Export annotations",
# https://labelstud.io/guide/export.


def read_annotations(source: Path, asked: Asked) -> tuple[Label, ...]:
    """Read an export, all or none. Cancelled annotations are left out.

    Parameters
    ----------
    source : Path
    asked : Asked
        With the draw on record.

    Raises
    ------
    TableError
        If no draw is on record, a task is not of it or was changed, or a score is no level.
    """
    if not asked.draws:
        raise TableError(
            "the run has no draw on record", "name the run that was drawn from", source=source
        )
    known = asked.tasks
    labels: list[Label] = []
    seen: set[tuple[str, str, str]] = set()
    for task in read_document(source).items():
        item = _task_item(task, known)
        for annotation in task.at("annotations").items():
            if annotation.fields().get("was_cancelled", annotation).value is True:
                continue
            for node, label in _task_labels(annotation, item, asked):
                key = (item.task, label.rater, label.criterion)
                if key in seen:
                    raise node.error("rates the same a second time", "keep one of the two")
                seen.add(key)
                labels.append(label)
    if not labels:
        raise TableError("no annotation holds a score", "annotate first", source=source)
    return tuple(labels)


def _task_item(task: Node, known: dict[str, SampledItem]) -> SampledItem:
    if task.get("data") is None and task.get(TASK) is not None:
        raise task.error("is of Label Studio's JSON_MIN export", "export as JSON")
    shown = task.at("data")
    item = known.get(shown.at(TASK).text())
    if item is None:
        raise shown.at(TASK).error("is no task of the run's draw", "import the tasks unchanged")
    if shown.at(DIGEST).text() != item.text_sha256:
        raise shown.at(DIGEST).error("was edited", "import the tasks unchanged")
    prompt, response = (shown.at(name).text() for name in SHOWN)
    if not _is_drawn(item, prompt, response):
        raise shown.error("is not the text that was drawn", "import the tasks unchanged")
    return item


def _task_labels(annotation: Node, item: SampledItem, asked: Asked) -> Iterator[tuple[Node, Label]]:
    scales, note = asked.scales, _note(annotation)
    for control in annotation.at("result").items():
        named = control.get("from_name")
        criterion = "" if named is None else named.text()
        if criterion not in scales:
            continue
        score = _score(control.at("value"))
        if score is not None and score not in scales[criterion].levels:
            raise control.error(f"gives {score:g}, no level of {criterion}", "use its scale")
        label = asked.shown_label(
            item,
            rater=asked.rater or _rater(annotation),
            criterion=criterion,
            score=score,
            source="label-studio",
        )
        yield control, label.model_copy(update={"rationale": note})


def _note(annotation: Node) -> str:
    """Read the remark: one text, or the lines that were added one by one."""
    for control in annotation.at("result").items():
        named = control.get("from_name")
        if named is not None and named.text() == NOTE:
            return "\n".join(line.text() for line in control.at("value").items_of("text"))
    return ""


def _rater(annotation: Node) -> str:
    by = annotation.at("completed_by")
    email = by.fields().get("email") if isinstance(by.value, dict) else by
    if email is None or not isinstance(email.value, (str, int)) or email.value == "":
        raise by.error("does not say who annotated", "name the rater with --rater")
    return str(email.value)


def _score(value: Node) -> float | None:
    """Read what a control holds: {"rating": 4}, {"number": 4} or {"choices": ["4"]}.

    None for {"choices": ["? cannot assess"]}.
    """
    fields = value.fields()
    for name in ("rating", "number"):
        if name in fields and isinstance(given := fields[name].value, (int, float)):
            return float(given)
    words = [choice.text() for choice in value.items_of("choices")]
    if len(words) == 1:
        first = words[0].split(" ", 1)[0]
        if first == UNKNOWN:
            return None
        if first.lstrip("-").isdigit() and first.isascii():
            return float(first)
    raise value.error("holds no score", "use Rating, Number, or Choices that begin with a level")


REQUIRED = ("id", "criterion", "score")
OPTIONAL = (
    *("system", "sample", "rater", "group", "rationale", "rubric", "rubric_hash", "kind"),
    *("source", "text_sha256", TURN),
)

KINDS = ("label", "adjudicate")


def read_labels(
    path: str | Path, asked: Asked, *, encoding: str | None = None
) -> tuple[Label, ...]:
    """Read labels, all or none.

    Parameters
    ----------
    path : str or Path
        A table with the columns ``id, system, rater, criterion, score`` and, where known,
        ``sample, group, rationale, rubric, rubric_hash, kind``. An empty score says that the expert
        could not assess. ``system`` may be left out where the run holds one system only. Or a
        filled-in sheet that was drawn from the run, or a JSON export of Label Studio.
    asked : Asked
    encoding : str, optional
        What the file was saved in, where it is not UTF-8.

    Raises
    ------
    TableError
        At the first row that names an unknown unit or criterion, is off the scale, lacks its
        rater, or repeats another.
    """
    source = Path(path)
    if source.suffix.lower() == ".json":
        return read_annotations(source, asked)
    if asked.mapping.columns:
        require_columns(asked.mapping, {"labels": source}, encoding=encoding)
        return tuple(_table(source, asked, encoding))
    if TASK in next(read_rows(source, encoding=encoding)).values:
        return read_sheet(source, asked, encoding=encoding)
    return tuple(_table(source, asked, encoding))


def _table(source: Path, asked: Asked, encoding: str | None) -> Iterator[Label]:
    units = defaultdict[str, list[Unit]](list)
    for unit in asked.units:
        units[unit[0]].append(unit)
    lines: dict[tuple[object, ...], int] = {}
    rows = mapped_rows(
        source, asked.mapping, "labels", encoding=encoding, required=REQUIRED, optional=OPTIONAL
    )
    for row in rows:
        label = _label(row, asked, units)
        place = (label.id, label.system, label.sample, label.rater, label.rubric, label.criterion)
        if place in lines:
            raise row.error(
                f"rater '{label.rater}' rated this item in line {lines[place]} already",
                "keep one of the two",
            )
        lines[place] = row.line
        yield label


def _label(row: Row, asked: Asked, units: Mapping[str, list[Unit]]) -> Label:
    unit, scales = _unit(row, units), asked.scales
    criterion = text(row, "criterion")
    if criterion not in scales:
        raise row.error(
            f"criterion '{criterion[:40]}' is not one of the run's", f"use {', '.join(scales)}"
        )
    scale = scales[criterion]
    score = score_of(row, asked.mapping)
    if score is not None and not scale.min <= score <= scale.max:
        raise row.error(
            f"'score' is {score:g}", f"give a number from {scale.min:g} to {scale.max:g}"
        )
    if score is not None and score not in scale.levels:
        raise row.error(f"score {score:g} is no level of {criterion}", "use a level of its scale")
    rubric = asked.rubric_of(unit, criterion)
    _require_bound(row, asked, unit, criterion=criterion)
    return Label(
        id=unit[0],
        system=unit[1],
        sample=unit[2],
        rater=rater_of(row, asked),
        criterion=criterion,
        score=score,
        group=optional_text(row, "group") or asked.units[unit].group,
        rubric=optional_text(row, "rubric") or (rubric.id if rubric else None),
        rubric_hash=optional_text(row, "rubric_hash"),
        text_sha256=optional_text(row, DIGEST),
        turn=None if "#" in unit[0] else marked_turn(row, asked, unit),
        rationale=optional_text(row, "rationale") or "",
        kind="adjudicate" if optional_choice(row, "kind", KINDS) == KINDS[1] else "label",
        source=row.format,
    )


def _require_bound(row: Row, asked: Asked, unit: Unit, *, criterion: str) -> None:
    """Refuse a label of another rubric, or of another text under the same id."""
    named = optional_text(row, "rubric_hash")
    known = {
        rubric_digest(rubric)
        for rubric in asked.rubrics
        if any(each.id == criterion for each in rubric.criteria)
    }
    if named is not None and known and named not in known:
        raise row.error(
            f"rubric_hash '{named[:12]}' is not that of the run's rubric with {criterion}",
            "import labels that were given under the run's rubric",
        )
    digest, present = optional_text(row, DIGEST), asked.units[unit].text_sha256
    if digest is not None and present is not None and digest != present:
        raise row.error(
            "text_sha256 is not that of the run's response: another text was labelled",
            "import labels of this run's responses",
        )


def _unit(row: Row, units: Mapping[str, list[Unit]]) -> Unit:
    name, turn = text(row, "id"), optional_integer(row, TURN, low=0)
    # A turn that is judged for itself is an item of its own.
    name = of_turn if turn is not None and (of_turn := f"{name}#{turn}") in units else name
    if name not in units:
        near = cause(name, known_as(units))
        what = f": {near[0]}" if near else ""
        fix = near[1] if near else "label items of this run only"
        raise row.error(f"id '{name[:40]}' is not in the run{what}", fix)
    system, sample = optional_text(row, "system"), optional_integer(row, "sample", low=0) or 0
    fitting = [unit for unit in units[name] if system in {None, unit[1]} and unit[2] == sample]
    if len(fitting) != 1:
        known = ", ".join(dict.fromkeys(unit[1] for unit in units[name]))
        raise row.error(
            f"system '{system or ''}', sample {sample} is not one item of the run",
            f"name one of {known} in the column 'system'",
        )
    return fitting[0]
