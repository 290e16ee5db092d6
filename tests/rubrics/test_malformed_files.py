"""Bad rubric files: one line `file:line: what; how to fix`, whatever is wrong with them."""

import os
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rubrics import RubricError, load_rubric
from rubrics.load import MOST_BYTES, checked, load_file, parse_document
from rubrics.rubric import Rubric
from tests.rubrics.samples import TONE, swapped, write

BOMB = "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nd: [*c, *c]\n"

FILES: dict[str, tuple[str | bytes, int | None, str]] = {
    "alias bomb": (BOMB, 1, "anchor or alias 'a'; write the text out in each place"),
    "alias that holds itself": ("a: &a [*a]\n", 1, "anchor or alias 'a'"),
    "alias of nothing": (swapped("title: Tone", "title: *tone"), 4, "anchor or alias 'tone'"),
    "merge key": (swapped("    weight", "    <<: {a: b}\n    weight"), 18, "'<<' cannot be a key"),
    "python tag": (
        swapped("title: Tone", "title: !!python/object/apply:os.system [true]"),
        4,
        "tag '!!python/object/apply:os.system'; delete it",
    ),
    "own tag": (swapped("title: Tone", "title: !tone Tone"), 4, "tag '!tone'"),
    "key twice": (swapped("title: Tone", "title: Tone\ntitle: Mood"), 5, "key 'title' twice"),
    "level twice": (swapped("        1: Cold", "        0: Cold"), 16, "key '0' twice"),
    "tab as indent": (swapped("    title", "\ttitle"), 9, "cannot start any token"),
    "quote never closed": (swapped("title: Tone", 'title: "Tone'), 4, "end of stream"),
    "colon in a value": (swapped("Tells how", "Tells: how"), 5, "mapping values are not allowed"),
    "two documents": (TONE + "---\nid: other\n", 65, "a second document begins"),
    "list at the top": ("- id: tone\n", 1, "the document is not a mapping"),
    "text at the top": ("tone\n", 1, "the document is not a mapping"),
    "empty": ("", None, "the file is empty"),
    "comments alone": ("# tone\n", None, "the file is empty"),
    "larger than 1 MiB": ("# " + "x" * MOST_BYTES, None, "larger than 1 MiB"),
    "nested too deep": ("a: " + "[" * 60 + "]" * 60, 1, "nested deeper than 50 levels"),
    "nested far too deep": ("[" * 100_000, 1, "nested deeper than 50 levels"),
    "too many values": ("a: [" + "1," * 20_000 + "]", 1, "more than 10000 values"),
    "GB18030": (swapped("Tone", "语气").encode("gb18030"), 4, "is not UTF-8; save the file"),
    "UTF-16": (TONE.encode("utf-16"), 1, "byte 0 is not UTF-8"),
    "NUL": (swapped("Tone", "To\0ne"), 4, "a character that YAML does not allow"),
    "escape beyond Unicode": (swapped("Tone", '"\\UFFFFFFFF"'), 4, "does not allow"),
    "half a character": (swapped("Tone", '"\\uD800"'), 4, "delete the half of a character"),
    "bidirectional mark": (swapped("Tone", "To\u202ene"), 4, "hidden character U+202E"),
    "zero-width space": (swapped("Rude", "Ru\u200bde"), 15, "hidden character U+200B"),
    "list as a key": ("? [a]\n: b\n", 1, "cannot be a key"),
    "unknown key at the top": (
        swapped("instructions:", "instruction:"),
        6,
        "unknown key 'instruction'; did you mean 'instructions'?",
    ),
    "unknown key in a criterion": (
        swapped("    weight", "    wieght"),
        18,
        "unknown key 'wieght'; did you mean 'weight'?",
    ),
    "unknown key like no other": (
        swapped("title: Tone", "title: Tone\nzzz: 1"),
        5,
        "unknown key 'zzz'; known here: id, version, language",
    ),
    "key missing": (
        swapped("    title: Friendly\n", ""),
        8,
        "criteria[1].title is missing; add it",
    ),
    "number as id": (swapped("id: tone", "id: 7"), 1, "id is '7'; write text, with quotes"),
    "id with blanks": (swapped("id: tone", "id: My Tone"), 1, "'My Tone' is not a valid name"),
    "version without quotes": (swapped('"1.0"', "1.0"), 2, "version is '1.0'; write text"),
    "version of words": (swapped('"1.0"', "first"), 2, 'number it in quotes, as in "1.0"'),
    "unknown language": (swapped("language: en", "language: French"), 3, "is no language tag"),
    "no as a weight": (swapped("weight: 0.75", "weight: no"), 18, "weight is 'no'; write a number"),
    "underscore in a number": (
        swapped("min: 0", "min: 1_000"),
        12,
        "min is '1_000'; write a whole",
    ),
    "octal number": (swapped("min: 0", "min: 0o7"), 12, "min is '0o7'; write a whole number"),
    "leading zero": (swapped("max: 2", "max: 02"), 13, "max is '02'; write a whole number"),
    "not a number": (swapped("weight: 0.75", "weight: .nan"), 18, "weight is '.nan'; write a num"),
    "empty value": (swapped("title: Tone", "title:"), 4, "title is empty; write text"),
    "blank text": (swapped("title: Tone", 'title: "  "'), 4, "write some text"),
    "mapping for a list": (
        TONE[: TONE.index("criteria:")] + "criteria: {}\n",
        7,
        "criteria is a mapping; write a list",
    ),
    "no criteria": (
        TONE[: TONE.index("criteria:")] + "criteria: []\n",
        7,
        "add at least one entry",
    ),
    "min above max": (swapped("min: 0", "min: 3"), 12, "scale from 3 to 2 has no levels"),
    "step that misses max": (swapped("step: 2", "step: 3"), 30, "steps of 3 from 1 never reach 5"),
    "too many levels": (swapped("max: 2", "max: 500"), 13, "501 levels; use at most 101"),
    "level without anchor": (
        swapped("        1: Cold but correct.\n", ""),
        14,
        "no anchor for level 1; describe every level",
    ),
    "anchor off the scale": (
        swapped("        1: Cold", "        7: Cold"),
        16,
        "anchor 7 is not a level of 0..2 step 1",
    ),
    "anchor without number": (
        swapped("        1: Cold", "        one: Cold"),
        16,
        "anchor 'one' is not a whole number",
    ),
    "anchor without text": (
        swapped("1: Cold but correct.", "1:"),
        16,
        "the anchor of level 1 has no text",
    ),
    "anchors out of order": (
        swapped("0: Rude or mocking.\n        1: Cold", "1: Cold.\n        0: Rude"),
        14,
        "anchors out of order",
    ),
    "weights beyond 1": (swapped("weight: 0.25", "weight: 0.5"), 7, "the weights sum to 1.25"),
    "threshold off the scale": (swapped("threshold: 1", "threshold: 4"), 20, "threshold 4 is off"),
    "description with a weight": (
        swapped("higher_is_better", "descriptive"),
        19,
        "friendly is descriptive but has a weight",
    ),
    "criterion twice": (swapped("- id: wordy", "- id: friendly"), 24, "criterion friendly twice"),
    "reserved criterion": (swapped("- id: wordy", "- id: json"), 24, "id 'json' is reserved"),
    "veto of nothing": (swapped("criterion: friendly", "criterion: kind"), 42, "veto names 'kind'"),
    "veto off the scale": (
        swapped("level: 0", "level: 9"),
        43,
        "veto level 9 cannot fail friendly",
    ),
    "example without a grade": (
        swapped("      - criterion: friendly", "      - criterion: wordy"),
        47,
        "does not grade every criterion once, in order",
    ),
    "example scored in words": (
        swapped("score: 2", "score: high"),
        51,
        "'high' is not a score; write a whole number or cannot_assess",
    ),
    "list for a text": (swapped("title: Tone", "title: [Tone]"), 4, "title is a list; write text"),
    "anchors as a list": (
        swapped("        0: Rude", "        - 0: Rude")
        .replace("        1: Cold but correct.\n", "")
        .replace("        2: Warm and polite.\n", ""),
        14,
        "anchors are a mapping from score to text; write `1: text`",
    ),
    "anchors as a text": (
        swapped("anchors:\n        0: Rude or mocking.\n", "anchors: Rude\n")
        .replace("        1: Cold but correct.\n", "")
        .replace("        2: Warm and polite.\n", ""),
        14,
        "anchors are a mapping from score to text; write `1: text`",
    ),
    "example off the scale": (swapped("score: 1", "score: 2"), 55, "example score 2 is off the"),
    "pack of no group": (
        swapped("criteria:", "groups: [law]\ncriteria:"),
        58,
        "pack 'travel' is there twice or is not one of the groups",
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_a_bad_file_is_refused_in_one_line_that_says_where_and_what_to_do(
    name: str, tmp_path: Path
) -> None:
    text, line, words = FILES[name]
    path = write(tmp_path, text)

    with pytest.raises(RubricError) as refusal:
        load_rubric(path)

    message = str(refusal.value)
    place = path if line is None else f"{path}:{line}"
    assert message.startswith(f"{place}: ")
    assert words in message
    assert "; " in message
    assert message.isprintable()
    assert len(message) <= 300


def test_at_least_thirty_kinds_of_bad_file_are_covered() -> None:
    assert len(FILES) >= 30


def test_a_fifo_is_refused_rather_than_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "tone.yaml"
    os.mkfifo(path)

    with pytest.raises(RubricError, match="not a readable file"):
        load_rubric(path)


@pytest.mark.parametrize("name", ["missing.yaml", "."])
def test_a_path_without_a_file_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(RubricError, match="not a readable file; name a YAML file"):
        load_rubric(tmp_path / name)


def test_a_path_that_the_system_refuses_is_refused() -> None:
    with pytest.raises(RubricError, match="File name too long; name a YAML file that can be read"):
        load_rubric("x" * 5000 + ".yaml")


def test_a_symbolic_link_to_itself_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "tone.yaml"
    path.symlink_to(path)

    with pytest.raises(RubricError, match=r"tone\.yaml"):
        load_rubric(path)


def test_a_byte_order_mark_and_windows_line_ends_change_nothing(tmp_path: Path) -> None:
    plain = load_file(write(tmp_path, TONE))
    windows = load_file(write(tmp_path, b"\xef\xbb\xbf" + TONE.replace("\n", "\r\n").encode()))

    assert windows == plain


def test_yaml_words_that_look_like_booleans_stay_text(tmp_path: Path) -> None:
    assert load_file(write(tmp_path, swapped("title: Tone", "title: no"))).title == "no"


def test_a_long_value_does_not_make_a_long_message(tmp_path: Path) -> None:
    path = write(tmp_path, swapped("language: en", f"language: {'x' * 5000}"))

    with pytest.raises(RubricError) as refusal:
        load_rubric(path)

    assert len(str(refusal.value)) <= 300


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a: '" + "''" * 500_000, id="one long text"),
        pytest.param("\n".join(f"k{n}: 1" for n in range(90_000)), id="many keys"),
        pytest.param("a: {" + "x: {" * 40 + "}" * 41 + "\n" * 900_000, id="blank lines"),
        pytest.param("- " * 500_000, id="many dashes"),
    ],
)
def test_a_hostile_file_is_refused_within_five_seconds(text: str, tmp_path: Path) -> None:
    begun = time.process_time()

    with pytest.raises(RubricError):
        load_rubric(write(tmp_path, text))

    assert time.process_time() - begun < 5


def refusal(text: str) -> str:
    """Read a text as a rubric: what is wrong with it, or nothing."""
    try:
        checked(Rubric, parse_document(text, path=Path("any.yaml")))
    except RubricError as error:
        return str(error)
    return ""


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=200))
def test_no_text_at_all_gets_past_the_rubric_error(text: str) -> None:
    assert refusal(text).startswith("any.yaml:")


@settings(max_examples=200, deadline=None)
@given(
    st.integers(0, len(TONE) - 1),
    st.integers(0, 12),
    st.text(alphabet="\t\n -:[]{}&*!|>'\"%@`#?,01ax~\u00e9语\x07", max_size=6),
)
def test_a_damaged_rubric_loads_or_says_where_it_is_damaged(
    at: int, length: int, instead: str
) -> None:
    message = refusal(TONE[:at] + instead + TONE[at + length :])

    assert message == "" or message.startswith("any.yaml:")
