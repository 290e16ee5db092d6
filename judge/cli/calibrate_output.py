"""What `cvalues calibrate` writes: words and tables, JSON, a page and a passport."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from calibration.estimate import InsufficientLabels
from calibration.labelled_sample import HOW_CHOSEN
from calibration.rater_agreement import coefficients
from calibration.rater_agreement.coefficients import Coefficient, coefficient
from judge.calibrate.calibration_set import Number, Part
from judge.calibrate.result import Finding, Findings, interval, score, verdict
from judge.cli import console
from judge.cli.calibrate_inputs import Calibrated, Gathered
from judge.cli.console import opened
from judge.cli.interface import language
from judge.errors import ConfigError
from judge.files.atomic import write_whole
from judge.files.decoding import counted
from judge.grading.aggregation import chosen_judge

if TYPE_CHECKING:
    from calibration.passport import Design, JudgeIdentity
    from judge.calibrate.label_sampling import Curve


REFUSED: Mapping[str | None, str] = {
    "UnusableJudge": "unusable judge",
    "InsufficientLabels": "too few labels",
    "Undefined": "undefined",
}


def show(
    found: Findings,
    *,
    as_json: bool,
    every: bool = False,
    titles: Mapping[tuple[str, str], str] = MappingProxyType({}),
) -> None:
    """Print the verdict and the tables, every coefficient where asked, or everything as JSON.

    ``titles`` names criteria, by rubric and criterion, where they are known.
    """
    if as_json:
        console.as_json(found.model_dump(mode="json"))
        return
    for line in verdict(found):
        console.say(line)
    for judge in dict.fromkeys(each.judge for each in found.findings):
        _tables(judge, [each for each in found.findings if each.judge == judge], titles)
    for each in found.overall:
        for line in session_lines(each):
            console.say(line)
    if every:
        _coefficient_table(found)
    console.say("* uncorrected judge score: not valid as a result.")
    for line in _remarks(found):
        console.note(line)


def session_lines(finding: Finding) -> Iterator[str]:
    """Say what holds of conversations, where each of their turns was judged."""
    found = finding.sessions
    if found is None:
        return
    yield f"{finding.name} {finding.system}, {counted(found.n_sessions, 'conversation')}:"
    for name, number in (
        ("conversations with a harmful turn", found.harmed_sessions),
        ("harmful turns", found.harmful_turns),
    ):
        said = "no figure" if number is None else _percent(number)
        yield f"  {name}: {said}"
    for point in found.first_harm:
        if point.turn in {1, 2, 5, 10, 20, 50, len(found.first_harm)}:
            yield (
                f"  still safe after judged turn {point.turn}: {point.value:.1%} "
                f"[{point.low:.1%}, {point.high:.1%}]"
            )
    for warning in found.warnings:
        if not warning.startswith(HOW_CHOSEN):
            yield f"  {warning}"


def _percent(number: Number) -> str:
    return (
        f"{number.value:.1%} [{number.low:.1%}, {number.high:.1%}], "
        f"{number.n_labelled} of {number.n_judged} labelled"
    )


def _tables(judge: str, mine: list[Finding], titles: Mapping[tuple[str, str], str]) -> None:
    named = {each.name: titles.get((each.rubric or "", each.criterion)) for each in mine}
    what = {"what": "criterion"} if len(named) > 1 else {"system": mine[0].name}
    known = [f"{name}: {title}" for name, title in named.items() if title]
    console.say()
    console.say(f"judge {judge}")
    if known:
        console.say("; ".join(known))
    console.table(
        [_score_row(each) for each in mine],
        {
            **what,
            "labels": "labels",
            "own": "judge score*",
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
            "percent": "raw agreement",
            "main": "agreement",
            "ceiling": "inter-expert",
            "ratio": "judge/expert ratio",
        },
    )
    console.say()


def _coefficient_table(found: Findings) -> None:
    """Print every coefficient of all items with its interval, or why there is none."""
    rows = [
        {
            "what": f"{finding.name} {finding.system}",
            "name": _name_of(each),
            "value": _written(agreed.coefficients.get(each.name))
            or agreed.undefined.get(each.name),
            "when": each.use_when,
        }
        for finding in found.overall
        if (agreed := finding.agreement) is not None
        for each in coefficients.COEFFICIENTS
        if each.name in agreed.coefficients or each.name in agreed.undefined
    ]
    console.table(
        rows,
        {"what": "criterion", "name": "coefficient", "value": "value", "when": "use when"},
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
        "main": f"{_name_of(coefficient(agreed.main))} {main}" if main else "undefined",
    }


def _name_of(found: Coefficient) -> str:
    return found.title_zh if language() == "zh" else found.title


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


def write_page(
    path: Path,
    done: Calibrated,
    *,
    half_width: float | None,
    names: Mapping[str, tuple[str, str]] = MappingProxyType({}),
) -> None:
    """Write a page with what was found; of a run with all the rest; `names` are those of groups."""
    from judge.report import from_run, write_report
    from judge.report.from_calibration import foreign_page, with_calibration

    read = done.gathered
    if read.run is None:
        page = foreign_page(done.findings, rows=sum(len(part.units) for part in read.parts))
    else:
        with opened(read.sources.store) as store:
            page = from_run(store, read.run, group_names=names)
    curves = () if half_width is None else _curves(read.parts, half_width)
    write_report(path, with_calibration(page, done.findings, read.parts, curves=curves))
    console.note(f"page: {path.resolve().as_uri()}")


def _curves(cut: Iterable[Part], half_width: float) -> "tuple[Curve, ...]":
    """Foretell what more labels give, where the labels that exist allow it."""
    from judge.calibrate.label_sampling import curve_of

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
    from calibration.passport import save_passport
    from judge.calibrate.label_sampling import least_labels
    from judge.calibrate.passport import issue

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
        source=read.source,
    )
    save_passport(made, path)
    console.note(f"passport: {path}, valid until {made.expires}")
    for sentence in least_labels(_prompts(read.parts)):
        console.note(sentence)


def _prompts(cut: Sequence[Part]) -> Counter[str | None]:
    """Count the prompts of each group of what was calibrated."""
    groups: dict[tuple[str, int], str | None] = {}
    for part in cut:
        for unit, group in zip(part.units, part.groups, strict=True):
            groups[unit[0], unit[2]] = group
    return Counter(groups.values())


def _identity(read: Gathered, judge_hash: str | None, rubric_hash: str | None) -> "JudgeIdentity":
    from judge.calibrate.passport import foreign_identity, identity_of

    if read.run is not None:
        if judge_hash is not None or rubric_hash is not None:
            raise ConfigError("--judge-hash and --rubric-hash are for --scores; a run knows them.")
        return identity_of(read.run.manifest)
    if judge_hash is None or rubric_hash is None:
        console.note("passport: judge or rubric unknown; give --judge-hash and --rubric-hash")
    names = ", ".join(sorted({part.judge for part in read.parts}))
    return foreign_identity(names, judge_hash=judge_hash, rubric_hash=rubric_hash)


def _drawn_as(done: Calibrated) -> "Design":
    design = done.findings.design
    if design != "as-drawn":
        return design
    designs: set[Design] = {sample.design for sample in done.gathered.drawn} or {"random"}
    return designs.pop() if len(designs) == 1 else "by-verdict"
