"""Nothing that a data set or a model wrote becomes markup: checked without a browser.

A page full of hostile texts must consist of the same elements with the same attributes as a page
full of harmless ones.
"""

import re
from pathlib import Path

import pytest

import judge.report
from judge.report import render
from tests.judge.report.markup import Page
from tests.judge.report.runs import BENIGN, FAMILIES, hostile_report

TEMPLATES = Path(judge.report.__file__).parent / "templates"


@pytest.fixture(scope="module")
def benign(tmp_path_factory: pytest.TempPathFactory) -> Page:
    return Page(render(hostile_report(tmp_path_factory.mktemp("benign"), BENIGN)))


@pytest.fixture(scope="module", params=FAMILIES)
def attacked(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, str]:
    text = FAMILIES[request.param]
    return text, render(hostile_report(tmp_path_factory.mktemp("hostile"), text))


def test_hostile_texts_add_no_element_and_no_attribute(
    attacked: tuple[str, str], benign: Page
) -> None:
    _, html = attacked

    assert Page(html).shapes == benign.shapes


def test_hostile_texts_can_be_read_as_they_are(attacked: tuple[str, str]) -> None:
    text, html = attacked

    # Prompt, responses, rationales, names: far more than one place shows it.
    assert Page(html).text.count(text) > 20


def test_no_element_runs_or_fetches_anything(attacked: tuple[str, str]) -> None:
    _, html = attacked
    page = Page(html)

    assert not {"img", "iframe", "object", "link", "form"} & {tag for tag, _ in page.elements}
    assert [attributes for tag, attributes in page.elements if tag == "script"] == [{}, {}]
    assert all((anchor["href"] or "").startswith("#") for anchor in page.all("a"))
    assert not [
        name for _, attributes in page.elements for name in attributes if name.startswith("on")
    ]


def test_the_scripts_are_ours_word_for_word(attacked: tuple[str, str]) -> None:
    _, html = attacked
    ours = [(TEMPLATES / name).read_text(encoding="utf-8") for name in ("language.js", "items.js")]

    assert re.findall(r"<script>(.*?)</script>", html, re.DOTALL) == ours


def test_no_attribute_holds_a_text_of_the_data(attacked: tuple[str, str]) -> None:
    _, html = attacked

    assert not [
        value
        for tag, attributes in Page(html).elements
        for value in attributes.values()
        if tag != "meta" and value and ("pwned" in value or "7*7" in value)
    ]


def test_hidden_characters_are_shown_and_never_written(tmp_path: Path) -> None:
    hidden = "\u202e\u200b\x07\u2066\ufeff\U000e0041\x85"

    html = render(hostile_report(tmp_path, f"left{hidden}right"))

    assert [character for character in hidden if character in html] == []
    assert "<code>\\u202e</code><code>\\u200b</code><code>\\x07</code>" in html
