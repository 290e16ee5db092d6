"""Typed readers of one field: nothing is coerced, and each error points at the row."""

import datetime
from pathlib import Path

import pytest

from judge.files.decoding import TableError
from judge.files.row import (
    Format,
    Row,
    choice,
    integer,
    number,
    optional_choice,
    optional_integer,
    optional_number,
    optional_text,
    text,
)


def row_of(value: object, kind: Format = "csv") -> Row:
    return Row(7, {"score": value, "scope": "x"}, Path("a.csv"), kind)


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [("csv", "5", 5), ("csv", "-3", -3), ("jsonl", 5, 5), ("xlsx", 5.0, 5)],
)
def test_whole_numbers_of_each_format(kind: Format, value: object, expected: int) -> None:
    assert integer(row_of(value, kind), "score") == expected


@pytest.mark.parametrize(
    "value",
    # fullwidth and Arabic digits, and what spreadsheets and scripts make of a 5
    ["5分", "\uff15", "\u0665", " 5 ", "5.0", "1e0", "NaN", "None", "TRUE", "2026-01-05", "", "五"],
)
def test_labels_that_only_look_like_numbers_are_refused(value: str) -> None:
    with pytest.raises(TableError, match=r"^a.csv:7: 'score' is .*; write digits alone$"):
        integer(row_of(value), "score")


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("jsonl", "5"),
        ("jsonl", True),
        ("jsonl", 5.0),
        ("jsonl", None),
        ("jsonl", [5]),
        ("xlsx", "5.0"),
        ("xlsx", 2.5),
        ("xlsx", True),
        ("xlsx", datetime.date(2026, 1, 5)),
    ],
)
def test_values_of_another_type_are_no_whole_numbers(kind: Format, value: object) -> None:
    with pytest.raises(TableError, match="not a whole number"):
        integer(row_of(value, kind), "score")


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("csv", "0.5", 0.5),
        ("csv", "1e-05", 1e-05),
        ("jsonl", 2, 2.0),
        ("xlsx", 2.5, 2.5),
        # As people type numbers in cells: as text, in full width, with blanks that nobody sees.
        ("xlsx", "1", 1.0),
        ("csv", "\uff11", 1.0),
        ("csv", "\u00a01 ", 1.0),
    ],
)
def test_numbers_of_each_format(kind: Format, value: object, expected: float) -> None:
    assert number(row_of(value, kind), "score") == pytest.approx(expected)


@pytest.mark.parametrize(
    ("kind", "value"),
    [("csv", "inf"), ("csv", "1_000"), ("csv", "1e999"), ("csv", "0x1"), ("jsonl", False)],
)
def test_what_is_no_plain_number_is_refused(kind: Format, value: object) -> None:
    with pytest.raises(TableError, match="not a number"):
        number(row_of(value, kind), "score")


@pytest.mark.parametrize("value", ["0", "6"])
def test_a_number_out_of_bounds_is_refused(value: str) -> None:
    with pytest.raises(TableError, match=f"'score' is {value}; give a number from 1 to 5"):
        integer(row_of(value), "score", low=1, high=5)
    with pytest.raises(TableError, match="give a number from 1 to 5"):
        number(row_of(value), "score", low=1, high=5)


def test_a_bound_that_is_open_reads_as_a_word() -> None:
    with pytest.raises(TableError, match="'score' is -1; give a number of at least 0"):
        integer(row_of("-1"), "score", low=0)
    with pytest.raises(TableError, match="'score' is 2; give a number of at most 1"):
        number(row_of("2"), "score", high=1)


def test_a_date_is_shown_as_one() -> None:
    with pytest.raises(TableError, match="is the date or time 2026-01-05, not a number"):
        number(row_of(datetime.date(2026, 1, 5), "xlsx"), "score")


def test_texts_are_kept_as_they_are() -> None:
    assert text(row_of("  a\n"), "score") == "  a\n"
    assert text(row_of("", "jsonl"), "score", empty=True) == ""


def test_a_whole_number_typed_into_a_sheet_is_its_digits() -> None:
    assert text(row_of(17.0, "xlsx"), "score") == "17"


@pytest.mark.parametrize(
    ("kind", "value", "words"),
    [
        ("jsonl", 17, "'score' is the value 17, not text; quote it"),
        ("xlsx", 3.5, "'score' is the value 3.5, not text; format the column as text"),
        ("xlsx", 1e16, "not text"),
        ("jsonl", None, "'score' is null, not text"),
        ("csv", " \t", "'score' is empty; fill it in"),
        ("jsonl", {"a": 1}, "'score' is a list or object, not text"),
    ],
)
def test_what_is_no_text_is_refused(kind: Format, value: object, words: str) -> None:
    with pytest.raises(TableError, match=words):
        text(row_of(value, kind), "score")


def test_a_missing_column_names_the_nearest() -> None:
    with pytest.raises(TableError, match="no column 'scores'; rename 'score' to 'scores'"):
        text(row_of("1"), "scores")
    with pytest.raises(TableError, match="no column 'rater'; add it"):
        text(row_of("1"), "rater")


@pytest.mark.parametrize("value", [None, ""])
def test_missing_values_are_none(value: str | None) -> None:
    row = row_of(value, "jsonl")

    assert optional_text(row, "score") is None
    assert optional_number(row, "score") is None
    assert optional_integer(row, "score") is None
    assert optional_choice(row, "score", ["a"]) is None
    assert optional_text(row, "no such column") is None


def test_values_that_are_there_are_read() -> None:
    assert optional_text(row_of("a"), "score") == "a"
    assert optional_number(row_of("0.5"), "score") == pytest.approx(0.5)
    assert optional_integer(row_of("5"), "score") == 5
    assert optional_choice(row_of("zh"), "score", ["zh", "en"]) == "zh"


def test_a_choice_is_spelled_exactly() -> None:
    with pytest.raises(TableError, match=r"'score' is 'Random'; did you mean 'random'\?"):
        choice(row_of("Random"), "score", ["random", "curated"])
    with pytest.raises(TableError, match="'score' is 'x'; use one of random, curated"):
        choice(row_of("x"), "score", ["random", "curated"])
