"""`cvalues plan-labels`: how many expert labels a wanted interval or gate needs."""

from typing import TYPE_CHECKING, Annotated

import typer

from judge.cli import options

if TYPE_CHECKING:
    from judge.trust.budget import Subject, Wanted


def plan_labels(
    scores: options.Scores = None,
    run: options.RunName = None,
    labels: options.Labels = None,
    half_width: Annotated[
        float | None,
        typer.Option(help="Wanted half-width of the interval, such as 0.03; in points for a mean."),
    ] = None,
    margin: Annotated[
        float | None,
        typer.Option(help="The gate passes above the expected value less this, such as 0.02."),
    ] = None,
    power: Annotated[float, typer.Option(help="Wanted chance that the gate passes.")] = 0.8,
    error: Annotated[float, typer.Option(help="Risk of each limit of the gate.")] = 0.05,
    rate: Annotated[
        float | None, typer.Option(help="Without labels: expected share of passes, such as 0.97.")
    ] = None,
    sensitivity: Annotated[
        float, typer.Option(help="Without labels: share of passes that the judge finds.")
    ] = 0.9,
    specificity: Annotated[
        float, typer.Option(help="Without labels: share of fails that the judge finds.")
    ] = 0.7,
    items: Annotated[int, typer.Option(help="Without labels: judged items.", min=10)] = 5000,
    by: options.By = None,
    judge: options.JudgeName = None,
    scale: options.Scales = None,
    at_least: options.AtLeast = None,
    criterion: Annotated[
        str | None,
        typer.Option(help="Criteria to plan for, with commas; else rates, else all."),
    ] = None,
    only: options.Only = None,
    gold: options.Gold = None,
    curve: Annotated[
        bool, typer.Option("--curve", help="Show the half-width for more and more labels.")
    ] = False,
    store: options.StoreOption = None,
    encoding: options.Encoding = None,
    json_: options.AsJson = False,
) -> None:
    """Say how many expert labels are needed, from a first set of labels or from a guess.

    Each criterion and system is planned by itself: rates in fractions, means in points of their
    scale. With --by the labels are shared out over the groups, more to those that vary more.
    """
    from calibration.planning import pilot_from_accuracy
    from judge.cli import trust
    from judge.trust.budget import Subject, Wanted

    wanted = Wanted(half_width=half_width, margin=margin, power=power, error=error)
    if rate is not None:
        pilot = pilot_from_accuracy(rate, sensitivity=sensitivity, specificity=specificity)
        subjects = [Subject(name="guess", pilot=pilot, items=items)]
    else:
        asked = trust.question(
            scales=scale or [],
            at_least=at_least or [],
            only=only or [],
            by=by,
            judge=judge,
            gold=gold,
        )
        sources = trust.Sources(
            scores=scores, run=run, labels=labels, store=store, encoding=encoding
        )
        subjects = trust.subjects(
            sources,
            asked,
            by_group=by is not None,
            criteria=options.parts(criterion) if criterion else (),
        )
    _show(subjects, wanted, curve=curve, as_json=json_)


def _show(subjects: "list[Subject]", wanted: "Wanted", *, curve: bool, as_json: bool) -> None:
    from judge.cli import console
    from judge.errors import ConfigError
    from judge.trust.budget import points

    if wanted.half_width is None and wanted.margin is None and not curve:
        raise ConfigError("say what the labels should achieve: --half-width, --margin or --curve.")
    rows = [_row(subject, wanted) for subject in subjects]
    curves = {each.name: points(each.pilot, each.items) for each in subjects} if curve else {}
    if as_json:
        console.as_json({"plans": rows, "curves": curves})
        return
    optional = {"groups": "by group", "why": "remark"}
    console.table(
        rows,
        {
            "what": "criterion",
            "expected": "expected",
            "labels": "labels",
            "half_width": "half-width",
            "power": "power",
            "human_only": "without judge",
            **{key: head for key, head in optional.items() if any(row.get(key) for row in rows)},
        },
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
    from judge.trust.budget import plan

    row: dict[str, object] = {"what": subject.name, "expected": subject.expected}
    if wanted.half_width is None and wanted.margin is None:
        return row
    try:
        found = plan(subject, wanted)
    except (InsufficientLabels, UnusableJudge) as refused:
        return {**row, "labels": None, "why": str(refused)}
    return {
        **row,
        "labels": found.labels,
        "half_width": found.half_width,
        "power": found.power,
        "human_only": found.human_only_labels,
        "groups": ", ".join(f"{name} {count}" for name, count in found.allocation) or None,
        "why": None,
    }
