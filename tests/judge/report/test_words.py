"""Words and numbers: both languages say the same things, each in its own way of writing.

Expected texts are those of the page's style.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from string import Formatter
from typing import get_args

import pytest

from calibration.passport_use import check
from judge.records import Language
from judge.report import formatting
from judge.report.texts import Both, reported, say, strings
from tests.calibration.test_passport import COIN, ISSUED, USE, passport


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
    said = say("validity.error", experts="0", judge="1", rate="x")
    assert said.zh == "“0”被判为“1”：x"


def test_filled_text_is_never_read_as_a_pattern() -> None:
    assert say("page.title", run="{run} {0}").en == "{run} {0}: evaluation report"


@pytest.mark.parametrize(
    ("written", "zh"),
    [
        ("safe: 20 labels; at least 30 are needed.", "safe：20 条标注，至少需要 30 条"),
        (
            "the passport expired on 2026-01-31; calibrate again.",
            "校准证书已于 2026-01-31 过期，请重新校准",
        ),
        ("1 labels; at least 2 are needed.", "1 条标注，至少需要 2 条"),
        ("an unheard-of reason", "程序原文为“an unheard-of reason”"),
    ],
)
def test_a_reason_of_another_module_is_given_in_chinese_too(written: str, zh: str) -> None:
    assert [each.zh for each in reported(written)] == [zh]
    assert [each.en for each in reported(written)] == [written]


def test_several_reasons_are_told_apart_and_their_own_semicolons_stay() -> None:
    written = "the passport holds from 2026-01-31 on.; safe: 3 labels; at least 30 are needed."

    assert len(reported(written)) == 2


def test_every_reason_against_a_passport_is_known_in_chinese() -> None:
    late = ISSUED + timedelta(days=400)
    other = replace(
        USE, judge_hash="x", rubric_hash="x", prompt_hash="x", settings_hash="x",
        languages=("fr",), criteria=("severity", "safe"), fewest_labels=500,
    )  # fmt: skip
    made = [
        *check(passport(), other, now=late).reasons,
        *check(passport(beyond=None), USE, now=ISSUED - timedelta(days=9)).reasons,
        *check(passport(beyond=COIN), USE, now=ISSUED).reasons,
        *check(replace(passport(), provenance="SIMULATED"), USE, now=ISSUED).reasons,
    ]

    assert len({reason.objection for reason in made}) >= 9
    assert not [each.text for each in made if "程序原文" in reported(each.text)[0].zh]


def test_an_unknown_text_is_refused() -> None:
    with pytest.raises(KeyError):
        say("page.nonsense")


def test_a_share_is_a_percentage_with_its_interval() -> None:
    written = formatting.with_interval("share", 0.972, (0.951, 0.986))

    assert written.en == "97.2\u00a0% [95.1,\u00a098.6]"
    assert written.zh == "97.2% [95.1,\u00a098.6]"


def test_a_mean_has_two_decimals() -> None:
    assert formatting.with_interval("mean", 5.5, (5.25, 5.75)).zh == "5.50 [5.25,\u00a05.75]"


def test_a_difference_has_its_sign() -> None:
    assert formatting.change("share", -0.083).en == "\u22128.3"
    assert formatting.change("share", 0.083).en == "+8.3"
    assert formatting.change("mean", -0.5).en == "\u22120.50"


def test_a_difference_that_rounds_to_nothing_has_no_sign() -> None:
    assert formatting.change("share", -0.0001).en == "0.0"


def test_ticks_are_no_longer_than_they_must_be() -> None:
    assert formatting.tick("share", 0.05).zh == "5%"
    assert formatting.tick("mean", 2.5).zh == "2.5"
    assert formatting.tick("mean", -0.0).zh == "0"
    assert formatting.change_tick("share", 0.1).en == "+10"


def test_thousands_are_parted_by_thin_spaces() -> None:
    assert formatting.counted(1234567) == "1\u202f234\u202f567"
    assert formatting.counted(999) == "999"
