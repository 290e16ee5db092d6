"""Two experts in two browsers at once, by keyboard alone; a server killed under their hands."""

import json
import os
import re
import signal
import subprocess
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from judge.store import claims
from judge.store.annotation_project import Desk
from judge.store.store import open_store
from tests.browser.chromium import chromium, needs_browser
from tests.cli.program import command, environment
from tests.judge.web.rooms import judged_run, room_of

pytestmark = [pytest.mark.browser, needs_browser]

ITEMS = 30
KEYS = {"ann": "10", "博": "02"}
"""Safe and harmless; unsafe and clearly harmful."""
KILLED = (16, "博")
"""The task and the rater under whose hands the server dies."""


def come_in(page: Page, link: str) -> None:
    """Enter by a link and agree, by keyboard."""
    page.goto(link)
    expect(page.locator("button.main")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".warning")).to_be_visible()
    page.locator("button.main").press("Enter")
    ready(page)


def ready(page: Page) -> None:
    """Wait until the page takes keys."""
    expect(page.locator("fieldset.active")).to_be_visible()


def at_task(page: Page, place: int) -> Page:
    """Wait for a task, which must not tell who answered."""
    expect(page.locator("h1")).to_contain_text(re.compile(rf"^\D*{place}\D"))
    ready(page)
    assert "model-a" not in page.locator("header").inner_html()
    assert "model-a" not in page.locator(".questions").inner_html()
    return page


def test_two_raters_label_the_same_items_while_the_server_is_killed(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "store.db"))
    judged_run(store, count=ITEMS)
    store.close()
    with chromium() as browser, ExitStack() as servers:
        server, links = servers.enter_context(room_program(tmp_path, "--raters", "ann,博"))
        pages = {
            name: browser.new_context(locale=locale).new_page()
            for name, locale in (("ann", "en-US"), ("博", "zh-CN"))
        }
        for name, page in pages.items():
            come_in(page, links[name])
        for place in range(1, ITEMS + 1):
            for name, keys in KEYS.items():
                page = at_task(pages[name], place)
                page.keyboard.press(keys[0])
                if (place, name) == KILLED:
                    expect(page.locator("#status.saved")).to_be_visible()
                    at_task(pages["ann"], place + 1)
                    server.kill()
                    server.wait(timeout=20)
                page.keyboard.press(keys[1])
                if (place, name) == KILLED:
                    expect(page.locator("#status.unsaved")).to_be_visible()
                    port = links[name].split(":")[2].split("/")[0]
                    servers.enter_context(room_program(tmp_path, "--port", port))
                page.keyboard.press("Enter")
        for page in pages.values():
            expect(page.locator("#task")).to_have_count(0)

    store = open_store(str(tmp_path / "store.db"))
    desk = Desk(store=store, run=store.runs()[0])
    kept = list(store.labels(desk.run))
    orders = [[each.task.task for each in claims.own_claims(desk, name)] for name in KEYS]
    store.close()
    assert len(kept) == 2 * 2 * ITEMS
    assert {(each.rater, each.criterion, each.score) for each in kept} == {
        ("ann", "safe", 1.0),
        ("ann", "severity", 0.0),
        ("博", "safe", 0.0),
        ("博", "severity", 2.0),
    }
    assert sorted(orders[0]) == sorted(orders[1])
    assert orders[0] != orders[1]


def test_nothing_that_a_screen_called_saved_is_lost_when_the_server_is_killed(
    tmp_path: Path,
) -> None:
    address = str(tmp_path / "store.db")
    store = open_store(address)
    judged_run(store, count=3)
    store.close()
    with chromium() as browser:
        page = browser.new_page()
        with room_program(tmp_path, "--raters", "ann") as (server, links):
            come_in(page, links["ann"])
            page.keyboard.press("0")
            page.keyboard.press("r")
            page.keyboard.type("half a thought")
            expect(page.locator("#status.saved")).to_be_visible()
            os.kill(server.pid, signal.SIGKILL)
            server.wait(timeout=20)
            page.keyboard.type(" and more")
            expect(page.locator("#status.unsaved")).to_be_visible()
            port = links["ann"].split(":")[2].split("/")[0]
        with room_program(tmp_path, "--port", port):
            expect(page.locator("#status.saved")).to_be_visible(timeout=20_000)
            page.reload()
            ready(page)
            assert page.locator("textarea[name=note]").input_value() == "half a thought and more"
            assert page.locator("input[name='score.safety.safe'][value='0']").is_checked()


def test_script_in_a_response_does_not_run(tmp_path: Path) -> None:
    with room_of(tmp_path, count=2) as served, chromium() as browser:
        page = browser.new_page()
        loud: list[str] = []
        page.on("dialog", lambda dialog: loud.append(dialog.message))
        come_in(page, served.link("ann", lang="en"))
        for _ in range(2):
            ready(page)
            assert page.title() != "run"
            page.keyboard.press("1")
            page.keyboard.press("0")
            task = page.locator("#task").get_attribute("action")
            page.keyboard.press("Enter")
            expect(page.locator(f"form[action='{task}']#task")).to_have_count(0)

    assert loud == []


def test_a_choice_is_undone_by_a_key(tmp_path: Path) -> None:
    with room_of(tmp_path, count=2) as served, chromium() as browser:
        page = browser.new_page()
        come_in(page, served.link("ann", lang="en"))
        page.keyboard.press("1")
        expect(page.locator("#status.saved")).to_be_visible()

        page.keyboard.press("u")

        expect(page.locator("input:checked")).to_have_count(0)
        desk = Desk(store=served.desk.store, run=served.desk.run)
        task = claims.own_claims(desk, "ann")[0].task.task
        assert claims.newest_draft(desk, "ann", task).version == 2


@contextmanager
def room_program(
    folder: Path, *words: str
) -> Generator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """Serve the room by the console script, in a process that can be killed."""
    with subprocess.Popen(
        command("annotate", "first", "--lang", "en", "--json", *words),
        cwd=folder,
        env=environment(folder),
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdout is not None
        printed = ""
        while not printed.rstrip().endswith("\n}"):
            line = server.stdout.readline()
            assert line, "the room did not open"
            printed += line
        links = {each["rater"]: each["link"] for each in json.loads(printed)["links"]}
        try:
            yield server, links
        finally:
            if server.poll() is None:
                server.terminate()
