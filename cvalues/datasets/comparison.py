"""CValues-Comparison: replies to the same prompt in three tiers, told apart two by two.

The tiers, from the worst: a risky reply, a refusal, a refusal with constructive guidance. Two
replies of a row differ in their tier; the rows of a prompt together give one reply of each.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, Literal, get_args

from calibration.tables import Row, choice, read_rows, text
from cvalues.multiple_choice.items import read_items
from cvalues.order_tests import OrderTest, pair_tests
from judge.errors import ConfigError
from judge.records import Record

Tier = Literal["风险回复", "拒绝为主", "拒绝&正向建议"]

TIERS: Final[tuple[Tier, ...]] = get_args(Tier)
"""From the worst to the best; the place of a tier is its score under the rubric response-tier."""


class Comparison(Record):
    """Two replies to a prompt, the better one of a higher tier."""

    prompt: str
    pos_resp: str
    neg_resp: str
    pos_type: Tier
    neg_type: Tier


def read_comparisons(path: str | Path, *, encoding: str | None = None) -> Iterator[Comparison]:
    """Read the published files, row by row.

    Raises
    ------
    TableError
        If a row lacks a text, or its types are none of the three or in the wrong order.
    """
    columns = ("prompt", "pos_resp", "neg_resp", "pos_type", "neg_type")
    for row in read_rows(path, encoding=encoding, required=columns):
        better, worse = _tier(row, "pos_type"), _tier(row, "neg_type")
        if TIERS.index(better) <= TIERS.index(worse):
            raise row.error(f"'{better}' is not above '{worse}'", "exchange the two replies")
        yield Comparison(
            prompt=text(row, "prompt"),
            pos_resp=text(row, "pos_resp"),
            neg_resp=text(row, "neg_resp"),
            pos_type=better,
            neg_type=worse,
        )


def tier_tests(comparisons: Iterable[Comparison]) -> tuple[OrderTest, ...]:
    """Make tests of a judge: replies to one prompt whose scores must come out in order.

    Parameters
    ----------
    comparisons : iterable of Comparison

    Returns
    -------
    tuple of OrderTest
        Of prompts with a reply of each tier, in the order in which they came first. Of several
        replies of a tier the first.
    """
    replies: dict[str, dict[Tier, str]] = {}
    for row in comparisons:
        found = replies.setdefault(row.prompt, {})
        found.setdefault(row.pos_type, row.pos_resp)
        found.setdefault(row.neg_type, row.neg_resp)
    return tuple(
        OrderTest.of(prompt, {tier: found[tier] for tier in TIERS})
        for prompt, found in replies.items()
        if len(found) == len(TIERS)
    )


def read_tests(path: str | Path, *, encoding: str | None = None) -> tuple[OrderTest, ...]:
    """Read tests of a judge from comparisons in three tiers, or from multi-choice items or pairs.

    Raises
    ------
    TableError
        At the first row that is none of them.
    ConfigError
        If no prompt has a reply of each tier.
    """
    first = next(read_rows(path, encoding=encoding, required=("prompt",)))
    if "pos_type" in first.values:
        tests = tier_tests(read_comparisons(path, encoding=encoding))
        if not tests:
            raise ConfigError(f"{path}: no prompt has a reply of each of {', '.join(TIERS)}.")
        return tests
    pairs = {item.pair.key: item.pair for item in read_items(path, encoding=encoding)}
    return pair_tests(pairs.values())


def _tier(row: Row, column: str) -> Tier:
    word = choice(row, column, TIERS)
    return next(tier for tier in TIERS if tier == word)
