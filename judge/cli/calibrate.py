"""`cvalues calibrate`: whether the judge can be believed, and what experts would have said."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from judge.cli.options import AsJson, Encoding, StoreOption

if TYPE_CHECKING:
    from judge.trust.finding import Finding, Findings

Declared = list[str] | None


def calibrate(
    scores: Annotated[
        Path | None,
        typer.Option(help="CSV, XLSX or JSONL of any tool: id, system, judge, criterion, score."),
    ] = None,
    run: Annotated[
        str | None, typer.Option(help="A run in the store, instead of --scores.")
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option(help="Expert labels: id, system, rater, criterion, score. Else the run's."),
    ] = None,
    design: Annotated[
        str | None,
        typer.Option(
            help="How the labelled items were chosen: random, by-verdict or curated. Needed, "
            "unless cvalues sample drew them."
        ),
    ] = None,
    clusters: Annotated[
        str | None, typer.Option(help="Column of the prompt that several items share.")
    ] = None,
    by: Annotated[str | None, typer.Option(help="Column to report by, such as group.")] = None,
    scale: Annotated[
        Declared, typer.Option(help="[CRITERION=]MIN,MAX: the scale, where scores are not 0 and 1.")
    ] = None,
    at_least: Annotated[
        Declared, typer.Option(help="[CRITERION=]LEVEL: count items at that level or above.")
    ] = None,
    only: Annotated[
        Declared, typer.Option(help="[CRITERION=]GROUP,...: ask of these groups only.")
    ] = None,
    gold: Annotated[
        str | None, typer.Option(help="Rater whose labels settle the items; else all vote.")
    ] = None,
    confidence: Annotated[float, typer.Option(help="Of every interval.")] = 0.95,
    out_json: Annotated[Path | None, typer.Option(help="Write everything as JSON.")] = None,
    report: Annotated[
        Path | None, typer.Option(help="Write the run's page with what was found.")
    ] = None,
    store: StoreOption = None,
    encoding: Encoding = None,
    json_: AsJson = False,
) -> None:
    """Hold a judge's scores against expert labels: agreement, human ceiling, corrected scores.

    Works on the output of any evaluation tool, or on a run. Exit code 4 when the judge is no
    better than chance wherever it was checked.
    """
    from judge.cli import console
    from judge.cli.trust import Sources, calibrated, question, write_page
    from judge.exporters.atomic import write_whole

    asked = question(
        scales=scale or [],
        at_least=at_least or [],
        only=only or [],
        group=by,
        cluster=clusters,
        gold=gold,
    )
    sources = Sources(scores=scores, run=run, labels=labels, store=store, encoding=encoding)
    found, cut = calibrated(
        sources, asked, design=design, by_group=by is not None, confidence=confidence
    )
    if out_json is not None:
        write_whole(out_json, found.model_dump_json(indent=2) + "\n")
    if report is not None:
        write_page(sources, report, found, cut)
    if json_:
        console.as_json(found.model_dump(mode="json"))
    else:
        show(found)
    if found.untrusted:
        raise SystemExit(console.UNTRUSTED)


def show(found: "Findings") -> None:
    """Print the verdict in plain words, then the tables."""
    from judge.cli import console
    from judge.trust.wording import verdict

    for line in verdict(found):
        console.say(line)
    console.say()
    console.table([_score_row(each) for each in found.findings], _columns(found))
    console.say("* not valid as a score: what the judge says, not what experts would.")
    console.say()
    console.table(
        [_agreement_row(each) for each in found.findings],
        {
            "what": "criterion",
            **({"group": "group"} if _grouped(found) else {}),
            "both": "items",
            "percent": "equal",
            "main": "agreement",
            "ceiling": "experts",
            "ratio": "judge / experts",
        },
    )
    for line in _remarks(found):
        console.note(line)


def _columns(found: "Findings") -> dict[str, str]:
    """Choose the columns that tell rows of this calibration apart."""
    several = len({each.judge for each in found.findings}) > 1
    missing = any(each.n_missing for each in found.findings)
    return {
        "what": "criterion",
        **({"judge": "judge"} if several else {}),
        **({"group": "group"} if _grouped(found) else {}),
        "labels": "labels",
        **({"missing": "no verdict"} if missing else {}),
        "own": "judge only*",
        "corrected": "corrected",
        "alone": "labels alone",
    }


def _grouped(found: "Findings") -> bool:
    return any(each.group is not None for each in found.findings)


def _score_row(finding: "Finding") -> dict[str, object]:
    from judge.trust.wording import interval, score

    own, corrected, alone = finding.judge_only.value, finding.corrected, finding.human_only
    refused = next((each.kind for each in finding.refusals if each.what == "corrected"), "-")
    return {
        "what": f"{finding.name} {finding.system}",
        "judge": finding.judge,
        "group": finding.group or "all",
        "missing": finding.n_missing,
        "labels": f"{finding.n_labelled} of {finding.n}",
        "own": None if own is None else score(finding, own),
        "corrected": refused
        if corrected is None
        else f"{score(finding, corrected.value)} "
        f"{interval(finding, corrected.low, corrected.high)}",
        "alone": None if alone is None else interval(finding, alone.low, alone.high),
    }


def _agreement_row(finding: "Finding") -> dict[str, object]:
    from judge.trust.finding import Number
    from judge.trust.wording import COEFFICIENTS

    def written(number: Number | None) -> str | None:
        if number is None:
            return None
        return f"{number.value:.2f} [{number.low:.2f}, {number.high:.2f}]"

    agreed, ceiling = finding.agreement, finding.ceiling
    row: dict[str, object] = {
        "what": f"{finding.name} {finding.system}",
        "group": finding.group or "all",
        "both": 0,
        "ceiling": written(ceiling.experts) if ceiling else None,
        "ratio": written(ceiling.ratio) if ceiling else None,
    }
    if agreed is None:
        return row
    main = written(agreed.coefficients.get(agreed.main))
    percent = agreed.coefficients["percent"]
    return {
        **row,
        "both": percent.n_labelled,
        "percent": written(percent),
        "main": f"{COEFFICIENTS[agreed.main]} {main}" if main else "undefined",
    }


def _remarks(found: "Findings") -> list[str]:
    """List what must be read beside the numbers of all items, each sentence once."""
    lines = (
        f"{each.name} {each.system}: {warning}"
        for each in found.overall
        for warning in each.warnings
        if not warning.startswith("Assumes")
    )
    return list(dict.fromkeys(lines))
