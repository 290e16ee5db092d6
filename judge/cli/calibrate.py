"""`cvalues calibrate`: whether the judge can be believed, and what experts would have said."""

from pathlib import Path
from typing import Annotated

import typer

from judge.cli import options


def calibrate(
    scores: options.Scores = None,
    run: options.RunName = None,
    labels: options.Labels = None,
    design: Annotated[
        str | None,
        typer.Option(
            help="How the labelled items were chosen: random, by-verdict or curated. Needed, "
            "unless cvalues sample drew them."
        ),
    ] = None,
    clusters: options.Clusters = None,
    by: options.By = None,
    judge: options.JudgeName = None,
    scale: options.Scales = None,
    at_least: options.AtLeast = None,
    only: options.Only = None,
    gold: options.Gold = None,
    against: Annotated[
        str | None,
        typer.Option(
            help="An earlier version of the judge on the same items: a run, or with --scores a "
            "file of scores. Shows what has drifted."
        ),
    ] = None,
    family: Annotated[
        str | None,
        typer.Option(help="SYSTEM,...: systems of the judge's own family; shows self-preference."),
    ] = None,
    covariate: Annotated[
        list[str] | None,
        typer.Option(
            help="Column that should not move the judge: numbers, or two words. Length, language "
            "and refusals are looked at anyway where they are known."
        ),
    ] = None,
    wanted_agreement: Annotated[
        float,
        typer.Option(help="That verdicts must reach which are not handed to an expert."),
    ] = 0.9,
    wanted_reliability: Annotated[
        float, typer.Option(help="That the mean of several experts must reach.")
    ] = 0.8,
    confidence: Annotated[float, typer.Option(help="Of every interval.")] = 0.95,
    out_json: Annotated[Path | None, typer.Option(help="Write everything as JSON.")] = None,
    report: Annotated[Path | None, typer.Option(help="Write a page with what was found.")] = None,
    half_width: Annotated[
        float | None,
        typer.Option(help="Draw on the page how many labels this half-width needs, such as 0.03."),
    ] = None,
    passport: Annotated[Path | None, typer.Option(help="Write the judge's passport.")] = None,
    judge_hash: Annotated[
        str | None, typer.Option(help="What to know the judge of --scores by; else unknown.")
    ] = None,
    rubric_hash: Annotated[
        str | None, typer.Option(help="What to know its rubric by; else unknown.")
    ] = None,
    valid_days: Annotated[int, typer.Option(help="How long the passport holds.", min=1)] = 90,
    store: options.StoreOption = None,
    encoding: options.Encoding = None,
    json_: options.AsJson = False,
) -> None:
    """Hold a judge's scores against expert labels: agreement, human ceiling, corrected scores.

    Works on the output of any evaluation tool, or on a run. Exit code 4 when the judge is no
    better than chance wherever it was checked.
    """
    from judge.cli import console, findings, trust

    asked = trust.question(
        scales=scale or [],
        at_least=at_least or [],
        only=only or [],
        by=by,
        clusters=clusters,
        judge=judge,
        gold=gold,
        covariates=covariate or [],
    )
    sources = trust.Sources(
        scores=scores, run=run, labels=labels, store=store, encoding=encoding, against=against
    )
    aims = trust.aims(
        family,
        confidence=confidence,
        wanted_agreement=wanted_agreement,
        wanted_reliability=wanted_reliability,
    )
    done = trust.calibrated(sources, asked, design=design, by_group=by is not None, aims=aims)
    if out_json is not None:
        findings.write_json(out_json, done)
    if report is not None:
        findings.write_page(report, done, half_width=half_width)
    if passport is not None:
        findings.write_passport(
            passport, done, days=valid_days, judge_hash=judge_hash, rubric_hash=rubric_hash
        )
    findings.show(done.findings, as_json=json_)
    if done.findings.untrusted:
        raise SystemExit(console.UNTRUSTED)
