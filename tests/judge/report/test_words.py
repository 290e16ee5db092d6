"""The page's words: both languages say the same things, each in its own way of writing."""

import re
from collections.abc import Iterator
from string import Formatter
from typing import get_args

import pytest

from judge.records import Language
from judge.report.both import Both
from judge.report.words import say, strings


def texts(lang: Language) -> Iterator[tuple[str, str]]:
    for section, named in strings(lang).items():
        for name, text in named.items():
            yield f"{section}.{name}", text


def fields(lang: Language) -> dict[str, set[str | None]]:
    return {
        key: {field for _, field, _, _ in Formatter().parse(text)} - {None}
        for key, text in texts(lang)
    }


def test_both_languages_have_the_same_texts_and_ask_for_the_same_values() -> None:
    assert fields("zh") == fields("en")


def test_chinese_is_written_with_its_own_marks() -> None:
    half = r"[\u4e00-\u9fff][,.;:?!()]|[,;:?()][\u4e00-\u9fff]"

    assert not [text for _, text in texts("zh") if re.search(half, text)]


@pytest.mark.parametrize("lang", get_args(Language))
def test_no_text_exclaims(lang: Language) -> None:
    assert not [text for _, text in texts(lang) if re.search(r"\w[!！]", text)]


def test_a_text_takes_each_value_in_its_own_language() -> None:
    said = say("cases.worse", candidate=Both(zh="新版", en="the new one"), baseline="old")

    assert said.zh == "新版 不如 old"
    assert said.en == "Worse in the new one than in old"


def test_chinese_keeps_a_space_from_latin_letters_and_digits() -> None:
    assert say("drift.title", before="v1", after="v2").zh == "从 v1 到 v2 的变化"
    assert say("checks.all", of=3).zh == "3 项检查全部通过。"
    said = say("belief.agreement_lowest", criterion="c", group="v2", coefficient="AC1", value="0.5")
    assert said.zh == "c：评判与专家在 v2 最不一致，AC1 为 0.5"


def test_filled_text_is_never_read_as_a_pattern() -> None:
    assert say("page.title", run="{run} {0}").en == "{run} {0}: judged responses"


def test_an_unknown_text_is_refused() -> None:
    with pytest.raises(KeyError):
        say("page.nonsense")
