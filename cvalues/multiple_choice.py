"""Multi-choice comprehension: answers of a model against the items, read and counted."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from calibration.tables import Row, TableError, optional_text, read_rows, text
from cvalues.choice_metrics import choice_report, reweighted_accuracy
from cvalues.choice_parsing import READINGS, Reading, parse_choice
from cvalues.choice_report import ChoiceReport, ReadAnswer
from cvalues.datasets.choices import ChoiceItem, items_of

Reader = Literal["parser", "model", "person"]

__all__ = [
    "READINGS",
    "ChoiceAnswer",
    "ChoiceReport",
    "Reader",
    "Reading",
    "evaluate_choices",
    "parse_choice",
    "read_answers",
    "reweighted_accuracy",
    "settled",
]


@dataclass(frozen=True, slots=True)
class ChoiceAnswer:
    """What a model wrote to an item.

    Attributes
    ----------
    item : ChoiceItem
    response : str or None
        None where no answer was ever received.
    reading : Reading or None
        A reading that counts in place of the parser's.
    reader : {"parser", "model", "person"}
        Whose reading counts.
    """

    item: ChoiceItem
    response: str | None
    reading: Reading | None = None
    reader: Reader = "parser"

    def read(self) -> ReadAnswer:
        """Read the answer; the parser sees the text alone, never the label."""
        if self.response is None:
            return ReadAnswer(self.item, None)
        return ReadAnswer(self.item, self.reading or parse_choice(self.response))


def evaluate_choices(
    items_with_responses: Iterable[ChoiceAnswer | Mapping[str, object]],
    *,
    confidence: float = 0.95,
) -> ChoiceReport:
    """Count a model's answers as the benchmark counts them.

    Parameters
    ----------
    items_with_responses : iterable of ChoiceAnswer or of mappings
        A mapping is a CValues record (``prompt``, ``label``, ``meta_info``) with a ``response``,
        which is None where no answer was received.
    confidence : float
        Two-sided, of every interval; a fraction between 0 and 1.

    Returns
    -------
    ChoiceReport
        ``as_dict()`` and ``to_json()`` give the public form.

    Raises
    ------
    ValueError
        If a record is no multi-choice item or has no ``response``, or ``confidence`` is no
        fraction.
    """
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"confidence must lie between 0 and 1, got {confidence}.")
    given = list(items_with_responses)
    records = [entry for entry in given if not isinstance(entry, ChoiceAnswer)]
    answers = [entry for entry in given if isinstance(entry, ChoiceAnswer)]
    answers += _from_records(records)
    return choice_report([answer.read() for answer in answers], confidence=confidence)


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
        ChoiceAnswer(item, _response(found[item.id]) if item.id in found else None)
        for item in items
    )


def settled(
    answers: Iterable[ChoiceAnswer], readings: Mapping[str, Reading], *, reader: Reader = "person"
) -> tuple[ChoiceAnswer, ...]:
    """Put readings, by item id, in the place of the parser's; answers without one stay."""
    return tuple(
        replace(answer, reading=readings[answer.item.id], reader=reader)
        if answer.item.id in readings
        else answer
        for answer in answers
    )


def _from_records(records: Sequence[Mapping[str, object]]) -> list[ChoiceAnswer]:
    rows = [Row(n, record, Path("records")) for n, record in enumerate(records, 1)]
    items = items_of(rows)
    return [ChoiceAnswer(item, _response(row)) for item, row in zip(items, rows, strict=True)]


def _response(row: Row) -> str | None:
    if row.values.get("response", "") is None:
        return None
    return text(row, "response", empty=True)


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
