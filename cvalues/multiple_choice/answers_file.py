"""Files of multi-choice answers: recorded answers, a person's sheet, tables for other commands.

The review sheet shows no right answer. Each of its rows carries a digest of its texts, so that an
edited text is noticed; only the column ``reading`` is to be filled in.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast
from unicodedata import normalize

from cvalues.dif import SettingAnswer
from cvalues.multiple_choice.evaluate import ChoiceAnswer, response_of
from cvalues.multiple_choice.items import ChoiceItem
from cvalues.multiple_choice.normalize import number_of
from cvalues.multiple_choice.parsing import READINGS, Reading
from judge.exporters.tables import MAX_SHEET_TEXT, set_cell
from judge.files.atomic import replacing
from judge.files.decoding import TableError, open_plain
from judge.files.read import read_rows
from judge.files.row import Row, choice, optional_text, text
from judge.policy import Measure
from judge.records import Generation, Judgment

if TYPE_CHECKING:
    from openpyxl.cell.cell import Cell
    from openpyxl.worksheet.worksheet import Worksheet

COLUMNS: Final = ("id", "prompt", "response", "reading", "digest")
_WIDTHS: Final = (22, 70, 70, 14, 20)
_CUT = " […]"
_MOST = MAX_SHEET_TEXT // 7
"""Characters of a text that a cell shows; written as ``_xHHHH_`` each still fits."""
_WORDS = {"true": True, "1": True, "1.0": True, "false": False, "0": False, "0.0": False}


def read_answers(
    path: str | Path,
    items: Sequence[ChoiceItem],
    *,
    system: str | None = None,
    encoding: str | None = None,
) -> tuple[ChoiceAnswer, ...]:
    """Read recorded answers and join them to their items.

    Parameters
    ----------
    path : str or Path
        A table with ``response`` and, to find the item, ``id`` or else ``prompt``; the items' own
        records with a ``response`` will do. A ``response`` of null is an answer never received.
    items : sequence of ChoiceItem
    system : str, optional
        Keep the rows of this model, where the file has several in a column ``system``.
    encoding : str, optional
        What the file was saved in, where it is not UTF-8.

    Returns
    -------
    tuple of ChoiceAnswer
        One for each item, in the order of ``items``; ``response`` is None where the file has none.

    Raises
    ------
    TableError
        If a row answers no item, two rows answer the same one, a row's label is not the item's, or
        the file holds several models and none was named.
    """
    rows = _of_system(list(read_rows(path, encoding=encoding)), system)
    finder = _Finder(items)
    found: dict[str, Row] = {}
    for row in rows:
        item = finder.item(row)
        if item.id in found:
            raise row.error(
                f"the item of line {found[item.id].line} is answered again",
                "keep one answer for each item",
            )
        found[item.id] = row
    return tuple(
        ChoiceAnswer(item, response_of(found[item.id]) if item.id in found else None)
        for item in items
    )


def _of_system(rows: list[Row], system: str | None) -> list[Row]:
    named = {optional_text(row, "system"): row for row in rows}
    if system is not None:
        kept = [row for row in rows if optional_text(row, "system") == system]
        if not kept:
            raise rows[0].error(f"no row is of the system '{system}'", _names(named))
        return kept
    if len(named) > 1:
        raise rows[0].error(f"answers of {len(named)} systems stand here", _names(named))
    return rows


def _names(named: Mapping[str | None, Row]) -> str:
    listed = ", ".join(sorted(str(name) for name in named)[:6])
    return f"name one with --system; there are {listed}"


class _Finder:
    """Find the item that a row answers: by its id, else by its prompt."""

    def __init__(self, items: Sequence[ChoiceItem]) -> None:
        self._by_id = {item.id: item for item in items}
        self._by_prompt = {item.prompt: item for item in items}

    def item(self, row: Row) -> ChoiceItem:
        """Find it, and see that the row's label is the item's."""
        item = self._by_id.get(optional_text(row, "id") or "") or self._by_prompt.get(
            optional_text(row, "prompt") or ""
        )
        if item is None:
            raise self._unknown(row)
        if row.values.get("prompt", item.prompt) != item.prompt:
            raise row.error("the prompt is not that of the item with this id", "correct the id")
        label = optional_text(row, "label")
        if label not in {None, item.label}:
            raise row.error(f"the label is {label}, that of the item is {item.label}", "correct it")
        return item

    def _unknown(self, row: Row) -> TableError:
        return row.error(
            "no item has this id or prompt", "give the answers to the items of this very file"
        )


def write_review(path: Path, answers: Iterable[ChoiceAnswer]) -> int:
    """Write the answers that the parser left to a person.

    Parameters
    ----------
    path : Path
        An ``.xlsx`` file; replaced only when everything has been written.
    answers : iterable of ChoiceAnswer

    Returns
    -------
    int
        Answers written. Without any, the file holds the header alone.
    """
    from openpyxl import Workbook

    unread = [answer for answer in answers if answer.read().reading == "Need_Check"]
    book = Workbook()
    sheet: Worksheet = book.create_sheet("review", 0)
    del book["Sheet"]
    for line, values in enumerate([COLUMNS, *map(_cells, unread)], 1):
        for column, value in enumerate(values, 1):
            set_cell(cast("Cell", sheet.cell(line, column)), value)
    _lay_out(sheet, rows=len(unread))
    with replacing(path) as file:
        book.save(file)
    return len(unread)


def require_review(path: Path | None) -> None:
    """See that a file is a review sheet, before a model is asked anything.

    Raises
    ------
    TableError
        If it is another file, or a reading is none of the five.
    """
    if path is not None:
        for row in _review_rows(path):
            _reading(row)


def read_review(path: str | Path, answers: Iterable[ChoiceAnswer]) -> dict[str, Reading]:
    """Read back what a person decided.

    Parameters
    ----------
    path : str or Path
        What `write_review` wrote, with ``reading`` filled in, in any table format; rows may be
        missing.
    answers : iterable of ChoiceAnswer
        Those that the sheet was written for.

    Returns
    -------
    dict of str to Reading
        By item id; rows still at ``Need_Check`` are left out.

    Raises
    ------
    TableError
        If another cell was edited, a reading is none of the five, a row stands twice, or answers
        no item.
    """
    known = {answer.item.id: answer for answer in answers}
    readings: dict[str, Reading] = {}
    seen: dict[str, int] = {}
    for row in _review_rows(Path(path)):
        key = text(row, "id")
        if key in seen:
            raise row.error(f"the item stands in row {seen[key]} too", "keep one of the two")
        seen[key] = row.line
        _check(row, known)
        reading = _reading(row)
        if reading != "Need_Check":
            readings[key] = reading
    return readings


def _cells(answer: ChoiceAnswer) -> tuple[str, ...]:
    response = answer.response or ""
    shown = (_shown(answer.item.prompt), _shown(response))
    return (answer.item.id, *shown, "Need_Check", _digest(answer.item.prompt, response))


def _review_rows(path: Path) -> Iterator[Row]:
    """Read the sheet; what is no UTF-8 as Excel saves it in Chinese, which `_check` proves."""
    encoding = None
    if path.suffix.lower() in {".csv", ".tsv"}:
        with open_plain(path) as file:
            content = file.read()
        try:
            content.decode("utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8")
        except UnicodeDecodeError:
            encoding = "gb18030"
    return read_rows(path, encoding=encoding, required=COLUMNS, min_rows=0)


def _reading(row: Row) -> Reading:
    """Read what a person wrote: a reading, or a reply's name; an emptied cell is no reading."""
    written = normalize("NFKC", optional_text(row, "reading") or "Need_Check")
    word = written.strip().removesuffix(".0")
    if reply := number_of(word):
        return READINGS[reply - 1]
    known: dict[str, Reading] = {reading.casefold(): reading for reading in READINGS}
    if word.casefold() in known:
        return known[word.casefold()]
    return known[choice(row, "reading", READINGS).casefold()]


def _check(row: Row, known: Mapping[str, ChoiceAnswer]) -> None:
    answer = known.get(text(row, "id"))
    if answer is None:
        raise row.error("no item of the run has this id", "give the sheet of this run")
    written = dict(zip(COLUMNS, _cells(answer), strict=True))
    for name in ("digest", "prompt", "response"):
        if text(row, name, empty=True) != written[name]:
            raise _edited(row, name)


def _edited(row: Row, name: str) -> TableError:
    letter = chr(ord("A") + list(row.values).index(name))
    return row.error(
        f"cell {letter}{row.line} ('{name}') is not what was written",
        "undo the edit; only 'reading' is to be filled in",
    )


def _shown(written: str) -> str:
    return written if len(written) <= _MOST else written[:_MOST] + _CUT


def _digest(*texts: str) -> str:
    joined = "\x1f".join(texts)
    return hashlib.sha256(joined.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _lay_out(sheet: "Worksheet", *, rows: int) -> None:
    from openpyxl.styles import Alignment
    from openpyxl.utils import get_column_letter
    from openpyxl.worksheet.datavalidation import DataValidation

    sheet.freeze_panes = "A2"
    for column, width in enumerate(_WIDTHS, 1):
        sheet.column_dimensions[get_column_letter(column)].width = width
    for row in sheet.iter_rows(min_row=2, max_row=rows + 1):
        for cell in row:
            cell.alignment = Alignment(wrap_text=True, vertical="top")
    menu = f'"{",".join(READINGS)}"'
    filled = f"D2:D{max(rows, 1) + 1}"
    sheet.add_data_validation(DataValidation(type="list", formula1=menu, sqref=filled))


def answer_rows(
    answers: Iterable[ChoiceAnswer], *, system: str | None, provenance: str = "RECORDED"
) -> Iterator[dict[str, object]]:
    """Give multi-choice answers as a tidy table, one row an item.

    ``correct`` is None where there is no readable answer.
    """
    for answer in answers:
        pair, read = answer.item.pair, answer.read()
        yield {
            "id": answer.item.id,
            "system": system,
            "situation": pair.situation,
            "setting": pair.setting or pair.lang,
            "lang": pair.lang,
            "group": pair.domain_en,
            "question": pair.question,
            "difficulty_level": pair.difficulty_level,
            "label": answer.item.label,
            "response": answer.response,
            "reading": read.reading,
            "reader": answer.reader,
            "correct": None if read.reading in {None, "Need_Check"} else read.correct,
            "provenance": provenance,
        }


def read_setting_answers(path: str | Path, *, encoding: str | None = None) -> list[SettingAnswer]:
    """Read answers of one or several systems.

    Parameters
    ----------
    path : str or Path
        A table with ``correct`` (true, false or empty), ``situation`` or else ``id``, ``setting``
        or else ``lang``, and ``system`` or else the file's name stands for it. Several answers of
        a system to one item, such as both orders of a pair, count as one, right if all are.
    encoding : str, optional
        What the file was saved in, where it is not UTF-8.

    Raises
    ------
    TableError
        At the first row that lacks one of these or is neither right nor wrong.
    """
    found: dict[tuple[str, str, str], list[bool | None]] = defaultdict(list)
    for row in read_rows(path, encoding=encoding, required=("correct",)):
        item = _one_of(row, "situation", "id")
        setting = _one_of(row, "setting", "lang")
        system = optional_text(row, "system") or Path(path).stem
        found[item, setting, system].append(_correct(row))
    return [SettingAnswer(*place, _all(answers)) for place, answers in found.items()]


def holds_simulated(path: str | Path, *, encoding: str | None = None) -> bool:
    """Tell whether a table says of any answer that it is simulated."""
    rows = read_rows(path, encoding=encoding)
    return any(optional_text(row, "provenance") == "SIMULATED" for row in rows)


def judged_setting_answers(
    generations: Iterable[Generation], judgments: Iterable[Judgment], measure: Measure
) -> list[SettingAnswer]:
    """Take the judge's verdicts of a run as answers that are right or wrong.

    An item is the responses' ``situation`` or else the prompt's id, its setting ``setting`` or
    else the language, and a system is an answerer with all its samples. Where several verdicts
    stand on a response, more than half decide; a tie, like a missing verdict, is no answer.
    """
    least = 1 if measure.at_least is None else measure.at_least
    votes: dict[tuple[str, str, int], Counter[bool]] = defaultdict(Counter)
    for judgment in judgments:
        for verdict in judgment.verdicts:
            meant = (judgment.rubric, verdict.criterion) == (measure.rubric, measure.criterion)
            if meant and verdict.kind == "scored":
                votes[judgment.unit][verdict.score >= least] += 1
    return [
        SettingAnswer(
            item=str(each.extra.get("situation") or each.id),
            setting=str(each.extra.get("setting") or each.lang or "zh"),
            answerer=each.system,
            correct=_majority(votes[each.unit]),
        )
        for each in generations
    ]


def _one_of(row: Row, first: str, second: str) -> str:
    found = optional_text(row, first) or optional_text(row, second)
    if found is None:
        raise row.error(f"neither '{first}' nor '{second}' is here", "give one of the two")
    return found


def _correct(row: Row) -> bool | None:
    value = row.values.get("correct")
    if value is None or value == "":
        return None
    word = str(value).strip().lower()
    if word not in _WORDS:
        raise _neither(row)
    return _WORDS[word]


def _neither(row: Row) -> TableError:
    return row.error("'correct' is neither true nor false", "leave it empty where nobody knows")


def _all(answers: list[bool | None]) -> bool | None:
    return None if None in answers else all(answers)


def _majority(votes: Counter[bool]) -> bool | None:
    return None if votes[True] == votes[False] else votes[True] > votes[False]
