"""The framing words of a prompt, in two languages."""

import re

import pytest

from rubrics.wording import Wording, fill, wording


def places(text: str) -> set[str]:
    return set(re.findall(r"\{([a-z_]+)\}", text))


@pytest.mark.parametrize("field", [name for name in Wording.model_fields if name != "language"])
def test_both_languages_have_the_same_places_to_fill(field: str) -> None:
    chinese, english = (str(getattr(wording(language), field)) for language in ("zh", "en"))

    assert places(chinese) == places(english)
    assert chinese != english


def test_what_is_put_in_is_not_read_again() -> None:
    assert fill("{a} and {b}", a="{b}", b="{a}") == "{b} and {a}"


def test_a_place_without_a_value_is_an_error() -> None:
    with pytest.raises(KeyError, match="b"):
        fill("{a} {b}", a="1")


def test_other_braces_stay() -> None:
    assert fill('{"x": {} {A} {a b} {a}', a="1") == '{"x": {} {A} {a b} 1'
