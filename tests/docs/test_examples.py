"""Every command of the documentation is typed as it stands, and prints what the page shows.

``UPDATE_DOCS=1`` writes what they print into the pages.
"""

import os
from pathlib import Path

import pytest

from tests.cli.program import ROOT
from tests.docs.examples import fits, pages, walk


@pytest.mark.slow
@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_shows_what_its_commands_print(page: Path, tmp_path: Path) -> None:
    wrong = walk(page, tmp_path, update="UPDATE_DOCS" in os.environ)

    assert not wrong, "\n\n".join(wrong)


def test_an_output_with_other_numbers_is_noticed() -> None:
    assert fits("3 rows in a.csv\ntook 1.5 s\n", "3 rows in a.csv\ntook 2.0 s")
    assert fits("a\nb\nc\n", "a\n...\nc")
    assert not fits("4 rows in a.csv\n", "3 rows in a.csv")
