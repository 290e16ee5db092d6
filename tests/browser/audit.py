"""What a page must be at every width: free of faults that axe-core finds, and no wider than it.

``CVALUES_PICTURES=folder`` keeps a picture of each page that is looked at.
"""

import os
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.cli.program import ROOT

AXE = ROOT / ".venv" / "axe" / "node_modules" / "axe-core" / "axe.min.js"
WIDTHS = (1280, 768, 390)

needs_axe = pytest.mark.skipif(not AXE.exists(), reason="make .venv/.ready-axe installs axe-core")

_TOO_WIDE = """() => {
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= width) return [];
  return [...document.querySelectorAll('body *')]
    .filter(each => each.checkVisibility() && each.getBoundingClientRect().right > width + 1)
    .map(each => each.tagName.toLowerCase() + '.' + each.className).slice(0, 5);
}"""


def faults(page: Page, name: str) -> list[str]:
    """Give every fault of the page at hand: at three widths, and in dark colours at the widest."""
    found: list[str] = []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        _keep_picture(page, f"{name}-{width}")
        found.extend(f"{name} at {width}: too wide: {each}" for each in page.evaluate(_TOO_WIDE))
        found.extend(f"{name} at {width}: {each}" for each in _violations(page))
    page.set_viewport_size({"width": WIDTHS[0], "height": 900})
    page.emulate_media(color_scheme="dark")
    _keep_picture(page, f"{name}-dark")
    dark = _violations(page, rules=("color-contrast",))
    found.extend(f"{name} in the dark: {each}" for each in dark)
    page.emulate_media(color_scheme="light")
    return found


def _violations(page: Page, rules: tuple[str, ...] = ()) -> list[str]:
    """Run axe-core with all its rules, best practices too, or with some."""
    if not page.evaluate("() => 'axe' in window"):
        # The page's own content security policy lets no script in; the debugger's door is open.
        page.evaluate(AXE.read_text(encoding="utf-8") + "\n;0")
    options = {"resultTypes": ["violations"], **({"runOnly": list(rules)} if rules else {})}
    result: dict[str, Any] = page.evaluate("options => axe.run(document, options)", options)
    return [
        f"{rule['id']}: {node['html'][:120]}"
        for rule in result["violations"]
        for node in rule["nodes"][:3]
    ]


def _keep_picture(page: Page, name: str) -> None:
    folder = os.environ.get("CVALUES_PICTURES")
    if folder:
        path = Path(folder) / f"{re.sub(r'[^a-z0-9-]+', '-', name.lower())}.png"
        page.screenshot(path=path, full_page=True)
