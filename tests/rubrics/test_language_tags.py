"""Tags of languages, and codes of countries that are none."""

from typing import cast

import pytest
from babel import Locale
from babel.core import get_global

from rubrics.rubric import language_tag, tag_advice

DEPRECATED = {"in", "mo", "bh"}
"""Codes of countries that the registry still lists as languages."""


@pytest.mark.parametrize("code", ["cn", "JP", "gr", "cz", "ua-UA", "us"])
def test_the_code_of_a_country_is_no_language(code: str) -> None:
    assert language_tag(code) is None


@pytest.mark.parametrize(
    ("code", "tag"), [("kr", "kr"), ("uk", "uk"), ("se", "se"), ("zh-cn", "zh-CN"), ("in", "in")]
)
def test_a_code_that_names_a_language_too_is_one(code: str, tag: str) -> None:
    assert language_tag(code) == tag


def test_the_countries_are_those_of_unicodes_data() -> None:
    likely = cast("dict[str, str]", get_global("likely_subtags"))
    languages = codes("languages")
    for code in codes("territories") - languages - DEPRECATED:
        meant = likely.get(f"und_{code.upper()}")
        if meant:
            assert language_tag(code) is None
            assert tag_advice(code) == f"{code} is a country; did you mean {meant.split('_')[0]}?"


def test_every_two_letter_language_of_unicodes_data_is_a_tag() -> None:
    for code in codes("languages"):
        assert language_tag(code) == code


def codes(kind: str) -> set[str]:
    """Give the two-letter codes of Unicode's languages or territories, in lower case."""
    named = cast("dict[str, str]", getattr(Locale("en"), kind))
    return {code.lower() for code in named if len(code) == 2 and code.isalpha()}
