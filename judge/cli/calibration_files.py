"""The files of a calibration: everything as JSON, a page, and the judge's passport."""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from calibration.estimate import InsufficientLabels
from calibration.passport import Design, JudgeIdentity
from calibration.passport_file import save_passport
from judge.cli import console
from judge.cli.stores import opened
from judge.cli.trust import Calibrated, Gathered
from judge.errors import ConfigError
from judge.exporters.atomic import write_whole
from judge.ratings import chosen_judge
from judge.trust.budget import Curve, curve_of
from judge.trust.identity import identity_of
from judge.trust.issue import foreign_identity, issue
from judge.trust.part import Part


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
