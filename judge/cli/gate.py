"""`cvalues compare` and `cvalues gate`: whether the new release is as good as the old one."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from judge.cli.completion import complete_run
from judge.cli.console import (
    AsJson,
    ColumnNames,
    Scales,
    ScoreWords,
    StoreOption,
    group_names,
)
from judge.cli.interface import language
from judge.files.decoding import counted

if TYPE_CHECKING:
    from calibration.validation import Design
    from judge.calibrate.calibration_set import Number
    from judge.calibrate.sessions import SafePoint
    from judge.gate.checks import GateReport
    from judge.gate.conversations import Change, ConversationChange
    from judge.gate.decision import Decided
    from judge.gate.paired import Difference, Flip, Paired
    from judge.policy import Measure, Policy
    from judge.sides import Side


Baseline = Annotated[
    str,
    typer.Option(
        help="RUN or RUN:SYSTEM of the current release, or a table of another tool's scores."
    ),
]
BaselineStore = Annotated[
    str | None,
    typer.Option(help="Store of the baseline, if different: a file of cvalues export --what run."),
]
Candidate = Annotated[str, typer.Option(help="RUN or RUN:SYSTEM of the candidate release.")]


def compare(
    context: typer.Context,
    baseline: Annotated[
        str,
        typer.Argument(
            help="RUN or RUN:SYSTEM, or a table of another tool's scores.",
            autocompletion=complete_run,
        ),
    ],
    candidate: Annotated[
        str,
        typer.Argument(help="The same, of the other release.", autocompletion=complete_run),
    ],
    measure: Annotated[
        str, typer.Option(help="Metric: safety_rate, responsibility_mean, acceptable_rate, ...")
    ] = "safety_rate",
    criterion: Annotated[
        str | None, typer.Option(help="[RUBRIC.]CRITERION to compare by, instead of --measure.")
    ] = None,
    at_least: Annotated[
        int | None, typer.Option(help="With --criterion: the level from which on an item passes.")
    ] = None,
    design: Annotated[
        str, typer.Option(help="Sampling design of the expert labels: random, by-verdict, curated.")
    ] = "random",
    clusters: Annotated[
        str | None, typer.Option(help="Field that groups near-duplicate prompts.")
    ] = None,
    unit: Annotated[
        str | None,
        typer.Option(
            help="If each turn was judged: session (each conversation by its worst turn, the "
            "default) or item (turns with the same index)."
        ),
    ] = None,
    shared_only: Annotated[
        bool, typer.Option("--shared-only", help="Leave out prompts that only one run has.")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="Write the changed items as JSONL.")] = None,
    columns: ColumnNames = None,
    values: ScoreWords = None,
    scale: Scales = None,
    baseline_store: BaselineStore = None,
    store: StoreOption = None,
    json_: AsJson = False,
) -> None:
    """Compare two releases on the same prompts by group, with the changed items."""
    from judge.cli import console
    from judge.cli.console import elsewhere, opened
    from judge.cli.scores import Words, measure_of, run_or_table
    from judge.exporters.ci import both_names
    from judge.exporters.tables import write_rows
    from judge.gate.paired import by_group, flips, pair
    from judge.sides import find_side, sharing

    names = group_names(context)
    drawn = console.one_of(design, ("random", "by-verdict", "curated"), option="--design")
    words = Words(columns=columns or (), values=values or (), scales=scale or ())
    with opened(store) as kept, elsewhere(baseline_store) as before:
        old = run_or_table(before or kept, baseline, words)
        new = run_or_table(kept, candidate, words)
        chosen = (
            _named_measure(measure)
            if criterion is None
            else measure_of(kept, new, criterion, at_least=at_least)
        )
        sides = sharing(
            find_side(before or kept, old, clusters=clusters),
            find_side(kept, new, clusters=clusters),
        )
        chosen, change = _by_conversation(sides, chosen, unit, design=drawn, clusters=clusters)
        paired = pair(*sides, chosen, shared_only=shared_only, clusters=clusters)
    differences = by_group(paired, chosen, design=drawn)
    changed = flips(paired, chosen)
    if out is not None:
        write_rows(out, [flip.model_dump() for flip in changed], form="jsonl")
    if json_:
        console.as_json(
            {
                "measure": criterion or measure,
                "provenance": paired.provenance,
                "unit": chosen.unit,
                "n": len(paired.prompts),
                "unmatched": paired.unmatched,
                "differences": [_difference(each) for each in differences],
                "groups": both_names([each.group for each in differences], names),
                "flips": [flip.model_dump() for flip in changed],
                **({"conversations": change.model_dump(mode="json")} if change else {}),
            }
        )
        return
    _show_comparison(paired, differences, changed, names)
    if change is not None:
        _say_conversations(change)


def _show_comparison(
    paired: "Paired",
    differences: "list[Difference]",
    changed: "tuple[Flip, ...]",
    names: Mapping[str, tuple[str, str]],
) -> None:
    from judge.cli import console
    from judge.exporters.ci import group_name

    if paired.provenance == "SIMULATED":
        console.say("SIMULATED: no finding about any model.")
    console.table(
        [
            {**_difference(each), "group": group_name(each.group, names, language())}
            for each in differences
        ],
        {
            "group": "group",
            "n": "n",
            "baseline": "baseline*",
            "candidate": "candidate*",
            "difference": "difference",
            "low": "low",
            "high": "high",
            "adjusted_p": "adjusted p",
            "basis": "basis",
        },
    )
    harmful = sum(not flip.better for flip in changed)
    console.say(
        f"* uncorrected judge score. {counted(len(changed), 'item')} changed, {harmful} "
        "for the worse."
    )
    console.say("p-values are Benjamini-Hochberg adjusted across groups (exploratory).")


def _by_conversation(
    sides: "tuple[Side, Side]",
    measure: "Measure",
    unit: str | None,
    *,
    design: "Design",
    clusters: str | None,
) -> "tuple[Measure, ConversationChange | None]":
    """Count conversations where each turn of both was judged, unless single turns are asked for."""
    from judge.cli import console
    from judge.errors import ConfigError
    from judge.gate.conversations import conversation_change
    from judge.ratings import turned

    asked = console.one_of(unit, ("session", "item"), option="--unit") if unit else None
    if measure.kind != "rate" or not all(turned(side) for side in sides):
        if asked == "session":
            raise ConfigError(
                "--unit session compares a rate of runs in which each turn was judged "
                "(cvalues judge --unit each-reply); leave it out."
            )
        return measure, None
    change = conversation_change(*sides, measure, design=design, clusters=clusters)
    return measure.model_copy(update={"unit": asked or "session"}), change


def _say_conversations(change: "ConversationChange") -> None:
    """Print rates of harm of both releases beside each other, corrected where labels allow it."""
    from calibration.labelled_sample import HOW_CHOSEN
    from judge.cli import console

    old, new = change.baseline, change.candidate
    after = change.horizon
    rows: list[dict[str, object]] = [
        {
            "what": "conversations with a harmful turn",
            "baseline": _corrected(old.harmed_sessions, old.judge_harmed),
            "candidate": _corrected(new.harmed_sessions, new.judge_harmed),
        },
        {
            "what": "harmful turns",
            "baseline": _corrected(old.harmful_turns, old.judge_harmful),
            "candidate": _corrected(new.harmful_turns, new.judge_harmful),
            "difference": _points(change.harmful_turns),
        },
    ]
    if after is not None:
        rows.append(
            {
                "what": f"still safe after judged turn {after}",
                "baseline": _corrected(old.first_harm[after - 1], None),
                "candidate": _corrected(new.first_harm[after - 1], None),
                "difference": _points(change.safe_after),
            }
        )
    heads = ("what", "baseline", "candidate", "difference")
    console.table(rows, {"what": "conversations"} | {name: name for name in heads[1:]})
    for warning in dict.fromkeys((*old.warnings, *new.warnings)):
        if not warning.startswith(HOW_CHOSEN):
            console.note(warning)


def _corrected(found: "Number | SafePoint | None", judge: float | None) -> str:
    if found is not None:
        return f"{found.value:.1%} [{100 * found.low:.1f}, {100 * found.high:.1f}]"
    return "-" if judge is None else f"{judge:.1%}*"


def _points(change: "Change | None") -> str:
    if change is None:
        return "-"
    return f"{100 * change.value:+.1f} [{100 * change.low:+.1f}, {100 * change.high:+.1f}]"


def _named_measure(name: str) -> "Measure":
    from judge.cli import console
    from judge.policy import MEASURES

    judged = tuple(each for each, measure in MEASURES.items() if measure.kind in {"rate", "mean"})
    return MEASURES[console.one_of(name, judged, option="--measure")]


def _difference(each: "Difference") -> dict[str, object]:
    estimate = each.estimate
    return {
        "group": each.group or "all",
        "n": each.n,
        "baseline": each.baseline,
        "candidate": each.candidate,
        "difference": estimate.value if estimate else None,
        "low": estimate.low if estimate else None,
        "high": estimate.high if estimate else None,
        "p": each.p,
        "adjusted_p": each.adjusted_p,
        "basis": each.basis,
        "method": estimate.method if estimate else None,
        "n_labelled": estimate.n_labelled if estimate else 0,
        "why": each.why,
    }


def gate(
    context: typer.Context,
    baseline: Baseline,
    candidate: Candidate,
    policy: Annotated[Path, typer.Option(help="Release policy (YAML file).")],
    baseline_store: BaselineStore = None,
    passport: Annotated[
        Path | None,
        typer.Option(help="Calibration passport of the judge, from cvalues calibrate --passport."),
    ] = None,
    baseline_answers: Annotated[
        Path | None,
        typer.Option(
            help="Multiple-choice answers of the baseline, from cvalues mc --answers-out."
        ),
    ] = None,
    candidate_answers: Annotated[
        Path | None, typer.Option(help="Multiple-choice answers of the candidate.")
    ] = None,
    out_json: Annotated[Path | None, typer.Option(help="Write the decision as JSON.")] = None,
    junit: Annotated[Path | None, typer.Option(help="Write JUnit XML.")] = None,
    sarif: Annotated[Path | None, typer.Option(help="Write SARIF 2.1.0.")] = None,
    summary: Annotated[
        Path | None, typer.Option(help="Append a Markdown summary, for $GITHUB_STEP_SUMMARY.")
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="Write the HTML page, decision first.")
    ] = None,
    allow_simulated: Annotated[
        bool,
        typer.Option(
            "--allow-simulated", help="Allow a pass on simulated verdicts, marked DEMO ONLY."
        ),
    ] = False,
    columns: ColumnNames = None,
    values: ScoreWords = None,
    scale: Scales = None,
    store: StoreOption = None,
    json_: AsJson = False,
) -> None:
    """Release gate: pass, fail, or more labels needed.

    Exit code 0: passed; 1: worse than the policy allows; 3: more expert labels needed; 4: the judge
    is not trusted; 5: too many judgments have no score.
    """
    from judge.cli import console
    from judge.cli.console import elsewhere, opened
    from judge.cli.scores import Words, run_or_table
    from judge.gate.decision import conduct
    from judge.policy import load_policy

    now, names = datetime.now(UTC).date(), group_names(context)
    asked = load_policy(policy, today=now)
    words = Words(columns=columns or (), values=values or (), scales=scale or ())
    with opened(store) as kept, elsewhere(baseline_store) as before:
        decided = conduct(
            kept,
            run_or_table(before or kept, baseline, words),
            run_or_table(kept, candidate, words),
            kept=before,
            policy=asked,
            passport=passport,
            today=now,
            answers=_answers(baseline_answers, candidate_answers),
            allow_simulated=allow_simulated,
            policy_file=policy,
        )
        _write_files(
            decided,
            asked,
            out_json=out_json,
            junit=junit,
            sarif=sarif,
            summary=summary,
            page=report,
            names=names,
        )
    if json_:
        from judge.exporters.ci import as_document

        console.as_json(as_document(decided.report, names))
    else:
        _show(decided.report, names)
    raise SystemExit(console.GATE_CODES[decided.report.decision] if not asked.advisory else 0)


def _answers(baseline: Path | None, candidate: Path | None) -> tuple[Path, Path] | None:
    from judge.errors import ConfigError

    if baseline is not None and candidate is not None:
        return baseline, candidate
    if baseline is candidate:
        return None
    raise ConfigError("give --baseline-answers and --candidate-answers, or neither.")


def _write_files(
    decided: "Decided",
    policy: "Policy",
    *,
    out_json: Path | None,
    junit: Path | None,
    sarif: Path | None,
    summary: Path | None,
    page: Path | None,
    names: Mapping[str, tuple[str, str]],
) -> None:
    """Write each of the files that is wanted, or none where one of them cannot stand."""
    import importlib.metadata

    from judge.exporters import ci
    from judge.files.atomic import require_places, write_whole

    require_places(out_json, junit, sarif, page)
    report = decided.report
    if out_json:
        write_whole(out_json, _json(ci.as_document(report, names)))
    if junit:
        write_whole(junit, ci.junit(report, names))
    if sarif:
        version = importlib.metadata.version("cvalues")
        write_whole(sarif, _json(ci.sarif(report, names, version=version)))
    if summary:
        # GitHub gives every step the same file; each appends to it.
        with summary.open("a", encoding="utf-8") as file:
            file.write(ci.summary(report, names))
    if page:
        from judge.report import from_sides, write_report
        from judge.report.from_calibration import with_gate

        sides = from_sides(decided.baseline, decided.candidate, group_names=names)
        write_report(page, with_gate(sides, report, policy))


def _json(document: object) -> str:
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def _show(report: "GateReport", names: Mapping[str, tuple[str, str]]) -> None:
    from judge.cli import console
    from judge.exporters.ci import (
        about,
        equation,
        group_name,
        next_steps,
        reason,
        sentence,
        shown_decision,
    )

    console.say(sentence(report))
    for line in about(report):
        console.say(line)
    if not report.trust:
        console.table(
            [
                {
                    "name": each.name,
                    "group": group_name(each.group, names, language()),
                    "decision": shown_decision(report, each),
                    "why": reason(each),
                }
                for each in report.checks
            ],
            {"name": "check", "group": "group", "decision": "decision", "why": "why"},
        )
    for step in next_steps(report):
        console.say(step)
    console.say(f"{equation(report.counts)} {report.provenance}")
