"""The browser of the machine, where there is one."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

CHROMIUM = Path("/usr/bin/chromium")

needs_browser = pytest.mark.skipif(not CHROMIUM.exists(), reason="there is no Chromium here")


@contextmanager
def chromium() -> Generator[Browser]:
    """Start a headless Chromium for as long as the context lasts."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()
