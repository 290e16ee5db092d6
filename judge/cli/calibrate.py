"""`cvalues calibrate`: whether the judge can be believed, and what experts would have said."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from judge.cli import console
from judge.cli.completion import complete_run

if TYPE_CHECKING:
    from calibration.pair_planning import PairPilot
    from judge.calibrate.label_sampling import Subject, Wanted
    from judge.calibrate.margin_planning import MarginWish


def calibrate(
    context: typer.Context,
    scores: console.Scores = None,
    run: console.RunName = None,
    labels: console.Labels = None,
    design: Annotated[
        str | None,
        typer.Option(
            help="How the labelled items were chosen: random, by-verdict or curated. Required "
            "unless cvalues sample chose them."
        ),
    ] = None,
    clusters: console.Clusters = None,
    by: console.By = None,
    judge: console.JudgeName = None,
    scale: console.Scales = None,
    at_least: console.AtLeast = None,
    only: console.Only = None,
    gold: console.Gold = None,
    columns: console.ColumnNames = None,
    values: console.ScoreWords = None,
    level: console.LevelNames = None,
    against: Annotated[
        str | None,
        typer.Option(
            help="An earlier version of the judge on the same items (a run, or a file of scores"
            " with --scores), to measure drift.",
            autocompletion=complete_run,
        ),
    ] = None,
    family: Annotated[
        str | None,
        typer.Option(
            help="SYSTEM,...: systems of the judge's model family, to measure self-preference."
        ),
    ] = None,
    covariate: Annotated[
        list[str] | None,
        typer.Option(
            help="Column that should not affect the judge: numbers, or two categories. Length, "
            "language and refusals are always tested if known."
        ),
    ] = None,
    wanted_agreement: Annotated[
        float,
        typer.Option(help="Agreement required of verdicts that are not passed to an expert."),
    ] = 0.9,
    wanted_reliability: Annotated[
        float, typer.Option(help="Reliability required of the mean of several experts.")
    ] = 0.8,
    confidence: Annotated[float, typer.Option(help="Confidence level of all intervals.")] = 0.95,
    every_coefficient: Annotated[
        bool,
        typer.Option("--coefficients", help="Print every coefficient of agreement, and its use."),
    ] = False,
    population: Annotated[
        str,
        typer.Option(
            help="superpopulation: scores of all items like these; finite: of these items alone, "
            "of which a census leaves nothing uncertain."
        ),
    ] = "superpopulation",
    out_json: Annotated[Path | None, typer.Option(help="Write all results as JSON.")] = None,
    report: Annotated[
        Path | None, typer.Option(help="Write an HTML page with the results.")
    ] = None,
    half_width: Annotated[
        float | None,
        typer.Option(help="Show on the page how many labels this half-width needs, such as 0.03."),
    ] = None,
    passport: Annotated[
        Path | None, typer.Option(help="Write the judge's calibration passport.")
    ] = None,
    judge_hash: Annotated[
        str | None, typer.Option(help="Identifier of the judge of --scores; default: unknown.")
    ] = None,
    rubric_hash: Annotated[
        str | None, typer.Option(help="Identifier of its rubric; default: unknown.")
    ] = None,
    valid_days: Annotated[int, typer.Option(help="Days until the passport expires.", min=1)] = 90,
    store: console.StoreOption = None,
    encoding: console.Encoding = None,
    json_: console.AsJson = False,
) -> None:
    """Compare judge scores with expert labels: agreement, inter-expert agreement, corrected scores.

    Works on a run or on the output of any evaluation tool. Exit code 4: the judge is no better than
    chance wherever it was checked; 3: groups without labels leave no overall score.
    """
    from judge.cli import calibrate_inputs, calibrate_output

    asked = calibrate_inputs.question(
        scales=scale or [],
        at_least=at_least or [],
        only=only or [],
        by=by,
        clusters=clusters,
        judge=judge,
        gold=gold,
        covariates=covariate or [],
        columns=columns or [],
        values=values or [],
        levels=level or [],
    )
    sources = calibrate_inputs.Sources(
        scores=scores, run=run, labels=labels, store=store, encoding=encoding, against=against
    )
    aims = calibrate_inputs.aims(
        family,
        confidence=confidence,
        wanted_agreement=wanted_agreement,
        wanted_reliability=wanted_reliability,
    )
    aims = calibrate_inputs.of_population(aims, population)
    done = calibrate_inputs.calibrated(
        sources,
        asked,
        design=design,
        by_group=by is not None,
        aims=aims,
        passport=passport is not None,
    )
    if out_json is not None:
        calibrate_output.write_json(out_json, done)
    if report is not None:
        calibrate_output.write_page(
            report, done, half_width=half_width, names=console.group_names(context)
        )
    if passport is not None:
        calibrate_output.write_passport(
            passport, done, days=valid_days, judge_hash=judge_hash, rubric_hash=rubric_hash
        )
    titles = done.gathered.titles
    calibrate_output.show(done.findings, as_json=json_, every=every_coefficient, titles=titles)
    if done.findings.untrusted:
        raise SystemExit(console.UNTRUSTED)
    if done.findings.shifted:
        raise SystemExit(console.NEED_LABELS)


# `cvalues plan-labels`: how many expert labels a wanted interval or gate needs.


def plan_labels(
    scores: console.Scores = None,
    run: console.RunName = None,
    labels: console.Labels = None,
    half_width: Annotated[
        float | None,
        typer.Option(help="Target half-width of the interval, such as 0.03; in points for a mean."),
    ] = None,
    margin: Annotated[
        float | None,
        typer.Option(help="Non-inferiority margin of the gate, such as 0.02."),
    ] = None,
    floor: Annotated[
        float | None,
        typer.Option(help="Floor that the candidate must reach by itself, such as 0.95."),
    ] = None,
    looks: Annotated[int, typer.Option(help="Number of looks that the policy plans.", min=1)] = 5,
    shared: Annotated[
        float,
        typer.Option(
            help="Share of prompts on which both systems get the same label, 0 if unknown."
        ),
    ] = 0.0,
    power: Annotated[float, typer.Option(help="Target power of the gate.")] = 0.8,
    assurance: Annotated[
        float, typer.Option(help="Target probability of reaching the half-width.")
    ] = 0.8,
    error: Annotated[float, typer.Option(help="Error level of each limit of the gate.")] = 0.05,
    rate: Annotated[
        float | None, typer.Option(help="Without labels: expected pass rate, such as 0.97.")
    ] = None,
    sensitivity: Annotated[
        float, typer.Option(help="Without labels: sensitivity of the judge.")
    ] = 0.9,
    specificity: Annotated[
        float, typer.Option(help="Without labels: specificity of the judge.")
    ] = 0.7,
    items: Annotated[
        int, typer.Option(help="Without labels: number of judged items.", min=10)
    ] = 5000,
    by: console.By = None,
    judge: console.JudgeName = None,
    scale: console.Scales = None,
    at_least: console.AtLeast = None,
    criterion: Annotated[
        str | None,
        typer.Option(help="Criteria to plan for, separated by commas; default: rates, else all."),
    ] = None,
    only: console.Only = None,
    gold: console.Gold = None,
    columns: console.ColumnNames = None,
    values: console.ScoreWords = None,
    level: console.LevelNames = None,
    curve: Annotated[
        bool,
        typer.Option("--curve", help="Show the half-width as a function of the number of labels."),
    ] = False,
    store: console.StoreOption = None,
    encoding: console.Encoding = None,
    json_: console.AsJson = False,
) -> None:
    """Estimate the required number of expert labels, from a pilot or from assumptions.

    With --margin: prompts labelled for two systems, as the gate compares them. Otherwise each
    criterion and system is planned separately: rates as fractions, means in points of their scale.
    With --by, labels are allocated to groups, more to groups with a larger variance.
    """
    from calibration.pair_planning import pairs_from_accuracy
    from calibration.planning import pilot_from_accuracy
    from judge.calibrate.label_sampling import Subject, Wanted
    from judge.calibrate.margin_planning import MarginWish, margin_pilots
    from judge.cli import calibrate_inputs

    wanted = Wanted(
        half_width=half_width, floor=floor, power=power, error=error, assurance=assurance
    )
    wish = None
    if margin is not None:
        wish = MarginWish(margin=margin, power=power, error=error, looks=looks, shared=shared)
    if rate is not None and wish is not None:
        guess = pairs_from_accuracy(
            rate, sensitivity=sensitivity, specificity=specificity, shared=shared
        )
        _show_margin([("guess", guess, items)], wish, as_json=json_)
        return
    if rate is not None:
        pilot = pilot_from_accuracy(rate, sensitivity=sensitivity, specificity=specificity)
        subjects = [Subject(name="guess", pilot=pilot, items=items)]
    else:
        asked = calibrate_inputs.question(
            scales=scale or [],
            at_least=at_least or [],
            only=only or [],
            by=by,
            judge=judge,
            gold=gold,
            columns=columns or [],
            values=values or [],
            levels=level or [],
        )
        sources = calibrate_inputs.Sources(
            scores=scores, run=run, labels=labels, store=store, encoding=encoding
        )
        wanted_criteria = console.parts(criterion) if criterion else ()
        if wish is not None:
            cut = calibrate_inputs.planned_parts(sources, asked, criteria=wanted_criteria)
            _show_margin(list(margin_pilots(cut, wish)), wish, as_json=json_)
            return
        subjects = calibrate_inputs.subjects(
            sources, asked, by_group=by is not None, criteria=wanted_criteria
        )
    _show(subjects, wanted, curve=curve, as_json=json_)


def _show_margin(
    pilots: "list[tuple[str, PairPilot, int]]", wish: "MarginWish", *, as_json: bool
) -> None:
    from judge.calibrate.margin_planning import margin_row

    rows = [margin_row(name, pilot, wish, prompts=count) for name, pilot, count in pilots]
    if as_json:
        console.as_json({"plans": rows, "curves": {}})
        return
    console.table(
        rows,
        {
            "what": "criterion",
            "prompts": "prompts",
            "labels": "labels",
            "hard_floor": "minimum prompts",
            "power": "power",
            "differing": "expected differences",
            **({"why": "remark"} if any(row["why"] for row in rows) else {}),
        },
    )
    console.say(
        "labels are of both systems on the same prompts; in every group that the gate looks at by "
        f"itself, at the risk of its first look, {wish.risk:.3f}"
    )
    planned = [row["prompts"] for row in rows if row["prompts"] is not None]
    if planned:
        console.say(
            f"to look as often as you like, write the prompts as labels into the check of the "
            f"policy before the first look, for example labels: {planned[0]}"
        )


def _show(subjects: "list[Subject]", wanted: "Wanted", *, curve: bool, as_json: bool) -> None:
    from judge.calibrate.label_sampling import points
    from judge.errors import ConfigError

    if wanted.half_width is None and wanted.floor is None and not curve:
        raise ConfigError(
            "say what the labels should achieve: --half-width, --margin, --floor or --curve."
        )
    rows = [_row(subject, wanted) for subject in subjects]
    curves = {each.name: points(each.pilot, each.items) for each in subjects} if curve else {}
    if as_json:
        console.as_json({"plans": rows, "curves": curves})
        return
    optional = {"groups": "by group", "why": "remark"}
    by_width = wanted.half_width is not None
    console.table(
        rows,
        {
            "what": "criterion",
            "expected": "expected",
            "labels": "labels, on average",
            **({"assured": f"with {wanted.assurance:.0%} probability"} if by_width else {}),
            "half_width": "half-width",
            "power": "power",
            "human_only": "without judge",
            **{key: head for key, head in optional.items() if any(row.get(key) for row in rows)},
        },
    )
    if wanted.half_width is not None:
        console.say(
            "planned are labels of each system by itself, for an interval of its corrected score "
            f"with the half-width {wanted.half_width:g}"
        )
    if wanted.floor is not None:
        console.say(
            "planned are labels of each system by itself, so that its lower limit reaches "
            f"{wanted.floor:g} with probability {wanted.power:g}, by a single look at a risk of "
            f"{wanted.error:g}"
        )
    for name, found in curves.items():
        console.say()
        console.say(f"{name}: labels and the half-width that they give")
        console.table(
            [{"labels": labels, "half": half} for labels, half in found],
            {"labels": "labels", "half": "half-width"},
        )


def _row(subject: "Subject", wanted: "Wanted") -> dict[str, object]:
    from calibration.estimate import InsufficientLabels, UnusableJudge
    from judge.calibrate.label_sampling import plan

    row: dict[str, object] = {"what": subject.name, "expected": subject.expected}
    if wanted.half_width is None and wanted.floor is None:
        return row
    try:
        found = plan(subject, wanted)
    except (InsufficientLabels, UnusableJudge) as refused:
        return {**row, "labels": None, "why": str(refused)}
    return {
        **row,
        "labels": found.labels,
        "assured": found.assured_labels,
        "half_width": found.half_width,
        "power": found.power,
        "human_only": found.human_only_labels,
        "groups": ", ".join(f"{name} {count}" for name, count in found.allocation) or None,
        "why": None,
    }
