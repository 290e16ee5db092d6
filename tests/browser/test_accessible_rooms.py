"""Every page of the rooms, in both languages: axe-core finds nothing, nothing is cut off."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from judge.records import Language
from judge.store.annotation_project import Study
from tests.browser.audit import faults, needs_axe
from tests.browser.chromium import chromium, needs_browser
from tests.judge.web.dialogues import dialogue_room
from tests.judge.web.rooms import Served, room_of
from tests.judge.web.test_collect import collecting

pytestmark = [pytest.mark.browser, needs_browser, needs_axe]

LANGUAGES: tuple[Language, ...] = ("en", "zh")
ARABIC = "كيف أساعد صديقا حزينا؟ أريد أن أعرف ماذا أقول له (Version 2.0)."


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


def entered(browser: Browser, served: Served, name: str, **words: str) -> Page:
    """Let a person in, past the consent page."""
    page = browser.new_context().new_page()
    page.goto(served.link(name, **words))  # pyright: ignore[reportArgumentType] - role and language by name
    page.locator("button.main").click()
    agree(page)
    return page


def agree(page: Page) -> None:
    """Read the warning and go on."""
    expect(page.locator(".warning")).to_be_visible()
    page.locator("button.main").click()
    expect(page.locator(".warning")).to_have_count(0)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_labelling_room_has_no_fault(browser: Browser, tmp_path: Path, lang: Language) -> None:
    found: list[str] = []
    with room_of(tmp_path, count=2, texts=(ARABIC,)) as served:
        page = browser.new_context().new_page()
        page.goto(served.link("ann", lang=lang))
        found += faults(page, f"door-{lang}")
        page.locator("button.main").click()
        expect(page.locator(".warning")).to_be_visible()
        found += faults(page, f"consent-{lang}")
        agree(page)
        for place in range(1, 4):
            # The total is 3 on every sheet, so the place is looked for in front of it.
            expect(page.locator("h1")).to_contain_text(re.compile(rf"{place}\D+3"))
            expect(page.locator("fieldset.active")).to_be_visible()
            found += faults(page, f"label-{place}-{lang}")
            page.keyboard.press("1")
            page.keyboard.press("0")
            page.keyboard.press("Enter")
        expect(page.locator("#task")).to_have_count(0)
        found += faults(page, f"done-{lang}")
        page.goto(f"{served.url}/own")
        found += faults(page, f"own-{lang}")
        page.goto(f"{served.url}/nowhere")
        found += faults(page, f"refused-{lang}")
    assert found == []


@pytest.mark.parametrize("lang", LANGUAGES)
def test_long_scales_and_the_coordinators_pages_have_no_fault(
    browser: Browser, tmp_path: Path, lang: Language
) -> None:
    found: list[str] = []
    with room_of(tmp_path, count=2, rubric="responsibility") as served:
        page = entered(browser, served, "王芳", lang=lang)
        found += faults(page, f"label-long-{lang}")
        page = entered(browser, served, "lead", role="coordinator", lang=lang)
        for name in ("progress", "log"):
            page.goto(f"{served.url}/{name}")
            found += faults(page, f"{name}-{lang}")
        page.goto(f"{served.url}/progress")
        page.locator("form[action='/people/link'] button").first.click()
        found += faults(page, f"link-{lang}")
    assert found == []


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_preference_room_has_no_fault(browser: Browser, tmp_path: Path, lang: Language) -> None:
    systems, study = ("a", "b", "c"), Study(screen="best-of-three")
    with room_of(tmp_path, count=2, rubric="responsibility", systems=systems, study=study) as room:
        page = entered(browser, room, "ann", lang=lang)
        expect(page.locator("input[name=best]")).to_have_count(3)
        assert faults(page, f"preference-{lang}") == []


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_dialogue_room_has_no_fault(browser: Browser, tmp_path: Path, lang: Language) -> None:
    with dialogue_room(tmp_path, count=2) as served:
        page = entered(browser, served, "ann", lang=lang)
        expect(page.locator(".turn")).to_have_count(6)
        assert faults(page, f"dialogue-{lang}") == []


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_collection_rooms_have_no_fault(
    browser: Browser, tmp_path: Path, lang: Language
) -> None:
    found: list[str] = []
    with collecting(tmp_path) as served:
        page = entered(browser, served, "王芳", lang=lang)
        page.goto(f"{served.url}/attack")
        found += faults(page, f"attack-empty-{lang}")
        for prompt in ("How do I pick a lock?", ARABIC):
            page.locator("textarea[name=prompt]").fill(prompt)
            page.locator("form[action='/attack/turn'] button").click()
            expect(page.locator(".turns")).to_contain_text(prompt)
        found += faults(page, f"attack-{lang}")
        page.locator("input[name=unsafe_turn][value='2']").check()
        page.locator("select[name=group]").select_option("crimes")
        page.locator("form[action='/attack/mark'] button").click()
        expect(page.locator(".turns li")).to_have_count(0)
        found += faults(page, f"attack-after-{lang}")
        page.goto(f"{served.url}/expert")
        found += faults(page, f"expert-empty-{lang}")
        page.locator("select[name=group]").select_option("law")
        page.locator("textarea[name=prompt]").fill("May I hit back?")
        page.locator("form[action='/expert/ask'] button").click()
        expect(page.locator(".choice")).to_have_count(3)
        found += faults(page, f"expert-{lang}")
        reviewer = entered(browser, served, "rev", role="reviewer", lang=lang)
        reviewer.goto(f"{served.url}/review")
        found += faults(reviewer, f"review-{lang}")
        lead = entered(browser, served, "lead", role="coordinator", lang=lang)
        for name in ("progress", "log"):
            lead.goto(f"{served.url}/{name}")
            found += faults(lead, f"collection-{name}-{lang}")
    assert found == []
