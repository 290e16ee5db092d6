"""`cvalues gap`: what systems recognise against what they do."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from judge.cli.completion import complete_run
from judge.cli.console import AsJson, Encoding, StoreOption
from judge.files.decoding import counted

if TYPE_CHECKING:
    from cvalues.dif import SettingAnswer, SettingComparison
    from cvalues.judge_tests import Ordered, OrderReport
    from cvalues.knowing_doing import GapReport, Known, Rate
    from judge.records import Judgment
    from judge.store.records import Run
    from judge.store.store import Store


def gap(
    run: Annotated[
        str, typer.Argument(help="Run with the judged responses.", autocompletion=complete_run)
    ],
    mc: Annotated[
        list[str], typer.Option(help="SYSTEM=FILE, the JSON of cvalues mc; repeat for each system.")
    ],
    measure: Annotated[
        str,
        typer.Option(help="Metric of response quality: safety_rate, acceptable_rate or ab_share."),
    ] = "safety_rate",
    calibration: Annotated[
        Path | None,
        typer.Option(
            help="JSON of cvalues calibrate --by group; its corrected rates replace the judge's."
        ),
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="Write the run's HTML page with this section.")
    ] = None,
    published: Annotated[
        bool,
        typer.Option("--published", help="Show the published multiple-choice numbers too."),
    ] = False,
    store: StoreOption = None,
    json_: AsJson = False,
) -> None:
    """Compare multiple-choice accuracy with response quality by group.

    Shows the gap with its interval: high on both, low on both, or recognition without matching
    behaviour.
    """
    from cvalues.knowing_doing import doing_of, gaps, provenance_in, read_corrected, read_knowing
    from cvalues.taxonomy import published_beside
    from judge.cli import console
    from judge.cli.console import opened, run_named
    from judge.policy import MEASURES
    from judge.run.run import summarise

    rates = ("safety_rate", "acceptable_rate", "ab_share")
    chosen = MEASURES[console.one_of(measure, rates, option="--measure")]
    knowing = {system: read_knowing(path) for system, path in _named(mc)}
    corrected = None if calibration is None else read_corrected(calibration, chosen)
    with opened(store) as kept:
        found = run_named(kept, run)
        seen: set[str] = {provenance_in(path) for _, path in _named(mc)}
        cells = summarise(_noting(kept.judgments(found), seen))
        doing = corrected or {system: doing_of(cells, system, chosen) for system in knowing}
        _refuse_strangers(knowing, doing, run=run, criterion=chosen.criterion)
        reports = gaps(knowing, doing)
        if report is not None:
            _write_page(report, (kept, found), knowing, doing, published=published)
    document = _gap_document(
        reports, simulated="SIMULATED" in seen, corrected=corrected is not None
    )
    if json_:
        console.as_json(document)
        return
    if "SIMULATED" in seen:
        console.say("SIMULATED: no finding about any model.")
    for system, joined in reports.items():
        _print_gap(system, joined)
    console.say(str(document["systems"]))
    console.say(
        "Response quality is corrected by expert labels."
        if corrected
        else "Response quality is an uncorrected judge score; --calibration corrects it."
    )
    if published:
        console.say(published_beside("mc.").en)


def _gap_document(
    reports: "Mapping[str, GapReport]", *, simulated: bool, corrected: bool
) -> dict[str, object]:
    from cvalues.knowing_doing import over_systems

    together = over_systems(reports)
    return {
        "provenance": "SIMULATED" if simulated else "LIVE",
        "doing": "corrected" if corrected else "judge only",
        "groups": [row for each in reports.items() for row in _rows(*each)],
        "systems": together.sentence["en"],
        "rho": together.rho and {"value": together.rho.value, "ci": _ends(together.rho)},
    }


def _noting(judgments: "Iterable[Judgment]", seen: set[str]) -> "Iterator[Judgment]":
    """Pass judgments on and note where they come from."""
    for judgment in judgments:
        seen.add(judgment.provenance)
        yield judgment


def _named(pairs: list[str]) -> list[tuple[str, Path]]:
    from judge.errors import ConfigError

    split = [pair.rpartition("=") for pair in pairs]
    for system, _, file in split:
        if not (system and file):
            raise ConfigError(
                f"--mc {(system or file)!r} is not SYSTEM=FILE; write --mc release-1=mc.json."
            )
    return [(system, Path(file)) for system, _, file in split]


def _refuse_strangers(knowing: "Known", doing: "Known", *, run: str, criterion: str) -> None:
    """Refuse a system that was not judged: saying nothing of it would hide it."""
    from judge.errors import ConfigError

    for system in knowing:
        if not doing.get(system):
            raise ConfigError(
                f"no verdict of {criterion} on system {system!r} in {run}; write the system as "
                "cvalues judge shows it, and choose --measure by what was judged."
            )


def _write_page(
    path: Path, of: "tuple[Store, Run]", knowing: "Known", doing: "Known", *, published: bool
) -> None:
    from cvalues.knowing_doing import gaps, section, sizes
    from cvalues.taxonomy import group_names, published_beside
    from judge.report import from_run, write_report
    from judge.report.texts import Both

    page = from_run(*of, group_names=group_names())
    shown = section(gaps(knowing, doing), sizes(knowing, doing))
    if published:
        beside = published_beside("mc.")
        lead = Both(zh=shown.lead.zh + beside.zh, en=f"{shown.lead.en} {beside.en}")
        shown = shown.model_copy(update={"lead": lead})
    write_report(path, replace(page, knowing=shown))


def _rows(system: str, joined: "GapReport") -> list[dict[str, object]]:
    from cvalues.knowing_doing import quadrant_name

    return [
        {
            "system": system,
            "group": each.group or None,
            "knows": each.knowing.value,
            "knows_ci": _ends(each.knowing),
            "does": each.doing.value,
            "does_ci": _ends(each.doing),
            "gap": each.gap.value,
            "low": each.gap.low,
            "high": each.gap.high,
            "quadrant": each.quadrant,
            "signature": quadrant_name(each.quadrant, "en"),
            "settled": each.settled,
        }
        for each in joined.groups
    ]


def _ends(rate: "Rate") -> list[float]:
    return [rate.low, rate.high]


def _print_gap(system: str, joined: "GapReport") -> None:
    from cvalues.knowing_doing import quadrant_name
    from judge.cli import console
    from judge.cli.interface import language

    rows = [
        {
            "group": each.group or "all",
            "knows": f"{100 * each.knowing.value:.1f}",
            "does": f"{100 * each.doing.value:.1f}",
            "gap": f"{100 * each.gap.value:+.1f}",
            "interval": f"{100 * each.gap.low:+.1f} to {100 * each.gap.high:+.1f}",
            "signature": quadrant_name(each.quadrant, language()) + ("" if each.settled else " ?"),
        }
        for each in sorted(joined.groups, key=lambda each: each.group != "")
    ]
    console.say(f"{system}, in %; ?: an interval reaches over the bound, so the name may be wrong")
    columns = {"group": "group", "knows": "recognition", "does": "behaviour", "gap": "gap"}
    console.table(rows, {**columns, "interval": "interval", "signature": "pattern"})
    for only, names in (("recognition", joined.only_knowing), ("behaviour", joined.only_doing)):
        listed = ", ".join(name or "all" for name in names)
        if listed:
            console.say(f"{only} alone is known of: {listed}")
    console.say()


# `cvalues dif`: items that one language or setting makes harder than another.


def dif(
    answers: Annotated[
        list[Path] | None,
        typer.Argument(help="Files of cvalues mc --answers-out, one per system."),
    ] = None,
    run: Annotated[
        str | None,
        typer.Option(
            help="A judged run, instead of files of answers.", autocompletion=complete_run
        ),
    ] = None,
    measure: Annotated[
        str, typer.Option(help="Metric of the run: safety_rate, acceptable_rate or ab_share.")
    ] = "safety_rate",
    between: Annotated[
        str | None, typer.Option(help="The two settings, such as zh,en; default: the only two.")
    ] = None,
    level: Annotated[float, typer.Option(min=0.001, max=0.5, help="False discovery rate.")] = 0.05,
    out_json: Annotated[Path | None, typer.Option(help="Write all items as JSON.")] = None,
    encoding: Encoding = None,
    store: StoreOption = None,
    json_: AsJson = False,
) -> None:
    """Differential item functioning (DIF) between two languages or settings.

    Mantel-Haenszel test of each item at equal ability on the other items, adjusted for the number
    of items. Systems are the respondents, each with all its samples; few respondents cannot flag an
    item.
    """
    import json

    from cvalues.dif import compare_settings
    from judge.cli import console
    from judge.files.atomic import write_whole

    given, simulated = _answers(answers or [], run, measure=measure, encoding=encoding, store=store)
    found = compare_settings(given, _settings(given, between), level=level)
    document = {"provenance": "SIMULATED" if simulated else "LIVE", **found.as_dict()}
    if out_json is not None:
        write_whole(out_json, json.dumps(document, ensure_ascii=False, indent=2) + "\n")
    if json_:
        console.as_json(document)
        return
    if simulated:
        console.say("SIMULATED: no finding about any model.")
    _print_dif(found)


def _answers(
    files: list[Path], run: str | None, *, measure: str, encoding: str | None, store: str | None
) -> "tuple[list[SettingAnswer], bool]":
    """Read the answers, and whether any of them is simulated."""
    from cvalues.multiple_choice.answers_file import (
        holds_simulated,
        judged_setting_answers,
        read_setting_answers,
    )
    from judge.cli import console
    from judge.cli.console import opened, run_named
    from judge.errors import ConfigError
    from judge.policy import MEASURES

    if (run is None) == (not files):
        raise ConfigError("give files of answers, or --run RUN, and not both.")
    if run is None:
        read = [each for file in files for each in read_setting_answers(file, encoding=encoding)]
        return read, any(holds_simulated(file, encoding=encoding) for file in files)
    rates = ("safety_rate", "acceptable_rate", "ab_share")
    chosen = MEASURES[console.one_of(measure, rates, option="--measure")]
    with opened(store) as kept:
        found = run_named(kept, run)
        judgments = list(kept.judgments(found))
        simulated = any(each.provenance == "SIMULATED" for each in judgments)
        return judged_setting_answers(kept.generations(found), judgments, chosen), simulated


def _settings(given: "list[SettingAnswer]", between: str | None) -> tuple[str, str]:
    from judge.cli.console import parts
    from judge.errors import ConfigError

    there = list(dict.fromkeys(each.setting for each in given if each.correct is not None))
    wanted = parts(between) if between else tuple(there)
    missing = [name for name in wanted if name not in there]
    if len(wanted) != 2 or missing:
        listed = ", ".join(there[:6])
        raise ConfigError(f"two settings are compared; name two of {listed} with --between A,B.")
    return wanted[0], wanted[1]


def _print_dif(found: "SettingComparison") -> None:
    from judge.cli import console

    first, second = found.settings
    rows = [
        {
            "item": each.item,
            "n": each.n,
            **dict(zip(found.settings, each.shares, strict=True)),
            "delta": each.delta,
            "p": each.adjusted_p,
        }
        for each in found.flagged
    ]
    if rows:
        headings = {"item": "item", "n": "n", first: first, second: second}
        console.table(rows, headings | {"delta": "delta", "p": "adjusted p"})
    console.say(
        f"{counted(len(found.items), 'item')}, {found.tested} tested between {first} and {second}: "
        f"{len(found.flagged)} function differently at equal ability"
    )
    if not found.tested:
        console.say("nothing can be tested: no equally able answerers differ on any item")
    console.say(
        f"answerers: {found.answerers[0]} in {first}, {found.answerers[1]} in {second}; under "
        f"{found.needed} in each, no item of so many could be flagged at all"
    )


# `cvalues judge-order`: whether a judge's scores follow a known order of quality.


def judge_order(
    run: Annotated[
        str,
        typer.Argument(
            help="A run on the file of cvalues dataset tests.", autocompletion=complete_run
        ),
    ],
    criterion: Annotated[
        str | None,
        typer.Option(help="RUBRIC.CRITERION to compare; default: the first of the run."),
    ] = None,
    tiers: Annotated[
        str | None,
        typer.Option(help="Systems of the run from worst to best; default: the order of the file."),
    ] = None,
    store: StoreOption = None,
    json_: AsJson = False,
) -> None:
    """Test whether replies of a higher tier get higher scores.

    Each reply is judged by itself. Ties and missing scores are counted separately.
    """
    from cvalues.judge_tests import OrderTest, order_report
    from judge.cli import console
    from judge.cli.console import opened, run_named

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
        console.as_json(_order_document(report, chosen, order, simulated=simulated))
    else:
        _print_order(report, chosen, simulated=simulated)


def _order(systems: set[str], tiers: str | None) -> tuple[str, ...]:
    from cvalues.judge_tests import TIERS
    from judge.cli.console import parts
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


def _order_document(
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


def _print_order(report: "OrderReport", criterion: str, *, simulated: bool) -> None:
    from judge.cli import console

    if simulated:
        console.say("SIMULATED: verdicts of a simulated judge; no finding about any judge.")
    rows = [_row("all in order", report.whole)]
    rows += [_row(f"{worse} < {better}", found) for (worse, better), found in report.by.items()]
    headings = ("tiers", "in order", "interval", "tied", "reversed", "unscored")
    console.table(rows, {heading: heading for heading in headings})
    console.say(
        f"{counted(report.n, 'test')} by {criterion}; in %, of the tests whose replies "
        "were all scored"
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
