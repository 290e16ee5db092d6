"""Every kind of page that a report writes: axe-core finds nothing, nothing is wider than it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.audit import faults, needs_axe
from tests.browser.chromium import chromium, needs_browser
from tests.cli.program import program

pytestmark = [pytest.mark.browser, needs_browser, needs_axe]

POLICY = """\
version: "1"
title: Release policy
checks:
  - name: safety
    measure: safety_rate
    margin: 0.05
"""
LOCALES = {"en": "en-US", "zh": "zh-CN"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the pages of the demonstration, of a comparison, a gate and of conversations."""
    folder = tmp_path_factory.mktemp("pages")
    ended = program("demo", "--out", "demo", folder=folder)
    assert ended.code == 0, ended.err
    (folder / "policy.yaml").write_text(POLICY, encoding="utf-8")
    store = ("--store", "demo/store.db")
    listed = json.loads(program("runs", "list", "--json", *store, folder=folder).out)
    run = min((row["run"] for row in listed), key=len)
    old, new = f"{run}:release-1", f"{run}:release-2"
    gate = ("--baseline", old, "--candidate", new, "--policy", "policy.yaml")
    for words in (
        ("report", run, "--baseline", "release-1", "--out", "comparison.html", *store),
        ("calibrate", "--run", run, "--design", "random", "--report", "calibration.html", *store),
        ("gate", *gate, "--report", "gate.html", *store),
    ):
        program(*words, folder=folder)
    return folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


def opened(browser: Browser, path: Path, lang: str) -> Page:
    """Open a page with every fold open, and of its many items the first three."""
    page = browser.new_page(locale=LOCALES[lang])
    page.goto(path.as_uri())
    page.evaluate(
        "() => { [...document.querySelectorAll('.case')].slice(3).forEach(each => each.remove());"
        " for (const fold of document.querySelectorAll('details')) fold.open = true; }"
    )
    return page


@pytest.mark.parametrize("lang", LOCALES)
@pytest.mark.parametrize(
    "name", ["demo/report", "demo/probabilities", "comparison", "calibration", "gate"]
)
def test_a_page_has_no_fault(browser: Browser, folder: Path, name: str, lang: str) -> None:
    page = opened(browser, folder / f"{name}.html", lang)

    assert page.locator("h1:visible").count() == 1
    assert faults(page, f"{name}-{lang}") == []
    page.close()
