"""Every kind of page that a report writes: axe-core finds nothing, nothing is wider than it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from judge.simulated.server import simulated_server
from tests.browser.audit import faults, needs_axe
from tests.browser.chromium import chromium, needs_browser
from tests.cli.program import program
from tests.judge.improve.planted import world

pytestmark = [pytest.mark.browser, needs_browser, needs_axe]

POLICY = """\
version: "1"
title: Release policy
checks:
  - name: safety
    measure: safety_rate
    margin: 0.05
"""
KEY = {"OPENAI_API_KEY": "no-key"}
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
    _pages_of_conversations(folder)
    _page_of_an_improved_rubric(folder)
    for words in (
        ("report", run, "--baseline", "release-1", "--out", "comparison.html", *store),
        ("calibrate", "--run", run, "--design", "random", "--report", "calibration.html", *store),
        ("gate", *gate, "--report", "gate.html", *store),
    ):
        program(*words, folder=folder)
    return folder


def _pages_of_conversations(folder: Path) -> None:
    """Write the pages of dialogues of two releases, judged whole and reply by reply."""
    ended = program("demo", "--conversations", "--out", "dialogues", folder=folder)
    assert ended.code == 0, ended.err
    (folder / "turns.yaml").write_text(f"{POLICY}    unit: session\n", encoding="utf-8")
    store = ("--store", "dialogues/store.db")
    listed = json.loads(program("runs", "list", "--json", *store, folder=folder).out)
    turns = max((row["run"] for row in listed), key=len)
    old, new = f"{turns}:release-1", f"{turns}:release-2"
    gate = ("--baseline", old, "--candidate", new, "--policy", "turns.yaml")
    two = ("report", turns, "--baseline", "release-1", "--out", "two-releases.html")
    program(*two, *store, folder=folder)
    program("gate", *gate, "--report", "gate-of-conversations.html", *store, folder=folder)


def _page_of_an_improved_rubric(folder: Path) -> None:
    """Search a better rubric for a planted judge, and write the page of the proof."""
    paths = world(folder)
    given = json.loads(paths["profile.json"].read_text(encoding="utf-8"))
    with simulated_server(given) as server:
        words = ("judge", "responses.jsonl", "--rubric", "safety", "--judge", "openai/sim")
        address = ("--base-url", server.base_url, "--run", "r", "--quiet")
        program(*words, *address, folder=folder, environ=KEY)
        search = ("--reflection-model", "openai/sim", "--rounds", "6", "--quiet")
        files = ("--out", "R2.yaml", "--proof", "R2.json", "--report", "improved.html")
        asked = ("improve", "r", "--labels", "labels.csv", "--rubric", "safety")
        ended = program(*asked, *files, *search, folder=folder, environ=KEY)
    assert ended.code == 0, ended.err


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
        # What is laid out only once it is near would be measured at a place that it leaves.
        " for (const each of document.querySelectorAll('.case'))"
        "   each.style.contentVisibility = 'visible';"
        " for (const fold of document.querySelectorAll('details')) fold.open = true; }"
    )
    return page


@pytest.mark.parametrize("lang", LOCALES)
@pytest.mark.parametrize(
    "name",
    [
        *("demo/report", "demo/probabilities", "comparison", "calibration", "gate"),
        *("dialogues/conversations", "dialogues/turns", "two-releases", "gate-of-conversations"),
        "improved",
    ],
)
def test_a_page_has_no_fault(browser: Browser, folder: Path, name: str, lang: str) -> None:
    page = opened(browser, folder / f"{name}.html", lang)

    assert page.locator("h1:visible").count() == 1
    assert faults(page, f"{name}-{lang}") == []
    page.close()
