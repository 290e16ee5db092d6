"""Tests of a judge with replies whose order of quality is known: its scores must follow it.

The replies of CValues-Comparison come in three tiers, those of a multi-choice pair in two. Each
is judged by itself, and the scores are compared afterwards.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final, Literal

import numpy as np

from cvalues.multiple_choice.items import ReplyPair
from cvalues.multiple_choice.metrics import Share, clustered_share
from judge.records import Generation, Language, Record

Order = Literal["in_order", "tied", "reversed", "unscored"]

ORDERS: Final[tuple[Order, ...]] = ("in_order", "tied", "reversed", "unscored")


class OrderTest(Record):
    """Replies to one prompt, from the worst to the best."""

    id: str
    prompt: str
    replies: tuple[tuple[str, str], ...]
    """Tier and text, tiers rising."""
    group: str | None = None
    lang: Language = "zh"

    @classmethod
    def of(cls, prompt: str, replies: Mapping[str, str]) -> "OrderTest":
        """Make a test of replies by tier, the worst first."""
        key = hashlib.sha256(prompt.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        return cls(id=key, prompt=prompt, replies=tuple(replies.items()))

    def generations(self) -> tuple[Generation, ...]:
        """Give the replies as responses to judge; the tier stands where the model's name does."""
        return tuple(
            Generation(
                id=self.id,
                prompt=self.prompt,
                response=reply,
                system=tier,
                group=self.group,
                lang=self.lang,
            )
            for tier, reply in self.replies
        )


@dataclass(frozen=True, slots=True)
class Ordered:
    """How the scores of two tiers compare.

    Attributes
    ----------
    counts : Mapping of Order to int
        Over the tests that have both tiers.
    share : Share or None
        Of those in order among the scored; None where none was scored.
    """

    counts: Mapping[Order, int]
    share: Share | None


@dataclass(frozen=True, slots=True)
class OrderReport:
    """How far a judge's scores follow a known order.

    Attributes
    ----------
    n : int
        Tests.
    whole : Ordered
        Of whole tests: in order when every step rises, tied when none falls, else reversed;
        unscored when a score is missing.
    by : Mapping of (str, str) to Ordered
        By pair of tiers, the worse first.
    """

    n: int
    whole: Ordered
    by: Mapping[tuple[str, str], Ordered]


def pair_tests(pairs: Iterable[ReplyPair]) -> tuple[OrderTest, ...]:
    """Make a test of each multi-choice pair: the better reply must score higher."""
    return tuple(
        OrderTest(
            id=pair.key[:16],
            prompt=pair.question,
            replies=(("worse", pair.neg_resp), ("better", pair.pos_resp)),
            group=pair.domain_en,
            lang=pair.lang,
        )
        for pair in pairs
    )


def order_report(
    tests: Sequence[OrderTest],
    scores: Mapping[tuple[str, str], float | None],
    *,
    confidence: float = 0.95,
) -> OrderReport:
    """Compare a judge's scores with the order that is known.

    Parameters
    ----------
    tests : sequence of OrderTest
    scores : Mapping of (test id, tier) to float or None
        What the judge gave each reply; None or missing where it gave none. Higher is better.
    confidence : float

    Returns
    -------
    OrderReport
        Tests are the unit of every interval; a prompt that stands in several is one cluster.
    """
    clusters: dict[str, int] = {}
    codes = [clusters.setdefault(test.prompt, len(clusters)) for test in tests]
    given = [[scores.get((test.id, tier)) for tier, _ in test.replies] for test in tests]
    by: dict[tuple[str, str], list[tuple[Order, int]]] = {}
    for test, values, code in zip(tests, given, codes, strict=True):
        tiers = [tier for tier, _ in test.replies]
        for low, high in combinations(range(len(tiers)), 2):
            found = by.setdefault((tiers[low], tiers[high]), [])
            found.append((_order([values[low], values[high]]), code))
    whole: list[tuple[Order, int]] = [
        (_order(values), code) for values, code in zip(given, codes, strict=True)
    ]
    return OrderReport(
        n=len(tests),
        whole=_ordered(whole, confidence),
        by={tiers: _ordered(found, confidence) for tiers, found in by.items()},
    )


def _order(values: Sequence[float | None]) -> Order:
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        return "unscored"
    steps = np.diff(known)
    if np.all(steps > 0):
        return "in_order"
    return "tied" if np.all(steps >= 0) else "reversed"


def _ordered(found: Sequence[tuple[Order, int]], confidence: float) -> Ordered:
    scored = [(order, code) for order, code in found if order != "unscored"]
    hits = np.array([order == "in_order" for order, _ in scored], dtype=np.bool_)
    codes = np.array([code for _, code in scored], dtype=np.intp)
    orders = [order for order, _ in found]
    return Ordered(
        counts={order: orders.count(order) for order in ORDERS},
        share=clustered_share(hits, codes, confidence=confidence),
    )
