"""What a calibration found: in words and tables, and as JSON, a page and a passport."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from calibration.estimate import InsufficientLabels
from calibration.passport import Design, JudgeIdentity, save_passport
from judge.cli import console
from judge.cli.stores import opened
from judge.cli.trust import Calibrated, Gathered
from judge.errors import ConfigError
from judge.exporters.atomic import write_whole
from judge.ratings import chosen_judge
from judge.trust.budget import Curve, curve_of
from judge.trust.finding import Finding, Findings
from judge.trust.identity import identity_of
from judge.trust.issue import foreign_identity, issue
from judge.trust.number import Number
from judge.trust.part import Part
from judge.trust.wording import COEFFICIENTS, interval, score, verdict

REFUSED: Mapping[str | None, str] = {
    "UnusableJudge": "unusable judge",
    "InsufficientLabels": "too few labels",
    "Undefined": "undefined",
}


def show(found: Findings, *, as_json: bool) -> None:
    """Print the verdict and the tables, or everything as JSON."""
    if as_json:
        console.as_json(found.model_dump(mode="json"))
        return
    for line in verdict(found):
        console.say(line)
    for judge in dict.fromkeys(each.judge for each in found.findings):
        _tables(judge, [each for each in found.findings if each.judge == judge])
    console.say("* not valid as a score: what the judge says, not what experts would.")
    for line in _remarks(found):
        console.note(line)


def _tables(judge: str, mine: list[Finding]) -> None:
    several = len({each.name for each in mine}) > 1
    what = {"what": "criterion"} if several else {"system": mine[0].name}
    console.say()
    console.say(f"judge {judge}")
    console.table(
        [_score_row(each) for each in mine],
        {
            **what,
            "labels": "labels",
            "own": "judge*",
            "corrected": "corrected",
            "alone": "labels alone",
        },
    )
    console.say()
    console.table(
        [_agreement_row(each) for each in mine],
        {
            **what,
            "both": "items",
            "percent": "equal",
            "main": "agreement",
            "ceiling": "experts",
            "ratio": "judge / experts",
        },
    )
    console.say()


def _score_row(finding: Finding) -> dict[str, object]:
    own, corrected, alone = finding.judge_only.value, finding.corrected, finding.human_only
    kind = next((each.kind for each in finding.refusals if each.what == "corrected"), None)
    return {
        **_about(finding),
        "labels": f"{finding.n_labelled}/{finding.n}",
        "own": None if own is None else score(finding, own),
        "corrected": REFUSED.get(kind, "none")
        if corrected is None
        else f"{score(finding, corrected.value)} "
        f"{interval(finding, corrected.low, corrected.high)}",
        "alone": None if alone is None else interval(finding, alone.low, alone.high),
    }


def _about(finding: Finding) -> dict[str, object]:
    """Name what a row is about; groups stand under their system."""
    if finding.group is not None:
        return {"what": f"  {finding.group}", "system": f"  {finding.group}"}
    return {"what": f"{finding.name} {finding.system}", "system": finding.system}


def _agreement_row(finding: Finding) -> dict[str, object]:
    agreed, ceiling = finding.agreement, finding.ceiling
    row: dict[str, object] = {
        **_about(finding),
        "both": 0,
        "ceiling": f"{ceiling.experts.value:.2f}" if ceiling else None,
        "ratio": _written(ceiling.ratio) if ceiling else None,
    }
    if agreed is None:
        return row
    main = _written(agreed.coefficients.get(agreed.main))
    percent = agreed.coefficients["percent"]
    return {
        **row,
        "both": percent.n_labelled,
        "percent": f"{percent.value:.2f}",
        "main": f"{COEFFICIENTS[agreed.main]} {main}" if main else "undefined",
    }


def _written(number: Number | None) -> str | None:
    if number is None:
        return None
    return f"{number.value:.2f} [{number.low:.2f}, {number.high:.2f}]"


def _remarks(found: Findings) -> list[str]:
    """List what must be read beside the numbers of all items, each sentence once."""
    lines = (
        f"{each.name} {each.system}: {warning}"
        for each in found.overall
        for warning in each.warnings
        if not warning.startswith("Assumes")
    )
    return list(dict.fromkeys(lines))


def write_json(path: Path, done: Calibrated) -> None:
    """Write all that was found."""
    write_whole(path, done.findings.model_dump_json(indent=2) + "\n")


def write_page(path: Path, done: Calibrated, *, half_width: float | None) -> None:
    """Write a page with what was found; of a run with all the rest."""
    from judge.report import from_run, write_report
    from judge.report.from_calibration import foreign_page, with_belief

    read = done.gathered
    if read.run is None:
        page = foreign_page(done.findings, rows=sum(len(part.units) for part in read.parts))
    else:
        with opened(read.sources.store) as store:
            page = from_run(store, read.run)
    curves = () if half_width is None else _curves(read.parts, half_width)
    write_report(path, with_belief(page, done.findings, read.parts, curves=curves))
    console.note(f"page: {path.resolve().as_uri()}")


def _curves(cut: Iterable[Part], half_width: float) -> tuple[Curve, ...]:
    """Foretell what more labels give, where the labels that exist allow it."""
    found: list[Curve] = []
    for part in cut:
        if part.counting.kind == "rate":
            try:
                found.append(curve_of(part, half_width=half_width))
            except InsufficientLabels as error:
                console.note(f"{part.name} {part.system}: no label budget: {error}")
    return tuple(found)


def write_passport(
    path: Path,
    done: Calibrated,
    *,
    days: int,
    judge_hash: str | None,
    rubric_hash: str | None,
) -> None:
    """Write the passport of the judge whose verdicts stand: a run's only one, or its panel."""
    read = done.gathered
    cut, identity = read.parts, _identity(read, judge_hash, rubric_hash)
    if read.run is not None:
        judge = chosen_judge(read.run)
        cut = tuple(part for part in cut if part.judge == judge)
    made = issue(
        done.findings,
        cut,
        identity,
        design=_drawn_as(done),
        today=datetime.now(UTC).date(),
        days=days,
    )
    save_passport(made, path)
    console.note(f"passport until {made.expires} in {path}")


def _identity(read: Gathered, judge_hash: str | None, rubric_hash: str | None) -> JudgeIdentity:
    if read.run is not None:
        if judge_hash is not None or rubric_hash is not None:
            raise ConfigError("--judge-hash and --rubric-hash are for --scores; a run knows them.")
        return identity_of(read.run.manifest)
    if judge_hash is None or rubric_hash is None:
        console.note("passport: judge or rubric unknown; give --judge-hash and --rubric-hash")
    names = ", ".join(sorted({part.judge for part in read.parts}))
    return foreign_identity(names, judge_hash=judge_hash, rubric_hash=rubric_hash)


def _drawn_as(done: Calibrated) -> Design:
    design = done.findings.design
    if design != "as-drawn":
        return design
    return done.gathered.drawn.design if done.gathered.drawn else "random"
