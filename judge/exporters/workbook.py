"""Sheets and tasks for experts: what was drawn, blind to the judge and to the system.

Items go by opaque names. The digest of the text travels in a hidden column, so that a row whose
cells were mixed up is noticed when the sheet comes home (`judge.importers.labels`).
"""

import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast, get_args
from xml.sax.saxutils import quoteattr

from judge.errors import ConfigError
from judge.exporters.tables import (
    BY_CONTEXT,
    RIGHT_TO_LEFT,
    reading_order,
    set_cell,
    write_rows,
)
from judge.files.atomic import write_whole
from judge.importers.labels import DIGEST, NOTE, RATER, SHEET, TASK, TURN, UNKNOWN, shown
from judge.manifest import Sample
from judge.records import Generation, Language
from rubrics.prompt import wording
from rubrics.rubric import Criterion, Scale

if TYPE_CHECKING:
    from openpyxl.cell.cell import Cell
    from openpyxl.worksheet.datavalidation import DataValidation
    from openpyxl.worksheet.worksheet import Worksheet


SheetForm = Literal["xlsx", "csv", "jsonl", "labelstudio.json"]
_WIDTHS = {"prompt": 50, "response": 80, NOTE: 30, RATER: 16}
_LONGEST_PROMPT = 250
_LONGEST_LIST = 250


def sheet_form(path: Path) -> SheetForm:
    """Tell the form of a sheet by its name.

    Raises
    ------
    ConfigError
        If the name ends in none of the forms.
    """
    for form in get_args(SheetForm):
        if path.name.lower().endswith(f".{form}"):
            return form
    raise ConfigError(f"{path.name}: name it .xlsx, .csv, .jsonl or .labelstudio.json.")


def write_sheet(
    path: Path,
    sample: Sample,
    drawn: Sequence[Generation],
    *,
    criteria: Sequence[Criterion],
    lang: Language,
) -> None:
    """Write what experts fill in.

    Parameters
    ----------
    path : Path
        Its name says the form. Beside tasks for Label Studio stands the configuration of its
        screen, under the same name with ``.xml``.
    sample : Sample
    drawn : sequence of Generation
        In the order of the sample's items.
    criteria : sequence of Criterion
        One column each.
    lang : {'zh', 'en'}
        In which experts are asked.

    Raises
    ------
    ConfigError
        If the form is not known or the file cannot stand there.
    ValueError
        If a text does not fit into a cell of a workbook.
    """
    form = sheet_form(path)
    rows = _rows(sample, drawn, criteria)
    if form == "labelstudio.json":
        write_whole(screen_path(path), _screen(criteria, lang))
        write_whole(path, json.dumps(list(_tasks(rows)), ensure_ascii=False, indent=1) + "\n")
    elif form == "xlsx":
        write_whole(path, _workbook(list(rows), criteria, lang))
    else:
        write_rows(path, rows, form=form)


def screen_path(path: Path) -> Path:
    """Name the file that holds Label Studio's labelling configuration, beside its tasks."""
    return path.with_suffix(".xml")


def _rows(
    sample: Sample, generations: Sequence[Generation], criteria: Sequence[Criterion]
) -> Iterator[dict[str, str | None]]:
    turned = any(each.messages and each.turn is None for each in generations)
    for item, generation in zip(sample.items, generations, strict=True):
        prompt, response = shown(generation)
        yield {
            TASK: item.task,
            "prompt": prompt,
            "response": response,
            **{criterion.id: None for criterion in criteria},
            **({TURN: None} if turned else {}),
            NOTE: None,
            RATER: None,
            DIGEST: item.text_sha256,
        }


def _tasks(rows: Iterable[dict[str, str | None]]) -> Iterator[dict[str, object]]:
    for row in rows:
        yield {"data": {name: row[name] for name in (TASK, "prompt", "response", DIGEST)}}


def _screen(criteria: Sequence[Criterion], lang: Language) -> str:
    """Describe the screen to Label Studio: controls are named after criteria.

    References
    ----------
    Label Studio documentation, "Tags", https://labelstud.io/tags: View, Header, Text, Choices,
    TextArea.
    """
    unknown = f"{UNKNOWN} {wording(lang).cannot_assess}"
    questions = "\n".join(
        f"  <Header value={quoteattr(f'{each.title} | {each.question}')}/>\n"
        f'  <Choices name={quoteattr(each.id)} toName="response" choice="single-radio">\n'
        + "".join(
            f"    <Choice value={quoteattr(f'{anchor.score} {anchor.text}')}/>\n"
            for anchor in each.scale.anchors
        )
        + f"    <Choice value={quoteattr(unknown)}/>\n"
        + "  </Choices>"
        for each in criteria
    )
    return (
        '<View>\n  <Text name="prompt" value="$prompt"/>\n'
        '  <Text name="response" value="$response"/>\n'
        f"{questions}\n"
        f'  <TextArea name="{NOTE}" toName="response" rows="2" maxSubmissions="1"/>\n</View>\n'
    )


def _workbook(
    rows: Sequence[dict[str, str | None]], criteria: Sequence[Criterion], lang: Language
) -> bytes:
    from openpyxl import Workbook
    from openpyxl.worksheet.cell_range import MultiCellRange

    book = Workbook()
    sheet = book.worksheets[0]
    sheet.title = SHEET
    columns = list(rows[0])
    for number, row in enumerate([dict(zip(columns, columns, strict=True)), *rows], start=1):
        for place, name in enumerate(columns, start=1):
            set_cell(cast("Cell", sheet.cell(number, place)), row[name])
    _lay_out(sheet, columns, {each.id: bool(each.scale.names()) for each in criteria})
    for criterion in criteria:
        letter = _letter(columns, criterion.id)
        validation = _validation(criterion, lang)
        validation.sqref = MultiCellRange(f"{letter}2:{letter}{len(rows) + 1}")
        sheet.add_data_validation(validation)
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


def _lay_out(sheet: "Worksheet", columns: Sequence[str], filled: Mapping[str, bool]) -> None:
    """Hide what experts must not touch, and lock all but what they fill in.

    ``filled`` tells of each criterion whether its levels have names, which want more room.
    """
    from openpyxl.styles import Alignment, Protection

    top = {
        order: Alignment(wrap_text=True, vertical="top", readingOrder=order)
        for order in (BY_CONTEXT, RIGHT_TO_LEFT)
    }
    for name in columns:
        column = sheet.column_dimensions[_letter(columns, name)]
        column.width = _WIDTHS.get(name, 22 if filled.get(name) else 12)
        column.hidden = name in {TASK, DIGEST}
    for cells in sheet.iter_rows(min_row=2):
        for name, cell in zip(columns, cells, strict=True):
            cell.alignment = top[reading_order(cell.value)]
            cell.protection = Protection(locked=name not in {*filled, NOTE, RATER, TURN})
    sheet.freeze_panes = "A2"
    sheet.protection.sheet = True
    sheet.protection.formatColumns = False
    sheet.protection.formatRows = False


def _validation(criterion: Criterion, lang: Language) -> "DataValidation":
    """Let a cell hold a level of the scale or "cannot assess", and say what they mean."""
    from openpyxl.worksheet.datavalidation import DataValidation

    scale = criterion.scale
    listed = _choices(scale)
    validation = DataValidation(allow_blank=True, showErrorMessage=True, showInputMessage=True)
    if len(listed) <= _LONGEST_LIST:
        validation.type, validation.formula1 = "list", f'"{listed}"'
    else:
        validation.type, validation.operator = "whole", "between"
        validation.formula1, validation.formula2 = str(scale.min), str(scale.max)
    validation.errorTitle, validation.error = criterion.id, listed[:_LONGEST_PROMPT]
    validation.promptTitle, validation.prompt = criterion.title[:32], _anchors(scale, lang)
    return validation


def _choices(scale: Scale) -> str:
    """List what a cell may hold: levels by number and name, and by number alone to be typed."""
    numbers, names = [str(level) for level in scale.levels], scale.names()
    named = [f"{level} {name}" for level, name in names.items()]
    full = ",".join([*named, UNKNOWN, *numbers])
    usable = names and len(full) <= _LONGEST_LIST and '"' not in full
    return full if usable else ",".join([*numbers, UNKNOWN])


def _anchors(scale: Scale, lang: Language) -> str:
    text = "\n".join(f"{anchor.score}: {anchor.text}" for anchor in scale.anchors)
    unknown = f"\n{UNKNOWN}: {wording(lang).cannot_assess}"
    room = _LONGEST_PROMPT - len(unknown)
    return (text if len(text) <= room else f"{text[: room - 1]}…") + unknown


def _letter(columns: Sequence[str], name: str) -> str:
    from openpyxl.utils import get_column_letter

    return get_column_letter(list(columns).index(name) + 1)
