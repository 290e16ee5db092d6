"""Rows that show a type come among the first, which readers infer types from."""

from hypothesis import given
from hypothesis import strategies as st

from judge.exporters.row_order import LOOKED_AT, Row, typed_first

NOTHING: Row = {"a": None, "p": None, "s": 1}


def ordered(rows: list[Row]) -> list[Row]:
    return list(typed_first(lambda: iter(rows)))


def test_a_column_that_is_null_at_first_shows_its_type_among_the_first_rows() -> None:
    late: Row = {"a": "x", "p": {"0": 0.1, "1": 0.9}, "s": 1}
    later: Row = {"a": "y", "p": {"0": 0.1, "1": 0.1, "2": 0.8}, "s": 2.5}

    found = ordered([*[NOTHING] * 200, late, *[NOTHING] * 50, later])

    assert found[:2] == [late, later]
    assert found[2:] == [NOTHING] * 250


def test_rows_whose_types_show_at_once_stay_in_order() -> None:
    rows: list[Row] = [{"n": number, "t": "x"} for number in range(300)]

    assert ordered(rows) == rows


@given(
    st.lists(
        st.dictionaries(st.sampled_from("abc"), st.none() | st.integers() | st.text(max_size=2)),
        max_size=400,
    )
)
def test_no_row_is_lost_or_doubled(rows: list[Row]) -> None:
    found = ordered(rows)

    assert sorted(map(repr, found)) == sorted(map(repr, rows))
    kinds = {(k, type(v).__name__) for row in rows for k, v in row.items() if v is not None}
    shown = {
        (k, type(v).__name__) for row in found[:LOOKED_AT] for k, v in row.items() if v is not None
    }
    assert kinds == shown
