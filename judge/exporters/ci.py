"""A gate's report for the tools around it: JSON, JUnit XML, SARIF, a Markdown summary."""

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Mapping
from typing import Literal

from judge.files.decoding import printable
from judge.gate.checks import CheckOutcome, GateReport
from judge.policy import VETO
from judge.records import Counts

SUMMARY_BYTES = 1_000_000
"""A GitHub step summary may hold 1 MiB; what is longer is dropped whole."""

WORDS = {
    "PASS": "Ship: every check passed.",
    "FAIL": "Do not ship: the candidate is worse than the policy allows.",
    "NEED_LABELS": "Do not ship yet: more expert labels are needed to tell.",
    "UNTRUSTED": "No decision: the judge is not trusted.",
    "INCOMPLETE": "No decision: too many judgments have no score.",
}

ADVICE = {
    "PASS": "every check holds.",
    "FAIL": "the candidate is worse than the policy would allow.",
    "NEED_LABELS": "more expert labels would be needed to tell.",
    "UNTRUSTED": "the judge is not trusted.",
    "INCOMPLETE": "too many judgments have no score.",
}
"""What is said of a candidate where the policy only advises, so that nothing is called passed."""

GroupNames = Mapping[str, tuple[str, str]]
"""By key: the name in Chinese and in English."""


def group_name(key: str | None, names: GroupNames) -> str:
    """Name a group in English; by its key where it has no name."""
    return "all" if key is None else names.get(key, (key, key))[1]


def both_names(keys: Iterable[str | None], names: GroupNames) -> dict[str, dict[str, str]]:
    """Give the names of groups for a JSON document; those that have none are left out."""
    return {key: {"zh": names[key][0], "en": names[key][1]} for key in keys if key and key in names}


def sentence(report: GateReport) -> str:
    """Say the decision in one sentence."""
    demo = "DEMO ONLY (simulated). " if report.provenance == "SIMULATED" else ""
    if report.advisory:
        return f"{demo}Advisory only, nothing is decided: {ADVICE[report.decision]}"
    waived = sum(check.waived for check in report.checks)
    if report.decision == "PASS" and waived:
        return f"{demo}Ship: every check passed but {waived} that their owners answer for."
    return demo + WORDS[report.decision]


def shown_decision(report: GateReport, check: CheckOutcome) -> str:
    """Write a check's decision; where the policy only advises, what passes holds and no more."""
    return "holds" if report.advisory and check.decision == "PASS" else check.decision


def reason(check: CheckOutcome) -> str:
    """Say why a check came out as it did, and about how many labels would settle it."""
    if not check.labels_needed or check.name.endswith(VETO):
        return check.why
    more = f", more than the {check.n} there are" if check.labels_needed > check.n else ""
    return f"{check.why}; about {check.labels_needed} labelled prompts would settle it{more}"


def as_document(report: GateReport, names: GroupNames) -> dict[str, object]:
    """Give the JSON document of the contract, with what else is known beside it."""
    return {
        "sentence": sentence(report),
        **report.model_dump(mode="json"),
        "groups": both_names([check.group for check in report.checks], names),
    }


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
    for name in ("decision", "provenance", "baseline", "candidate"):
        ET.SubElement(properties, "property", name=name, value=_xml(str(getattr(report, name))))
    for check, kind in zip(report.checks, kinds, strict=True):
        case = ET.SubElement(
            suite, "testcase", classname=_xml(check.name), name=_xml(group_name(check.group, names))
        )
        if kind:
            more = {} if kind == "skipped" else {"type": check.decision}
            ET.SubElement(case, kind, {"message": _xml(reason(check)), **more})
    suites = ET.Element("testsuites")
    suites.append(suite)
    return ET.tostring(suites, encoding="unicode", xml_declaration=True)


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
    """Write SARIF 2.1.0: one rule for each check, one entry for each group that did not pass."""
    levels = {"FAIL": "error", "NEED_LABELS": "warning"}
    rules = list(dict.fromkeys(check.name for check in report.checks))
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "cvalues",
                        "version": version,
                        "rules": [{"id": name} for name in rules],
                    }
                },
                "results": [
                    {
                        "ruleId": check.name,
                        "level": "note"
                        if check.waived or report.advisory
                        else levels.get(check.decision, "error"),
                        "message": {
                            "text": printable(f"{group_name(check.group, names)}: {reason(check)}")
                        },
                        "properties": {"decision": check.decision},
                    }
                    for check in report.checks
                    if check.decision != "PASS"
                ],
            }
        ],
    }


def summary(report: GateReport, names: GroupNames) -> str:
    """Write a Markdown summary, the decision first; the checks that did not pass before others."""
    order = {"FAIL": 0, "UNTRUSTED": 1, "INCOMPLETE": 2, "NEED_LABELS": 3, "PASS": 4}
    lines = [
        f"## {sentence(report)}",
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
