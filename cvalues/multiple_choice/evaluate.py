"""Multi-choice comprehension: answers of a model against the items, read and counted."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from cvalues.multiple_choice.items import ChoiceItem, items_of
from cvalues.multiple_choice.metrics import ChoiceReport, ReadAnswer, choice_report
from cvalues.multiple_choice.parsing import Reading, parse_choice
from judge.files.row import Row, text

Reader = Literal["parser", "model", "person"]


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
    return [ChoiceAnswer(item, response_of(row)) for item, row in zip(items, rows, strict=True)]


def response_of(row: Row) -> str | None:
    """Give the answer of a row; None where none was ever received."""
    if row.values.get("response", "") is None:
        return None
    return text(row, "response", empty=True)
