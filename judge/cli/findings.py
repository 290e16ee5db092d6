"""What a calibration found, on the terminal: the verdict in plain words, then the tables."""

from collections.abc import Mapping

from judge.cli import console
from judge.trust.finding import Finding, Findings
from judge.trust.number import Number
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
