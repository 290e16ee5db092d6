"""Quoted material: hidden characters as codes, long texts folded, endless ones cut and counted."""

import pytest

from judge.report.texts import folded, parts


def test_a_text_without_hidden_characters_is_one_part() -> None:
    assert [tuple(part) for part in parts("先煮熟再吃。\n\tCook it.")] == [
        ("先煮熟再吃。\n\tCook it.", False)
    ]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\u202eb", [("a", False), ("\\u202e", True), ("b", False)]),
        ("\x00", [("\\x00", True)]),
        ("a\u200bb", [("a", False), ("\\u200b", True), ("b", False)]),
        ("\U000e0041", [("\\U000e0041", True)]),
        ("x\x1b[31m", [("x", False), ("\\x1b", True), ("[31m", False)]),
    ],
)
def test_hidden_characters_become_codes(text: str, shown: list[tuple[str, bool]]) -> None:
    assert [tuple(part) for part in parts(text)] == shown


def test_a_code_that_a_model_wrote_is_text() -> None:
    assert [tuple(part) for part in parts("\\u202e\u202e")] == [
        ("\\u202e", False),
        ("\\u202e", True),
    ]


def test_windows_line_ends_are_line_ends() -> None:
    assert [tuple(part) for part in parts("a\r\nb")] == [("a\nb", False)]


def test_a_short_text_is_not_folded() -> None:
    assert tuple(folded("eight\n" * 8, longest=1000)) == ("eight\n" * 8, "", 0)


def test_a_text_is_folded_after_eight_lines() -> None:
    text = "a line of its own\n" * 20

    head, rest, cut = folded(text, longest=10_000)

    assert head.count("\n") == 7
    assert head.rstrip("\n") + "\n" + rest == text
    assert cut == 0


def test_wide_characters_fill_a_line_sooner() -> None:
    chinese = folded("汉" * 1000, longest=10_000)
    latin = folded("a" * 1000, longest=10_000)

    assert len(chinese.head) == 304  # 8 lines of 38 ems, one em a character
    assert len(latin.head) > 500


def test_what_is_beyond_the_longest_is_counted_and_left_out() -> None:
    head, rest, cut = folded("汉" * 25_000, longest=20_000)

    assert len(head) + len(rest) == 20_000
    assert cut == 5_000


def test_a_few_characters_are_not_worth_a_fold() -> None:
    assert folded("汉" * 350, longest=1000).rest == ""
