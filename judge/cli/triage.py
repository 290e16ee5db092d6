"""`cvalues triage`: which verdicts may stand without an expert; the rest goes to the experts."""

import math
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from judge.cli.completion import complete_run
from judge.cli.console import AsJson, ColumnNames, Encoding, ScoreWords, StoreOption
from judge.files.decoding import counted

if TYPE_CHECKING:
    from collections.abc import Generator

    from calibration.cascade import CascadePlan
    from judge.calibrate.calibration_set import Part
    from judge.calibrate.triage import RunTriage
    from judge.cli.calibrate_inputs import Gathered
    from judge.manifest import Sample


def triage(
    run: Annotated[str, typer.Argument(help="Name of the run.", autocompletion=complete_run)],
    risk: Annotated[
        float, typer.Option(help="Maximum error rate among accepted verdicts, such as 0.05.")
    ],
    labels: Annotated[
        Path | None, typer.Option(help="Expert labels; default: those of the run.")
    ] = None,
    criterion: Annotated[
        str | None, typer.Option(help="Criterion; default: the first one with labels.")
    ] = None,
    judge: Annotated[str | None, typer.Option(help="Judge, if the run has several.")] = None,
    by: Annotated[
        str, typer.Option(help="Column of the groups in which the guarantee must hold.")
    ] = "group",
    all_together: Annotated[
        bool,
        typer.Option(
            "--all-together", help="One guarantee over all groups instead of one for each."
        ),
    ] = False,
    at_least: Annotated[
        list[str] | None,
        typer.Option(
            help="[CRITERION=]LEVEL from which an item passes; default: levels must be equal."
        ),
    ] = None,
    gold: Annotated[
        str | None, typer.Option(help="Rater whose label is taken as the reference.")
    ] = None,
    columns: ColumnNames = None,
    values: ScoreWords = None,
    confidence: Annotated[float, typer.Option(help="Confidence level of the guarantee.")] = 0.95,
    to_come: Annotated[
        bool, typer.Option("--to-come", help="Guarantee for future items, as a cascade needs.")
    ] = False,
    escalate: Annotated[
        str | None, typer.Option(help="Second judge of the run: plan a cascade of both.")
    ] = None,
    costs: Annotated[
        str,
        typer.Option(
            help="Cost of one verdict of each judge and of one label: FIRST,SECOND,EXPERT."
        ),
    ] = "1,50,2000",
    out: Annotated[
        Path | None, typer.Option(help="Write the thresholds, as input of cvalues judge --cuts.")
    ] = None,
    rest: Annotated[
        Path | None,
        typer.Option(help="Sheet with the remaining items for experts: .xlsx, .csv, .jsonl."),
    ] = None,
    room: Annotated[
        bool, typer.Option("--room", help="Add the remaining items to the labelling room.")
    ] = False,
    store: StoreOption = None,
    encoding: Encoding = None,
    json_: AsJson = False,
) -> None:
    """Select verdicts that can be accepted without an expert, with a guaranteed error rate.

    The guarantee holds for any judge: at the given confidence, at most --risk of the accepted
    verdicts differ from the experts' labels, in every group. Labels must be a random sample.
    """
    from judge.cli import console
    from judge.cli.calibrate_inputs import Sources, gathered, question
    from judge.errors import ConfigError

    for name, share in (("--risk", risk), ("--confidence", confidence)):
        if not 0.0 < share < 1.0:
            raise ConfigError(f"{name} must lie between 0 and 1, such as 0.05; got {share:g}.")
    asked = question(
        scales=(),
        at_least=at_least or (),
        only=(),
        by=by,
        judge=None,
        gold=gold,
        columns=columns or (),
        values=values or (),
    )
    read = gathered(
        Sources(scores=None, run=run, labels=labels, store=store, encoding=encoding), asked
    )
    _require_random(read)
    parts = _chosen(read, judge, criterion)
    if escalate is not None:
        second = _chosen(read, escalate, parts[0].criterion)
        with _proven():
            _plan_cascade(parts, second, risk=risk, words=costs, out=out, json_=json_, read=read)
        return
    from judge.calibrate.triage import triage_run

    if read.run is None:
        raise ConfigError("triage needs a run.")
    with _proven():
        found = triage_run(
            parts,
            read.run.manifest,
            name=run,
            risk=risk,
            confidence=confidence,
            by_group=not all_together,
            target="items to come" if to_come else "these items",
        )
    if out is not None:
        _write(out, found.report.model_dump_json(indent=1))
    sent = _send(read, found, rest=rest, room=room, store=store) if rest or room else None
    if json_:
        console.as_json({**found.report.model_dump(mode="json"), "sent": sent})
        return
    _show(found, sent, rest)


@contextmanager
def _proven() -> "Generator[None]":
    """End with the code for more labels where nothing is proven: then experts see every item."""
    from calibration import InsufficientLabels
    from judge.cli import console

    try:
        yield
    except InsufficientLabels as error:
        console.fail(f"nothing may stand without an expert: {error}", code=console.NEED_LABELS)


def _require_random(read: "Gathered") -> None:
    from judge.errors import ConfigError

    other = next((each.design for each in read.drawn if each.design != "random"), None)
    if other is not None:
        raise ConfigError(
            f"the labels were drawn {other}; the promise needs a random draw: "
            "cvalues sample RUN --n N --design random."
        )


def _chosen(read: "Gathered", judge: str | None, criterion: str | None) -> "list[Part]":
    """Choose the parts of one judge and one criterion."""
    from judge.errors import ConfigError
    from judge.grading.aggregation import chosen_judge

    wanted = judge
    if wanted is None and read.run is not None:
        judges = {part.judge for part in read.parts}
        wanted = next(iter(judges)) if len(judges) == 1 else chosen_judge(read.run)
    mine = [part for part in read.parts if part.judge == wanted]
    if not mine:
        names = ", ".join(sorted({part.judge for part in read.parts}))
        raise ConfigError(f"no labelled verdict is by judge {wanted!r}; there are {names}.")
    name = criterion or mine[0].criterion
    found = [part for part in mine if name in {part.criterion, part.name}]
    if not found:
        names = ", ".join(sorted({part.name for part in mine}))
        raise ConfigError(f"no label is of criterion {name!r}; there are {names}.")
    return found


def _single_draw(read: "Gathered") -> "Sample | None":
    from judge.errors import ConfigError

    if len(read.drawn) > 1:
        raise ConfigError("the run has several draws; --rest and --room add to a single one.")
    return next(iter(read.drawn), None)


def _send(
    read: "Gathered", found: "RunTriage", *, rest: Path | None, room: bool, store: str | None
) -> int:
    """Put the rest before experts: on a sheet, into the room, or both. Give how many items."""
    from collections import Counter

    import numpy as np

    from judge.calibrate.label_sampling import criteria_in, told
    from judge.calibrate.triage import draw_with_rest
    from judge.cli.console import opened, run_named
    from judge.conversation import language_of
    from judge.exporters.workbook import sheet_form, write_sheet
    from judge.manifest import KIND
    from judge.records import Language
    from judge.store import claims
    from judge.store.annotation_project import Desk, LabelTask

    if rest is not None:
        sheet_form(rest)
    if not found.rest:
        return 0
    labelled = [
        unit
        for part in read.parts
        if part.criterion == found.report.criterion
        for unit, label in zip(part.units, part.human, strict=True)
        if not np.isnan(label)
    ]
    with opened(store) as kept:
        run = run_named(kept, found.report.run)
        generations = tuple(kept.generations(run))
        sample, added = draw_with_rest(
            _single_draw(read),
            generations,
            rest=found.rest,
            labelled=labelled,
            criterion=found.report.criterion,
        )
        if rest is not None:
            by_unit = {each.unit: each for each in generations}
            shown = [by_unit[item.unit] for item in added]
            lang = Counter[Language](language_of(each) for each in shown).most_common(1)[0][0]
            asked = criteria_in(kept, run, sample.asked)
            write_sheet(
                rest,
                sample.model_copy(update={"items": added}),
                shown,
                criteria=told(kept, run, asked, lang=lang),
                lang=lang,
            )
        kept.add_document(run, KIND, sample.model_dump_json())
        if room:
            tasks = [
                LabelTask(task=item.task, units=(item.unit,), probability=item.probability)
                for item in added
            ]
            claims.add_tasks(Desk(store=kept, run=run), tasks)
    return len(added)


def _show(found: "RunTriage", sent: int | None, rest: Path | None) -> None:
    from judge.cli import console

    report = found.report
    if report.provenance == "SIMULATED":
        console.say("SIMULATED judge: no finding about any model.")
    console.table(
        [
            {
                "group": one.group,
                "judged": one.judged,
                "stand": one.kept,
                "cut": "-" if one.cut is None else f"{one.cut:.4f}",
                "labels": one.labels,
                "wrong": one.errors,
                "bound": one.refused if one.bound is None else f"{one.bound:.1%}",
            }
            for one in report.groups
        ],
        {
            "group": "group",
            "judged": "judged",
            "stand": "stand",
            "cut": "from certainty",
            "labels": "labels",
            "wrong": "wrong",
            "bound": "at most wrong",
        },
    )
    whose = "of these items" if report.target == "these items" else "of further items"
    console.say(
        f"{report.stands} of {counted(report.judged, 'verdict')} of {report.judge} on "
        f"{report.criterion} may "
        f"stand: at most {report.risk:.1%} {whose} are wrong, {_where(found)}, at "
        f"{report.confidence:.0%} confidence."
    )
    if sent == 0:
        console.say("no item is left for experts; no sheet is written and no task is added.")
    elif sent is None:
        console.say(
            f"{counted(report.to_experts, 'item')} for experts: --rest FILE writes a sheet, "
            "--room adds them to the labelling room."
        )
    else:
        where = "the labelling room" if rest is None else str(rest)
        console.say(
            f"{counted(sent, 'item')} for experts in {where}; their labels correct the "
            "rate over all."
        )


def _where(found: "RunTriage") -> str:
    """Say of which verdicts the promise speaks."""
    from calibration.selective import EVERYTHING

    names = [one.group for one in found.report.groups]
    if names == [EVERYTHING]:
        return "over all groups together"
    return "in every group at once" if len(names) > 1 else f"in the one group, {names[0]}"


def _plan_cascade(
    parts: "list[Part]",
    second: "list[Part]",
    *,
    risk: float,
    words: str,
    out: Path | None,
    json_: bool,
    read: "Gathered",
) -> None:
    from judge.calibrate.triage import plan_run_cascade
    from judge.cli import console

    plan = plan_run_cascade(parts, second, risk=risk, costs=_costs(words))
    fields = _cascade_fields(plan, parts[0], second[0], read)
    if out is not None:
        import json

        _write(out, json.dumps(fields, ensure_ascii=False, indent=1))
    if json_:
        console.as_json(fields)
        return
    one = plan.setting
    console.say(f"cascade {parts[0].judge} > {second[0].judge} on {parts[0].criterion}:")
    console.say(f"  {one.cheap_share:.1%} decided by the first, from certainty {one.cheap_cut:.4f}")
    console.say(f"  {one.dear_share:.1%} decided by the second")
    console.say(f"  {one.expert_share:.1%} for experts")
    console.say(
        f"  at most {one.bound:.1%} of verdicts that stand are wrong ({one.errors} of "
        f"{counted(one.labels, 'label')}), at {plan.confidence:.0%} confidence"
    )
    console.say(
        f"  {one.cost:.2f} an item in the unit of --costs, {plan.dear_alone:.2f} for the second "
        "judge alone"
    )


def _cascade_fields(
    plan: "CascadePlan", first: "Part", second: "Part", read: "Gathered"
) -> dict[str, object]:
    one = plan.setting
    digest = "" if read.run is None else read.run.manifest.judge_digests.get(first.judge, "")
    cut = one.cheap_cut if math.isfinite(one.cheap_cut) else 2.0
    return {
        "judge": first.judge,
        "judge_digest": digest,
        "escalate": second.judge,
        "criterion": first.criterion,
        "risk": plan.risk,
        "confidence": plan.confidence,
        "cuts": {"all": {"cut": cut, "bound": one.bound}},
        "dear_cut": one.dear_cut if math.isfinite(one.dear_cut) else None,
        "shares": {"first": one.cheap_share, "second": one.dear_share, "experts": one.expert_share},
        "labels": one.labels,
        "errors": one.errors,
        "cost": one.cost,
        "cost_second_alone": plan.dear_alone,
    }


def _costs(words: str) -> tuple[float, float, float]:
    from judge.errors import ConfigError

    try:
        cheap, dear, expert = (float(word) for word in words.split(","))
    except ValueError:
        cheap = dear = expert = math.nan
    if not all(0.0 <= cost < math.inf for cost in (cheap, dear, expert)):
        raise ConfigError(f"--costs {words!r} is not three prices; write 1,50,2000.")
    return cheap, dear, expert


def _write(path: Path, text: str) -> None:
    from judge.files.atomic import write_whole

    write_whole(path, text + "\n")
