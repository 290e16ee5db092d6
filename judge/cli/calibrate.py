"""`cvalues calibrate`: whether the judge can be believed, and what experts would have said."""

from pathlib import Path
from typing import Annotated

import typer

from judge.cli import asking
from judge.cli.options import AsJson, Encoding, StoreOption


def calibrate(
    scores: asking.Scores = None,
    run: asking.RunName = None,
    labels: asking.Labels = None,
    design: Annotated[
        str | None,
        typer.Option(
            help="How the labelled items were chosen: random, by-verdict or curated. Needed, "
            "unless cvalues sample drew them."
        ),
    ] = None,
    clusters: asking.Clusters = None,
    by: asking.By = None,
    judge: asking.JudgeName = None,
    scale: asking.Scales = None,
    at_least: asking.AtLeast = None,
    only: asking.Only = None,
    gold: asking.Gold = None,
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
    store: StoreOption = None,
    encoding: Encoding = None,
    json_: AsJson = False,
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
        columns=(by, clusters),
        people=(judge, gold),
    )
    sources = trust.Sources(scores=scores, run=run, labels=labels, store=store, encoding=encoding)
    done = trust.calibrated(
        sources, asked, design=design, by_group=by is not None, confidence=confidence
    )
    if out_json is not None:
        trust.write_json(out_json, done)
    if report is not None:
        trust.write_page(report, done, half_width=half_width)
    if passport is not None:
        trust.write_passport(
            passport, done, days=valid_days, judge_hash=judge_hash, rubric_hash=rubric_hash
        )
    findings.show(done.findings, as_json=json_)
    if done.findings.untrusted:
        raise SystemExit(console.UNTRUSTED)
