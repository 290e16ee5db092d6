"""`cvalues judge-order`: whether a judge's scores follow a known order of quality."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from judge.cli.options import AsJson, StoreOption

if TYPE_CHECKING:
    from cvalues.order_tests import Ordered, OrderReport
    from judge.records import Judgment


def judge_order(
    run: Annotated[str, typer.Argument(help="A run that judged what cvalues dataset tests made.")],
    criterion: Annotated[
        str | None,
        typer.Option(help="RUBRIC.CRITERION whose scores are compared; else the first of the run."),
    ] = None,
    tiers: Annotated[
        str | None,
        typer.Option(help="Systems of the run from the worst to the best; else as they were made."),
    ] = None,
    store: StoreOption = None,
    json_: AsJson = False,
) -> None:
    """See whether replies of a higher tier got higher scores.

    Each reply was judged by itself. A tie is no order; a missing score is counted apart.
    """
    from cvalues.order_tests import OrderTest, order_report
    from judge.cli import console
    from judge.cli.stores import opened, run_named

    with opened(store) as kept:
        found = run_named(kept, run)
        replies: dict[str, dict[str, str]] = defaultdict(dict)
        prompts: dict[str, str] = {}
        for each in kept.generations(found):
            replies[each.id][each.system] = each.response
            prompts[each.id] = each.prompt
        judgments = list(kept.judgments(found))
    order = _order({system for given in replies.values() for system in given}, tiers)
    tests = [
        OrderTest(
            id=key,
            prompt=prompts[key],
            replies=tuple((tier, given[tier]) for tier in order if tier in given),
        )
        for key, given in replies.items()
    ]
    chosen = criterion or _first(judgments)
    report = order_report(tests, _scores(judgments, chosen))
    simulated = any(each.provenance == "SIMULATED" for each in judgments)
    if json_:
        console.as_json(_document(report, chosen, order, simulated=simulated))
    else:
        _print(report, chosen, simulated=simulated)


def _order(systems: set[str], tiers: str | None) -> tuple[str, ...]:
    from cvalues.datasets.comparison import TIERS
    from judge.cli.options import parts
    from judge.errors import ConfigError

    for known in (parts(tiers),) if tiers else (TIERS, ("worse", "better")):
        if systems <= set(known):
            return known
    listed = ", ".join(sorted(systems)[:6])
    raise ConfigError(f"the run's systems are {listed}; name them all, worst first, with --tiers.")


def _first(judgments: Sequence["Judgment"]) -> str:
    from judge.errors import ConfigError

    for each in judgments:
        return f"{each.rubric}.{each.verdicts[0].criterion}"
    raise ConfigError("the run has no judgments yet; go on with cvalues judge.")


def _scores(judgments: Iterable["Judgment"], criterion: str) -> dict[tuple[str, str], float | None]:
    """Give each reply's mean over judges and repeats; None where one of them has no score."""
    from judge.errors import ConfigError

    given: dict[tuple[str, str], list[float | None]] = defaultdict(list)
    there: dict[str, None] = {}
    for judgment in judgments:
        for verdict in judgment.verdicts:
            name = f"{judgment.rubric}.{verdict.criterion}"
            there[name] = None
            if name == criterion:
                score = float(verdict.score) if verdict.kind == "scored" else None
                given[judgment.id, judgment.system].append(score)
    if criterion not in there:
        raise ConfigError(
            f"--criterion {criterion!r} is not in the run; it has {', '.join(there)}."
        )
    return {place: _mean(scores) for place, scores in given.items()}


def _mean(scores: Sequence[float | None]) -> float | None:
    known = [score for score in scores if score is not None]
    return sum(known) / len(known) if len(known) == len(scores) else None


def _document(
    report: "OrderReport", criterion: str, order: Sequence[str], *, simulated: bool
) -> dict[str, object]:
    return {
        "criterion": criterion,
        "tiers": list(order),
        "provenance": "SIMULATED" if simulated else "LIVE",
        "n": report.n,
        "whole": asdict(report.whole),
        "by": [
            {"worse": worse, "better": better, **asdict(found)}
            for (worse, better), found in report.by.items()
        ],
    }


def _print(report: "OrderReport", criterion: str, *, simulated: bool) -> None:
    from judge.cli import console

    if simulated:
        console.say("SIMULATED: verdicts of a simulated judge; no finding about any judge.")
    rows = [_row("all in order", report.whole)]
    rows += [_row(f"{worse} < {better}", found) for (worse, better), found in report.by.items()]
    headings = ("tiers", "in order", "interval", "tied", "reversed", "unscored")
    console.table(rows, {heading: heading for heading in headings})
    console.say(
        f"{report.n} tests by {criterion}; in %, of the tests whose replies were all scored"
    )


def _row(name: str, found: "Ordered") -> dict[str, object]:
    share = found.share
    return {
        "tiers": name,
        "in order": None if share is None else f"{100 * share.value:.1f}",
        "interval": None if share is None else f"{100 * share.low:.1f}-{100 * share.high:.1f}",
        "tied": found.counts["tied"],
        "reversed": found.counts["reversed"],
        "unscored": found.counts["unscored"],
    }
