"""What `cvalues improve` writes and prints: rubric, proof, passport, tables."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from calibration.passport import save_passport
from calibration.validation import DESIGNS
from judge.calibrate.passport import VALID_DAYS
from judge.cli import console
from judge.files.atomic import write_whole
from judge.improve.explain import Gap
from judge.improve.result import (
    candidate_rows,
    document,
    gap_rows,
    is_simulated,
    lines,
    passport_of,
    rows,
)
from judge.improve.search import Outcome
from judge.improve.session import Locked
from judge.manifest import IMPROVEMENT, Sample
from judge.manifest import KIND as SAMPLE
from judge.report import from_run, write_report
from judge.store.records import Run
from judge.store.store import Store
from rubrics.lint import described_changes, diff
from rubrics.save import document as rubric_document


@dataclass(frozen=True, kw_only=True)
class Files:
    """Where results go."""

    out: Path | None
    proof: Path | None
    passport: Path | None
    report: Path | None
    design: str | None = None
    group_names: Mapping[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])
    """By key, in Chinese and English."""


def keep(store: Store, run: Run, outcome: Outcome, *, locked: Locked, files: Files) -> None:
    """Write the files, and keep the result with the search and with the run it improves."""
    text = json.dumps(document(outcome, locked), ensure_ascii=False, indent=2)
    for kept in (run, locked.material.run):
        store.add_document(kept, IMPROVEMENT, text)
    if files.proof is not None:
        write_whole(files.proof, (text + "\n").encode())
    if files.report is not None:
        write_report(
            files.report, from_run(store, locked.material.run, group_names=files.group_names)
        )
    if outcome.better and outcome.new is not None:
        if files.out is not None:
            write_whole(files.out, rubric_document(outcome.new).encode())
        if files.passport is not None and outcome.folds is None:
            _write_passport(store, outcome, locked=locked, files=files)


def _write_passport(store: Store, outcome: Outcome, *, locked: Locked, files: Files) -> None:
    body = store.latest_document(locked.material.run, SAMPLE)
    drawn = "random"
    if files.design is not None:
        drawn = console.one_of(files.design, DESIGNS, option="--design")
    elif body is not None:
        # A part of a draw by verdict is one itself; how many of each does not matter here.
        drawn = "random" if Sample.model_validate_json(body).design == "random" else "by-verdict"
    else:
        console.note("--design is not given: the labels are taken to be drawn at random")
    today = datetime.now(UTC).date()
    made = passport_of(
        outcome,
        locked,
        design=console.one_of(drawn, DESIGNS, option="--design"),
        today=today,
        days=VALID_DAYS,
    )
    if files.passport is not None:
        save_passport(made, files.passport)


def show(outcome: Outcome, locked: Locked, files: Files, *, as_json: bool) -> None:
    """Print the verdict, what changed, and what it rests on."""
    if as_json:
        console.as_json(document(outcome, locked))
        return
    if is_simulated(outcome, locked):
        console.say("SIMULATED judge or labels: no finding about any model.")
    new = f" -> {outcome.new.version}" if outcome.better and outcome.new else ""
    console.say(f"{outcome.verdict}: {outcome.old.id} {outcome.old.version}{new}")
    if outcome.criteria:
        console.say()
        console.table(
            rows(outcome),
            {
                "criterion": "criterion",
                "verdict": "verdict",
                "n": "labels",
                "before": "agreed before",
                "after": "after",
                "gain": "gain, 95 % CI",
                "select": "on select",
                "shrinkage": "shrinkage",
                "width": "width",
            },
        )
    if len(outcome.candidates) > 1:
        console.say()
        priced = any(each.usd_per_item is not None for each in outcome.candidates)
        columns = _CANDIDATES if priced else _UNPRICED
        console.table(candidate_rows(outcome), columns)
    if outcome.new is not None:
        console.say()
        for line in described_changes(outcome.old, outcome.new, diff(outcome.old, outcome.new)):
            console.say(line)
    console.say()
    for line in lines(outcome, locked):
        console.say(line)
    _show_files(outcome, files)


_UNPRICED = {
    "candidate": "candidate",
    "judges": "judge",
    "changes": "changes",
    "agreement": "agreed*",
    "gain": "gain",
    "missing": "missing",
}
_CANDIDATES = {
    **_UNPRICED,
    "usd_item": "$ an item",
    "usd_point": "$ a point",
}


def _show_files(outcome: Outcome, files: Files) -> None:

    console.say("* on the select part; each level of the experts' counts alike")
    if outcome.better:
        kept = "; no passport from folds" if outcome.folds is not None and files.passport else ""
        console.note(f"the new rubric is in {files.out}{kept}; passports of the old one are void")
    else:
        console.note("the old rubric stays; nothing is written to --out")


def show_gaps(gaps: Sequence[Gap], locked: Locked, files: Files, *, as_json: bool) -> None:
    """Print where the disagreements lie and what would settle them."""
    body = {
        "run": locked.material.run.name,
        "rubric": locked.material.rubric.id,
        "labels": len(locked.parted.reflect) + len(locked.parted.select),
        "gaps": [gap.model_dump(mode="json") for gap in gaps],
    }
    if files.proof is not None:
        write_whole(files.proof, (json.dumps(body, ensure_ascii=False, indent=2) + "\n").encode())
    if as_json:
        console.as_json(body)
        return
    if not gaps:
        console.say("no two disagreements are alike; the seal of the proof part is whole")
        return
    console.table(
        gap_rows(gaps),
        {
            "criterion": "criterion",
            "experts": "experts",
            "judge": "judge",
            "labels": "labels",
            "among": "agree",
            "cause": "cause",
            "moves": "moves",
            "net": "net",
        },
    )
    for gap in gaps:
        if gap.clause is not None:
            console.say(f"clause for {gap.criterion}, {gap.experts:g} not {gap.judge:g}:")
            console.say(f"  {gap.clause}")
    console.say("the seal of the proof part is whole")
