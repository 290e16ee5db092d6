"""Texts that a spreadsheet program would run are made inert, and come back unchanged."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calibration.tables.formulas import inert, restored

ACTIVE = [
    "=1+1",
    '=HYPERLINK("http://x","y")',
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-1+1",
    "- a bullet",
    "@SUM(1)",
    "\t=1",
    "\r=1",
    "\n1",
    "  =1",
    "\u200b=1",
    "\u3000=1",
    "\uff1d1",
    "-Infinity",
]


@pytest.mark.parametrize("text", ACTIVE)
def test_a_text_that_would_run_gets_an_apostrophe(text: str) -> None:
    assert inert(text) == f"'{text}"


@pytest.mark.parametrize(
    "text", ["", "a=1", "5", "-5", "-0.5e-3", "'quoted'", "中文", "1-2", "'", "a\n=1"]
)
def test_other_texts_stay(text: str) -> None:
    assert inert(text) == text


@given(text=st.text() | st.text(alphabet="'=+-@ \t\r\n1\u200b"))
def test_what_is_made_inert_is_restored(text: str) -> None:
    assert restored(inert(text)) == text


@given(text=st.text() | st.text(alphabet="'=+-@ \t\r\n1\u200b"))
def test_nothing_that_was_made_inert_would_run(text: str) -> None:
    once = inert(text)

    assert once.startswith("'") or inert(once) == once


@pytest.mark.parametrize("text", ["'quoted'", "'", "it's", "'5"])
def test_an_apostrophe_of_the_author_stays(text: str) -> None:
    assert restored(text) == text
