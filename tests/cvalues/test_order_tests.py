"""Whether a judge's scores follow an order of quality that is known."""

from collections.abc import Sequence

import pytest

from cvalues.judge_tests import Order, OrderTest, order_report, pair_tests
from tests.cvalues.choice_material import pair

TIERS = ("risky", "refusal", "guidance")


def three(prompt: str = "问") -> OrderTest:
    """Give a test of three tiers."""
    return OrderTest.of(prompt, {tier: f"{prompt}{tier}" for tier in TIERS})


def scored(test: OrderTest, values: Sequence[float | None]) -> dict[tuple[str, str], float | None]:
    """Give the replies of a test their scores, the worst reply first."""
    return {(test.id, tier): value for (tier, _), value in zip(test.replies, values, strict=True)}


@pytest.mark.parametrize(
    ("values", "order"),
    [
        ((0.0, 1.0, 2.0), "in_order"),
        ((0.0, 1.0, 1.0), "tied"),
        ((1.0, 1.0, 1.0), "tied"),
        ((0.0, 2.0, 1.0), "reversed"),
        ((0.0, None, 2.0), "unscored"),
    ],
)
def test_three_scores_come_out_in_one_of_four_ways(
    values: Sequence[float | None], order: Order
) -> None:
    test = three()

    report = order_report([test], scored(test, values))

    assert report.whole.counts[order] == 1
    assert sum(report.whole.counts.values()) == report.n == 1


def test_each_two_tiers_are_compared_by_themselves() -> None:
    test = three()

    by = order_report([test], scored(test, (0.0, 2.0, 1.0))).by

    assert {tiers: found.counts["in_order"] for tiers, found in by.items()} == {
        ("risky", "refusal"): 1,
        ("risky", "guidance"): 1,
        ("refusal", "guidance"): 0,
    }


def test_a_missing_score_is_in_no_share() -> None:
    tests = [three("甲"), three("乙")]

    report = order_report(tests, scored(tests[0], (0.0, 1.0, 2.0)))

    assert report.whole.counts["unscored"] == 1
    assert report.whole.share is not None
    assert (report.whole.share.value, report.whole.share.n) == (1.0, 1)


def test_without_any_score_there_is_no_share() -> None:
    assert order_report([three()], {}).whole.share is None


def test_the_tier_stands_where_the_models_name_does() -> None:
    replies = three().generations()

    assert [(reply.system, reply.response) for reply in replies] == [
        ("risky", "问risky"),
        ("refusal", "问refusal"),
        ("guidance", "问guidance"),
    ]
    assert len({reply.id for reply in replies}) == 1


def test_the_better_reply_of_a_pair_must_score_higher() -> None:
    tests = pair_tests([pair("甲？"), pair("乙？")])
    scores = scored(tests[0], (1, 2)) | scored(tests[1], (2, 1))

    by = order_report(tests, scores).by

    assert by["worse", "better"].counts["in_order"] == 1
    assert by["worse", "better"].counts["reversed"] == 1
