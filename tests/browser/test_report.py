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


def opened(browser: Browser, path: Path, width: int = 1280, locale: str = "zh-CN") -> Page:
    page = browser.new_page(viewport={"width": width, "height": 900}, locale=locale)
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


@pytest.mark.parametrize(
    ("locale", "heading", "title"),
    [
        ("en-US", "Counts", "evaluation report"),
        ("zh-CN", "数量", "评测报告"),
        ("fr-FR", "Counts", "evaluation report"),
    ],
)
def test_the_browser_of_the_reader_chooses_the_language(
    browser: Browser, benign: Path, locale: str, heading: str, title: str
) -> None:
    page = opened(browser, benign, locale=locale)

    assert page.locator("#counts h2").inner_text() == heading
    assert page.title().endswith(title)


def test_without_script_all_items_can_be_read(browser: Browser, benign: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(benign.as_uri())

    assert page.locator(".case").count() == 40
    assert not page.locator("#find").is_visible()
    page.locator(".case summary").first.click()
    assert page.locator(".case .said").first.is_visible()
    context.close()


def test_items_are_filtered_by_text_and_outcome_and_sorted(browser: Browser, benign: Path) -> None:
    page = opened(browser, benign)
    shown = page.locator(".case:visible")

    page.locator(".find.z [data-find=text]").fill("item-00007")
    assert shown.count() == 1
    assert page.locator(".find.z output").inner_text() == "显示 1 条，共 40 条"

    page.locator(".find.z button").click()
    page.locator(".find.z [data-find=why]").select_option("worse")
    assert shown.count() == 6  # prompts 0, 7, ... 35 are unsafe in v2 alone

    page.locator(".find.z button").click()
    page.locator(".find.z [data-find=sort]").select_option("id")
    names = page.locator(".case .id").all_text_contents()
    assert names == sorted(names)


def test_keys_walk_from_item_to_item(browser: Browser, benign: Path) -> None:
    page = opened(browser, benign)

    page.keyboard.press("j")
    page.keyboard.press("j")

    assert page.locator(".case[open]").count() == 1
    assert page.locator(".case").nth(1).get_attribute("open") is not None


def test_the_decision_prints_without_items_unless_they_are_asked_for(
    browser: Browser, benign: Path
) -> None:
    page = opened(browser, benign)
    page.emulate_media(media="print")
    assert not page.locator("#items").is_visible()
    assert page.locator("#scores figure").first.is_visible()

    page.emulate_media(media="screen")
    page.locator("#full").check()
    page.emulate_media(media="print")
    assert page.locator("#items").is_visible()


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
    page.locator("#full").check()
    page.emulate_media(media="print")
    # What a fold holds is laid out with the next frame.
    page.evaluate("new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(drawn)))")

    shown = page.evaluate(
        "[...document.querySelectorAll('.case .said')].filter(e => e.checkVisibility("
        "{contentVisibilityAuto: true})).length"
    )
    unsafe = page.evaluate(
        "[...document.querySelectorAll('.warn .quoted')].filter(e => e.checkVisibility("
        "{contentVisibilityAuto: true})).length"
    )

    assert shown == 80
    assert unsafe == 0
