"""Check every relative link and anchor of README and docs/; names what leads nowhere."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} +(.+?)\s*$", re.MULTILINE)
_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
MADE = ("docs/reference/",)
"""Pages that scripts/build_docs.py makes; `make docs` checks the links to them."""


def pages() -> list[Path]:
    """List the pages."""
    return [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


def anchors(text: str) -> set[str]:
    """Give the anchors of a page's headings, as the site and the host of the code write them."""
    found: set[str] = set()
    for heading in _HEADING.findall(_FENCE.sub("", text)):
        plain = re.sub(r"[`*]", "", heading).lower()
        found.add(re.sub(r"[^\w\- ]", "", plain).strip().replace(" ", "-"))
    return found


def broken(page: Path) -> list[str]:
    """Name the links of a page that lead nowhere."""
    text = page.read_text("utf-8")
    wrong: list[str] = []
    for link in _LINK.findall(_FENCE.sub("", text)):
        target, _, anchor = link.partition("#")
        if "://" in link or target.startswith("mailto:"):
            continue
        there = (page.parent / target).resolve() if target else page
        name = there.relative_to(ROOT).as_posix() if there.is_relative_to(ROOT) else str(there)
        if name.startswith(MADE):
            continue
        if not there.exists():
            wrong.append(f"{page.relative_to(ROOT)}: {link}: no such file")
        elif anchor and there.suffix == ".md" and anchor not in anchors(there.read_text("utf-8")):
            wrong.append(f"{page.relative_to(ROOT)}: {link}: no such heading")
    return wrong


def main() -> None:
    """Print what is broken; exit code 1 where anything is."""
    found = [line for page in pages() for line in broken(page)]
    for line in found:
        print(line)
    print(f"{len(pages())} pages, {len(found)} broken links")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
