"""The page in a real browser: nothing runs, nothing is fetched, one language is seen at a time."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from judge.report import from_run, write_report
from tests.browser.chromium import chromium, needs_browser
from tests.judge.report.runs import FAMILIES, Shape, hostile_report, judged_run, store_at

pytestmark = [pytest.mark.browser, needs_browser]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def benign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("benign")
    store = store_at(folder)
    shape = Shape(prompts=40, systems=("v1", "v2"), lang="zh", response="先煮熟再吃。\n" * 30)
    run = judged_run(store, shape, lambda number, system: int(number % 7 > 0 or system == "v1"))
    write_report(folder / "page.html", from_run(store, run))
    return folder / "page.html"


def opened(browser: Browser, path: Path, width: int = 1280) -> Page:
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.goto(path.as_uri())
    return page


@pytest.mark.parametrize("family", FAMILIES)
def test_hostile_texts_run_nothing_and_fetch_nothing(
    browser: Browser, tmp_path: Path, family: str
) -> None:
    path = tmp_path / "page.html"
    write_report(path, hostile_report(tmp_path, FAMILIES[family]))
    said: list[str] = []
    fetched: list[str] = []
    page = browser.new_page()
    page.on("console", lambda message: said.append(message.text))
    page.on("request", lambda request: fetched.append(request.url))
    page.on("dialog", lambda dialog: said.append(dialog.message))

    page.goto(path.as_uri())
    page.evaluate("for (const fold of document.querySelectorAll('details')) fold.open = true")
    page.mouse.move(400, 400)
    page.keyboard.press("Tab")

    assert page.evaluate("window.pwned") is None
    assert fetched == [path.as_uri()]
    assert said == []


def test_one_language_is_seen_and_the_other_a_click_away(browser: Browser, benign: Path) -> None:
    page = opened(browser, benign)
    heading = page.locator("#counts h2")
    assert heading.inner_text() == "数量"

    page.locator("label[for=en]").click()

    assert heading.inner_text() == "Counts"
    assert page.locator("figure svg:visible").count() == page.locator("figure").count()


def test_the_switch_is_reached_by_the_keyboard(browser: Browser, benign: Path) -> None:
    page = opened(browser, benign)

    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")

    assert page.locator("#counts h2").inner_text() == "Counts"


@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_is_no_wider_than_the_screen(browser: Browser, benign: Path, width: int) -> None:
    page = opened(browser, benign, width)

    assert page.evaluate("document.documentElement.scrollWidth") == width


@pytest.mark.parametrize(("width", "seen"), [(1280, ".wide"), (390, ".narrow")])
def test_pictures_are_drawn_for_the_width_of_the_screen(
    browser: Browser, benign: Path, width: int, seen: str
) -> None:
    page = opened(browser, benign, width)

    assert page.locator("figure svg:visible").count() == page.locator("figure").count()
    assert page.locator(f"{seen} svg:visible").count() == page.locator("figure").count()


@pytest.mark.parametrize("width", [1280, 390])
def test_texts_of_pictures_keep_their_size(browser: Browser, benign: Path, width: int) -> None:
    page = opened(browser, benign, width)

    scales = page.evaluate(
        "[...document.querySelectorAll('figure svg')].filter(e => e.checkVisibility())"
        ".map(e => e.getBoundingClientRect().width / e.viewBox.baseVal.width)"
    )

    assert scales
    assert min(scales) >= 1.0


def test_print_opens_folds_but_not_warnings(browser: Browser, benign: Path) -> None:
    page = opened(browser, benign)
    page.emulate_media(media="print")
    # What a fold holds is laid out with the next frame.
    page.evaluate("new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(drawn)))")

    shown = page.evaluate(
        "[...document.querySelectorAll('.case .said table')].filter(e => e.checkVisibility("
        "{contentVisibilityAuto: true})).length"
    )
    unsafe = page.evaluate(
        "[...document.querySelectorAll('.warn .quoted')].filter(e => e.checkVisibility("
        "{contentVisibilityAuto: true})).length"
    )

    assert shown == 80
    assert unsafe == 0
