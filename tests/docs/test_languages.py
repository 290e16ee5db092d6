"""The documentation in two languages: every page has a twin of the same parts, tables, examples."""

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"
IN_ENGLISH_ALONE = ("decisions", "reference")
"""Records for contributors, and outputs of commands, which are recorded as they come."""

PAGES = [
    path
    for path in sorted(DOCS.rglob("*.md"))
    if not path.name.endswith(".zh.md") and path.relative_to(DOCS).parts[0] not in IN_ENGLISH_ALONE
]
BLOCK = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def twin(page: Path) -> Path:
    return page.with_suffix(".zh.md")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_has_a_chinese_twin_with_the_same_parts_and_tables(page: Path) -> None:
    english, chinese = (each.read_text(encoding="utf-8") for each in (page, twin(page)))

    def parts(text: str) -> list[str]:
        return [line.split()[0] for line in BLOCK.sub("", text).splitlines() if line[:1] == "#"]

    def rows(text: str) -> list[int]:
        found = re.split(r"^#+ .*$", BLOCK.sub("", text), flags=re.MULTILINE)
        return [sum(line.startswith("|") for line in part.splitlines()) for part in found]

    assert parts(chinese) == parts(english)
    assert rows(chinese) == rows(english)
    assert len(re.findall("[\u4e00-\u9fff]", chinese)) > 50


def test_the_examples_that_are_run_read_the_same_in_both_languages() -> None:
    page = DOCS / "extending.md"

    def blocks(text: str) -> list[str]:
        return BLOCK.findall(text)

    assert blocks(twin(page).read_text(encoding="utf-8")) == blocks(
        page.read_text(encoding="utf-8")
    )
