"""Sheets come home with the line ends of the program that saved them."""

import hashlib

import pytest

from judge.importers.labels import _is_drawn, text_digest
from judge.manifest import SampledItem

SHOWN = ("问\r\n一", "答\r二\n三")


def drawn(digest: str) -> SampledItem:
    return SampledItem.model_construct(text_sha256=digest)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_the_ends_of_lines_are_not_what_an_expert_edited(end: str) -> None:
    saved = [shown.replace("\r\n", "\n").replace("\r", "\n").replace("\n", end) for shown in SHOWN]

    assert _is_drawn(drawn(text_digest(*SHOWN)), *saved)


def test_a_text_that_was_edited_is_noticed() -> None:
    assert not _is_drawn(drawn(text_digest(*SHOWN)), SHOWN[0], SHOWN[1] + "!")


def test_a_draw_of_the_version_before_is_still_known() -> None:
    digest = hashlib.sha256("\0".join(SHOWN).encode()).hexdigest()

    assert _is_drawn(drawn(digest), *SHOWN)
