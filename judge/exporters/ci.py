"""A gate's report for the tools around it: JSON, JUnit XML, SARIF, a Markdown summary."""

import hashlib
import tomllib
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from pathlib import PurePath
from typing import Literal, get_args
from urllib.parse import quote

from judge.files.decoding import printable
from judge.gate.checks import UNCHECKED, CheckOutcome, GateReport
from judge.records import Counts, Language

SUMMARY_BYTES = 1_000_000
"""A GitHub step summary may hold 1 MiB; what is longer is dropped whole."""

FOUND = {
    "FAIL": "the candidate is worse",
    "NEED_LABELS": "not enough labels",
    "UNTRUSTED": "the judge is not trusted",
    "INCOMPLETE": "incomplete",
}
"""What a check found, in a few words before its reason."""

RULES = {
    "margin": "The candidate must not be worse than the baseline by more than the margin.",
    "floor": "The candidate must reach the floor on its own.",
    "veto": "Not one event of this class may be confirmed, and no more than a small share of them "
    "may be left possible.",
    "unchecked": "Every response must be looked at by a check.",
}

GroupNames = Mapping[str, tuple[str, str]]
"""By key: the name in Chinese and in English."""


def group_name(key: str | None, names: GroupNames, lang: Language = "en") -> str:
    """Name a group in a language; by its key where it has no name."""
    return "all" if key is None else names.get(key, (key, key))[0 if lang == "zh" else 1]


def both_names(keys: Iterable[str | None], names: GroupNames) -> dict[str, dict[str, str]]:
    """Give the names of groups for a JSON document; those that have none are left out."""
    return {key: {"zh": names[key][0], "en": names[key][1]} for key in keys if key and key in names}


def sentence(report: GateReport, lang: Language = "en") -> str:
    """Say the decision in one sentence; where the policy only advises, nothing is called passed."""
    words = _sentences()
    demo = words["demo"][lang] if report.provenance == "SIMULATED" else ""
    if report.advisory:
        advice = words["advice"][lang] + words[f"advice_{report.decision}"][lang]
        return demo + advice
    waived = sum(check.waived for check in report.checks)
    if report.decision == "PASS" and waived:
        return demo + words["PASS_waived"][lang].format(waived=waived)
    return demo + words[report.decision][lang]


@cache
def _sentences() -> Mapping[str, Mapping[Language, str]]:
    file = files("judge.exporters").joinpath("gate_sentences.toml")
    return tomllib.loads(file.read_text(encoding="utf-8"))


def about(report: GateReport) -> list[str]:
    """Say the reason of the decision first, then what it rests on."""
    against = report.trust.replace(".; ", ".\n").splitlines()
    lines = against or _reasons(report)
    if report.unchecked:
        lines.append(f"{report.unchecked} of {report.responses} responses: no check looked at them")
    if report.unbound_labels:
        lines.append(
            f"{report.unbound_labels} labels do not say which text was labelled; nothing shows "
            "that they are of these responses"
        )
    if report.looks > 1:
        lines.append(f"look {report.looks} at this candidate; the limits reckon with all of them")
    return [*lines, *report.notes]


def _reasons(report: GateReport) -> list[str]:
    """Give the reason of the first checks that stand in the way."""
    held = [each for each in report.checks if each.decision == report.decision and not each.waived]
    if report.decision == "PASS":
        return []
    named = [f"{_row(each)}: {each.why}" for each in held[:3]]
    return [*named, f"and {len(held) - 3} more"] if len(held) > 3 else named


def _row(check: CheckOutcome) -> str:
    return check.name if check.group is None else f"{check.name}, {check.group}"


def next_steps(report: GateReport) -> list[str]:
    """Say what to do next, each step once."""
    steps = dict.fromkeys(each.next_step for each in report.checks if each.next_step)
    return [f"next: {step}" for step in list(steps)[:5]]


def shown_decision(report: GateReport, check: CheckOutcome) -> str:
    """Write a check's decision; where the policy only advises, what passes holds and no more."""
    return "holds" if report.advisory and check.decision == "PASS" else check.decision


def reason(check: CheckOutcome) -> str:
    """Say why a check came out as it did, and about how many labels would settle it."""
    if not check.labels_needed or check.of_veto:
        return check.why
    more = f", more than the {check.n} there are" if check.labels_needed > check.n else ""
    return f"{check.why}; about {check.labels_needed} labelled prompts would settle it{more}"


def as_document(report: GateReport, names: GroupNames) -> dict[str, object]:
    """Give the JSON document of the contract, with what else is known beside it.

    Where the policy only advises, nothing in it says PASS: the decision is ADVISORY, what passes
    HOLDS.
    """
    document = report.model_dump(mode="json")
    if report.advisory:
        document["decision"], document["advice"] = "ADVISORY", _held(report.decision)
        for check, written in zip(report.checks, document["checks"], strict=True):
            written["decision"] = _held(check.decision)
    return {
        "sentence": sentence(report),
        "sentences": {lang: sentence(report, lang) for lang in get_args(Language)},
        "reasons": about(report),
        **document,
        "groups": both_names([check.group for check in report.checks], names),
    }


def _held(decision: str) -> str:
    return "HOLDS" if decision == "PASS" else decision


def junit(report: GateReport, names: GroupNames) -> str:
    """Write JUnit XML: a worse model is a failure, a judge or network at fault an error.

    What needs labels is an error too: the check could not be carried out. Where the policy only
    advises, every check is skipped.
    """
    kinds = ["skipped" if report.advisory else _kind(each) for each in report.checks]
    suite = ET.Element(
        "testsuite",
        name=f"cvalues gate: {_xml(report.policy)}",
        tests=str(len(report.checks)),
        failures=str(kinds.count("failure")),
        errors=str(kinds.count("error")),
        skipped=str(kinds.count("skipped")),
    )
    properties = ET.SubElement(suite, "properties")
    told = {
        "decision": _held(report.decision) if report.advisory else report.decision,
        "sentence": sentence(report),
        "sentence-zh": sentence(report, "zh"),
        **{name: str(getattr(report, name)) for name in ("provenance", "baseline", "candidate")},
    }
    for name, value in told.items():
        ET.SubElement(properties, "property", name=name, value=_xml(value))
    for check, kind in zip(report.checks, kinds, strict=True):
        case = ET.SubElement(
            suite, "testcase", classname=_xml(check.name), name=_xml(group_name(check.group, names))
        )
        if kind:
            more = {} if kind == "skipped" else {"type": check.decision}
            message = _xml(found(check))
            ET.SubElement(case, kind, {"message": message, **more}).text = _xml(check.next_step)
    suites = ET.Element("testsuites")
    suites.append(suite)
    return ET.tostring(suites, encoding="unicode", xml_declaration=True)


def found(check: CheckOutcome) -> str:
    """Say in words what a check found, and why."""
    said = FOUND.get(check.decision)
    return f"{said}: {reason(check)}" if said else reason(check)


def _kind(check: CheckOutcome) -> Literal["failure", "error", "skipped"] | None:
    if check.waived:
        return "skipped"
    if check.decision == "PASS":
        return None
    return "failure" if check.decision == "FAIL" else "error"


def _xml(text: str) -> str:
    """Show what XML 1.0 cannot hold, and what would deceive a reader, as codes."""
    return printable(text).replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff")


def sarif(report: GateReport, names: GroupNames, *, version: str) -> dict[str, object]:
    """Write SARIF 2.1.0: one rule for each check, one result for each group that did not pass.

    The location of a result is the policy, which is what stands in the repository.
    """
    checks = {check.name: check for check in report.checks}
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "cvalues",
                        "version": version,
                        "rules": [_rule(check) for check in checks.values()],
                    }
                },
                "results": [
                    _result(report, check, names, place=list(checks).index(check.name))
                    for check in report.checks
                    if check.decision != "PASS"
                ],
            }
        ],
    }


def _rule(check: CheckOutcome) -> dict[str, object]:
    kinds = [
        kind
        for kind, applies in {
            "veto": check.of_veto,
            "unchecked": check.name == UNCHECKED,
            "margin": check.margin is not None and not check.of_veto and check.name != UNCHECKED,
            "floor": check.floor is not None,
        }.items()
        if applies
    ]
    name = printable(check.name)
    text = " ".join(RULES[kind] for kind in kinds) or "The check must hold."
    return {
        "id": name,
        "name": name,
        "shortDescription": {"text": f"Release check {name}"},
        "fullDescription": {"text": text},
        "help": {"text": f"{text} See docs/gate.md."},
        "defaultConfiguration": {"level": "error"},
        "properties": {"tags": ["release-gate"]},
    }


def _result(
    report: GateReport, check: CheckOutcome, names: GroupNames, *, place: int
) -> dict[str, object]:
    levels = {"FAIL": "error", "NEED_LABELS": "warning"}
    level = levels.get(check.decision, "error")
    group = group_name(check.group, names)
    file = PurePath(report.policy_file or "policy.yaml").as_posix()
    return {
        "ruleId": printable(check.name),
        "ruleIndex": place,
        "level": "note" if check.waived or report.advisory else level,
        "message": {"text": printable(f"{group}: {found(check)}")},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": quote(file.lstrip("/"))},
                    "region": {"startLine": max(check.line, 1)},
                }
            }
        ],
        "partialFingerprints": {
            "check": hashlib.sha256(
                f"{check.name}\0{check.group}".encode("utf-8", "surrogatepass")
            ).hexdigest()
        },
        "properties": {"decision": check.decision, "next": printable(check.next_step)},
    }


def summary(report: GateReport, names: GroupNames) -> str:
    """Write a Markdown summary, the decision first; the checks that did not pass before others."""
    order = {"FAIL": 0, "UNTRUSTED": 1, "INCOMPLETE": 2, "NEED_LABELS": 3, "PASS": 4}
    lines = [
        f"## {sentence(report)}",
        "",
        sentence(report, "zh"),
        "",
        *[f"- {_md(line)}" for line in (*about(report), *next_steps(report))],
        "",
        _about(report),
        "",
        equation(report.counts),
        "",
        "| check | group | decision | why |",
        "|---|---|---|---|",
    ]
    rows = [
        f"| {_md(each.name)} | {_md(group_name(each.group, names))} "
        f"| {shown_decision(report, each)} | {_md(reason(each))} |"
        for each in sorted(report.checks, key=lambda check: order[check.decision])
    ]
    return "\n".join([*lines, *_that_fit(rows, SUMMARY_BYTES - 4096)]) + "\n"


def _about(report: GateReport) -> str:
    names = f"{_md(report.candidate)} against {_md(report.baseline)}"
    return f"{names}, policy {_md(report.policy)}, provenance {report.provenance}."


def equation(counts: Counts) -> str:
    """Say what became of what was planned."""
    parts = f"{counts.scored} scored + {counts.unscored} unscored"
    return f"{counts.planned} planned = {parts} + {counts.error} error + {counts.skipped} skipped."


def _that_fit(rows: list[str], room: int) -> list[str]:
    kept: list[str] = []
    for row in rows:
        room -= len(row.encode()) + 1
        if room < 0:
            return [*kept, "", f"{len(rows) - len(kept)} more checks are in the full report."]
        kept.append(row)
    return kept


def _md(text: str) -> str:
    """Write text into a Markdown table so that it stays text."""
    shown = printable(text).replace("\n", " ")
    return "".join(f"&#{ord(c)};" if c in "|<>&`*_[]\\!#~@" else c for c in shown)
