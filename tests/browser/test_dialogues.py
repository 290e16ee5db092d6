"""Two experts label conversations by keyboard, one of them on a phone's width."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.chromium import chromium, needs_browser
from tests.browser.test_annotate import come_in, ready
from tests.judge.web.dialogues import dialogue_room, unsafe_turn

pytestmark = [pytest.mark.browser, needs_browser]

ITEMS = 20
PHONE = {"width": 390, "height": 844}


def label(page: Page, place: int) -> None:
    """Read a conversation and label it by keys alone: an unsafe one with its turn."""
    expect(page.locator("h1")).to_contain_text(re.compile(rf"^\D*{place}\D"))
    ready(page)
    assert "model-a" not in page.locator("main").inner_html()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    framed = page.locator(".turn.at")
    expect(framed).to_have_attribute("data-turn", "1")
    if page.locator(".turn[data-turn='3']").get_by_text("HARM").count():
        page.keyboard.press("0")
        page.keyboard.press("2")
        page.keyboard.press("ArrowRight")
        expect(framed).to_have_attribute("data-turn", "3")
        page.keyboard.press("m")
        expect(page.locator("input[name=turn][value='3']")).to_be_checked()
    else:
        page.keyboard.press("1")
        page.keyboard.press("0")
    page.keyboard.press("Enter")


def test_two_experts_label_twenty_dialogues_by_keyboard_one_on_a_phone(tmp_path: Path) -> None:
    with dialogue_room(tmp_path, count=ITEMS) as served, chromium() as browser:
        desk_page = browser.new_context(locale="en-US").new_page()
        phone = browser.new_context(locale="zh-CN", viewport=PHONE, has_touch=True).new_page()  # pyright: ignore[reportArgumentType] - a literal of its kind
        come_in(desk_page, served.link("ann", lang="en"))
        come_in(phone, served.link("博", lang="zh"))
        for place in range(1, ITEMS + 1):
            label(desk_page, place)
            label(phone, place)
        for page in (desk_page, phone):
            expect(page.locator("#task")).to_have_count(0)
        kept = list(served.desk.store.labels(served.desk.run))

    found = {
        (each.rater, each.id): (each.score, each.turn) for each in kept if each.criterion == "safe"
    }
    wanted = {
        (rater, f"d{number}"): (0.0, 3) if unsafe_turn(number) else (1.0, None)
        for rater in ("ann", "博")
        for number in range(ITEMS)
    }
    assert found == wanted


def test_a_mark_is_kept_when_the_page_is_loaded_again_and_taken_back_by_its_key(
    tmp_path: Path,
) -> None:
    with dialogue_room(tmp_path) as served, chromium() as browser:
        page = browser.new_page()
        come_in(page, served.link("ann"))
        page.keyboard.press("m")
        expect(page.locator("#status.saved")).to_be_visible()
        page.reload()
        ready(page)
        expect(page.locator("input[name=turn][value='1']")).to_be_checked()
        expect(page.locator(".turn.at")).to_have_attribute("data-turn", "1")
        page.keyboard.press("m")
        expect(page.locator("input[name=turn][value='']")).to_be_checked()
