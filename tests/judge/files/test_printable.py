"""Hostile text shown: nothing is obeyed or run, and ordinary writing is left alone."""

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judge.files.decoding import clipped, inert, printable, restored

ORDINARY = [
    "plain text",
    "中文，「引号」！？",
    "مرحبا بالعالم",
    "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",  # Persian, with its non-joiner
    "\u0915\u094d\u200d\u0937",  # Devanagari, with a joiner
    "👨\u200d👩\u200d👧 👩🏽\u200d🚀 🏳\ufe0f\u200d🌈",
    "❤\ufe0f 1\ufe0f\u20e3 ‼\ufe0f",
    "Ünïcödé ½ № ∑",
]
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


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_writing_is_left_alone(text: str) -> None:
    assert printable(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("a\r\nb\tc", "a\\x0d\\x0ab\\x09c"),
        ("\x9b31m", "\\x9b31m"),
        ("user\u202etxt.exe", "user\\u202etxt.exe"),
        ("\u2066a\u2069", "\\u2066a\\u2069"),
        ("sa\u200bfe", "sa\\u200bfe"),
        ("s\u200da\u00adfe", "s\\u200da\\xadfe"),
        ("\u6740\u200d\u4eba", "\u6740\\u200d\u4eba"),
        ("a\U000e0041", "a\\U000e0041"),
        ("\ud800", "\\ud800"),
        ("a\ufe0f", "a\\ufe0f"),
        ("\ufeffid", "\\ufeffid"),
        ("line\u2028break", "line\\u2028break"),
    ],
)
def test_marks_that_act_or_hide_are_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_line_breaks_can_be_kept() -> None:
    assert printable("a\n\tb\r", keep="\n\t") == "a\n\tb\\x0d"


@given(text=st.text(alphabet=st.characters(categories=["Cc", "Cs", "Zl", "Zp"])))
def test_no_control_character_is_ever_shown(text: str) -> None:
    assert all(mark.isascii() and mark.isprintable() for mark in printable(text))


def test_no_format_character_is_shown_alone() -> None:
    marks = [chr(code) for code in range(sys.maxunicode + 1)]
    hidden = [mark for mark in marks if unicodedata.category(mark) in {"Cf", "Cc", "Cs"}]

    assert all(printable(mark).isascii() for mark in hidden)


def test_a_long_text_is_clipped() -> None:
    assert clipped("x" * 41) == "x" * 39 + "…"
    assert clipped("x" * 40) == "x" * 40
    assert len(clipped("\x1b" * 1_000_000)) == 40


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
